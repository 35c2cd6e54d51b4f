"""Defaults: what is filled in, twice as once, and calm about any JSON."""

import copy
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pinnace.api.defaults.images import pull_policy
from pinnace.api.defaults.table import DEFAULTS, apply_defaults
from pinnace.api.kinds.table import RESOURCES
from pinnace.api.objects import Object
from pinnace.api.resources import Resource

ROWS = {(row.group_version, row.kind): row for row in RESOURCES}


def defaulted(api_version: str, kind: str, **fields: Any) -> Object:
    obj: Object = {"metadata": {"name": "a"}, **copy.deepcopy(fields)}
    apply_defaults(ROWS[api_version, kind], obj)
    return obj


def test_every_listed_kind_is_built_in_or_a_request() -> None:
    assert set(DEFAULTS) - set(ROWS) == {("authentication.k8s.io/v1", "TokenRequest")}


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("nginx:1", "IfNotPresent"),
        ("host:5000/nginx", "Always"),
        ("host:5000/nginx:1", "IfNotPresent"),
        ("nginx@sha256:abc", "IfNotPresent"),
        ("nginx:latest@sha256:" + "a" * 64, "Always"),
        ("", "IfNotPresent"),
        (None, "IfNotPresent"),
    ],
)
def test_a_moving_tag_is_always_pulled(image: str | None, policy: str) -> None:
    assert pull_policy(image) == policy


def test_a_pod_is_filled_in_as_upstream_does() -> None:
    pod = defaulted(
        "v1",
        "Pod",
        spec={
            "containers": [
                {
                    "name": "c",
                    "image": "nginx:1.25",
                    "ports": [{"containerPort": 80}],
                    "env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}],
                    "resources": {"limits": {"cpu": "1000m", "memory": "1024Mi"}},
                    "livenessProbe": {"httpGet": {"port": 80}},
                }
            ],
            "serviceAccount": "sa",
            "volumes": [{"name": "e"}, {"name": "s", "secret": {"secretName": "x"}}],
        },
    )
    assert pod["spec"] == {
        "containers": [
            {
                "name": "c",
                "image": "nginx:1.25",
                "ports": [{"containerPort": 80, "protocol": "TCP"}],
                "env": [
                    {
                        "name": "A",
                        "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "x"}},
                    }
                ],
                "resources": {
                    "limits": {"cpu": "1", "memory": "1Gi"},
                    "requests": {"cpu": "1", "memory": "1Gi"},
                },
                "livenessProbe": {
                    "httpGet": {"port": 80, "path": "/", "scheme": "HTTP"},
                    "timeoutSeconds": 1,
                    "periodSeconds": 10,
                    "successThreshold": 1,
                    "failureThreshold": 3,
                },
                "imagePullPolicy": "IfNotPresent",
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
            }
        ],
        "serviceAccount": "sa",
        "serviceAccountName": "sa",
        "volumes": [
            {"name": "e", "emptyDir": {}},
            {"name": "s", "secret": {"secretName": "x", "defaultMode": 420}},
        ],
        "dnsPolicy": "ClusterFirst",
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "terminationGracePeriodSeconds": 30,
        "enableServiceLinks": True,
    }


def test_requests_are_not_taken_from_limits_in_a_template() -> None:
    template = {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"containers": [{"name": "c", "resources": {"limits": {"cpu": "1"}}}]},
    }
    spec = defaulted("apps/v1", "Deployment", spec={"template": template})["spec"]
    assert spec["template"]["spec"]["containers"][0]["resources"] == {"limits": {"cpu": "1"}}
    assert "enableServiceLinks" not in spec["template"]["spec"]
    assert spec["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"},
    }
    assert (spec["replicas"], spec["progressDeadlineSeconds"]) == (1, 600)


def test_host_network_makes_container_ports_host_ports() -> None:
    spec: Object = {
        "hostNetwork": True,
        "containers": [{"name": "c", "ports": [{"containerPort": 80}]}],
    }
    pod = defaulted("v1", "Pod", spec=spec)
    assert pod["spec"]["containers"][0]["ports"][0]["hostPort"] == 80


