"""Every kind: valid objects pass, broken ones are told of in upstream words, nothing raises."""

import copy
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pinnace.api.defaults.table import apply_defaults
from pinnace.api.kinds.table import RESOURCES
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.api.validation.schedule import schedule_error
from pinnace.api.validation.table import (
    RULES,
    validate_create,
    validate_request,
    validate_status_update,
    validate_subresource_update,
    validate_update,
)

ROWS = {(row.group, row.kind): row for row in reversed(RESOURCES)}
SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
POD_SPEC: Object = {"containers": [{"name": "c", "image": "nginx"}]}
LABELS = {"app": "a"}
TEMPLATE: Object = {"metadata": {"labels": LABELS}, "spec": POD_SPEC}
SELECTING: Object = {"selector": {"matchLabels": LABELS}, "template": TEMPLATE}
JOB: Object = {"template": {"spec": {**POD_SPEC, "restartPolicy": "Never"}}}

VALID: dict[tuple[str, str], Object] = {
    ("", "ConfigMap"): {"data": {"a": "b"}, "binaryData": {"c": "ZA=="}},
    ("", "Pod"): {"spec": POD_SPEC},
    ("", "Secret"): {"data": {"a": "Yg=="}},
    ("", "Service"): {"spec": {"ports": [{"port": 80}], "selector": LABELS}},
    ("", "Namespace"): {},
    ("", "Node"): {"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}},
    ("", "ReplicationController"): {"spec": {"selector": LABELS, "template": TEMPLATE}},
    ("", "PersistentVolumeClaim"): {
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    },
    ("", "PersistentVolume"): {
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": "1Gi"},
            "hostPath": {"path": "/x"},
        }
    },
    ("", "Endpoints"): {"subsets": [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 1}]}]},
    ("", "LimitRange"): {"spec": {"limits": [{"type": "Container", "max": {"cpu": "1"}}]}},
    ("", "ResourceQuota"): {"spec": {"hard": {"pods": "10", "requests.cpu": "1"}}},
    ("apps", "Deployment"): {"spec": SELECTING},
    ("apps", "ReplicaSet"): {"spec": SELECTING},
    ("apps", "DaemonSet"): {"spec": SELECTING},
    ("apps", "StatefulSet"): {"spec": {**SELECTING, "serviceName": "a"}},
    ("batch", "CronJob"): {"spec": {"schedule": "*/5 * * * *", "jobTemplate": {"spec": JOB}}},
    ("autoscaling", "HorizontalPodAutoscaler"): {
        "spec": {
            "maxReplicas": 3,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"},
        }
    },
    ("coordination.k8s.io", "Lease"): {"spec": {"leaseDurationSeconds": 15}},
    ("discovery.k8s.io", "EndpointSlice"): {
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.0.0.1"]}],
        "ports": [{"port": 80}],
    },
    ("networking.k8s.io", "NetworkPolicy"): {
        "spec": {"podSelector": {}, "ingress": [{"from": [{"podSelector": {}}]}]}
    },
    ("networking.k8s.io", "Ingress"): {
        "spec": {"defaultBackend": {"service": {"name": "a", "port": {"number": 80}}}}
    },
    ("policy", "PodDisruptionBudget"): {"spec": {"minAvailable": "50%", "selector": {}}},
    ("rbac.authorization.k8s.io", "ClusterRole"): {
        "rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]
    },
    ("rbac.authorization.k8s.io", "RoleBinding"): {
        "roleRef": {"kind": "Role", "name": "a"},
        "subjects": [{"kind": "User", "name": "u"}],
    },
    ("scheduling.k8s.io", "PriorityClass"): {"value": 10},
    ("storage.k8s.io", "StorageClass"): {"provisioner": "example.com/p"},
}


def made(group: str, kind: str, **fields: Any) -> tuple[Resource, Object]:
    row = ROWS[group, kind]
    meta = {"name": "a", "uid": "u", **({"namespace": "ns"} if row.namespaced else {})}
    obj: Object = {"metadata": meta, **copy.deepcopy(fields)}
    apply_defaults(row, obj)
    return row, obj


def told(group: str, kind: str, **fields: Any) -> list[str]:
    row, obj = made(group, kind, **fields)
    return [cause.text() for cause in validate_create(row, obj)]


