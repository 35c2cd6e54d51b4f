"""What every row promises, and the small manners of single kinds."""

import json
from typing import Any

import pytest

from pinnace.api.custom.kind import CustomKind, selects
from pinnace.api.defaults.table import apply_defaults
from pinnace.api.errors import BadRequest
from pinnace.api.kinds.table import RESOURCES
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.api.wire import User
from pinnace.apiserver.strategies.base import Context, Strategy
from pinnace.apiserver.strategies.table import STRATEGIES, strategy_for

NOW = "2026-01-01T00:00:00Z"
CTX = Context(user=User("jane", ("a", "b"), "u1"), now=NOW)
STORED = [row for row in RESOURCES if row.prefix]


def built_in(plural: str, group: str = "") -> Strategy:
    return strategy_for(
        next(row for row in RESOURCES if (row.group, row.plural) == (group, plural))
    )


def obj(**fields: Any) -> Object:
    return {"metadata": {"name": "a", "namespace": "ns", "uid": "u"}, **fields}


def test_every_listed_strategy_is_of_a_built_in_row() -> None:
    assert set(STRATEGIES) <= {(row.group, row.plural) for row in RESOURCES}


@pytest.mark.parametrize("row", STORED, ids=lambda row: f"{row.plural}.{row.group}.{row.version}")
def test_a_row_with_a_status_endpoint_keeps_status_apart(row: Resource) -> None:
    strategy = strategy_for(row)
    assert strategy.status == (row.subresource("status") is not None)
    if not strategy.status:
        return
    new = obj(spec={}, status={"x": 1})
    strategy.prepare_update(new, obj(spec={}, status={"y": 1}), CTX)
    assert "x" not in (new["status"] or {})
    wrote = obj(spec={"changed": 1}, status={"x": 1})
    strategy.prepare_status_update(wrote, obj(spec={}), CTX)
    assert wrote["spec"] == {}
    assert wrote["status"]["x"] == 1


@pytest.mark.parametrize("row", STORED, ids=lambda row: f"{row.plural}.{row.group}.{row.version}")
def test_every_row_selects_by_name_and_only_by_what_it_says(row: Resource) -> None:
    strategy = strategy_for(row)
    fields = strategy.selectable_fields(obj())
    assert fields["metadata.name"] == "a"
    assert set(strategy.selectable) <= set(fields)
    with pytest.raises(BadRequest):
        strategy.field_label("spec.nonsense")


@pytest.mark.parametrize(
    ("plural", "group", "label", "message"),
    [
        ("pods", "", "spec.x", "field label not supported: spec.x"),
        ("nodes", "", "metadata.namespace", "field label not supported: metadata.namespace"),
        ("jobs", "batch", "x", 'field label "x" not supported for Job'),
        (
            "configmaps",
            "",
            "data",
            '"data" is not a known field selector: only "metadata.name", "metadata.namespace"',
        ),
    ],
    ids=["pods", "nodes", "jobs", "default"],
)
def test_an_unsupported_field_label_is_refused_in_upstream_words(
    plural: str, group: str, label: str, message: str
) -> None:
    with pytest.raises(BadRequest) as caught:
        built_in(plural, group).field_label(label)
    assert caught.value.message == message


def test_events_are_selected_in_either_spelling() -> None:
    event = obj(regarding={"kind": "Pod", "name": "p"}, reportingController="kubelet", reason="R")
    modern = built_in("events", "events.k8s.io")
    assert modern.field_label("regarding.kind") == "involvedObject.kind"
    fields = modern.selectable_fields(event)
    assert fields["involvedObject.kind"] == "Pod"
    assert fields["source"] == "kubelet"


def test_a_generation_counts_spec_changes_only() -> None:
    strategy = built_in("statefulsets", "apps")
    new = obj(spec={"replicas": 1}, status={"x": 1})
    strategy.prepare_create(new, CTX)
    assert new["metadata"]["generation"] == 1
    assert "status" not in new
    same = obj(spec={"replicas": 1})
    same["metadata"]["generation"] = 1
    strategy.prepare_update(same, new, CTX)
    assert same["metadata"]["generation"] == 1
    changed = obj(spec={"replicas": 2})
    strategy.prepare_update(changed, new, CTX)
    assert changed["metadata"]["generation"] == 2