def test_pod_level_requests_come_from_containers_then_from_limits() -> None:
    spec: Object = {
        "resources": {"limits": {"cpu": "2", "memory": "1Gi"}},
        "containers": [
            {"name": "a", "resources": {"requests": {"cpu": "200m"}}},
            {"name": "b", "resources": {"requests": {"cpu": "300m"}}},
        ],
        "initContainers": [
            {
                "name": "side",
                "restartPolicy": "Always",
                "resources": {"requests": {"cpu": "100m"}},
            }
        ],
    }
    resources = defaulted("v1", "Pod", spec=spec)["spec"]["resources"]
    assert resources["requests"] == {"cpu": "600m", "memory": "1Gi"}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            {"ports": [{"port": 80}]},
            {
                "type": "ClusterIP",
                "sessionAffinity": "None",
                "internalTrafficPolicy": "Cluster",
                "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
            },
        ),
        (
            {"type": "LoadBalancer", "sessionAffinity": "ClientIP"},
            {
                "type": "LoadBalancer",
                "sessionAffinity": "ClientIP",
                "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 10800}},
                "externalTrafficPolicy": "Cluster",
                "internalTrafficPolicy": "Cluster",
                "allocateLoadBalancerNodePorts": True,
            },
        ),
        ({"type": "ExternalName"}, {"type": "ExternalName", "sessionAffinity": "None"}),
    ],
    ids=["cluster-ip", "load-balancer", "external-name"],
)
def test_a_service_is_filled_in_by_type(spec: Object, expected: Object) -> None:
    assert defaulted("v1", "Service", spec=spec)["spec"] == expected


def test_a_job_takes_its_template_labels_and_one_completion() -> None:
    job = defaulted("batch/v1", "Job", spec={"template": {"metadata": {"labels": {"a": "b"}}}})
    assert job["metadata"]["labels"] == {"a": "b"}
    spec = {key: value for key, value in job["spec"].items() if key != "template"}
    assert spec == {
        "completions": 1,
        "parallelism": 1,
        "backoffLimit": 6,
        "completionMode": "NonIndexed",
        "suspend": False,
        "podReplacementPolicy": "TerminatingOrFailed",
        "manualSelector": False,
    }


def test_a_secret_folds_its_texts_into_data() -> None:
    secret = defaulted("v1", "Secret", stringData={"a": "b"}, data={"a": "eA==", "c": "ZA=="})
    assert secret["data"] == {"a": "Yg==", "c": "ZA=="}
    assert "stringData" not in secret
    assert secret["type"] == "Opaque"


def test_a_limit_range_derives_defaults_from_bounds() -> None:
    item = {"type": "Container", "max": {"cpu": "1"}, "min": {"memory": "1Mi"}}
    limits = defaulted("v1", "LimitRange", spec={"limits": [item]})["spec"]["limits"][0]
    assert limits["default"] == {"cpu": "1"}
    assert limits["defaultRequest"] == {"cpu": "1", "memory": "1Mi"}


def test_a_crd_derives_names_and_stored_versions() -> None:
    crd = defaulted(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        spec={"names": {"kind": "Toy"}, "versions": [{"name": "v1", "storage": True}]},
    )
    assert crd["spec"]["names"] == {"kind": "Toy", "singular": "toy", "listKind": "ToyList"}
    assert crd["spec"]["conversion"] == {"strategy": "None"}
    assert crd["status"] == {"storedVersions": ["v1"]}


FIELDS = (
    "spec",
    "status",
    "template",
    "containers",
    "volumes",
    "resources",
    "limits",
    "requests",
    "labels",
    "metadata",
    "ports",
    "strategy",
    "type",
    "rules",
    "webhooks",
    "data",
    "stringData",
    "devices",
    "jobTemplate",
    "podIP",
    "podIPs",
    "podCIDR",
    "podCIDRs",
    "names",
    "versions",
    "max",
    "min",
    "hostNetwork",
    "env",
    "probe",
    "metrics",
    "behavior",
)

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "a", "1Gi", "x"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(FIELDS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: f"{row.kind}.{row.group_version}")
@settings(max_examples=12, deadline=None)
@given(spec=ANY_JSON, extra=ANY_JSON)
def test_any_json_is_taken_and_twice_is_as_once(row: Resource, spec: Any, extra: Any) -> None:
    obj: Object = {"metadata": {"name": "a"}, "spec": spec}
    if isinstance(extra, dict):
        obj.update(extra)
        obj["metadata"] = {"name": "a"}
    apply_defaults(row, obj)
    once = json.dumps(obj, sort_keys=True)
    apply_defaults(row, obj)
    assert json.dumps(obj, sort_keys=True) == once


SHARED = os.environ.get("PINNACE_SHARED", "")


@pytest.mark.skipif(not SHARED, reason="PINNACE_SHARED names no directory of golden objects")
def test_golden_objects_are_taken_and_twice_is_as_once() -> None:
    for path in sorted(Path(SHARED, "golden", "objects").rglob("*.json")):
        obj = json.loads(path.read_text())
        row = ROWS.get((obj.get("apiVersion"), obj.get("kind")))
        if row is None:
            continue
        apply_defaults(row, obj)
        once = copy.deepcopy(obj)
        apply_defaults(row, obj)
        assert obj == once, path.name
