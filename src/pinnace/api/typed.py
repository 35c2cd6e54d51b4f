"""What an object of a built-in kind looks like after Go has decoded it and written it again.

Upstream's API server decodes bodies into structs, so fields that the kind does not know are
dropped, null means absent, quantities are written canonically and times in UTC. Raw JSON inside an
object is left alone, and so are objects of kinds without a schema.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from datetime import UTC
from types import MappingProxyType
from typing import Any

from pinnace.api import quantity
from pinnace.api.objects import Object, format_time, parse_time
from pinnace.api.resources import Resource
from pinnace.api.schema.load import Schema, load
from pinnace.api.schema.types import FieldDef, Type, TypeDef

_MICRO_TIME = "MicroTime"


def normalized(obj: Object, row: Resource) -> Object:
    """Return an object as upstream would write it back, sharing what is so already.

    Expects an object without type errors (`fieldvalidation.type_errors`); what does not fit is left
    as it is. kind and apiVersion always stay.
    """
    schema = load()
    kind = schema.type_for(row.group, row.version, row.kind)
    return obj if kind is None else _object(schema, obj, kind)


def normalized_as(name: str, value: Object) -> Object:
    """Return a value of the type with that definition name as upstream would write it back."""
    schema = load()
    kind = schema.named(name)
    return value if kind is None else _object(schema, value, kind)


def _object(schema: Schema, value: Object, kind: TypeDef) -> Object:
    if not kind.fields:
        return value
    made: Object = {}
    same = True
    for name, inner in value.items():
        field = kind.fields.get(name)
        if field is None or inner is None:
            same = False
            continue
        after = _field(schema, inner, field)
        same = same and after is inner
        made[name] = after
    return value if same else made


def _field(schema: Schema, value: Any, field: FieldDef) -> Any:
    kind = field.type
    if kind is Type.STRING:
        form = _FORMS.get(field.format)
        return value if form is None else form(value, field)
    if kind is Type.OBJECT:
        inner = schema.type_of(field)
        fits = inner is not None and isinstance(value, dict)
        return _object(schema, value, inner) if fits and inner is not None else value
    if kind is Type.ARRAY and isinstance(value, list):
        return _list(schema, value, field.item)
    if kind is Type.MAP and isinstance(value, dict):
        return _map(schema, value, field.item)
    return _quantity(value) if kind is Type.QUANTITY else value


def _list(schema: Schema, value: list[Any], item: FieldDef | None) -> list[Any]:
    if item is None or item.type in (Type.INTEGER, Type.BOOLEAN):
        return value
    made = [_zero(item) if one is None else _field(schema, one, item) for one in value]
    return value if all(map(_is, made, value)) else made


def _map(schema: Schema, value: dict[str, Any], item: FieldDef | None) -> dict[str, Any]:
    if item is None:
        return value
    made = {
        name: _zero(item) if one is None else _field(schema, one, item)
        for name, one in value.items()
    }
    return value if all(made[name] is one for name, one in value.items()) else made


def _is(one: Any, other: Any) -> bool:
    return one is other


def _zero(field: FieldDef) -> Any:
    """Return what Go makes of a null inside a list or map, where it cannot be absent."""
    zeros: dict[Type, Any] = {
        Type.STRING: "", Type.QUANTITY: "0", Type.INT_OR_STRING: 0, Type.INTEGER: 0,
        Type.NUMBER: 0, Type.BOOLEAN: False,
    }  # fmt: skip
    if field.type is Type.OBJECT:
        return {}
    return zeros.get(field.type)


def _quantity(value: Any) -> Any:
    try:
        text = quantity.canonical(value.strip() if isinstance(value, str) else value)
    except (TypeError, ValueError):
        return value
    return value if text == value else text


def _time(value: Any, field: FieldDef) -> Any:
    if not isinstance(value, str):
        return value
    micro = field.ref.endswith(_MICRO_TIME)
    # Nearly all times are written so already: 2026-01-02T03:04:05Z, with or without six digits.
    if value.endswith("Z") and len(value) == (27 if micro else 20):
        return value
    try:
        when = parse_time(value).astimezone(UTC)
    except ValueError:
        return value
    if micro:
        return when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return format_time(when)


def _base64(value: Any, _: FieldDef) -> Any:
    """Go's decoder skips line ends; what it writes has none, and no stray bits at its end."""
    if not isinstance(value, str) or not ("\n" in value or "\r" in value or value.endswith("=")):
        return value
    try:
        text = b64encode(b64decode(value.replace("\r", "").replace("\n", ""))).decode()
    except ValueError:
        return value
    return value if text == value else text


_FORMS: Mapping[str, Callable[[Any, FieldDef], Any]] = MappingProxyType(
    {"date-time": _time, "byte": _base64}
)
