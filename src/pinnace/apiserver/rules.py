"""What the verbs ask of a kind: one place where strategies, defaults and conversion meet."""

from pinnace.api.conversion.table import convert
from pinnace.api.defaults.table import apply_defaults
from pinnace.api.errors import Cause
from pinnace.api.names import path_segment_name
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.apiserver.strategies.base import Context, Strategy
from pinnace.apiserver.strategies.table import strategy_for

__all__ = ["Context", "Strategy", "apply_defaults", "convert", "strategy_for"]


def validate_create(row: Resource, obj: Object) -> list[Cause]:
    """Return what is wrong with a new object."""
    return _metadata_causes(obj)


def validate_update(row: Resource, obj: Object, old: Object) -> list[Cause]:
    """Return what is wrong with a change."""
    return _metadata_causes(obj) + _kept_causes(obj, old)


def validate_subresource(row: Resource, subresource: str, obj: Object, old: Object) -> list[Cause]:
    """Return what is wrong with a write to a subresource."""
    return _kept_causes(obj, old)


def _metadata_causes(obj: Object) -> list[Cause]:
    name = obj["metadata"].get("name")
    if not name:
        why = "Required value: name or generateName is required"
        return [Cause("FieldValueRequired", "metadata.name", why)]
    return [
        Cause("FieldValueInvalid", "metadata.name", f'Invalid value: "{name}": {why}')
        for why in path_segment_name(name)
    ]


def _kept_causes(obj: Object, old: Object) -> list[Cause]:
    uid, was = obj["metadata"].get("uid"), old["metadata"].get("uid")
    if uid == was:
        return []
    why = f'Invalid value: "{uid}": field is immutable'
    return [Cause("FieldValueInvalid", "metadata.uid", why)]
