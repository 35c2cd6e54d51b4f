"""The smallest valid object of every built-in kind, for tests that go through all of them."""

import base64
import copy
from datetime import UTC, datetime

from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.kit import x509

_MICRO = "2026-01-01T00:00:00.000000Z"
_POD: Object = {"containers": [{"name": "c", "image": "example/c:1"}]}
_LABELS = {"app": "sample"}
_TEMPLATE: Object = {"metadata": {"labels": _LABELS}, "spec": _POD}
_RUN_ONCE: Object = {"spec": {**_POD, "restartPolicy": "Never"}}
_SELECTOR: Object = {"matchLabels": _LABELS}
_WORKLOAD: Object = {"spec": {"selector": _SELECTOR, "template": _TEMPLATE}}
_DEVICES_V1: Object = {
    "devices": {"requests": [{"name": "gpu", "exactly": {"deviceClassName": "example.com"}}]}
}
_DEVICES_OLD: Object = {
    "devices": {"requests": [{"name": "gpu", "deviceClassName": "example.com"}]}
}
_MATCH: Object = {
    "resourceRules": [
        {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["widgets"], "operations": ["*"]}
    ]
}
_WEBHOOK: Object = {
    "name": "hook.example.com",
    "clientConfig": {"url": "https://hook.example.com/"},
    "sideEffects": "None",
    "admissionReviewVersions": ["v1"],
}
_CONTENT: dict[str, Object] = {
    "configmaps": {"data": {"a": "1"}},
    "endpoints": {"subsets": [{"addresses": [{"ip": "10.1.1.1"}], "ports": [{"port": 80}]}]},
    "events": {"involvedObject": {"kind": "Pod", "name": "x"}, "type": "Normal"},
    "limitranges": {
        "spec": {"limits": [{"type": "PersistentVolumeClaim", "max": {"storage": "9Gi"}}]}
    },
    "namespaces": {},
    "nodes": {"spec": {"podCIDR": "10.244.0.0/24"}},
    "persistentvolumeclaims": {
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        }
    },
    "persistentvolumes": {
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": "1Gi"},
            "hostPath": {"path": "/data"},
        }
    },
    "pods": {"spec": _POD},
    "podtemplates": {"template": _TEMPLATE},
    "replicationcontrollers": {"spec": {"selector": _LABELS, "template": _TEMPLATE}},
    "resourcequotas": {"spec": {"hard": {"pods": "100"}}},
    "secrets": {"stringData": {"a": "1"}},
    "serviceaccounts": {},
    "services": {"spec": {"ports": [{"port": 80}]}},
    "apiservices": {
        "spec": {
            "group": "example.com",
            "version": "v1",
            "groupPriorityMinimum": 100,
            "versionPriority": 10,
            "insecureSkipTLSVerify": True,
            "service": {"namespace": "default", "name": "x"},
        }
    },
    "controllerrevisions": {"revision": 1, "data": {"a": 1}},
    "daemonsets": _WORKLOAD,
    "deployments": _WORKLOAD,
    "replicasets": _WORKLOAD,
    "statefulsets": {"spec": {**_WORKLOAD["spec"], "serviceName": "x"}},
    "events.events.k8s.io": {
        "eventTime": _MICRO,
        "reportingController": "example.com/sample",
        "reportingInstance": "sample-1",
        "action": "Testing",
        "reason": "Test",
        "type": "Normal",
        "regarding": {"kind": "Pod", "name": "x", "namespace": "default"},
    },
    "horizontalpodautoscalers": {
        "spec": {
            "maxReplicas": 3,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"},
        }
    },
    "cronjobs": {
        "spec": {"schedule": "1 * * * *", "jobTemplate": {"spec": {"template": _RUN_ONCE}}}
    },
    "jobs": {"spec": {"template": _RUN_ONCE}},
    "certificatesigningrequests": {
        "spec": {"signerName": "example.com/sample", "usages": ["client auth"]}
    },
    "clustertrustbundles": {"spec": {}},
    "ingressclasses": {"spec": {"controller": "example.com/sample"}},
    "ingresses": {"spec": {"defaultBackend": {"service": {"name": "x", "port": {"number": 80}}}}},
    "ipaddresses": {
        "spec": {"parentRef": {"resource": "services", "namespace": "default", "name": "x"}}
    },
    "networkpolicies": {"spec": {"podSelector": {}}},
    "servicecidrs": {"spec": {"cidrs": ["10.99.0.0/24"]}},
    "poddisruptionbudgets": {"spec": {"minAvailable": 1, "selector": _SELECTOR}},
    "clusterrolebindings": {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
    },
    "clusterroles": {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]},
    "rolebindings": {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
    },
    "roles": {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]},
    "csidrivers": {"spec": {}},
    "csinodes": {"spec": {"drivers": []}},
    "csistoragecapacities": {"storageClassName": "x", "capacity": "1Gi"},
    "storageclasses": {"provisioner": "example.com/sample"},
    "volumeattachments": {
        "spec": {
            "attacher": "example.com",
            "nodeName": "x",
            "source": {"persistentVolumeName": "x"},
        }
    },
    "volumeattributesclasses": {"driverName": "example.com", "parameters": {"a": "1"}},
    "mutatingadmissionpolicies": {
        "spec": {
            "matchConstraints": _MATCH,
            "reinvocationPolicy": "Never",
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": "[JSONPatch{}]"}}],
        }
    },
    "mutatingadmissionpolicybindings": {"spec": {"policyName": "x"}},
    "mutatingwebhookconfigurations": {"webhooks": [_WEBHOOK]},
    "validatingadmissionpolicies": {
        "spec": {"matchConstraints": _MATCH, "validations": [{"expression": "true"}]}
    },
    "validatingadmissionpolicybindings": {
        "spec": {"policyName": "x", "validationActions": ["Audit"]}
    },
    "validatingwebhookconfigurations": {"webhooks": [_WEBHOOK]},
    "customresourcedefinitions": {
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object"}},
                }
            ],
        }
    },
    "priorityclasses": {"value": 7},
    "podgroups": {"spec": {"schedulingPolicy": {"basic": {}}}},
    "workloads": {
        "spec": {
            "podGroupTemplates": [{"name": "x", "schedulingPolicy": {"basic": {}}}],
        }
    },
    "leases": {"spec": {"holderIdentity": "x"}},
    "leasecandidates": {
        "spec": {
            "leaseName": "x",
            "binaryVersion": "1.36.0",
            "emulationVersion": "1.36.0",
            "strategy": "OldestEmulationVersion",
        }
    },
    "runtimeclasses": {"handler": "x"},
    "endpointslices": {"addressType": "IPv4", "endpoints": [{"addresses": ["10.1.1.1"]}]},
    "deviceclasses": {"spec": {}},
    "resourceclaims": {"spec": _DEVICES_V1},
    "resourceclaimtemplates": {"spec": {"spec": _DEVICES_V1}},
    "resourceslices": {
        "spec": {
            "driver": "example.com",
            "nodeName": "x",
            "pool": {"name": "x", "resourceSliceCount": 1},
            "devices": [{"name": "d"}],
        }
    },
    "devicetaintrules": {"spec": {"taint": {"key": "example.com/t", "effect": "NoSchedule"}}},
    "resourcepoolstatusrequests": {"spec": {"driver": "example.com"}},
    "flowschemas": {
        "spec": {"priorityLevelConfiguration": {"name": "x"}, "matchingPrecedence": 500}
    },
    "prioritylevelconfigurations": {
        "spec": {"type": "Limited", "limited": {"limitResponse": {"type": "Reject"}}}
    },
    "storageversions": {"spec": {}},
    "storageversionmigrations": {"spec": {"resource": {"group": "apps", "resource": "widgets"}}},
}
# Kinds whose name says something, which validation holds them to.
_NAMES = {
    "apiservices": "v1.example.com",
    "ipaddresses": "10.98.0.{number}",
    "customresourcedefinitions": "{name}.example.com",
    "storageversions": "example.{name}",
}


