"""The quality of service class of a Pod, and what it asks for in sum. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pinnace.api import quantity

QosClass = Literal["Guaranteed", "Burstable", "BestEffort"]
_COUNTED = ("cpu", "memory")


def _sum_up(resources: Iterable[Mapping[str, Any]], kind: str) -> dict[str, quantity.Quantity]:
    total: dict[str, quantity.Quantity] = {}
    for each in resources:
        for name, amount in (each.get(kind) or {}).items():
            parsed = quantity.parse(amount)
            if name in _COUNTED and not parsed.is_zero():
                total[name] = total[name].add(parsed) if name in total else parsed
    return total


def qos_class(pod: Mapping[str, Any]) -> QosClass:
    """Return the class: Guaranteed when cpu and memory limits are set everywhere and equal the
    requests, BestEffort when nothing is set, Burstable between.
    """
    spec = pod["spec"]
    containers = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    resources: list[Mapping[str, Any]] = [each.get("resources") or {} for each in containers]
    if spec.get("resources"):
        resources = [spec["resources"]]
    requests, limits = _sum_up(resources, "requests"), _sum_up(resources, "limits")
    if not requests and not limits:
        return "BestEffort"
    everywhere = all(
        not quantity.parse((each.get("limits") or {}).get(name, 0)).is_zero()
        for each in resources
        for name in _COUNTED
    )
    return "Guaranteed" if everywhere and requests == limits else "Burstable"


def pod_amount(pod: Mapping[str, Any], name: str, kind: str = "requests") -> int:
    """Return what a Pod asks for, cpu in thousandths and everything else in units.

    App containers and sidecars run side by side; an init container runs beside the sidecars that
    are declared before it. The larger of both counts, and the overhead is added.
    """
    spec = pod["spec"]
    own = ((spec.get("resources") or {}).get(kind) or {}).get(name)
    overhead = _amount((spec.get("overhead") or {}).get(name, 0), name)
    if own is not None:
        return _amount(own, name) + overhead
    sidecars, peak = 0, 0
    for each in spec.get("initContainers") or ():
        asked = _asked(each, name, kind)
        if each.get("restartPolicy") == "Always":
            sidecars += asked
            peak = max(peak, sidecars)
        else:
            peak = max(peak, sidecars + asked)
    apps = sum(_asked(each, name, kind) for each in spec.get("containers") or ())
    return max(peak, apps + sidecars) + overhead


def _asked(container: Mapping[str, Any], name: str, kind: str) -> int:
    return _amount(((container.get("resources") or {}).get(kind) or {}).get(name, 0), name)


def _amount(amount: Any, name: str) -> int:
    parsed = quantity.parse(amount)
    return parsed.milli_value() if name == "cpu" else parsed.value()
