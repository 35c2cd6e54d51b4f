"""What a pod asks for in sum: containers together, init containers one after another."""

from pinnace.api.objects import Object
from pinnace.api.quantity import Quantity, parse

Amounts = dict[str, Quantity]

# A pod's own resources replace the sum over its containers for these.
_POD_LEVEL = ("cpu", "memory")


def amounts(holder: Object, kind: str) -> Amounts:
    """Return `requests` or `limits` of a container, a pod spec or a claim spec."""
    given = (holder.get("resources") or {}).get(kind) or {}
    return {name: parse(value) for name, value in given.items()}


def pod_total(pod: Object, kind: str) -> Amounts:
    """Return the effective `requests` or `limits` of a pod, without overhead.

    Init containers run one by one, so only the largest counts; those that restart always go on
    running beside what follows them, so they add up.
    """
    spec = pod.get("spec") or {}
    total: Amounts = {}
    for container in spec.get("containers") or ():
        _add(total, amounts(container, kind))
    sidecars: Amounts = {}
    peak: Amounts = {}
    for container in spec.get("initContainers") or ():
        own = amounts(container, kind)
        if container.get("restartPolicy") == "Always":
            _add(total, own)
            _add(sidecars, own)
            _raise_to(peak, sidecars)
        else:
            _add(own, sidecars)
            _raise_to(peak, own)
    _raise_to(total, peak)
    for name, value in amounts(spec, kind).items():
        if name in _POD_LEVEL:
            total[name] = value
    return total


def _add(total: Amounts, more: Amounts) -> None:
    for name, value in more.items():
        total[name] = total[name].add(value) if name in total else value


def _raise_to(total: Amounts, least: Amounts) -> None:
    for name, value in least.items():
        if name not in total or total[name] < value:
            total[name] = value
