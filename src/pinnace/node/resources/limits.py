"""Requests and limits in the kernel's terms: shares, quotas, bytes, OOM scores. Pure."""

from collections.abc import Mapping
from typing import Any

from pinnace.api.amounts import CPU, MEMORY, amount, pod_amounts
from pinnace.api.qos import qos_class
from pinnace.node.podspec import Declared
from pinnace.node.runtime import LinuxResources

MIN_SHARES = 2
MAX_SHARES = 262144
PERIOD = 100_000
MIN_QUOTA = 1000
# From this priority on a Pod is critical for the node and is killed last.
CRITICAL_PRIORITY = 2_000_000_000


def cpu_shares(milli: int) -> int:
    """Return the cpu.shares for thousandths of a cpu."""
    return MIN_SHARES if milli == 0 else min(max(milli * 1024 // 1000, MIN_SHARES), MAX_SHARES)


def cpu_quota(milli: int) -> int:
    """Return the CFS quota for a period of 100 ms, 0 for no limit."""
    return max(milli * PERIOD // 1000, MIN_QUOTA) if milli else 0


def oom_score(pod: Mapping[str, Any], container: Declared, *, node_memory: int) -> int:
    """Return oom_score_adj: the less a Pod was promised, the earlier it is killed."""
    if int(pod["spec"].get("priority") or 0) >= CRITICAL_PRIORITY:
        return -997
    kind = qos_class(pod["spec"])
    if kind == "Guaranteed":
        return -997
    if kind == "BestEffort":
        return 1000
    requested = _amount(container.spec, "requests", "memory")
    score = 1000 - (1000 * requested) // max(node_memory, 1)
    if score < 1000 - 997:
        return 1000 - 997
    return 999 if score == 1000 else score


def container_resources(
    pod: Mapping[str, Any], container: Declared, *, node_memory: int
) -> LinuxResources:
    """Return the limits of one container."""
    request = _amount(container.spec, "requests", "cpu")
    limit = _amount(container.spec, "limits", "cpu")
    asked = (container.spec.get("resources") or {}).get("requests") or {}
    # A limit without a request is a request of the same size.
    shares = cpu_shares(limit if "cpu" not in asked and limit else request)
    return LinuxResources(
        cpu_period=PERIOD if limit else 0,
        cpu_quota=cpu_quota(limit),
        cpu_shares=shares,
        memory_limit=_amount(container.spec, "limits", "memory"),
        oom_score_adj=oom_score(pod, container, node_memory=node_memory),
    )


def pod_resources(pod: Mapping[str, Any]) -> LinuxResources:
    """Return the limits of the whole Pod's control group; a limit holds only if all have one."""
    spec = pod["spec"]
    containers = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]

    def bounded(name: str) -> bool:
        own = ((spec.get("resources") or {}).get("limits") or {}).get(name)
        return own is not None or all(_amount(each, "limits", name) for each in containers)

    limits = pod_amounts(pod, "limits")
    quota = cpu_quota(limits.get(CPU, 0)) if bounded(CPU) else 0
    return LinuxResources(
        cpu_period=PERIOD if quota else 0,
        cpu_quota=quota,
        cpu_shares=cpu_shares(pod_amounts(pod, "requests").get(CPU, 0)),
        memory_limit=limits.get(MEMORY, 0) if bounded(MEMORY) else 0,
    )


def _amount(container: Mapping[str, Any], kind: str, name: str) -> int:
    return amount(name, ((container.get("resources") or {}).get(kind) or {}).get(name, 0))
