"""Leases: coordinated leader election is off, and its fields are dropped where they are new."""

from dataclasses import dataclass

from pinnace.api.objects import Object
from pinnace.apiserver.strategies.base import Context, Strategy

COORDINATED = ("strategy", "preferredHolder")


@dataclass(frozen=True, kw_only=True)
class Leases(Strategy):
    """Drop who should lead, and how that is found out."""

    def prepare_create(self, obj: Object, ctx: Context) -> None:
        """Drop both."""
        super().prepare_create(obj, ctx)
        _drop(obj, {})

    def prepare_update(self, obj: Object, old: Object, ctx: Context) -> None:
        """Drop what is not stored."""
        _drop(obj, old)
        super().prepare_update(obj, old, ctx)


def _drop(obj: Object, old: Object) -> None:
    spec, before = obj.get("spec") or {}, old.get("spec") or {}
    for key in COORDINATED:
        if before.get(key) is None:
            spec.pop(key, None)