@pytest.mark.parametrize("key", VALID, ids=lambda key: ".".join(key))
def test_a_valid_object_is_accepted_when_new_and_when_unchanged(key: tuple[str, str]) -> None:
    row, obj = made(*key, **VALID[key])
    assert validate_create(row, obj) == []
    assert validate_update(row, obj, copy.deepcopy(obj)) == []


@pytest.mark.parametrize(
    ("metadata", "texts"),
    [
        (
            {"name": "A"},
            [f'metadata.name: Invalid value: "A": {SUBDOMAIN}'],
        ),
        ({}, ["metadata.name: Required value: name or generateName is required"]),
        (
            {"name": "a", "finalizers": ["x"]},
            [
                'metadata.finalizers[0]: Invalid value: "x": name is neither a standard '
                "finalizer name nor is it fully qualified"
            ],
        ),
        (
            {"name": "a", "annotations": {"a": "x" * 262144}},
            ["metadata.annotations: Too long: may not be more than 262144 bytes"],
        ),
        (
            {"name": "a", "labels": {"a": "-"}},
            [
                'metadata.labels: Invalid value: "-": a valid label must be an empty string or '
                "consist of alphanumeric characters, '-', '_' or '.', and must start and end "
                "with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', "
                "regex used for validation is "
                "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
            ],
        ),
    ],
    ids=["name", "no-name", "finalizer", "annotations", "label"],
)
def test_metadata_has_rules(metadata: Object, texts: list[str]) -> None:
    row = ROWS["", "ConfigMap"]
    obj: Object = {"metadata": {"namespace": "ns", **metadata}}
    assert [cause.text() for cause in validate_create(row, obj)] == texts


def _pod(**container: Any) -> Object:
    return {"containers": [{"name": "c", "image": "nginx", **container}]}


POD_CASES: dict[str, tuple[Object, list[str]]] = {
    "no containers": ({}, ["spec.containers: Required value"]),
    "no image": (
        {"containers": [{"name": "c"}]},
        ["spec.containers[0].image: Required value"],
    ),
    "twice the name": (
        {"containers": [{"name": "c", "image": "i"}, {"name": "c", "image": "i"}]},
        ['spec.containers[1].name: Duplicate value: "c"'],
    ),
    "restart policy": (
        {**POD_SPEC, "restartPolicy": "Sometimes"},
        [
            'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", '
            '"OnFailure", "Never"'
        ],
    ),
    "unknown volume": (
        _pod(volumeMounts=[{"name": "v", "mountPath": "/v"}]),
        ['spec.containers[0].volumeMounts[0].name: Not found: "v"'],
    ),
    "request over limit": (
        _pod(resources={"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}),
        [
            'spec.containers[0].resources.requests: Invalid value: "2": must be less than or '
            "equal to cpu limit of 1"
        ],
    ),
    "odd resource": (
        _pod(resources={"requests": {"bananas": "1"}}),
        [
            'spec.containers[0].resources.requests[bananas]: Invalid value: "bananas": must be a '
            "standard resource type or fully qualified",
            'spec.containers[0].resources.requests[bananas]: Invalid value: "bananas": must be a '
            "standard resource for containers",
        ],
    ),
    "port": (
        _pod(ports=[{"containerPort": 70000}]),
        [
            "spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 "
            "and 65535, inclusive"
        ],
    ),
    "probe": (
        _pod(livenessProbe={"successThreshold": 2, "exec": {"command": ["a"]}}),
        ["spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1"],
    ),
    "no handler": (
        _pod(readinessProbe={}),
        ["spec.containers[0].readinessProbe: Required value: must specify a handler type"],
    ),
    "env source": (
        _pod(env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "status.phase"}}}]),
        [
            "spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "
            '"status.phase": supported values: "metadata.name", "metadata.namespace", '
            '"metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", '
            '"status.hostIPs", "status.podIP", "status.podIPs"'
        ],
    ),
    "sysctl": (
        {**POD_SPEC, "securityContext": {"sysctls": [{"name": "foo-"}]}},
        [
            'spec.securityContext.sysctls[0].name: Invalid value: "foo-": must have at most 253 '
            "characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]"
            "([-_a-z0-9]*[a-z0-9])?$"
        ],
    ),
    "toleration": (
        {**POD_SPEC, "tolerations": [{"key": "a", "tolerationSeconds": 1}]},
        [
            "spec.tolerations[0].effect: Invalid value: \"\": effect must be 'NoExecute' when "
            "`tolerationSeconds` is set"
        ],
    ),
    "absolute sub path": (
        {
            "volumes": [{"name": "v"}],
            **_pod(volumeMounts=[{"name": "v", "mountPath": "/v", "subPathExpr": "/x"}]),
        },
        [
            'spec.containers[0].volumeMounts.subPathExpr: Invalid value: "/x": must be a '
            "relative path"
        ],
    ),
    "ephemeral containers": (
        {**POD_SPEC, "ephemeralContainers": [{"name": "e", "image": "i"}]},
        ["spec.ephemeralContainers: Forbidden: cannot be set on create"],
    ),
    "gated and bound": (
        {**POD_SPEC, "nodeName": "n", "schedulingGates": [{"name": "g"}]},
        ["spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared"],
    ),
    "host port": (
        {**_pod(ports=[{"containerPort": 80, "hostPort": 81}]), "hostNetwork": True},
        [
            "spec.containers[0].ports[0].hostPort: Invalid value: 81: must match `containerPort` "
            "when `hostNetwork` is true"
        ],
    ),
    "node affinity": (
        {
            **POD_SPEC,
            "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {}}},
        },
        [
            "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution."
            "nodeSelectorTerms: Required value: must have at least one node selector term"
        ],
    ),
    "spread": (
        {
            **POD_SPEC,
            "topologySpreadConstraints": [
                {"maxSkew": 0, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
            ],
        },
        ["spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero"],
    ),
    "two volume sources": (
        {**POD_SPEC, "volumes": [{"name": "v", "emptyDir": {}, "hostPath": {"path": "/x"}}]},
        ["spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type"],
    ),
}


