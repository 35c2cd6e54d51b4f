"""What a check of a value found: complaints in upstream's words, and how many checks passed."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pinnace.api.errors import Cause
from pinnace.api.validation.base import (
    invalid,
    not_supported,
    quoted,
    required,
    too_long,
    too_many,
    type_invalid,
)

# An object can be wrong in a million places, each told with a text as long as its schema has it.
_MOST = 1000
_MOST_TEXT = 4 << 20
Kind = Literal["", "type", "required", "enum", "too-long", "too-many"]


@dataclass(frozen=True, slots=True)
class Wrong:
    """One complaint. Without a path it is about a junctor, and told without a field."""

    text: str
    path: str | None = None
    value: Any = ""
    kind: Kind = ""
    limit: int = 0
    allowed: Sequence[Any] = ()

    def cause(self) -> Cause:
        """Return the complaint as the cause of a 422."""
        if self.path is None:
            return invalid("<nil>", "", self.text)
        path = self.path.removeprefix(".") or "<nil>"
        if self.kind == "required":
            return required(path)
        if self.kind == "too-long":
            return too_long(path, self.limit)
        if self.kind == "too-many":
            return too_many(path, self.value, self.limit)
        if self.kind == "enum":
            shown = [v if isinstance(v, str) else json.dumps(v) for v in self.allowed]
            return not_supported(path, self.value, shown)
        value = "" if self.value is None else self.value
        if self.kind == "type":
            return type_invalid(path, value, self.text)
        return invalid(path, value, self.text)


class Result:
    """Complaints, each text once, and the number of checks that passed."""

    __slots__ = ("_size", "_texts", "errors", "matches")

    def __init__(self, errors: Iterable[Wrong] = (), *, matches: int = 0) -> None:
        self.errors: list[Wrong] = []
        self.matches = matches
        self._texts: set[str] = set()
        self._size = 0
        for wrong in errors:
            self.add(wrong)

    @property
    def is_full(self) -> bool:
        """Whether nobody would read more: who goes on may stop."""
        return len(self.errors) >= _MOST or self._size >= _MOST_TEXT

    def add(self, wrong: Wrong) -> None:
        """Take a complaint, unless one of that text is there."""
        if wrong.text not in self._texts:
            self._texts.add(wrong.text)
            self._size += len(wrong.text)
            self.errors.append(wrong)

    def merge(self, other: "Result | None") -> None:
        """Take over another result."""
        if other is None:
            return
        if other.errors:
            for wrong in other.errors:
                self.add(wrong)
        self.matches += other.matches


def type_wrong(path: str, wanted: str, given: str) -> Wrong:
    """Tell of a value of the wrong type; `given` names what it is."""
    text = f"{path} in body must be of type {wanted}: {quoted(given)}"
    return Wrong(text, path, given, kind="type")


def go_value(value: Any) -> str:
    """Return a JSON value as Go's %v prints it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "<nil>"
    if isinstance(value, float):
        return go_float(value)
    if isinstance(value, list):
        return f"[{' '.join(map(go_value, value))}]"
    if isinstance(value, dict):
        inner = " ".join(f"{name}:{go_value(value[name])}" for name in sorted(value))
        return f"map[{inner}]"
    return str(value)


def go_float(value: float) -> str:
    """Return a number as Go's %v prints a float64: shortest digits, exponents from 1e21."""
    if value == int(value) and abs(value) < 1e21:
        return str(int(value))
    text = repr(value)
    if "e" in text:
        digits, _, power = text.partition("e")
        sign, number = power[0] if power[0] in "+-" else "+", power.lstrip("+-")
        return f"{digits.removesuffix('.0')}e{sign}{number.zfill(2)}"
    if abs(value) < 1e-4:
        digits, _, power = f"{value:e}".partition("e")
        return f"{digits.rstrip('0').rstrip('.')}e{power}"
    return text
