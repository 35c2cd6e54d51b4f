"""Taints and tolerations (core/v1 Toleration.ToleratesTaint)."""

from collections.abc import Iterable, Mapping
from typing import Any


def tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    """Say whether a toleration covers a taint.

    No effect covers all effects, no key all keys. Operators but Equal and Exists cover nothing: Gt
    and Lt are off in this version, and what is unknown never covers.
    """
    if (toleration.get("effect") or taint.get("effect")) != taint.get("effect"):
        return False
    if (toleration.get("key") or taint.get("key")) != taint.get("key"):
        return False
    operator = toleration.get("operator") or "Equal"
    if operator == "Equal":
        return (toleration.get("value") or "") == (taint.get("value") or "")
    return bool(operator == "Exists")


def is_tolerated(taint: Mapping[str, Any], tolerations: Iterable[Mapping[str, Any]] | None) -> bool:
    """Say whether one of the tolerations covers the taint."""
    return any(tolerates(toleration, taint) for toleration in tolerations or ())
