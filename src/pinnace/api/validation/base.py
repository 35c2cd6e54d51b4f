"""How broken rules are told: field.Error of upstream's apimachinery, and calm typed reading.

A validator gets a `Report` and reads fields through it. A field of the wrong JSON type is itself a
cause and reads as unset, so that no validator ever meets a type that it does not expect.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from pinnace.api import quantity
from pinnace.api.errors import Cause
from pinnace.api.objects import Object
from pinnace.api.quantity import Quantity

IMMUTABLE = "field is immutable"
NEGATIVE = "must be greater than or equal to 0"
NOT_POSITIVE = "must be greater than zero"

_ESCAPES = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t",
            "\v": "\\v", "\\": "\\\\", '"': '\\"'}  # fmt: skip


def quoted(text: str) -> str:
    """Return text as Go's %q writes it."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(letter: str) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    if letter.isprintable():
        return letter
    code = ord(letter)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def shown(value: Any) -> str:
    """Return a bad value as field.Error prints it: text quoted, numbers bare, the rest as JSON."""
    if isinstance(value, str):
        return quoted(value)
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _body(kind: str, *parts: str) -> str:
    return ": ".join((kind, *(part for part in parts if part)))


def required(path: str, detail: str = "") -> Cause:
    """Tell of a field that must be there."""
    return Cause("FieldValueRequired", path, _body("Required value", detail))


def invalid(path: str, value: Any, detail: str) -> Cause:
    """Tell of a value that breaks a rule."""
    return Cause("FieldValueInvalid", path, _body("Invalid value", shown(value), detail))


def type_invalid(path: str, value: Any, detail: str) -> Cause:
    """Tell of a value of the wrong JSON type."""
    return Cause("FieldValueTypeInvalid", path, _body("Invalid value", shown(value), detail))


def not_supported(path: str, value: Any, supported: Sequence[str]) -> Cause:
    """Tell of a value that is none of those that there are."""
    listed = "supported values: " + ", ".join(map(quoted, supported)) if supported else ""
    return Cause("FieldValueNotSupported", path, _body("Unsupported value", shown(value), listed))


def forbidden(path: str, detail: str) -> Cause:
    """Tell of a value that is not allowed here and now."""
    return Cause("FieldValueForbidden", path, _body("Forbidden", detail))


def duplicate(path: str, value: Any) -> Cause:
    """Tell of a value that is there twice."""
    return Cause("FieldValueDuplicate", path, _body("Duplicate value", shown(value)))


def not_found(path: str, value: Any, detail: str = "") -> Cause:
    """Tell of a reference to nothing."""
    return Cause("FieldValueNotFound", path, _body("Not found", shown(value), detail))


def too_long(path: str, limit: int) -> Cause:
    """Tell of text with too many bytes."""
    unit = "byte" if limit == 1 else "bytes"
    return Cause("FieldValueTooLong", path, f"Too long: may not be more than {limit} {unit}")


def too_many(path: str, actual: int, limit: int) -> Cause:
    """Tell of a list with too many items."""
    unit = "item" if limit == 1 else "items"
    body = f"Too many: {actual}: must have at most {limit} {unit}"
    return Cause("FieldValueTooMany", path, body)


def join(path: str, key: str) -> str:
    """Return the path of a field."""
    return f"{path}.{key}" if path else key