def sample(row: Resource, name: str, *, number: int = 1, namespace: str = "default") -> Object:
    """Return a new object of this kind that every server accepts.

    Kinds whose names are bound to their content get a name of their own that `name` or `number`
    (1 to 250) tells apart: read it from the answer.
    """
    key = f"{row.plural}.{row.group}"
    obj: Object = copy.deepcopy(_CONTENT.get(key, _CONTENT.get(row.plural, {})))
    named = _NAMES.get(row.plural, "{name}").format(name=name, number=number)
    meta: Object = {"name": named, "labels": {"sample": name}}
    if row.namespaced:
        meta["namespace"] = namespace
    obj |= {"apiVersion": row.group_version, "kind": row.kind, "metadata": meta}
    _bind(row, obj, name)
    return obj


def _certificate_request(name: str) -> bytes:
    return x509.make_request(_authority(name).key_pair.key, x509.Subject(name))


def _authority(name: str) -> x509.Authority:
    return x509.make_authority(name, now=datetime(2026, 1, 1, tzinfo=UTC))


def _bind(row: Resource, obj: Object, name: str) -> None:
    """Complete what depends on the name or on the version."""
    spec = obj.get("spec", {})
    match row.plural:
        case "events" if not row.group:
            obj["involvedObject"]["namespace"] = obj["metadata"]["namespace"]
        case "customresourcedefinitions":
            spec["names"] = {"plural": name, "singular": name, "kind": name.title()}
        case "certificatesigningrequests":
            spec["request"] = base64.b64encode(_certificate_request(name)).decode()
        case "clustertrustbundles":
            spec["trustBundle"] = _authority(name).pem.decode()
        case "resourceclaims" if row.version == "v1beta1":
            obj["spec"] = copy.deepcopy(_DEVICES_OLD)
        case "resourceclaimtemplates" if row.version == "v1beta1":
            obj["spec"] = {"spec": copy.deepcopy(_DEVICES_OLD)}
        case "resourceslices" if row.version == "v1beta1":
            spec["devices"] = [{"name": "d", "basic": {}}]
            spec["pool"]["name"] = name
        case _:
            pass
