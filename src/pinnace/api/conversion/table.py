"""Every version that needs more than another apiVersion, and the way from any to any."""

from functools import cache

from pinnace.api.conversion import autoscaling, events, resource
from pinnace.api.conversion.base import Conversion
from pinnace.api.errors import BadRequest
from pinnace.api.kinds.table import RESOURCES
from pinnace.api.objects import Object
from pinnace.api.resources import Resource

CONVERSIONS: tuple[Conversion, ...] = (
    *autoscaling.CONVERSIONS,
    *events.CONVERSIONS,
    *resource.CONVERSIONS,
)


@cache
def _conversions() -> dict[tuple[str, str], Conversion]:
    return {(item.kind, item.api_version): item for item in CONVERSIONS}


@cache
def _families() -> dict[tuple[str, str], str]:
    """Say for each kind and apiVersion where it is stored: views of one thing share that."""
    return {(row.kind, row.group_version): row.prefix for row in RESOURCES if row.prefix}


def convertible(kind: str, one: str, other: str) -> bool:
    """Tell whether objects of a kind can be taken from one apiVersion to another."""
    families = _families()
    found = families.get((kind, one))
    return one == other or (found is not None and found == families.get((kind, other)))


def convert(obj: Object, to: Resource) -> Object:
    """Return an object in another version of its kind, sharing what does not differ.

    The object itself comes back when it is in that version already. Raises BadRequest, naming both
    versions, when there is no way.
    """
    kind, have, want = obj.get("kind", ""), obj.get("apiVersion", ""), to.group_version
    if have == want and kind == to.kind:
        return obj
    if kind != to.kind or not convertible(kind, have, want):
        raise BadRequest(f'{kind} in version "{have}" cannot be converted to {to.kind} in "{want}"')
    source = _conversions().get((kind, have))
    if source is not None:
        obj = source.to_hub(obj)
    target = _conversions().get((kind, want))
    if target is not None:
        obj = target.from_hub(obj)
    return {**obj, "apiVersion": want}


def as_hub(obj: Object) -> Object:
    """Return an object as the hub of its kind has it, which is what validation looks at."""
    source = _conversions().get((obj.get("kind", ""), obj.get("apiVersion", "")))
    return obj if source is None else source.to_hub(obj)