def test_a_deployment_counts_annotations_and_keeps_labels_on_status_writes() -> None:
    strategy = built_in("deployments", "apps")
    old = obj(spec={})
    old["metadata"] |= {"generation": 3, "labels": {"a": "b"}}
    new = obj(spec={})
    new["metadata"]["annotations"] = {"x": "y"}
    strategy.prepare_update(new, old, CTX)
    assert new["metadata"]["generation"] == 4
    wrote = obj(spec={}, status={})
    strategy.prepare_status_update(wrote, old, CTX)
    assert wrote["metadata"]["labels"] == {"a": "b"}


def test_a_daemonset_counts_its_template_in_an_annotation() -> None:
    strategy = built_in("daemonsets", "apps")
    key = "deprecated.daemonset.template.generation"
    old = obj(spec={"template": {"spec": {"hostname": "a"}}})
    strategy.prepare_create(old, CTX)
    assert old["metadata"]["annotations"] == {key: "1"}
    new = obj(spec={"template": {"spec": {"hostname": "b"}}})
    strategy.prepare_update(new, old, CTX)
    assert new["metadata"]["annotations"] == {key: "2"}
    assert new["metadata"]["generation"] == 2


def test_a_job_selects_its_own_pods_unless_asked_not_to() -> None:
    strategy = built_in("jobs", "batch")
    job = obj(spec={"template": {"spec": {}}})
    strategy.prepare_create(job, CTX)
    assert job["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": "u"}}
    assert job["spec"]["template"]["metadata"]["labels"] == {
        "job-name": "a",
        "batch.kubernetes.io/job-name": "a",
        "controller-uid": "u",
        "batch.kubernetes.io/controller-uid": "u",
    }
    assert job["metadata"]["labels"] == job["spec"]["template"]["metadata"]["labels"]
    manual = obj(spec={"manualSelector": True, "template": {}})
    strategy.prepare_create(manual, CTX)
    assert "selector" not in manual["spec"]
    assert (strategy.propagation, built_in("deployments", "apps").propagation) == (
        "Orphan",
        "Background",
    )


@pytest.mark.parametrize("row", STORED, ids=lambda row: f"{row.plural}.{row.group}.{row.version}")
def test_what_is_stored_needs_no_more_defaults(row: Resource) -> None:
    # Stored bytes are answered as they are, while upstream defaults at every read.
    made = obj(
        spec={
            "template": {"metadata": {}, "spec": {"containers": [{"name": "c", "image": "i"}]}},
            "containers": [{"name": "c", "image": "i", "resources": {"limits": {"cpu": "1"}}}],
            "ports": [{"port": 80}],
            "clusterIP": "None",
            "volumeClaimTemplates": [{"metadata": {"name": "v"}, "spec": {}}],
            "accessModes": ["ReadWriteOnce"],
            "versions": [{"name": "v1", "storage": True}],
        }
    )
    apply_defaults(row, made)
    strategy_for(row).prepare_create(made, CTX)
    before = json.dumps(made, sort_keys=True)
    apply_defaults(row, made)
    assert json.dumps(made, sort_keys=True) == before


def test_a_definition_remembers_every_stored_version() -> None:
    strategy = built_in("customresourcedefinitions", "apiextensions.k8s.io")
    old = obj(spec={"versions": [{"name": "v1", "storage": True}]})
    strategy.prepare_create(old, CTX)
    assert old["status"]["storedVersions"] == ["v1"]
    new = obj(spec={"versions": [{"name": "v1"}, {"name": "v2", "storage": True}]})
    strategy.prepare_update(new, old, CTX)
    assert new["status"]["storedVersions"] == ["v1", "v2"]
    assert old["status"]["storedVersions"] == ["v1"]