@pytest.mark.parametrize("case", POD_CASES.values(), ids=POD_CASES)
def test_a_broken_pod_is_told_of_in_upstream_words(case: tuple[Object, list[str]]) -> None:
    spec, texts = case
    assert told("", "Pod", spec=spec) == texts


OTHER_CASES: dict[str, tuple[str, str, Object, list[str]]] = {
    "selector does not match": (
        "apps",
        "Deployment",
        {"spec": {"selector": {"matchLabels": {"b": "c"}}, "template": TEMPLATE}},
        [
            'spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not '
            "match template `labels`"
        ],
    ),
    "no selector": (
        "apps",
        "ReplicaSet",
        {"spec": {"template": TEMPLATE}},
        [
            "spec.selector: Required value",
            'spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not '
            "match template `labels`",
        ],
    ),
    "restart policy of a template": (
        "apps",
        "DaemonSet",
        {
            "spec": {
                **SELECTING,
                "template": {**TEMPLATE, "spec": {**POD_SPEC, "restartPolicy": "Never"}},
            }
        },
        [
            'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: '
            '"Always"'
        ],
    ),
    "cron job's job restarts": (
        "batch",
        "CronJob",
        {"spec": {"schedule": "@daily", "jobTemplate": {"spec": {"template": TEMPLATE}}}},
        [
            "spec.jobTemplate.spec.template.spec.restartPolicy: Required value: valid values: "
            '"OnFailure", "Never"'
        ],
    ),
    "bad schedule": (
        "batch",
        "CronJob",
        {"spec": {"schedule": "* * *", "jobTemplate": {"spec": JOB}}},
        ['spec.schedule: Invalid value: "* * *": expected exactly 5 fields, found 3: [* * *]'],
    ),
    "service without ports": ("", "Service", {"spec": {}}, ["spec.ports: Required value"]),
    "service's port": (
        "",
        "Service",
        {"spec": {"ports": [{"port": 0, "targetPort": 80}]}},
        [
            "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
        ],
    ),
    "node port of a cluster IP": (
        "",
        "Service",
        {"spec": {"ports": [{"port": 80, "nodePort": 30000}]}},
        ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
    ),
    "tls secret": (
        "",
        "Secret",
        {"type": "kubernetes.io/tls"},
        ["data[tls.crt]: Required value", "data[tls.key]: Required value"],
    ),
    "key in both": (
        "",
        "ConfigMap",
        {"data": {"a": "b"}, "binaryData": {"a": "Yg=="}},
        ['data[a]: Invalid value: "a": duplicate of key present in binaryData'],
    ),
    "claim without storage": (
        "",
        "PersistentVolumeClaim",
        {"spec": {"accessModes": ["ReadWriteOnce"]}},
        ["spec.resources[storage]: Required value"],
    ),
    "role without verbs": (
        "rbac.authorization.k8s.io",
        "Role",
        {"rules": [{"apiGroups": [""], "resources": ["pods"]}]},
        ["rules[0].verbs: Required value: verbs must contain at least one value"],
    ),
    "budget both ways": (
        "policy",
        "PodDisruptionBudget",
        {"spec": {"minAvailable": 1, "maxUnavailable": 1}},
        [
            'spec: Invalid value: {"MinAvailable":1,"Selector":null,"MaxUnavailable":1,'
            '"UnhealthyPodEvictionPolicy":null}: minAvailable and maxUnavailable cannot be both set'
        ],
    ),
    "system class": (
        "scheduling.k8s.io",
        "PriorityClass",
        {"value": 2000000000},
        ["value: Forbidden: maximum allowed value of a user defined priority is 1000000000"],
    ),
    "ingress without rules": (
        "networking.k8s.io",
        "Ingress",
        {"spec": {}},
        ["spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"],
    ),
    "loopback endpoint": (
        "discovery.k8s.io",
        "EndpointSlice",
        {"addressType": "IPv4", "endpoints": [{"addresses": ["127.0.0.1"]}]},
        [
            'endpoints[0].addresses[0]: Invalid value: "127.0.0.1": may not be in the loopback '
            "range (127.0.0.0/8, ::1/128)"
        ],
    ),
}