class Report:
    """Collects causes while a validator reads an object through it."""

    __slots__ = ("causes",)

    def __init__(self) -> None:
        self.causes: list[Cause] = []

    def add(self, cause: Cause) -> None:
        """Take one cause."""
        self.causes.append(cause)

    def required(self, path: str, detail: str = "") -> None:
        self.causes.append(required(path, detail))

    def invalid(self, path: str, value: Any, detail: str) -> None:
        self.causes.append(invalid(path, value, detail))

    def forbidden(self, path: str, detail: str) -> None:
        self.causes.append(forbidden(path, detail))

    def duplicate(self, path: str, value: Any) -> None:
        self.causes.append(duplicate(path, value))

    def not_found(self, path: str, value: Any, detail: str = "") -> None:
        self.causes.append(not_found(path, value, detail))

    def not_supported(self, path: str, value: Any, supported: Sequence[str]) -> None:
        self.causes.append(not_supported(path, value, supported))

    def said(self, path: str, value: Any, messages: Iterable[str]) -> None:
        """Turn each complaint about a value into a cause."""
        for message in messages:
            self.causes.append(invalid(path, value, message))

    def mistyped(self) -> bool:
        """Tell whether some field had the wrong JSON type: comparing it makes no sense then."""
        return any(cause.reason == "FieldValueTypeInvalid" for cause in self.causes)

    # -- reading ------------------------------------------------------------------------------

    def text(self, obj: Object, key: str, path: str) -> str:
        """Return a text field, empty when unset."""
        value = obj.get(key)
        if isinstance(value, str):
            return value
        if value is not None:
            self.causes.append(type_invalid(join(path, key), value, "must be a string"))
        return ""

    def number(self, obj: Object, key: str, path: str) -> int | None:
        """Return a whole number, None when unset."""
        value = obj.get(key)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        if isinstance(value, float) and value.is_integer():
            return int(value)
        self.causes.append(type_invalid(join(path, key), value, "must be an integer"))
        return None

    def flag(self, obj: Object, key: str, path: str) -> bool | None:
        """Return a boolean, None when unset."""
        value = obj.get(key)
        if value is None or isinstance(value, bool):
            return value
        self.causes.append(type_invalid(join(path, key), value, "must be a boolean"))
        return None

    def child(self, obj: Object, key: str, path: str) -> Object | None:
        """Return an object field, None when unset."""
        value = obj.get(key)
        if value is None or isinstance(value, dict):
            return value
        self.causes.append(type_invalid(join(path, key), value, "must be an object"))
        return None

    def items(self, obj: Object, key: str, path: str) -> list[Any]:
        """Return a list field, empty when unset."""
        value = obj.get(key)
        if isinstance(value, list):
            return value
        if value is not None:
            self.causes.append(type_invalid(join(path, key), value, "must be an array"))
        return []

    def objects(self, obj: Object, key: str, path: str) -> list[tuple[str, Object]]:
        """Return the objects of a list field, each with its path."""
        if key not in obj:
            return []
        where = join(path, key)
        found: list[tuple[str, Object]] = []
        for index, entry in enumerate(self.items(obj, key, path)):
            if isinstance(entry, dict):
                found.append((f"{where}[{index}]", entry))
            else:
                self.causes.append(type_invalid(f"{where}[{index}]", entry, "must be an object"))
        return found

    def texts(self, obj: Object, key: str, path: str) -> list[str]:
        """Return the texts of a list field."""
        if key not in obj:
            return []
        found: list[str] = []
        for index, entry in enumerate(self.items(obj, key, path)):
            if isinstance(entry, str):
                found.append(entry)
            else:
                where = f"{join(path, key)}[{index}]"
                self.causes.append(type_invalid(where, entry, "must be a string"))
        return found

    def mapping(self, obj: Object, key: str, path: str) -> dict[str, str]:
        """Return a field that maps text to text, empty when unset."""
        value = self.child(obj, key, path)
        if not value:
            return {}
        found: dict[str, str] = {}
        for name, entry in value.items():
            if isinstance(entry, str):
                found[name] = entry
            else:
                where = f"{join(path, key)}[{name}]"
                self.causes.append(type_invalid(where, entry, "must be a string"))
        return found

    def quantity(self, obj: Object, key: str, path: str) -> Quantity | None:
        """Return an amount, None when unset or when it cannot be read."""
        value = obj.get(key)
        return None if value is None else self.amount(value, join(path, key))

    def amount(self, value: Any, path: str) -> Quantity | None:
        """Return a value as an amount, None when it is none."""
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            try:
                return quantity.parse(value)
            except ValueError as error:
                self.causes.append(invalid(path, value, str(error)))
                return None
        self.causes.append(type_invalid(path, value, "must be a quantity"))
        return None

    # -- rules that many kinds share ------------------------------------------------------------

    def one_of(self, obj: Object, key: str, path: str, supported: Sequence[str]) -> str:
        """Check that a text field is one of some values; it must be there."""
        value = self.text(obj, key, path)
        if value in supported:
            return value
        where = join(path, key)
        if value:
            self.causes.append(not_supported(where, value, supported))
        elif obj.get(key) in (None, ""):
            self.causes.append(required(where))
        return value

    def non_negative(self, obj: Object, key: str, path: str) -> int | None:
        """Check that a number, if there, is not below zero."""
        value = self.number(obj, key, path)
        if value is not None and value < 0:
            self.invalid(join(path, key), value, NEGATIVE)
        return value

    def immutable(self, new: Any, old: Any, path: str) -> None:
        """Check that a value is what it was; unset, null and empty are the same."""
        if new != old and (new or old) and not (new in _EMPTY and old in _EMPTY):
            self.invalid(path, new, IMMUTABLE)


_EMPTY: tuple[Any, ...] = (None, "", [], {}, 0, False)
