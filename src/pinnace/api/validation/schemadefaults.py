"""Whether the defaults in the schema of a custom resource fit that schema."""

import copy
from collections.abc import Iterator

from pinnace.api.custom.embedded import check_embedded
from pinnace.api.custom.pruning import prune, prune_value
from pinnace.api.custom.structural import META_FIELDS, Structural, build
from pinnace.api.custom.values import Node, check_values, compile_values
from pinnace.api.errors import Cause
from pinnace.api.validation.base import invalid
from pinnace.api.validation.structurals import Schema


def default_causes(schema: Schema, path: str, *, pruned: bool) -> list[Cause]:
    """Return what is wrong with the defaults; `pruned` asks for none with unknown fields."""
    return list(_below(build(schema).as_resource(), path, inside_meta=False, pruned=pruned))


def _below(schema: Structural, path: str, *, inside_meta: bool, pruned: bool) -> Iterator[Cause]:
    inside_meta = inside_meta and not schema.embedded
    if schema.has_default:
        yield from _own(schema, f"{path}.default", inside_meta=inside_meta, pruned=pruned)
    if schema.items is not None:
        yield from _below(schema.items, f"{path}.items", inside_meta=inside_meta, pruned=pruned)
    for name, inner in sorted(schema.properties.items()):
        inside = inside_meta or (schema.embedded and name in META_FIELDS)
        where = f"{path}.properties[{name}]"
        yield from _below(inner, where, inside_meta=inside, pruned=pruned)


def _own(schema: Structural, path: str, *, inside_meta: bool, pruned: bool) -> Iterator[Cause]:
    if not inside_meta and pruned and _has_unknown(schema):
        yield invalid(path, schema.default, "must not have unknown fields")
    found = [] if inside_meta else check_embedded(schema.default, schema, path)
    if not found:
        found = [_placed(cause, path) for cause in check_values(_node(schema), schema.default)]
    yield from found


def _node(schema: Structural) -> Node:
    return compile_values({key: value for key, value in schema.raw.items() if key != "default"})


def _has_unknown(schema: Structural) -> bool:
    value = copy.deepcopy(schema.default)
    dropped = prune(value, schema) if schema.embedded else prune_value(value, schema)
    return bool(dropped)


def has_unpruned(schema: Schema) -> bool:
    """Say whether some default has fields that its schema does not know."""
    return any(
        "must not have unknown fields" in cause.body()
        for cause in default_causes(schema, "", pruned=True)
    )


def _placed(cause: Cause, path: str) -> Cause:
    """Return a cause about a value as one about the field that the value stands in."""
    inner = cause.field
    where = path if not inner or inner == "<nil>" else f"{path}.{inner.lstrip('.')}"
    return Cause(cause.reason, where, cause.body())