@pytest.mark.parametrize("case", OTHER_CASES.values(), ids=OTHER_CASES)
def test_a_broken_object_is_told_of_in_upstream_words(
    case: tuple[str, str, Object, list[str]],
) -> None:
    group, kind, fields, texts = case
    assert told(group, kind, **fields) == texts


def changed(group: str, kind: str, before: Object, after: Object) -> list[str]:
    row, old = made(group, kind, **before)
    _, new = made(group, kind, **after)
    return [cause.text() for cause in validate_update(row, new, old)]


def test_a_pod_may_change_its_image_and_little_else() -> None:
    assert (
        changed(
            "", "Pod", {"spec": POD_SPEC}, {"spec": _pod(image="other:1", imagePullPolicy="Always")}
        )
        == []
    )
    texts = changed("", "Pod", {"spec": POD_SPEC}, {"spec": {**POD_SPEC, "nodeName": "n"}})
    assert len(texts) == 1
    assert texts[0].startswith(
        "spec: Forbidden: pod updates may not change fields other than "
        "`spec.containers[*].image`,`spec.initContainers[*].image`,"
        "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing "
        "tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was "
        "previously negative)\n@@"
    )
    assert '+ "NodeName": "n",' in texts[0]


def test_a_pod_may_add_tolerations_and_lose_gates() -> None:
    gated = {**POD_SPEC, "schedulingGates": [{"name": "a"}]}
    tolerating = {**POD_SPEC, "tolerations": [{"operator": "Exists"}]}
    assert changed("", "Pod", {"spec": gated}, {"spec": tolerating}) == []
    assert changed("", "Pod", {"spec": tolerating}, {"spec": POD_SPEC}) == [
        "spec.tolerations: Forbidden: existing toleration can not be modified except its "
        "tolerationSeconds"
    ]
    assert changed("", "Pod", {"spec": POD_SPEC}, {"spec": gated}) == [
        "spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new "
        "scheduling gate 'a'"
    ]


