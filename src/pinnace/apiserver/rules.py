"""What the verbs ask of a kind: one place where strategies, defaults and conversion meet."""

from pinnace.api.conversion import table as conversion
from pinnace.api.defaults.table import apply_defaults
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.api.typed import normalized
from pinnace.api.validation.table import (
    validate_create,
    validate_request,
    validate_subresource_update,
    validate_update,
)
from pinnace.apiserver.strategies.base import Context, Strategy
from pinnace.apiserver.strategies.table import strategy_for

__all__ = [
    "Context",
    "Strategy",
    "apply_defaults",
    "convert",
    "strategy_for",
    "validate_create",
    "validate_request",
    "validate_subresource_update",
    "validate_update",
]


def convert(obj: Object, to: Resource) -> Object:
    """Return an object in another version, written as Go would; raises BadRequest."""
    made = conversion.convert(obj, to)
    return made if made is obj else normalized(made, to)
