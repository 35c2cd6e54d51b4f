"""The priority levels and flow schemas that every cluster has.

Those in `MANDATORY` are as they are here whatever is done to them; the others are suggestions, and
belong to who changes them.
"""

from dataclasses import dataclass
from typing import Any

from pinnace.api.kinds.flowcontrol import FLOWSCHEMAS, PRIORITYLEVELCONFIGURATIONS
from pinnace.api.objects import Object
from pinnace.api.resources import Resource

ANNOTATION = "apf.kubernetes.io/autoupdate-spec"
MANDATORY = frozenset({"exempt", "catch-all"})


@dataclass(frozen=True, slots=True)
class Level:
    """A priority level with its shares; no queues means that what is too much is rejected."""

    name: str
    shares: int
    lendable: int
    queues: int = 0
    hand: int = 0


@dataclass(frozen=True, slots=True)
class Schema:
    """Which requests, by subject, go to which level; without rules, all their requests."""

    name: str
    level: str
    precedence: int
    by: str
    subjects: tuple[Object, ...]
    resources: tuple[Object, ...] = ()
    paths: tuple[Object, ...] = ()


def _user(name: str) -> Object:
    return {"kind": "User", "user": {"name": name}}


def _group(name: str) -> Object:
    return {"kind": "Group", "group": {"name": name}}


def _on(verbs: str, group: str, resources: str, *, cluster: bool) -> Object:
    made: dict[str, Any] = {"verbs": verbs.split(), "apiGroups": [group]}
    made["resources"] = resources.split()
    if cluster:
        made["clusterScope"] = True
    made["namespaces"] = ["*"]
    return made


_ANYTHING = (_on("*", "*", "*", cluster=True),)
_ANYWHERE: tuple[Object, ...] = ({"verbs": ["*"], "nonResourceURLs": ["*"]},)
_PROBES: tuple[Object, ...] = (
    {"verbs": ["get"], "nonResourceURLs": ["/healthz", "/readyz", "/livez"]},
)
_LEASES = "coordination.k8s.io"
_EVERYBODY = (_group("system:unauthenticated"), _group("system:authenticated"))
_SYSTEM_ACCOUNTS: Object = {
    "kind": "ServiceAccount",
    "serviceAccount": {"namespace": "kube-system", "name": "*"},
}
_MANAGER, _SCHEDULER = _user("system:kube-controller-manager"), _user("system:kube-scheduler")
_NODES = (_group("system:nodes"),)

LEVELS = (
    Level("catch-all", 5, 0),
    Level("system", 30, 33, 64, 6),
    Level("node-high", 40, 25, 64, 6),
    Level("leader-election", 10, 0, 16, 4),
    Level("workload-high", 40, 50, 128, 6),
    Level("workload-low", 100, 90, 128, 6),
    Level("global-default", 20, 50, 128, 6),
)

SCHEMAS = (
    Schema("exempt", "exempt", 1, "", (_group("system:masters"),), _ANYTHING, _ANYWHERE),
    Schema("catch-all", "catch-all", 10000, "ByUser", _EVERYBODY, _ANYTHING, _ANYWHERE),
    Schema("system-nodes", "system", 500, "ByUser", _NODES, _ANYTHING, _ANYWHERE),
    Schema(
        "system-node-high",
        "node-high",
        400,
        "ByUser",
        _NODES,
        (
            _on("*", "", "nodes nodes/status", cluster=True),
            _on("*", _LEASES, "leases", cluster=False),
        ),
    ),
    Schema("probes", "exempt", 2, "", _EVERYBODY, (), _PROBES),
    Schema(
        "system-leader-election",
        "leader-election",
        100,
        "ByUser",
        (_MANAGER, _SCHEDULER, _SYSTEM_ACCOUNTS),
        (_on("get create update", _LEASES, "leases", cluster=False),),
    ),
    Schema(
        "kube-controller-manager", "workload-high", 800, "ByNamespace", (_MANAGER,),
        _ANYTHING, _ANYWHERE,
    ),
    Schema(
        "kube-scheduler", "workload-high", 800, "ByNamespace", (_SCHEDULER,),
        _ANYTHING, _ANYWHERE,
    ),
    Schema(
        "kube-system-service-accounts", "workload-high", 900, "ByNamespace", (_SYSTEM_ACCOUNTS,),
        _ANYTHING, _ANYWHERE,
    ),
    Schema(
        "service-accounts", "workload-low", 9000, "ByUser", (_group("system:serviceaccounts"),),
        _ANYTHING, _ANYWHERE,
    ),
    Schema("global-default", "global-default", 9900, "ByUser", _EVERYBODY, _ANYTHING, _ANYWHERE),
)  # fmt: skip


def bootstrap_flow_control() -> list[Object]:
    """Return the priority levels and flow schemas of a new cluster."""
    exempt = {"nominalConcurrencyShares": 0, "lendablePercent": 0}
    levels = [_object(PRIORITYLEVELCONFIGURATIONS, "exempt", {"type": "Exempt", "exempt": exempt})]
    levels += [
        _object(PRIORITYLEVELCONFIGURATIONS, level.name, _level_spec(level)) for level in LEVELS
    ]
    return levels + [_object(FLOWSCHEMAS, schema.name, _schema_spec(schema)) for schema in SCHEMAS]


def _level_spec(level: Level) -> Object:
    response: Object = {"type": "Reject"}
    if level.queues:
        queuing = {"queues": level.queues, "handSize": level.hand, "queueLengthLimit": 50}
        response = {"type": "Queue", "queuing": queuing}
    limited = {
        "nominalConcurrencyShares": level.shares,
        "limitResponse": response,
        "lendablePercent": level.lendable,
    }
    return {"type": "Limited", "limited": limited}


def _schema_spec(schema: Schema) -> Object:
    rule: Object = {"subjects": [dict(subject) for subject in schema.subjects]}
    if schema.resources:
        rule["resourceRules"] = [dict(r) for r in schema.resources]
    if schema.paths:
        rule["nonResourceRules"] = [dict(r) for r in schema.paths]
    spec: Object = {
        "priorityLevelConfiguration": {"name": schema.level},
        "matchingPrecedence": schema.precedence,
    }
    if schema.by:
        spec["distinguisherMethod"] = {"type": schema.by}
    return {**spec, "rules": [rule]}


def _object(row: Resource, name: str, spec: Object) -> Object:
    meta = {"name": name, "annotations": {ANNOTATION: "true"}}
    return {"kind": row.kind, "apiVersion": row.group_version, "metadata": meta, "spec": spec}
