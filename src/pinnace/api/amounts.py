"""What a pod asks of its node, as whole numbers: milli-units of cpu and units of all else."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pinnace.api import quantity
from pinnace.api.objects import Object

CPU, MEMORY, EPHEMERAL, PODS = "cpu", "memory", "ephemeral-storage", "pods"

Amounts = dict[str, int]


@lru_cache(maxsize=4096)
def amount(resource: str, text: str | int | float) -> int:
    """Return a quantity as the whole number that is compared and summed."""
    parsed = quantity.parse(text)
    return parsed.milli_value() if resource == CPU else parsed.value()


def container_requests(container: Mapping[str, Any]) -> Amounts:
    """Return what one container asks for."""
    asked = (container.get("resources") or {}).get("requests") or {}
    return {name: amount(name, text) for name, text in asked.items()}


def pod_requests(pod: Object) -> Amounts:
    """Return what a pod asks of its node.

    The containers and sidecars together, or the most that start-up needs at one time (each init
    container beside the sidecars started before it), whichever is more; pod-level requests replace
    that; the overhead comes on top. See KEP-753, KEP-2837 and the page "Init containers".
    """
    spec = pod["spec"]
    running: Amounts = {}
    for container in spec.get("containers") or ():
        _add(running, container_requests(container))
    sidecars: Amounts = {}
    starting: Amounts = {}
    for container in spec.get("initContainers") or ():
        asked = container_requests(container)
        if container.get("restartPolicy") == "Always":
            _add(running, asked)
            _add(sidecars, asked)
            _most(starting, sidecars)
        else:
            _most(starting, _sum(asked, sidecars))
    _most(running, starting)
    whole = (spec.get("resources") or {}).get("requests") or {}
    for name, text in whole.items():
        running[name] = amount(name, text)
    for name, text in (spec.get("overhead") or {}).items():
        running[name] = running.get(name, 0) + amount(name, text)
    return running


def _add(total: Amounts, more: Amounts) -> None:
    for name, value in more.items():
        total[name] = total.get(name, 0) + value


def _sum(first: Amounts, second: Amounts) -> Amounts:
    total = dict(first)
    _add(total, second)
    return total


def _most(total: Amounts, other: Amounts) -> None:
    for name, value in other.items():
        total[name] = max(total.get(name, 0), value)
