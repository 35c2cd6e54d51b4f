"""Values at work: what CEL has and Python has not, equality, and the type of a value.

bool, int, float, str, bytes, None, list and dict stand for themselves; an int is an int64.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pinnace.api.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    TYPE,
    UINT,
    Type,
    list_of,
    map_of,
    optional_of,
)

INT_MAX, INT_MIN, UINT_MAX = (1 << 63) - 1, -(1 << 63), (1 << 64) - 1
NANOS = 1_000_000_000


class CelError(Exception):
    """An expression that has no value: what upstream's evaluator says of it."""


class CostExceeded(Exception):
    """An evaluation that went over its limit."""

    def __init__(self) -> None:
        super().__init__("operation cancelled: actual cost limit exceeded")


# No expression can look through more than a tenth of this before its own limit ends it.
_MOST_MADE = 16 * 1024 * 1024


def check_size(size: int) -> None:
    """Refuse to make a text or list that is so long; raises CostExceeded before it is made."""
    if size > _MOST_MADE:
        raise CostExceeded


def no_overload() -> CelError:
    """Return the error of a function that has nothing for values of such types."""
    return CelError("no such overload")


class UInt(int):
    """An unsigned 64-bit integer."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, order=True)
class Timestamp:
    """A moment, as nanoseconds since 1970 in UTC."""

    nanos: int


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """A span of time in nanoseconds."""

    nanos: int


@dataclass(frozen=True, slots=True, eq=False)
class Optional:
    """A value, or none."""

    value: Any = None
    present: bool = False


NONE = Optional()


class Special:
    """A value of an opaque type; `cel_type` says which."""

    __slots__ = ()
    cel_type: ClassVar[Type]

    def same(self, other: Any) -> bool:
        """Say whether another value of the type is equal."""
        return bool(self == other)


class Lookups:
    """An object whose fields are worked out when they are asked for."""

    __slots__ = ()

    def field(self, name: str) -> Any:
        """Return a field; raises CelError if it has no value, KeyError if there is none."""
        raise KeyError(name)


class Instance(dict[str, Any]):
    """An object that an expression made, with the name of its type."""

    __slots__ = ("type_name",)

    def __init__(self, type_name: str, fields: Mapping[str, Any]) -> None:
        super().__init__(fields)
        self.type_name = type_name


class OpenMap(dict[str, Any]):
    """A map in which every other key leads to an empty map."""

    __slots__ = ()

    def __missing__(self, key: str) -> Any:
        return {}


class SetList(list[Any]):
    """A list of type set: equal in any order, joined as a union."""

    __slots__ = ()

    def joined(self, other: Sequence[Any]) -> list[Any]:
        """Return this list and what of the other is not in it."""
        return SetList([*self, *(each for each in other if not contains(self, each))])

    def same(self, other: Sequence[Any]) -> bool:
        """Say whether both have the same elements."""
        return len(self) == len(other) and all(contains(other, each) for each in self)


class KeyedList(list[Any]):
    """A list of type map: equal in any order, joined by key."""

    __slots__ = ("keys",)

    def __init__(self, items: Sequence[Any], keys: tuple[str, ...]) -> None:
        super().__init__(items)
        self.keys = keys

    def _key(self, item: Any) -> tuple[Any, ...]:
        return tuple(_frozen(item.get(key)) for key in self.keys)

    def joined(self, other: Sequence[Any]) -> list[Any]:
        """Return this list with the elements of the other in the place of those with their key."""
        places = {self._key(item): index for index, item in enumerate(self)}
        made = list(self)
        for item in other:
            place = places.get(self._key(item))
            if place is None:
                places[self._key(item)] = len(made)
                made.append(item)
            else:
                made[place] = item
        return KeyedList(made, self.keys)

    def same(self, other: Sequence[Any]) -> bool:
        """Say whether both have equal elements at the same keys."""
        if len(self) != len(other):
            return False
        others = {self._key(item): item for item in other}
        return all(
            self._key(item) in others and equal(item, others[self._key(item)]) for item in self
        )


def _frozen(value: Any) -> Any:
    if isinstance(value, bool):
        return ("bool", value)
    return str(value) if isinstance(value, dict | list) else value


def contains(items: Sequence[Any], wanted: Any) -> bool:
    """Say whether some element is equal."""
    return any(equal(each, wanted) for each in items)


_PLAIN = frozenset((str, int, bool, float, bytes, UInt, Timestamp, Duration, type(None)))
_NUMBERS = frozenset((int, UInt, float))


def alike(one: Any, two: Any) -> tuple[Any, Any]:
    """Return two values as they are compared: numbers as doubles if one of them is."""
    first, second = type(one), type(two)
    if (
        first is not second
        and first in _NUMBERS
        and second in _NUMBERS
        and float in (first, second)
    ):
        return float(one), float(two)
    return one, two


def equal(one: Any, two: Any) -> bool:
    """Say whether two values are equal; values of different types are not."""
    first, second = type(one), type(two)
    if first is second and first in _PLAIN:
        return bool(one == two)
    if first in _NUMBERS and second in _NUMBERS:
        one, two = alike(one, two)
        return bool(one == two)
    if isinstance(one, list) and isinstance(two, list):
        return _equal_lists(one, two)
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(equal(one[key], two[key]) for key in one)
    if isinstance(one, Optional) and isinstance(two, Optional):
        return one.present == two.present and (not one.present or equal(one.value, two.value))
    if isinstance(one, Special) and first is second:
        return one.same(two)
    if isinstance(one, Type) and isinstance(two, Type):
        return (one.kind, one.name) == (two.kind, two.name)
    return False


def _equal_lists(one: list[Any], two: list[Any]) -> bool:
    if isinstance(one, SetList | KeyedList):
        return one.same(two)
    if isinstance(two, SetList | KeyedList):
        return two.same(one)
    return len(one) == len(two) and all(map(equal, one, two))


_SIMPLE: Mapping[type, Type] = {
    bool: BOOL,
    int: INT,
    UInt: UINT,
    float: DOUBLE,
    str: STRING,
    bytes: BYTES,
    Timestamp: TIMESTAMP,
    Duration: DURATION,
    type(None): NULL,
    Optional: optional_of(DYN),
    Type: TYPE,
}
_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "list": list,
    "map": dict,
    "string": str,
    "bytes": bytes,
    "double": float,
    "uint": UInt,
    "bool": bool,
    "timestamp": Timestamp,
    "duration": Duration,
    "type": Type,
}


def type_of(value: Any) -> Type:
    """Return the type of a value, as `type()` gives it."""
    found = _SIMPLE.get(type(value))
    if found is not None:
        return found
    if isinstance(value, list):
        return list_of(DYN)
    if isinstance(value, Instance):
        return Type("struct", value.type_name)
    if isinstance(value, dict):
        return map_of(DYN, DYN)
    if isinstance(value, Special):
        return value.cel_type
    return DYN


def has_type(value: Any, wanted: Type) -> bool:
    """Say whether a value may be passed where a type is wanted, looking at the outside only."""
    kind = wanted.kind
    if kind in ("dyn", "any", "param"):
        return True
    if kind == "int":
        return type(value) is int
    if kind == "null":
        return value is None
    if kind == "struct":
        return isinstance(value, dict | Lookups)
    if kind == "opaque":
        if wanted.name == "optional_type":
            return isinstance(value, Optional)
        return isinstance(value, Special) and value.cel_type == wanted
    return isinstance(value, _KINDS[kind])


def checked_int(number: int) -> int:
    """Return an int64, or raise the overflow."""
    if INT_MIN <= number <= INT_MAX:
        return number
    raise CelError("integer overflow")


def checked_uint(number: int) -> UInt:
    """Return a uint64, or raise the overflow."""
    if 0 <= number <= UINT_MAX:
        return UInt(number)
    raise CelError("unsigned integer overflow")


def is_zero(value: Any) -> bool:
    """Say whether a value is empty, as `optional.ofNonZeroValue` means it."""
    if isinstance(value, Timestamp | Duration):
        return value.nanos == 0
    if isinstance(value, Optional):
        return not value.present
    return (
        value is None or value == 0 or (isinstance(value, str | bytes | list | dict) and not value)
    )
