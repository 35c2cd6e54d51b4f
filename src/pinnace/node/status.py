"""The status of the Node as this kubelet reports it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pinnace.api.objects import Object, format_time
from pinnace.node.config import KUBELET_VERSION, KubeletConfig
from pinnace.node.facts.allocatable import allocatable
from pinnace.node.facts.base import HostFacts
from pinnace.node.runtime import ImageStatus, RuntimeStatus, RuntimeVersion

_MAX_IMAGES = 50
# What the kubelet itself counts; any other resource in a Node's status is somebody else's.
_OWN = ("cpu", "memory", "ephemeral-storage", "pods")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What was found out for one report."""

    facts: HostFacts
    version: RuntimeVersion
    runtime: RuntimeStatus | None
    images: Sequence[ImageStatus]
    port: int
    pressure: Mapping[str, bool]


def _conditions(sight: Sight, before: Mapping[str, Any], now: datetime) -> list[Object]:
    checks = {
        "MemoryPressure": ("kubelet has sufficient memory available", "KubeletHasSufficientMemory"),
        "DiskPressure": ("kubelet has no disk pressure", "KubeletHasNoDiskPressure"),
        "PIDPressure": ("kubelet has sufficient PID available", "KubeletHasSufficientPID"),
    }
    found = []
    for kind, (message, reason) in checks.items():
        if sight.pressure.get(kind):
            message = f"kubelet has {kind.removesuffix('Pressure').lower()} pressure"
            reason = f"KubeletHas{kind}"
        verdict = "True" if sight.pressure.get(kind) else "False"
        found.append(_condition(kind, verdict, reason, message, before, now))
    ready, why = _readiness(sight.runtime)
    reason = "KubeletReady" if ready else "KubeletNotReady"
    found.append(_condition("Ready", "True" if ready else "False", reason, why, before, now))
    return found


def _readiness(runtime: RuntimeStatus | None) -> tuple[bool, str]:
    if runtime is None:
        return False, "container runtime is down"
    lacking = [
        f"container runtime {noun} not ready: {kind}={str(found.status).lower()} "
        f"reason:{found.reason} message:{found.message}"
        for kind, noun in (("RuntimeReady", "status"), ("NetworkReady", "network"))
        for found in runtime.conditions
        if found.type == kind and not found.status
    ]
    return (False, "; ".join(lacking)) if lacking else (True, "kubelet is posting ready status")


def _condition(
    kind: str, status: str, reason: str, message: str, before: Mapping[str, Any], now: datetime
) -> Object:
    old = before.get(kind) or {}
    changed = old.get("status") != status
    return {
        "type": kind,
        "status": status,
        "lastHeartbeatTime": format_time(now),
        "lastTransitionTime": format_time(now) if changed else old["lastTransitionTime"],
        "reason": reason,
        "message": message,
    }


def _addresses(config: KubeletConfig) -> list[Object]:
    addresses = [{"type": "InternalIP", "address": each} for each in config.addresses]
    return [*addresses, {"type": "Hostname", "address": config.node_name}]


def _images(images: Sequence[ImageStatus]) -> list[Object]:
    largest = sorted(images, key=lambda each: each.size, reverse=True)[:_MAX_IMAGES]
    return [
        {"names": [*each.digests, *each.tags][:5], "sizeBytes": each.size}
        for each in largest
        if each.digests or each.tags
    ]


def _with_foreign(own: Mapping[str, str], shown: Mapping[str, str]) -> dict[str, str]:
    """Keep extended resources that others have put there."""
    foreign = {
        name: amount
        for name, amount in shown.items()
        if name not in own and name not in _OWN and not name.startswith("hugepages-")
    }
    return {**own, **foreign}


def node_status(
    config: KubeletConfig, sight: Sight, shown: Mapping[str, Any], now: datetime
) -> Object:
    """Return the Node's status; what others own in the status that is `shown` stays."""
    capacity = {**sight.facts.capacity, "pods": str(config.max_pods)}
    before = {str(each["type"]): each for each in shown.get("conditions") or ()}
    conditions = _conditions(sight, before, now)
    own = {each["type"] for each in conditions}
    others = [each for kind, each in before.items() if kind not in own]
    info = {
        **sight.facts.node_info,
        "containerRuntimeVersion": f"{sight.version.name}://{sight.version.version}",
        "kubeletVersion": KUBELET_VERSION,
        "kubeProxyVersion": "",
    }
    status = dict(shown)
    status |= {
        "capacity": _with_foreign(capacity, shown.get("capacity") or {}),
        "allocatable": _with_foreign(allocatable(capacity), shown.get("allocatable") or {}),
        "conditions": [*others, *conditions],
        "addresses": _addresses(config),
        "daemonEndpoints": {"kubeletEndpoint": {"Port": sight.port}},
        "nodeInfo": info,
        "images": _images(sight.images),
    }
    return status


def same_but_heartbeat(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Say whether two statuses say the same, whenever they said it."""

    def plain(status: Mapping[str, Any]) -> Object:
        conditions = [
            {key: value for key, value in each.items() if key != "lastHeartbeatTime"}
            for each in status.get("conditions") or ()
        ]
        return {**status, "conditions": conditions}

    return plain(one) == plain(other)
