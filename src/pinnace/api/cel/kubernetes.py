"""Quantities, versions and named formats.

Upstream: apiserver `library/quantity.go`, `semverlib.go`, `format.go`.
"""

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pinnace.api import names
from pinnace.api import quantity as quantities
from pinnace.api.cel.functions import Overload, member, plain
from pinnace.api.cel.types import (
    BOOL,
    DOUBLE,
    INT,
    STRING,
    Type,
    list_of,
    opaque,
    optional_of,
)
from pinnace.api.cel.values import INT_MAX, INT_MIN, NONE, CelError, Optional, Special
from pinnace.api.custom.formats import check_for

QUANTITY_TYPE = opaque("kubernetes.Quantity")
SEMVER_TYPE = opaque("kubernetes.Semver")
FORMAT_TYPE = opaque("kubernetes.NamedFormat")


@dataclass(frozen=True, slots=True)
class Quantity(Special):
    """An amount of a resource."""

    cel_type: ClassVar[Type] = QUANTITY_TYPE
    amount: quantities.Quantity


def parse_quantity(text: str) -> Quantity:
    """Return the quantity of a text; raises CelError."""
    try:
        return Quantity(quantities.parse(text))
    except ValueError as error:
        raise CelError(str(error)) from None


def _is_quantity(text: str) -> bool:
    try:
        quantities.parse(text)
    except ValueError:
        return False
    return True


_MILLI = 1000


def _is_integer(given: Quantity) -> bool:
    value = given.amount.value()
    whole = given.amount.compare(quantities.from_value(value)) == 0
    return whole and INT_MIN <= value <= INT_MAX


def _as_integer(given: Quantity) -> int:
    if not _is_integer(given):
        raise CelError("cannot convert value to integer")
    return given.amount.value()


def _sign(given: Quantity) -> int:
    return given.amount.compare(quantities.from_value(0))


def _compare(one: Quantity, two: Quantity) -> int:
    return one.amount.compare(two.amount)


def _plus(one: Quantity, two: Quantity | int) -> Quantity:
    other = quantities.from_value(two) if isinstance(two, int) else two.amount
    return Quantity(one.amount.add(other))


def _minus(one: Quantity, two: Quantity | int) -> Quantity:
    other = quantities.from_value(two) if isinstance(two, int) else two.amount
    return Quantity(one.amount.sub(other))


@functools.total_ordering
@dataclass(frozen=True, slots=True)
class Semver(Special):
    """A semantic version."""

    cel_type: ClassVar[Type] = SEMVER_TYPE
    numbers: tuple[int, int, int]
    pre: tuple[str, ...]

    def _key(self) -> tuple[Any, ...]:
        parts = tuple((0, int(p), "") if p.isdigit() else (1, 0, p) for p in self.pre)
        return self.numbers, not self.pre, parts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Semver) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __lt__(self, other: "Semver") -> bool:
        return bool(self._key() < other._key())


_SEMVER = re.compile(r"[0-9A-Za-z-]+")


def parse_semver(text: str, normalize: bool = False) -> Semver:
    """Return the semantic version of a text; raises CelError."""
    if normalize:
        text = _normalized(text)
    if not text:
        raise CelError("Version string empty")
    parts = text.split(".", 2)
    if len(parts) != 3:
        raise CelError("No Major.Minor.Patch elements found")
    rest, _, build = parts[2].partition("+")
    patch, dash, pre = rest.partition("-")
    numbers = tuple(
        _number(text, name)
        for text, name in zip((parts[0], parts[1], patch), ("major", "minor", "patch"), strict=True)
    )
    pres = tuple(pre.split(".")) if dash else ()
    for each in pres:
        _check_pre(each)
    if "+" in parts[2]:
        for each in build.split("."):
            if not each:
                raise CelError("Build meta data is empty")
            if not _SEMVER.fullmatch(each):
                raise CelError(f'Invalid character(s) found in build meta data "{each}"')
    return Semver((numbers[0], numbers[1], numbers[2]), pres)


def _number(text: str, name: str) -> int:
    if not text.isascii() or not text.isdigit():
        if text == "":
            raise CelError('strconv.ParseUint: parsing "": invalid syntax')
        raise CelError(f'Invalid character(s) found in {name} number "{text}"')
    if len(text) > 1 and text[0] == "0":
        raise CelError(f'{name.title()} number must not contain leading zeroes "{text}"')
    return int(text)


def _check_pre(text: str) -> None:
    if not text:
        raise CelError("Prerelease is empty")
    if text.isdigit() and len(text) > 1 and text[0] == "0":
        raise CelError(f'Numeric PreRelease version must not contain leading zeroes "{text}"')
    if not _SEMVER.fullmatch(text):
        raise CelError(f'Invalid character(s) found in prerelease "{text}"')


def _normalized(text: str) -> str:
    parts = text.removeprefix("v").split(".", 2)
    for index, part in enumerate(parts):
        if len(part) > 1:
            stripped = part.lstrip("0")
            parts[index] = stripped if stripped[:1].isdigit() else f"0{stripped}"
    if len(parts) < 3:
        if any(sign in parts[-1] for sign in "+-"):
            raise CelError("Short version cannot contain PreRelease/Build meta data")
        parts += ["0"] * (3 - len(parts))
    return ".".join(parts)


def _is_semver(text: str, normalize: bool = False) -> bool:
    try:
        parse_semver(text, normalize)
    except CelError:
        return False
    return True


