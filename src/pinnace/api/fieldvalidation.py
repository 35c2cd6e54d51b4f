"""What a strict decoder says of a body: unknown and repeated fields, and values of wrong types.

`unknown_and_duplicate_fields` answers fieldValidation=Strict and Warn; `type_errors` names the
values that Go's decoder would refuse whatever fieldValidation says. Texts are those of Kubernetes'
own JSON decoder.
"""

import json
import re
from collections import Counter
from typing import Any

import orjson

from pinnace.api import gotime, quantity
from pinnace.api.codec.json import decode, go_name
from pinnace.api.errors import BadRequest
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.api.schema.load import Schema, load
from pinnace.api.schema.types import FieldDef, Type, TypeDef

# As many as upstream gathers before it goes on in silence.
_LIMIT = 100
# A number of 64 bits has fewer digits.
_DIGITS = 24
_INTEGER_BITS = {"int32": 32, "int64": 64}


class _Pairs(dict[str, Any]):
    """A decoded object that remembers which names came more than once."""

    repeated: tuple[str, ...] = ()


def _pairs(items: list[tuple[str, Any]]) -> _Pairs:
    made = _Pairs(items)
    if len(made) != len(items):
        counted = Counter(name for name, _ in items)
        made.repeated = tuple(name for name, times in counted.items() if times > 1)
    return made


def unknown_and_duplicate_fields(body: bytes, row: Resource) -> list[str]:
    """Return upstream's strict errors for a JSON body that is known to be readable."""
    return unknown_fields(_load(body), row)


def decode_strict(body: bytes, row: Resource) -> tuple[Object, list[str]]:
    """Read a JSON body and return it with its strict errors; raises BadRequest."""
    return decode(body), unknown_and_duplicate_fields(body, row)


