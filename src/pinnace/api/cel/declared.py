"""What a schema declares to expressions: types, greatest sizes, and how JSON becomes values.

Upstream: apiserver `cel/common/schemas.go` and `valuesunstructured.go`. A node whose schema leaves
its value open is not declared, and neither is what is made of such nodes.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pinnace.api.cel.escaping import escape
from pinnace.api.cel.ranges import Range
from pinnace.api.cel.times import parse_date, parse_duration, parse_timestamp
from pinnace.api.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    Type,
    list_of,
    map_of,
    struct,
)
from pinnace.api.cel.values import KeyedList, SetList

MAX_REQUEST = 3 * 1024 * 1024
_PREFIX = "x-kubernetes-"
_NAME: Mapping[str, Any] = {"type": "string"}
_META: Mapping[str, Any] = {
    "type": "object",
    "properties": {"name": _NAME, "generateName": _NAME},
}
Adapt = Callable[[Any], Any]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Declared:
    """One node. `adapt` makes a value of what is in the JSON; None where that is the value."""

    type: Type
    max_elements: int = 0
    min_size: int = 2
    element: "Declared | None" = None
    key: "Declared | None" = None
    fields: Mapping[str, "Declared"] = field(default_factory=dict)
    adapt: Adapt | None = None

    def value(self, given: Any) -> Any:
        """Return what expressions see of a JSON value."""
        return self.adapt(given) if self.adapt and given is not None else given

    def size_at(self, path: tuple[str, ...]) -> Range | None:
        """Return the size of what a path leads to, which starts at the name of a variable."""
        node: Declared | None = self
        for name in path[1:]:
            if node is None:
                return None
            if name in ("@items", "@values"):
                node = node.element
            elif name == "@keys":
                node = _KEY if node.type.kind == "map" else None
            else:
                node = node.fields.get(name)
        return None if node is None else (0, node.max_elements)

    @property
    def max_count(self) -> int:
        """How many of these fit into a request."""
        return MAX_REQUEST // (self.min_size + 1)


_KEY = Declared(type=STRING, min_size=2)


def declare(
    schema: Mapping[str, Any], name: str, structs: dict[str, Mapping[str, Type]], *, root: bool
) -> Declared | None:
    """Return what a schema declares, or None; object types are added to `structs` by name.

    `root` is for the whole of a resource, whose kind and metadata are always there.
    """
    if schema.get(_PREFIX + "int-or-string"):
        limit = schema.get("maxLength")
        most = MAX_REQUEST - 2 if limit is None else max(limit, 0) * 4
        return Declared(type=DYN, max_elements=most, min_size=1)
    if root:
        given = schema.get("properties") or {}
        more = {"kind": _NAME, "apiVersion": _NAME, "metadata": _with_names(given.get("metadata"))}
        schema = {**schema, "properties": {**given, **more}}
    run = _BY_TYPE.get(schema.get("type") or "")
    return run(schema, name, structs) if run else None


def _with_names(given: Any) -> Mapping[str, Any]:
    inner = given.get("properties") or {} if isinstance(given, dict) else {}
    known = inner.get("name"), inner.get("generateName")
    if all(isinstance(each, dict) and each.get("type") == "string" for each in known):
        return {**given, "type": "object"}
    return _META


def _below(schema: Any, name: str, structs: dict[str, Mapping[str, Type]]) -> Declared | None:
    if not isinstance(schema, dict):
        return None
    return declare(schema, name, structs, root=bool(schema.get(_PREFIX + "embedded-resource")))


_Structs = dict[str, Mapping[str, Type]]


def _array(schema: Mapping[str, Any], name: str, structs: _Structs) -> Declared | None:
    element = _below(schema.get("items"), f"{name}.@idx", structs)
    if element is None:
        return None
    limit = schema.get("maxItems")
    most = (MAX_REQUEST - 2) // (element.min_size + 1) if limit is None else max(limit, 0)
    return Declared(
        type=list_of(element.type),
        max_elements=most,
        element=element,
        adapt=_list_adapter(schema, element.adapt),
    )


def _list_adapter(schema: Mapping[str, Any], inner: Adapt | None) -> Adapt | None:
    kind = schema.get(_PREFIX + "list-type")
    keys = tuple(schema.get(_PREFIX + "list-map-keys") or ())

    def adapt(given: Any) -> Any:
        if not isinstance(given, list):
            return given
        items = [item if item is None else inner(item) for item in given] if inner else given
        if kind == "set":
            return SetList(items)
        return KeyedList(items, keys) if kind == "map" else items

    return adapt if inner or kind in ("set", "map") else None


def _object(schema: Mapping[str, Any], name: str, structs: _Structs) -> Declared | None:
    additional = schema.get("additionalProperties")
    if isinstance(additional, dict):
        return _map(schema, additional, name, structs)
    fields, required = {}, set(schema.get("required") or ())
    adapts, size = {}, 2
    for key, inner in (schema.get("properties") or {}).items():
        escaped = escape(key)
        below = _below(inner, f"{name}.{escaped}", structs)
        if below is None:
            continue
        if escaped is not None:
            fields[escaped] = below
        if below.adapt:
            adapts[key] = below.adapt
        if key in required and inner.get("default") is None:
            size += len(key.encode()) + below.min_size + 4
    structs[name] = {key: below.type for key, below in fields.items()}
    adapt = _object_adapter(adapts) if adapts else None
    return Declared(type=struct(name), fields=fields, min_size=size, adapt=adapt)


def _object_adapter(adapts: Mapping[str, Adapt]) -> Adapt:
    def adapt(given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        made = dict(given)
        for key, run in adapts.items():
            if made.get(key) is not None:
                made[key] = run(made[key])
        return made

    return adapt


def _map(
    schema: Mapping[str, Any], additional: Mapping[str, Any], name: str, structs: _Structs
) -> Declared | None:
    element = _below(additional, f"{name}.@elem", structs)
    if element is None:
        return None
    limit = schema.get("maxProperties")
    most = (MAX_REQUEST - 2) // (element.min_size + 6) if limit is None else max(limit, 0)
    inner = element.adapt

    def adapt(given: Any) -> Any:
        if inner is None or not isinstance(given, dict):
            return given
        return {key: value if value is None else inner(value) for key, value in given.items()}

    return Declared(
        type=map_of(STRING, element.type),
        max_elements=most,
        element=element,
        adapt=adapt if inner else None,
    )


def _parsed(parse: Callable[[str], Any]) -> Adapt:
    def adapt(given: Any) -> Any:
        try:
            return parse(given) if isinstance(given, str) else given
        except (ValueError, binascii.Error):
            return given

    return adapt


_FORMATS: Mapping[str, tuple[Type, int, int, Adapt]] = {
    "duration": (DURATION, 32, 3, _parsed(parse_duration)),
    "date": (TIMESTAMP, 12, 12, _parsed(parse_date)),
    "date-time": (TIMESTAMP, 32, 21, _parsed(parse_timestamp)),
}


def _string(schema: Mapping[str, Any], _name: str, _structs: _Structs) -> Declared:
    limit, enum = schema.get("maxLength"), schema.get("enum")
    kind = schema.get("format") or ""
    if kind == "byte":
        most = MAX_REQUEST - 2 if limit is None else max(limit, 0)
        return Declared(type=BYTES, max_elements=most, adapt=_parsed(base64.b64decode))
    if kind in _FORMATS:
        made, most, least, adapt = _FORMATS[kind]
        return Declared(type=made, max_elements=most, min_size=least, adapt=adapt)
    if limit is not None:
        most = max(limit, 0) * 4
    elif enum:
        most = max((len(v.encode()) for v in enum if isinstance(v, str)), default=0)
    else:
        most = MAX_REQUEST - 2
    return Declared(type=STRING, max_elements=most)


def _to_double(given: Any) -> Any:
    return float(given) if isinstance(given, int) and not isinstance(given, bool) else given


_BY_TYPE: Mapping[str, Callable[[Mapping[str, Any], str, _Structs], Declared | None]] = {
    "array": _array,
    "object": _object,
    "string": _string,
    "boolean": lambda schema, name, structs: Declared(type=BOOL, min_size=4),
    "number": lambda schema, name, structs: Declared(type=DOUBLE, min_size=1, adapt=_to_double),
    "integer": lambda schema, name, structs: Declared(type=INT, min_size=1),
}