@pytest.mark.parametrize(
    ("group", "kind", "before", "after", "texts"),
    [
        (
            "apps",
            "Deployment",
            {"spec": SELECTING},
            {
                "spec": {
                    "selector": {"matchLabels": {"b": "c"}},
                    "template": {**TEMPLATE, "metadata": {"labels": {"b": "c"}}},
                }
            },
            ['spec.selector: Invalid value: {"matchLabels":{"b":"c"}}: field is immutable'],
        ),
        (
            "apps",
            "StatefulSet",
            {"spec": {**SELECTING, "serviceName": "a"}},
            {"spec": {**SELECTING, "serviceName": "b"}},
            [
                "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', "
                "'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', "
                "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
            ],
        ),
        (
            "",
            "ConfigMap",
            {"data": {"a": "b"}, "immutable": True},
            {"data": {"a": "c"}},
            [
                "immutable: Forbidden: field is immutable when `immutable` is set",
                "data: Forbidden: field is immutable when `immutable` is set",
            ],
        ),
        (
            "",
            "Service",
            {
                "spec": {
                    "ports": [{"port": 80}],
                    "clusterIP": "10.0.0.1",
                    "clusterIPs": ["10.0.0.1"],
                }
            },
            {
                "spec": {
                    "ports": [{"port": 80}],
                    "clusterIP": "10.0.0.2",
                    "clusterIPs": ["10.0.0.2"],
                }
            },
            ['spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set'],
        ),
        (
            "rbac.authorization.k8s.io",
            "RoleBinding",
            {"roleRef": {"kind": "Role", "name": "a"}},
            {"roleRef": {"kind": "Role", "name": "b"}},
            [
                'roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io",'
                '"Kind":"Role","Name":"b"}: cannot change roleRef'
            ],
        ),
        (
            "storage.k8s.io",
            "StorageClass",
            {"provisioner": "a"},
            {"provisioner": "b"},
            ['provisioner: Invalid value: "b": field is immutable'],
        ),
    ],
    ids=["deployment", "statefulset", "configmap", "service", "rolebinding", "storageclass"],
)
def test_what_may_not_change_is_told_of(
    group: str, kind: str, before: Object, after: Object, texts: list[str]
) -> None:
    assert changed(group, kind, before, after) == texts


def test_a_suspended_job_may_change_where_it_runs() -> None:
    labels = {
        "batch.kubernetes.io/controller-uid": "u",
        "controller-uid": "u",
        "batch.kubernetes.io/job-name": "a",
        "job-name": "a",
    }
    pod = {**POD_SPEC, "restartPolicy": "Never"}
    spec = {
        "selector": {"matchLabels": {"batch.kubernetes.io/controller-uid": "u"}},
        "suspend": True,
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    moved = copy.deepcopy(spec)
    moved["template"]["spec"]["nodeSelector"] = {"a": "b"}
    assert changed("batch", "Job", {"spec": spec}, {"spec": moved}) == []
    running = {**copy.deepcopy(spec), "suspend": False}
    moved["suspend"] = False
    texts = changed("batch", "Job", {"spec": running}, {"spec": moved})
    assert [text.partition(":")[0] for text in texts] == ["spec.template"]
    assert texts[0].endswith("field is immutable")


def test_status_and_side_doors_have_rules() -> None:
    row, pod = made("", "Pod", spec=POD_SPEC, status={"qosClass": "BestEffort"})
    wrote = {**pod, "status": {"qosClass": "Burstable", "podIPs": [{"ip": "x"}]}}
    assert [cause.field for cause in validate_status_update(row, wrote, pod)] == [
        "status.qosClass",
        "status.podIPs[0]",
    ]
    added = copy.deepcopy(pod)
    added["spec"]["ephemeralContainers"] = [{"name": "e", "image": "i", "ports": [{}]}]
    apply_defaults(row, added)
    fields = {c.field for c in validate_subresource_update(row, "ephemeralcontainers", added, pod)}
    assert "spec.ephemeralContainers[0].ports" in fields
    assert [cause.text() for cause in validate_request("Binding", {})] == [
        "target.name: Required value"
    ]


def resized(before: Object, after: Object, **fields: Any) -> list[str]:
    row, old = made("", "Pod", spec=_pod(resources=before), **fields)
    _, new = made("", "Pod", spec=_pod(resources=after), **fields)
    causes = validate_subresource_update(row, "resize", new, old)
    return [cause.text() for cause in causes]


def test_a_resize_changes_cpu_and_memory_within_the_class() -> None:
    half, whole = {"requests": {"cpu": "500m"}}, {"requests": {"cpu": "1"}}
    assert resized(half, whole) == []
    assert resized(half, {"requests": {"memory": "1Gi"}}) == [
        "spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed"
    ]
    both = {"limits": {"cpu": "1", "memory": "1Gi"}}
    assert resized(both, {**both, "requests": {"cpu": "500m"}}) == [
        'spec: Invalid value: "": Pod QOS Class may not change as a result of resizing'
    ]
    running = {"name": "c", "state": {"running": {}}}
    assert resized(half, whole, status={"containerStatuses": [running]}) == [
        "spec: Forbidden: Pod running on node without support for resize"
    ]


def test_a_resize_changes_nothing_else() -> None:
    row, old = made("", "Pod", spec=POD_SPEC)
    _, new = made("", "Pod", spec=_pod(image="other", imagePullPolicy="Always"))
    causes = validate_subresource_update(row, "resize", new, old)
    assert [cause.text() for cause in causes] == [
        "spec: Forbidden: only cpu and memory resources are mutable"
    ]


@pytest.mark.parametrize(
    ("schedule", "error"),
    [
        ("*/5 0-3 1,2 jan mon-fri", ""),
        ("@hourly", ""),
        ("@never", "unrecognized descriptor: @never"),
        ("61 * * * *", "end of range (61) above maximum (59): 61"),
        ("a * * * *", 'failed to parse int from a: strconv.Atoi: parsing "a": invalid syntax'),
        ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
    ],
)
def test_a_schedule_is_read_as_upstream_does(schedule: str, error: str) -> None:
    assert schedule_error(schedule) == error


FIELDS = """
spec status template containers initContainers volumes resources limits requests labels metadata
annotations ports type rules webhooks data binaryData jobTemplate selector matchLabels
matchExpressions affinity tolerations nodeSelector securityContext env valueFrom volumeMounts
livenessProbe httpGet port clusterIPs ipFamilies conditions podIPs subsets endpoints addresses
strategy rollingUpdate updateStrategy maxSurge hard taints key effect name image restartPolicy
completionMode podFailurePolicy onExitCodes values subjects roleRef volumeClaimTemplates
""".replace("\n", " ")
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "a", "1Gi", "x", "/"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(tuple(FIELDS.split())),
            inner,
            max_size=4,
        )
    ),
    max_leaves=16,
)