def test_a_namespace_is_born_active_with_its_finalizer_and_label() -> None:
    strategy = built_in("namespaces")
    namespace: Object = {"metadata": {"name": "team"}}
    strategy.prepare_create(namespace, CTX)
    assert namespace["status"] == {"phase": "Active"}
    assert namespace["spec"] == {"finalizers": ["kubernetes"]}
    assert namespace["metadata"]["labels"] == {"kubernetes.io/metadata.name": "team"}
    finalized: Object = {"metadata": {"name": "team"}, "spec": {"finalizers": []}}
    strategy.prepare_subresource_update("finalize", finalized, namespace, CTX)
    assert finalized["spec"] == {"finalizers": []}
    updated: Object = {"metadata": {"name": "team"}, "spec": {"finalizers": []}}
    strategy.prepare_update(updated, namespace, CTX)
    assert updated["spec"] == {"finalizers": ["kubernetes"]}


def test_a_signing_request_carries_its_asker_and_approval_writes_conditions_only() -> None:
    strategy = built_in("certificatesigningrequests", "certificates.k8s.io")
    request = obj(
        spec={"username": "root", "request": "x"},
        status={"conditions": [{"type": "Approved", "status": "True"}]},
    )
    strategy.prepare_create(request, CTX)
    assert request["spec"] == {
        "request": "x",
        "username": "jane",
        "uid": "u1",
        "groups": ["a", "b"],
    }
    assert request["status"] == {}
    approved = obj(
        spec={},
        status={"certificate": "no", "conditions": [{"type": "Approved", "status": "True"}]},
    )
    strategy.prepare_subresource_update("approval", approved, request, CTX)
    assert approved["spec"] == request["spec"]
    assert approved["status"] == {
        "conditions": [
            {
                "type": "Approved",
                "status": "True",
                "lastUpdateTime": NOW,
                "lastTransitionTime": NOW,
            }
        ]
    }


@pytest.mark.parametrize(
    ("spec", "phase", "requested", "seconds"),
    [
        ({"nodeName": "n", "terminationGracePeriodSeconds": 30}, "Running", None, 30),
        ({"nodeName": "n", "terminationGracePeriodSeconds": 30}, "Running", 5, 5),
        ({"nodeName": "n"}, "Running", -3, 1),
        ({"terminationGracePeriodSeconds": 30}, "Pending", None, 0),
        ({"nodeName": "n", "terminationGracePeriodSeconds": 30}, "Succeeded", 10, 0),
    ],
    ids=["own", "asked", "negative", "unscheduled", "ended"],
)
def test_a_pod_waits_for_its_grace_period_when_someone_runs_it(
    spec: Object, phase: str, requested: int | None, seconds: int
) -> None:
    pod = obj(spec=spec, status={"phase": phase})
    assert built_in("pods").grace_period(pod, requested) == seconds
    assert built_in("configmaps").grace_period(pod, requested) is None


def test_a_gated_pod_says_so_and_label_keys_are_spelled_out() -> None:
    pod = obj(
        spec={
            "schedulingGates": [{"name": "g"}],
            "topologySpreadConstraints": [
                {"labelSelector": {}, "matchLabelKeys": ["rev", "absent"]}
            ],
        }
    )
    pod["metadata"]["labels"] = {"rev": "1"}
    built_in("pods").prepare_create(pod, CTX)
    assert pod["metadata"]["generation"] == 1
    assert pod["status"]["conditions"][0]["reason"] == "SchedulingGated"
    selector = pod["spec"]["topologySpreadConstraints"][0]["labelSelector"]
    assert selector["matchExpressions"] == [{"key": "rev", "operator": "In", "values": ["1"]}]


def test_a_pod_resize_changes_resources_only() -> None:
    old = obj(spec={"containers": [{"name": "a", "image": "i"}]})
    old["metadata"]["generation"] = 1
    new = obj(
        spec={
            "containers": [{"name": "a", "image": "other", "resources": {"limits": {"cpu": "1"}}}]
        }
    )
    built_in("pods").prepare_subresource_update("resize", new, old, CTX)
    assert new["spec"]["containers"] == [
        {"name": "a", "image": "i", "resources": {"limits": {"cpu": "1"}}}
    ]
    assert new["metadata"]["generation"] == 2
    assert old["spec"]["containers"] == [{"name": "a", "image": "i"}]


