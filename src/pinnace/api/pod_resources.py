"""What a pod asks for in sum, in quantities that still know how they were written."""

from collections.abc import Callable
from typing import Any

from pinnace.api.amounts import effective
from pinnace.api.objects import Object
from pinnace.api.quantity import Quantity, parse

Amounts = dict[str, Quantity]


def amounts(holder: Object, kind: str) -> Amounts:
    """Return `requests` or `limits` of a container, a pod spec or a claim spec."""
    given = (holder.get("resources") or {}).get(kind) or {}
    return {name: parse(value) for name, value in given.items()}


def pod_total(pod: Object, kind: str, *, overhead: bool = False) -> Amounts:
    """Return the effective `requests` or `limits` of a pod, without overhead if not asked for."""
    return effective(pod.get("spec") or {}, kind, _read, overhead=overhead)


def _read(name: str, text: Any) -> Quantity:
    return parse(text)


def aggregate(spec: Object, side: str) -> Amounts:
    """Return what a pod's containers need at their peak: init containers run one by one.

    Restartable init containers run on beside the others, so they add up.
    """
    total: Amounts = {}
    for container in _listed(spec, "containers"):
        _merge(total, _amounts(container, side), Quantity.add)
    sidecars: Amounts = {}
    peak: Amounts = {}
    for container in _listed(spec, "initContainers"):
        own = _amounts(container, side)
        if container.get("restartPolicy") == "Always":
            _merge(total, own, Quantity.add)
            _merge(sidecars, own, Quantity.add)
            own = dict(sidecars)
        else:
            _merge(own, sidecars, Quantity.add)
        _merge(peak, own, max)
    _merge(total, peak, max)
    return total


def _merge(
    into: Amounts,
    other: Amounts,
    how: Callable[[Quantity, Quantity], Quantity],
) -> None:
    for name, amount in other.items():
        into[name] = how(into[name], amount) if name in into else amount


def _listed(spec: Object, key: str) -> list[Object]:
    listed = spec.get(key)
    return [c for c in (listed if isinstance(listed, list) else ()) if isinstance(c, dict)]


def _amounts(container: Object, side: str) -> Amounts:
    resources = container.get("resources")
    listed = resources.get(side) if isinstance(resources, dict) else None
    found: Amounts = {}
    for name, text in (listed if isinstance(listed, dict) else {}).items():
        if isinstance(text, str):
            try:
                found[name] = parse(text)
            except ValueError:
                continue  # validation says so
    return found
