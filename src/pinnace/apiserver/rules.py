"""What the verbs ask of a kind: one place where strategies, defaults and validation meet."""

from pinnace.api.errors import Cause
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.apiserver.strategies.base import Context, Strategy
from pinnace.apiserver.strategies.table import strategy_for

__all__ = ["Context", "Strategy", "strategy_for"]


def apply_defaults(row: Resource, obj: Object) -> None:
    """Fill in a kind's defaults."""


def validate_create(row: Resource, obj: Object) -> list[Cause]:
    """Return what is wrong with a new object."""
    return []


def validate_update(row: Resource, obj: Object, old: Object) -> list[Cause]:
    """Return what is wrong with a change."""
    return []


def validate_subresource(row: Resource, subresource: str, obj: Object, old: Object) -> list[Cause]:
    """Return what is wrong with a write to a subresource."""
    return []


def convert(obj: Object, to: Resource) -> Object:
    """Return the object in another version."""
    return {**obj, "kind": to.kind, "apiVersion": to.group_version}


def same_shape(head: str, row: Resource) -> bool:
    """Say whether stored bytes with this head are right for a row but for the head."""
    return f'"kind":"{row.kind}"' in head