@dataclass(frozen=True, slots=True, eq=False)
class Format(Special):
    """A named format; `max_regex` is what checking one is charged by."""

    cel_type: ClassVar[Type] = FORMAT_TYPE
    name: str
    check: Callable[[str], list[str]]
    max_regex: int

    def same(self, other: Any) -> bool:
        """Say whether both have the same name."""
        return bool(self.name == other.name)


def _prefix(check: Callable[[str], list[str]]) -> Callable[[str], list[str]]:
    """Return the check of the start of a name, whose last dash is taken for a letter."""

    def run(text: str) -> list[str]:
        return check(text[:-2] + "a" if len(text) > 1 and text.endswith("-") else text)

    return run


def _custom(name: str, complaint: str) -> Callable[[str], list[str]]:
    def run(text: str) -> list[str]:
        check = check_for(name)
        return [] if check is None or check(text) else [complaint]

    return run


_FORMATS: Mapping[str, Format] = {
    "dns1123Label": Format("DNS1123Label", names.dns1123_label, 30),
    "dns1123Subdomain": Format("DNS1123Subdomain", names.dns1123_subdomain, 60),
    "dns1035Label": Format("DNS1035Label", names.dns1035_label, 30),
    "qualifiedName": Format("QualifiedName", names.qualified_name, 60),
    "dns1123LabelPrefix": Format("DNS1123LabelPrefix", _prefix(names.dns1123_label), 30),
    "dns1123SubdomainPrefix": Format(
        "DNS1123SubdomainPrefix", _prefix(names.dns1123_subdomain), 60
    ),
    "dns1035LabelPrefix": Format("DNS1035LabelPrefix", _prefix(names.dns1035_label), 30),
    "labelValue": Format("LabelValue", names.label_value, 40),
    "uri": Format("URI", _custom("uri", "invalid URI"), 1103),
    "uuid": Format("uuid", _custom("uuid", "does not match the UUID format"), 74),
    "byte": Format("byte", _custom("byte", "invalid base64"), 84),
    "date": Format("date", _custom("date", "invalid date"), 100),
    "datetime": Format("datetime", _custom("datetime", "invalid datetime"), 100),
}


def _validate(given: Format, text: str) -> Optional:
    found = given.check(text)
    return Optional(found, True) if found else NONE


def _named(name: str) -> Optional:
    found = _FORMATS.get(name)
    return Optional(found, True) if found else NONE


_Q, _QQ, _QI = (QUANTITY_TYPE,), (QUANTITY_TYPE, QUANTITY_TYPE), (QUANTITY_TYPE, INT)
_V, _VV = (SEMVER_TYPE,), (SEMVER_TYPE, SEMVER_TYPE)
OVERLOADS: tuple[Overload, ...] = (
    plain("quantity", "string_to_quantity", (STRING,), QUANTITY_TYPE, parse_quantity),
    plain("isQuantity", "is_quantity_string", (STRING,), BOOL, _is_quantity),
    # Upstream declares it as a plain function, so q.sign() does not compile there.
    plain("sign", "quantity_sign", _Q, INT, _sign),
    member("isGreaterThan", "quantity_is_greater_than", _QQ, BOOL, lambda a, b: _compare(a, b) > 0),
    member("isLessThan", "quantity_is_less_than", _QQ, BOOL, lambda a, b: _compare(a, b) < 0),
    member("compareTo", "quantity_compare_to", _QQ, INT, _compare),
    member(
        "asApproximateFloat",
        "quantity_get_float",
        _Q,
        DOUBLE,
        lambda a: a.amount.milli_value() / _MILLI,
    ),
    member("asInteger", "quantity_get_int", _Q, INT, _as_integer),
    member("isInteger", "quantity_is_integer", _Q, BOOL, _is_integer),
    member("add", "quantity_add", _QQ, QUANTITY_TYPE, _plus),
    member("add", "quantity_add_int", _QI, QUANTITY_TYPE, _plus),
    member("sub", "quantity_sub", _QQ, QUANTITY_TYPE, _minus),
    member("sub", "quantity_sub_int", _QI, QUANTITY_TYPE, _minus),
    plain("semver", "string_to_semver", (STRING,), SEMVER_TYPE, parse_semver),
    plain("semver", "string_bool_to_semver", (STRING, BOOL), SEMVER_TYPE, parse_semver),
    plain("isSemver", "is_semver_string", (STRING,), BOOL, _is_semver),
    plain("isSemver", "is_semver_string_bool", (STRING, BOOL), BOOL, _is_semver),
    member("isGreaterThan", "semver_is_greater_than", _VV, BOOL, lambda a, b: b < a),
    member("isLessThan", "semver_is_less_than", _VV, BOOL, lambda a, b: a < b),
    member("compareTo", "semver_compare_to", _VV, INT, lambda a, b: (b < a) - (a < b)),
    member("major", "semver_major", _V, INT, lambda a: a.numbers[0]),
    member("minor", "semver_minor", _V, INT, lambda a: a.numbers[1]),
    member("patch", "semver_patch", _V, INT, lambda a: a.numbers[2]),
    member(
        "validate",
        "format-validate",
        (FORMAT_TYPE, STRING),
        optional_of(list_of(STRING)),
        _validate,
    ),
    plain("format.named", "format-named", (STRING,), optional_of(FORMAT_TYPE), _named),
    *(
        plain(f"format.{name}", f"format.{name}", (), FORMAT_TYPE, lambda found=found: found)
        for name, found in _FORMATS.items()
    ),
)
