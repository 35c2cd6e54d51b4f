"""What a pod asks of its node: containers together, init containers one after another.

The sum is worked out once, for quantities as they are written (quotas, limit ranges) and for whole
numbers (scheduler, kubelet): milli-units of cpu and units of all else.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Protocol, Self, TypeVar

from pinnace.api import quantity

CPU, MEMORY, EPHEMERAL, PODS = "cpu", "memory", "ephemeral-storage", "pods"

Amounts = dict[str, int]


class _Summable(Protocol):
    def __add__(self, other: Self, /) -> Self: ...

    def __lt__(self, other: Self, /) -> bool: ...


_Value = TypeVar("_Value", bound=_Summable)


@lru_cache(maxsize=4096)
def amount(resource: str, text: str | int | float) -> int:
    """Return a quantity as the whole number that is compared and summed."""
    parsed = quantity.parse(text)
    return parsed.milli_value() if resource == CPU else parsed.value()


def container_requests(container: Mapping[str, Any]) -> Amounts:
    """Return what one container asks for."""
    return _asked(container, "requests", amount)


def pod_amounts(pod: Mapping[str, Any], kind: str) -> Amounts:
    """Return the `requests` or `limits` of a whole pod, its overhead included."""
    return effective(pod["spec"], kind, amount, overhead=True)


def pod_requests(pod: Mapping[str, Any]) -> Amounts:
    """Return what a pod asks of its node, its overhead included."""
    return pod_amounts(pod, "requests")


def effective(
    spec: Mapping[str, Any], kind: str, read: Callable[[str, Any], _Value], *, overhead: bool
) -> dict[str, _Value]:
    """Return the `requests` or `limits` of a pod with this spec, each amount as `read` reads it.

    The containers and sidecars together, or the most that start-up needs at one time (each init
    container beside the sidecars started before it), whichever is more; pod-level resources replace
    that; the overhead comes on top. See KEP-753, KEP-2837 and the page "Init containers".
    """
    running: dict[str, _Value] = {}
    for container in spec.get("containers") or ():
        _add(running, _asked(container, kind, read))
    sidecars: dict[str, _Value] = {}
    starting: dict[str, _Value] = {}
    for container in spec.get("initContainers") or ():
        asked = _asked(container, kind, read)
        if container.get("restartPolicy") == "Always":
            _add(running, asked)
            _add(sidecars, asked)
            _raise_to(starting, sidecars)
        else:
            _add(asked, sidecars)
            _raise_to(starting, asked)
    _raise_to(running, starting)
    whole = _asked(spec, kind, read)
    running |= {name: value for name, value in whole.items() if _is_pod_level(name)}
    for name, text in (spec.get("overhead") or {}).items() if overhead else ():
        # A limit that is not there stays not there.
        if kind == "requests" or name in running:
            _add(running, {name: read(name, text)})
    return running


def _is_pod_level(name: str) -> bool:
    return name in (CPU, MEMORY) or name.startswith("hugepages-")


def _asked(
    holder: Mapping[str, Any], kind: str, read: Callable[[str, Any], _Value]
) -> dict[str, _Value]:
    given = (holder.get("resources") or {}).get(kind) or {}
    return {name: read(name, text) for name, text in given.items()}


def _add(total: dict[str, _Value], more: dict[str, _Value]) -> None:
    for name, value in more.items():
        total[name] = total[name] + value if name in total else value


def _raise_to(total: dict[str, _Value], least: dict[str, _Value]) -> None:
    for name, value in least.items():
        if name not in total or total[name] < value:
            total[name] = value
