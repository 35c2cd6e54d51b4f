"""What a pod asks for in sum, in quantities that still know how they were written."""

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