def test_a_pod_status_write_does_not_forget_qos_or_generations() -> None:
    old = obj(
        spec={},
        status={
            "qosClass": "Burstable",
            "conditions": [{"type": "Ready", "observedGeneration": 4}],
        },
    )
    new = obj(spec={"x": 1}, status={"conditions": [{"type": "Ready"}]})
    new["metadata"]["ownerReferences"] = [{"name": "x"}]
    built_in("pods").prepare_status_update(new, old, CTX)
    assert new["status"]["qosClass"] == "Burstable"
    assert new["status"]["conditions"] == [{"type": "Ready", "observedGeneration": 4}]
    assert "ownerReferences" not in new["metadata"]


def test_a_service_that_changes_type_drops_what_it_no_longer_uses() -> None:
    old = obj(
        spec={
            "type": "NodePort",
            "clusterIP": "10.0.0.1",
            "clusterIPs": ["10.0.0.1"],
            "externalTrafficPolicy": "Cluster",
            "ports": [{"port": 80, "nodePort": 30000}],
        }
    )
    new = obj(spec={**old["spec"], "type": "ClusterIP", "ports": [dict(old["spec"]["ports"][0])]})
    built_in("services").prepare_update(new, old, CTX)
    assert new["spec"]["ports"] == [{"port": 80}]
    assert "externalTrafficPolicy" not in new["spec"]
    named = obj(spec={**new["spec"], "type": "ExternalName"})
    built_in("services").prepare_update(named, old, CTX)
    assert "clusterIP" not in named["spec"]


def test_a_custom_resource_counts_everything_but_metadata() -> None:
    version = {
        "name": "v1",
        "schema": {"openAPIV3Schema": {"type": "object"}},
        "subresources": {"status": {}},
        "selectableFields": [{"jsonPath": ".spec.color"}],
    }
    custom = CustomKind("example.com", "Toy", version, selects=selects([version]))
    row = Resource(group="example.com", version="v1", kind="Toy", plural="toys", custom=custom)
    strategy = strategy_for(row)
    assert strategy.field_label("spec.color") == "spec.color"
    with pytest.raises(BadRequest, match=r"field label not supported: spec\.size"):
        strategy.field_label("spec.size")
    toy = obj(spec={"color": "red"}, extra=1, status={"x": 1})
    strategy.prepare_create(toy, CTX)
    assert "status" not in toy
    changed = obj(spec={"color": "red"}, extra=2)
    strategy.prepare_update(changed, toy, CTX)
    assert changed["metadata"]["generation"] == 2
    wrote = obj(spec={}, status={"x": 2})
    wrote["metadata"]["labels"] = {"a": "b"}
    strategy.prepare_status_update(wrote, toy, CTX)
    assert wrote["status"] == {"x": 2}
    assert "labels" not in wrote["metadata"]
    assert strategy.selectable_fields(toy)["spec.color"] == "red"
    assert strategy_for(row).field_label("metadata.name") == "metadata.name"


def test_a_surprising_name_and_a_retired_field_earn_warnings() -> None:
    deployment = obj(
        spec={
            "template": {
                "spec": {
                    "nodeSelector": {"beta.kubernetes.io/os": "linux"},
                    "imagePullSecrets": [{}],
                }
            }
        }
    )
    deployment["metadata"]["name"] = "a.b"
    strategy = built_in("deployments", "apps")
    assert strategy.warnings(deployment, None) == [
        "metadata.name: this is used in Pod names and hostnames, which can result in surprising "
        "behavior; a DNS label is recommended: [must not contain dots]",
        "spec.template.spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "
        '"kubernetes.io/os" instead',
        'spec.template.spec.imagePullSecrets[0].name: invalid empty name ""',
    ]
    assert strategy.warnings(deployment, deployment) == []


def test_a_new_pod_has_its_class() -> None:
    pod = obj(spec={"containers": [{"name": "c"}]})
    built_in("pods").prepare_create(pod, CTX)
    assert pod["status"] == {"phase": "Pending", "qosClass": "BestEffort"}
