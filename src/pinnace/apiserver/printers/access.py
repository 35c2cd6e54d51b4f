"""Who may do what, and who is who: role bindings, certificates, priority and fairness."""

from datetime import datetime
from typing import Any

from pinnace.api.objects import Object, condition
from pinnace.apiserver.printers.base import (
    AGE,
    NAME,
    NONE,
    Column,
    Printer,
    age,
    dig,
    human_duration,
    labels_text,
    name_of,
)


def _subjects(obj: Object, kind: str) -> str:
    names = []
    for subject in obj.get("subjects") or ():
        if subject.get("kind") == kind:
            name = subject.get("name", "")
            names.append(
                f"{subject.get('namespace', '')}/{name}" if kind == "ServiceAccount" else name
            )
    return ", ".join(names)


def _binding(obj: Object, now: datetime) -> list[Any]:
    role = obj.get("roleRef") or {}
    return [
        name_of(obj),
        f"{role.get('kind', '')}/{role.get('name', '')}",
        age(obj, now),
        *(_subjects(obj, kind) for kind in ("User", "Group", "ServiceAccount")),
    ]


def _binding_columns(what: str) -> tuple[Column, ...]:
    subjects = (
        Column(name, priority=1, description=f"{name} in the {what}")
        for name in ("Users", "Groups", "ServiceAccounts")
    )
    return (NAME, Column("Role"), AGE, *subjects)


ROLE_BINDING = Printer(_binding_columns("roleBinding"), _binding)
CLUSTER_ROLE_BINDING = Printer(_binding_columns("clusterRoleBinding"), _binding)


def _request_status(obj: Object) -> str:
    kinds = {entry["type"] for entry in dig(obj, "status", "conditions", default=())}
    word = "Denied" if "Denied" in kinds else "Approved" if "Approved" in kinds else "Pending"
    if "Failed" in kinds:
        word += ",Failed"
    return word + (",Issued" if dig(obj, "status", "certificate") else "")


def _signing_request(obj: Object, now: datetime) -> list[Any]:
    spec = obj.get("spec") or {}
    seconds = spec.get("expirationSeconds")
    return [
        name_of(obj),
        age(obj, now),
        spec.get("signerName") or NONE,
        spec.get("username", ""),
        NONE if seconds is None else human_duration(seconds),
        _request_status(obj),
    ]


CERTIFICATE_SIGNING_REQUEST = Printer(
    (
        NAME,
        AGE,
        Column("SignerName"),
        Column("Requestor"),
        Column("RequestedDuration"),
        Column("Condition"),
    ),
    _signing_request,
)


def _trust_bundle(obj: Object, now: datetime) -> list[Any]:
    return [name_of(obj), dig(obj, "spec", "signerName", default="") or NONE]


CLUSTER_TRUST_BUNDLE = Printer((NAME, Column("SignerName")), _trust_bundle)


def _pod_certificate(obj: Object, now: datetime) -> list[Any]:
    spec = obj.get("spec") or {}
    state = "Pending"
    for entry in dig(obj, "status", "conditions", default=()):
        if entry["type"] in ("Issued", "Denied", "Failed"):
            state = entry["type"]
    keys = ("podName", "serviceAccountName", "nodeName", "signerName")
    words = [spec.get(key, "") for key in keys]
    return [name_of(obj), *words, state, labels_text(spec.get("unverifiedUserAnnotations"))]


POD_CERTIFICATE_REQUEST = Printer(
    (
        NAME,
        Column("PodName"),
        Column("ServiceAccountName"),
        Column("NodeName"),
        Column("SignerName"),
        Column("State", description="Is the request Pending, Issued, Denied, or Failed?"),
        Column("UnverifiedUserAnnotations"),
    ),
    _pod_certificate,
)


def _flow_schema(obj: Object, now: datetime) -> list[Any]:
    dangling = condition(obj, "Dangling")
    return [
        name_of(obj),
        dig(obj, "spec", "priorityLevelConfiguration", "name", default=""),
        dig(obj, "spec", "matchingPrecedence", default=0),
        dig(obj, "spec", "distinguisherMethod", "type", default=NONE),
        age(obj, now),
        "?" if dangling is None else dangling.get("status", ""),
    ]


FLOW_SCHEMA = Printer(
    (
        NAME,
        Column("PriorityLevel"),
        Column("MatchingPrecedence"),
        Column("DistinguisherMethod"),
        AGE,
        Column(
            "MissingPL",
            description="references a broken or non-existent PriorityLevelConfiguration",
        ),
    ),
    _flow_schema,
    order=lambda obj: (dig(obj, "spec", "matchingPrecedence", default=0), name_of(obj)),
)


def _priority_level(obj: Object, now: datetime) -> list[Any]:
    limited = dig(obj, "spec", "limited", default={})
    queuing = dig(limited, "limitResponse", "queuing", default={})
    return [
        name_of(obj),
        dig(obj, "spec", "type", default=""),
        limited.get("nominalConcurrencyShares", NONE),
        *(queuing.get(key, NONE) for key in ("queues", "handSize", "queueLengthLimit")),
        age(obj, now),
    ]


PRIORITY_LEVEL = Printer(
    (
        NAME,
        Column("Type"),
        Column("NominalConcurrencyShares"),
        Column("Queues"),
        Column("HandSize"),
        Column("QueueLengthLimit"),
        AGE,
    ),
    _priority_level,
)
