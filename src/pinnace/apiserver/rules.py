"""What the verbs ask of a kind: one place where strategies, defaults and conversion meet.

A built-in kind is found in the tables of `api`; a custom one brings what its definition says.
"""

from pinnace.api.conversion import table as conversion
from pinnace.api.defaults import table as defaults
from pinnace.api.errors import Cause
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.api.typed import normalized
from pinnace.api.validation import table as validation
from pinnace.api.validation.table import validate_request
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


def apply_defaults(row: Resource, obj: Object) -> int:
    """Fill in, in place, what the kind fills in; twice is as once.

    Returns how many bytes of JSON a custom kind's defaults are, which may be a great many more
    than the object had. Raises DefaultsTooLarge.
    """
    if row.custom is not None:
        return row.custom.apply_defaults(obj)
    defaults.apply_defaults(row, obj)
    return 0


def size_of_defaults(row: Resource) -> int:
    """Return how many bytes of JSON a custom kind's defaults are together, each counted once."""
    return row.custom.defaults_size if row.custom is not None else 0


def convert(obj: Object, to: Resource) -> Object:
    """Return an object in another version, written as Go would; raises BadRequest."""
    if to.custom is not None:
        return to.custom.converted(obj)
    made = conversion.convert(obj, to)
    return made if made is obj else normalized(made, to)


def validate_create(row: Resource, obj: Object) -> list[Cause]:
    """Return every rule that a new object breaks; it has been defaulted and prepared."""
    found = validation.validate_create(row, obj)
    return found if row.custom is None else found + row.custom.check(obj)


def validate_update(
    row: Resource, obj: Object, old: Object, warnings: list[str] | None = None
) -> list[Cause]:
    """Return every rule that a changed object breaks; `warnings` gets those it may go on to."""
    found = validation.validate_update(row, obj, old)
    return found if row.custom is None else found + row.custom.check_update(obj, old, warnings)


def validate_subresource_update(
    row: Resource,
    subresource: str,
    obj: Object,
    old: Object,
    warnings: list[str] | None = None,
) -> list[Cause]:
    """Return every rule that a write to the named subresource of an object breaks."""
    found = validation.validate_subresource_update(row, subresource, obj, old)
    if row.custom is None:
        return found
    if subresource == "status":
        return found + row.custom.check_status(obj, old, warnings)
    return found + row.custom.check_update(obj, old, warnings)
