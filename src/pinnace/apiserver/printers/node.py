"""Nodes and what belongs to them."""

from datetime import datetime
from typing import Any

from pinnace.api.objects import Object, condition
from pinnace.apiserver.printers.base import (
    AGE,
    NAME,
    NONE,
    UNKNOWN,
    Column,
    Printer,
    age,
    dig,
    name_of,
    wide,
)

_ROLE_PREFIX = "node-role.kubernetes.io/"


def _roles(node: Object) -> str:
    labels = dig(node, "metadata", "labels", default={})
    roles = {
        key.removeprefix(_ROLE_PREFIX)
        for key in labels
        if key.startswith(_ROLE_PREFIX) and key != _ROLE_PREFIX
    }
    if labels.get("kubernetes.io/role"):
        roles.add(labels["kubernetes.io/role"])
    return ",".join(sorted(roles)) or NONE


def _status(node: Object) -> str:
    ready = condition(node, "Ready")
    words = ["Unknown"]
    if ready is not None:
        words = ["Ready" if ready.get("status") == "True" else "NotReady"]
    if dig(node, "spec", "unschedulable"):
        words.append("SchedulingDisabled")
    return ",".join(words)


def _address(node: Object, kind: str) -> str:
    for entry in dig(node, "status", "addresses", default=()):
        if entry.get("type") == kind:
            return str(entry.get("address", ""))
    return NONE


def _node(node: Object, now: datetime) -> list[Any]:
    info = dig(node, "status", "nodeInfo", default={})
    kernel = info.get("kernelVersion") or UNKNOWN
    if info.get("architecture"):
        kernel += f" ({info['architecture']})"
    return [
        name_of(node),
        _status(node),
        _roles(node),
        age(node, now),
        info.get("kubeletVersion", ""),
        _address(node, "InternalIP"),
        _address(node, "ExternalIP"),
        info.get("osImage") or UNKNOWN,
        kernel,
        info.get("containerRuntimeVersion") or UNKNOWN,
    ]


NODE = Printer(
    (
        NAME,
        Column("Status", description="The status of the node"),
        Column("Roles", description="The roles of the node"),
        AGE,
        Column("Version"),
        wide("Internal-IP"),
        wide("External-IP"),
        wide("OS-Image"),
        wide("Kernel-Version"),
        wide("Container-Runtime"),
    ),
    _node,
)


def _runtime_class(obj: Object, now: datetime) -> list[Any]:
    return [name_of(obj), obj.get("handler", ""), age(obj, now)]


RUNTIME_CLASS = Printer((NAME, Column("Handler"), AGE), _runtime_class)


def _lease(obj: Object, now: datetime) -> list[Any]:
    return [name_of(obj), dig(obj, "spec", "holderIdentity", default=""), age(obj, now)]


LEASE = Printer((NAME, Column("Holder"), AGE), _lease)


def _lease_candidate(obj: Object, now: datetime) -> list[Any]:
    spec = obj.get("spec") or {}
    words = [spec.get(key, "") for key in ("leaseName", "binaryVersion", "emulationVersion")]
    return [name_of(obj), *words, age(obj, now)]


LEASE_CANDIDATE = Printer(
    (NAME, Column("LeaseName"), Column("BinaryVersion"), Column("EmulationVersion"), AGE),
    _lease_candidate,
)
