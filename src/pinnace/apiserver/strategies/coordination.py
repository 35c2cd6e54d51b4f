"""Leases: what coordinated election would need is dropped, since it is not enabled by default."""

from dataclasses import dataclass
from typing import Any

from pinnace.api.objects import Object
from pinnace.apiserver.strategies.base import Context, Strategy

DISABLED = ("strategy", "preferredHolder")


@dataclass(frozen=True, kw_only=True)
class Leases(Strategy):
    """Held by whoever writes them first."""

    def prepare_create(self, obj: Object, ctx: Context) -> None:
        """Drop what is not enabled."""
        _drop(obj.get("spec"), None)
        super().prepare_create(obj, ctx)

    def prepare_update(self, obj: Object, old: Object, ctx: Context) -> None:
        """Drop the same, unless the old lease has it."""
        _drop(obj.get("spec"), old.get("spec"))
        super().prepare_update(obj, old, ctx)


def _drop(spec: Any, old: Any) -> None:
    if not isinstance(spec, dict):
        return
    for key in DISABLED:
        if not isinstance(old, dict) or old.get(key) is None:
            spec.pop(key, None)
