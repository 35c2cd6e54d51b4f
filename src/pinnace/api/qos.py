"""The quality of service class of a pod, from what its containers ask for."""

from collections.abc import Mapping
from typing import Any, Literal

from pinnace.api.quantity import Quantity, parse

COMPUTE = ("cpu", "memory")
QosClass = Literal["Guaranteed", "Burstable", "BestEffort"]
Amounts = dict[str, Quantity]


def qos_class(spec: Mapping[str, Any]) -> QosClass:
    """Return Guaranteed, Burstable or BestEffort.

    Guaranteed takes a limit on cpu and memory in every container, each equal to its request in
    sum; BestEffort takes that nothing is asked for at all.
    """
    requests: Amounts = {}
    limits: Amounts = {}
    if isinstance(spec.get("resources"), dict):
        everyone_limited = _collect([spec], requests, limits)
        if not _of(spec, "limits"):
            everyone_limited = True  # compared below: requests without limits never match
    else:
        containers = [*_listed(spec, "containers"), *_listed(spec, "initContainers")]
        everyone_limited = _collect(containers, requests, limits)
    if not requests and not limits:
        return "BestEffort"
    return "Guaranteed" if everyone_limited and requests == limits else "Burstable"


def _collect(holders: list[Mapping[str, Any]], requests: Amounts, limits: Amounts) -> bool:
    """Add up what is asked for; tell whether each holder limits both cpu and memory."""
    everyone_limited = True
    for holder in holders:
        _add(requests, _of(holder, "requests"))
        own = _of(holder, "limits")
        _add(limits, own)
        everyone_limited = everyone_limited and len(own) == len(COMPUTE)
    return everyone_limited


def _listed(spec: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    listed = spec.get(key)
    return [c for c in (listed if isinstance(listed, list) else ()) if isinstance(c, dict)]


def _of(holder: Mapping[str, Any], side: str) -> Amounts:
    resources: Any = holder.get("resources")
    listed: Any = resources.get(side) if isinstance(resources, dict) else None
    if not isinstance(listed, dict):
        return {}
    found = {}
    for name in COMPUTE:
        amount = _parsed(listed.get(name))
        if amount is not None and amount.nano > 0:
            found[name] = amount
    return found


def _parsed(value: Any) -> Quantity | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        return parse(value)
    except ValueError:
        return None  # validation says so


def _add(total: Amounts, more: Amounts) -> None:
    for name, amount in more.items():
        total[name] = total[name].add(amount) if name in total else amount