def _load(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8", "replace"), object_pairs_hook=_pairs)
    except RecursionError:
        raise BadRequest("exceeded max depth") from None


def may_repeat(body: bytes) -> bool:
    """Say whether names may come twice in a JSON body: else each brings a colon of its own."""
    if b"\\u" in body:
        return True
    try:
        return orjson.dumps(orjson.loads(body)).count(b":") != body.count(b":")
    except orjson.JSONDecodeError:
        return True


def unknown_fields(obj: Object, row: Resource) -> list[str]:
    """Return upstream's strict errors for a decoded object; a row without a schema has none."""
    schema = load()
    found: list[str] = []
    kind = schema.type_for(row.group, row.version, row.kind)
    _check(schema, obj, kind, "", found)
    return found


def cannot_be_handled(kind: str, version: str, why: str) -> BadRequest:
    """Return the answer to a body that does not decode; `version` is without the group."""
    return BadRequest(f'{kind} in version "{version}" cannot be handled as a {kind}: {why}')


def _check(schema: Schema, value: Any, kind: TypeDef | None, path: str, found: list[str]) -> None:
    """Check an object against a type; None lets any name pass and still sees repeats."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            _check(schema, item, kind, f"{path}[{index}]", found)
        return
    if not isinstance(value, dict):
        return
    repeated = value.repeated if isinstance(value, _Pairs) else ()
    known = kind if kind is not None and kind.type is Type.OBJECT and kind.fields else None
    for name, inner in value.items():
        here = f"{path}.{name}" if path else name
        if known is not None and name not in known.fields:
            _tell(found, "unknown field", here)
            continue
        if name in repeated:
            _tell(found, "duplicate field", here)
        field = known.fields[name] if known is not None else None
        _check_field(schema, inner, field, here, found)


def _check_field(
    schema: Schema, value: Any, field: FieldDef | None, path: str, found: list[str]
) -> None:
    if field is None:
        _check(schema, value, None, path, found)
    elif field.type is Type.ARRAY and isinstance(value, list):
        for index, item in enumerate(value):
            _check_field(schema, item, field.item, f"{path}[{index}]", found)
    elif field.type is Type.MAP and isinstance(value, dict):
        for name in value.repeated if isinstance(value, _Pairs) else ():
            _tell(found, "duplicate field", f"{path}.{name}")
        for name, item in value.items():
            _check_field(schema, item, field.item, f"{path}.{name}", found)
    elif field.type is Type.OBJECT:
        _check(schema, value, schema.type_of(field), path, found)


def _tell(found: list[str], what: str, path: str) -> None:
    text = f"{what} {json.dumps(path, ensure_ascii=False)}"
    if len(found) < _LIMIT and text not in found:
        found.append(text)


def restore_errors(obj: Object, row: Resource) -> list[str]:
    """Return what upstream says of values of wrong types that it restores into a struct.

    That is what it does after a strategic merge and after an apply, which decode no JSON.
    """
    schema = load()
    kind = schema.type_for(row.group, row.version, row.kind)
    found: list[str] = []
    if kind is not None:
        _Restored(schema, found).check(obj, kind, "")
    return found


def repeated_fields(body: bytes) -> list[str]:
    """Return upstream's complaints on names that come twice in JSON of no kind."""
    found: list[str] = []
    _check(load(), _load(body), None, "", found)
    return found


def type_errors(obj: Object, row: Resource) -> list[str]:
    """Return what Go's decoder would say of values of wrong types, the first one first."""
    schema = load()
    kind = schema.type_for(row.group, row.version, row.kind)
    found: list[str] = []
    if kind is not None:
        _Types(schema, found).check(obj, kind, "")
    return found


def type_errors_of(name: str, value: Object) -> list[str]:
    """Return what Go's decoder would say of a value of the type with that definition name."""
    schema = load()
    kind = schema.named(name)
    found: list[str] = []
    if kind is not None:
        _Types(schema, found).check(value, kind, "")
    return found


def unknown_fields_of(name: str, value: Object) -> list[str]:
    """Return the paths of fields that the type with that definition name does not have."""
    schema = load()
    found: list[str] = []
    _check(schema, value, schema.named(name), "", found)
    start = 'unknown field "'
    return [text.removeprefix(start)[:-1] for text in found if text.startswith(start)]


def _illegal_base64(text: str) -> int:
    """Return where Go's decoder stops at text that is not base64, or -1."""
    letters = [(at, letter) for at, letter in enumerate(text) if letter not in "\r\n"]
    for start in range(0, len(letters), 4):
        group = letters[start : start + 4]
        for place, (at, letter) in enumerate(group):
            if letter == "=":
                return _after_padding(text, letters[start:], place, at)
            if not (letter.isascii() and (letter.isalnum() or letter in "+/")):
                return at
        if len(group) < 4:
            return len(text) - len(group)
    return -1


def _after_padding(text: str, group: list[tuple[int, str]], place: int, at: int) -> int:
    """Return where Go's decoder stops in the last group, from its first `=` on, or -1."""
    if place < 2:
        return at
    end = place + 1
    if place == 2:
        if len(group) < 4:
            return len(text)
        if group[3][1] != "=":
            return group[3][0]
        end = 4
    return group[end][0] if len(group) > end else -1


class _Number(float):
    """A number that remembers how it was written."""

    text: str


def _literal(text: str) -> _Number:
    made = _Number(text)
    made.text = text
    return made


def as_written(body: bytes) -> Any:
    """Return a JSON body in which numbers remember how they were written, for its complaints."""
    return json.loads(body.decode("utf-8", "replace"), parse_float=_literal, parse_int=_whole)


def _whole(text: str) -> float:
    return int(text) if len(text) < _DIGITS else _literal(text)


def _number_text(value: float) -> str:
    return value.text if isinstance(value, _Number) else json.dumps(value)


class _Types:
    """Walks an object beside its type and notes every misfit."""

    def __init__(self, schema: Schema, found: list[str]) -> None:
        self._schema = schema
        self._found = found

    def check(self, value: dict[str, Any], kind: TypeDef, path: str) -> None:
        struct = kind.name.rpartition(".")[2]
        for name, inner in value.items():
            field = kind.fields.get(name)
            if field is not None and inner is not None:
                self._field(inner, field, struct, f"{path}.{name}" if path else name)

    def _field(self, value: Any, field: FieldDef, struct: str, path: str) -> None:
        kind = field.type
        if kind is Type.OBJECT:
            self._object(value, field, struct, path)
        elif kind is Type.ARRAY:
            if not isinstance(value, list):
                self._misfit(value, struct, path, self._go(field))
                return
            for item in value:
                if item is not None and field.item is not None:
                    self._field(item, field.item, struct, path)
        elif kind is Type.MAP:
            self._map(value, field, struct, path)
        elif kind is Type.QUANTITY:
            self._quantity(value)
        elif kind is Type.INT_OR_STRING:
            self._int_or_string(value, struct, path)
        elif kind not in (Type.RAW, Type.ANY):
            self._scalar(value, field, struct, path)

    def _object(self, value: Any, field: FieldDef, struct: str, path: str) -> None:
        inner = self._schema.type_of(field)
        if not isinstance(value, dict):
            self._misfit(value, struct, path, self._go(field))
        elif inner is not None:
            self.check(value, inner, path)

    def _map(self, value: Any, field: FieldDef, struct: str, path: str) -> None:
        if not isinstance(value, dict):
            self._misfit(value, struct, path, self._go(field))
            return
        for item in value.values():
            if item is not None and field.item is not None:
                self._field(item, field.item, struct, path)

    def _scalar(self, value: Any, field: FieldDef, struct: str, path: str) -> None:
        if field.format == "date-time":
            self._time(value, field, struct, path)
        elif field.type is Type.INTEGER:
            bits = _INTEGER_BITS.get(field.format, 64)
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                self._misfit(value, struct, path, self._go(field))
            elif isinstance(value, float) or not -(1 << (bits - 1)) <= value < 1 << (bits - 1):
                shown = f"number {_number_text(value)}"
                self._misfit(value, struct, path, self._go(field), shown=shown)
        else:
            fits = {
                Type.STRING: isinstance(value, str),
                Type.BOOLEAN: isinstance(value, bool),
                Type.NUMBER: isinstance(value, (int, float)) and not isinstance(value, bool),
            }
            if not fits[field.type]:
                self._misfit(value, struct, path, self._go(field))
            elif field.format == "byte":
                at = _illegal_base64(value)
                if at >= 0:
                    self._found.append(f"illegal base64 data at input byte {at}")

    def _time(self, value: Any, field: FieldDef, struct: str, path: str) -> None:
        if not isinstance(value, str):
            self._misfit(value, struct, path, "string")
            return
        micro = field.ref.endswith("MicroTime")
        # An empty text is no time for Go either, and no error.
        wrong = gotime.complaint(value, gotime.MICRO if micro else gotime.RFC3339)
        if wrong:
            self._found.append(wrong)

    def _quantity(self, value: Any) -> None:
        try:
            shown = value if isinstance(value, str) else json.dumps(value)
            quantity.parse(shown.strip())
        except ValueError as error:
            self._found.append(str(error))

    def _int_or_string(self, value: Any, struct: str, path: str) -> None:
        if isinstance(value, str):
            return
        number = not isinstance(value, bool) and isinstance(value, (int, float))
        if number and (isinstance(value, float) or not -(1 << 31) <= value < 1 << 31):
            self._misfit(value, struct, path, "int32", shown=f"number {_number_text(value)}")
        elif not number:
            self._misfit(value, struct, path, "int32")

    def _misfit(self, value: Any, struct: str, path: str, wanted: str, *, shown: str = "") -> None:
        got = shown or go_name(value)
        self._found.append(
            f"json: cannot unmarshal {got} into Go struct field {struct}.{path} of type {wanted}"
        )

    def _go(self, field: FieldDef) -> str:
        """Name a field's Go type as far as the schema tells it."""
        if field.type is Type.ARRAY:
            return f"[]{self._go(field.item)}" if field.item else "[]interface {}"
        if field.type is Type.MAP:
            return f"map[string]{self._go(field.item)}" if field.item else "map[string]interface {}"
        if field.ref:
            package, _, name = field.ref.rpartition(".")
            return f"{package.rpartition('.')[2]}.{name}"
        if field.format == "byte":
            return "[]uint8"
        plain = {Type.BOOLEAN: "bool", Type.NUMBER: "float64", Type.INTEGER: field.format or "int"}
        return plain.get(field.type, "string")


_KINDS = {"array": "slice", "object": "map", "number": "int64"}


class _Restored(_Types):
    """Words misfits as those of a conversion between Go values, which knows no paths."""

    def _misfit(self, value: Any, struct: str, path: str, wanted: str, *, shown: str = "") -> None:
        got = go_name(value)
        kind = _KINDS.get(got, got)
        if wanted.startswith("map["):
            why = f"cannot restore map from {kind}"
        elif wanted.startswith("[]"):
            why = f"cannot restore slice from {kind}"
        elif "." in wanted:
            why = f"cannot restore struct from: {kind}"
        elif got == "number" and _is_convertible(value, wanted):
            decoded = "float64" if isinstance(value, float) else "int64"
            why = f"cannot convert {decoded} to {wanted}"
        else:
            why = f"unrecognized type: {wanted}"
        self._found.append(why)

    def _scalar(self, value: Any, field: FieldDef, struct: str, path: str) -> None:
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        # What is too large for its field loses its upper bits, and nobody says so.
        if not (field.type is Type.INTEGER and whole and not isinstance(value, bool)):
            super()._scalar(value, field, struct, path)

    def _time(self, value: Any, field: FieldDef, struct: str, path: str) -> None:
        if isinstance(value, str):
            super()._time(value, field, struct, path)
        else:
            super()._misfit(value, "", "", "string")
            self._found[-1] = _PLACE.sub("value", self._found[-1])

    def _int_or_string(self, value: Any, struct: str, path: str) -> None:
        before = len(self._found)
        _Types(self._schema, self._found)._int_or_string(value, struct, path)
        self._found[before:] = [_PLACE.sub("value", text) for text in self._found[before:]]


_PLACE = re.compile(r"struct field \S+(?= of type)")


def _is_convertible(value: Any, wanted: str) -> bool:
    """Say whether Go converts a number to a type: whole ones to text, as letters, too."""
    return wanted.startswith(("int", "float")) or (wanted == "string" and isinstance(value, int))