@pytest.mark.parametrize("key", RULES, ids=lambda key: ".".join(key))
@settings(max_examples=15, deadline=None)
@given(spec=ANY_JSON, extra=ANY_JSON, other=ANY_JSON)
def test_no_json_makes_validation_raise(
    key: tuple[str, str], spec: Any, extra: Any, other: Any
) -> None:
    if key not in ROWS:
        return
    row = ROWS[key]
    valid = VALID.get(key, {})
    obj: Object = {"metadata": {"name": "a"}, "spec": spec}
    if isinstance(extra, dict):
        obj.update(extra)
    if isinstance(other, dict) and isinstance(valid.get("spec"), dict):
        obj["spec"] = {**valid["spec"], **other}
    apply_defaults(row, obj)
    _, old = made(*key, **valid)
    validate_create(row, obj)
    validate_update(row, obj, old)
    validate_status_update(row, obj, old)
    for subresource in ("ephemeralcontainers", "resize", "finalize", "approval"):
        validate_subresource_update(row, subresource, obj, old)


MUTANTS = st.sampled_from([None, 0, -1, True, "", "x", [], {}, [None], ["x"], {"x": 1}, 1.5])


@pytest.mark.parametrize("key", VALID, ids=lambda key: ".".join(key))
@settings(max_examples=40, deadline=None)
@given(choice=st.randoms(use_true_random=False), mutant=MUTANTS)
def test_no_changed_field_makes_validation_raise(
    key: tuple[str, str], choice: Any, mutant: Any
) -> None:
    row, obj = made(*key, **VALID[key])
    old = copy.deepcopy(obj)
    places: list[tuple[Any, Any]] = []

    def walk(value: Any) -> None:
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for name, inner in list(pairs):
            places.append((value, name))
            if isinstance(inner, dict | list):
                walk(inner)

    walk(obj)
    parent, name = choice.choice(places)
    parent[name] = mutant
    validate_create(row, obj)
    validate_update(row, obj, old)
    validate_status_update(row, obj, old)


SHARED = os.environ.get("PINNACE_SHARED", "")


@pytest.mark.skipif(not SHARED, reason="PINNACE_SHARED names no directory of golden objects")
def test_no_golden_object_makes_validation_raise() -> None:
    rows = {(row.group_version, row.kind): row for row in RESOURCES}
    for path in sorted(Path(SHARED, "golden", "objects").rglob("*.json")):
        obj = json.loads(path.read_text())
        row = rows.get((obj.get("apiVersion"), obj.get("kind")))
        if row is None:
            continue
        validate_create(row, obj)
        validate_update(row, obj, copy.deepcopy(obj))
        validate_status_update(row, obj, copy.deepcopy(obj))
