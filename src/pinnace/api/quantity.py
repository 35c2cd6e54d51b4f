"""Quantities such as `1500m` or `1.5Gi`, exactly as apimachinery's `api/resource` reads them.

A quantity is a whole number of billionths: anything finer is rounded up (away from zero), since
who asks for some gets some. It remembers the family of its suffix, which decides how it is
written, and, when it was read in a form that upstream leaves alone, that very text.
"""

import re
from dataclasses import dataclass
from functools import lru_cache, total_ordering

DECIMAL_SI = "DecimalSI"
BINARY_SI = "BinarySI"
DECIMAL_EXPONENT = "DecimalExponent"

_SYNTAX = re.compile(
    r"(?P<sign>[+-]?)0*(?P<num>[0-9]*)(?:\.(?P<denom>[0-9]*))?"
    r"(?P<suffix>[eEinumkKMGTP]*[-+]?[0-9]*)",
    re.ASCII,
)
_FORMAT_WRONG = (
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)
_SUFFIX_WRONG = "unable to parse quantity's suffix"
_NUMBER_WRONG = "unable to parse numeric part of quantity"
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL_SUFFIX = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_BINARY_SUFFIX = {0: "", **{exponent // 10: suffix for suffix, exponent in _BINARY.items()}}
_NANO = 10**9
_MAX = (2**63 - 1) * _NANO
# Upstream reads any exponent and stalls on huge ones; nothing real comes near this.
_EXPONENT_LIMIT = 1000


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Quantity:
    """An exact amount in billionths with the suffix family in which it is written."""

    nano: int
    format: str = DECIMAL_SI
    text: str = ""

    def canonical(self) -> str:
        """Return the text that a real API server answers with."""
        if self.text:
            return self.text
        if self.nano == 0:
            return "0"
        whole = self.nano % _NANO == 0
        if self.format == BINARY_SI and whole and abs(self.nano) >= 1024 * _NANO:
            return _binary_text(self.nano // _NANO)
        return _decimal_text(self.nano, exponential=self.format == DECIMAL_EXPONENT)

    def value(self) -> int:
        """Return the whole number, rounded away from zero."""
        return _round_up(self.nano, _NANO)

    def milli_value(self) -> int:
        """Return the thousandths, rounded away from zero."""
        return _round_up(self.nano, 10**6)

    def is_zero(self) -> bool:
        return self.nano == 0

    def compare(self, other: "Quantity") -> int:
        """Return -1, 0 or 1."""
        return (self.nano > other.nano) - (self.nano < other.nano)

    def add(self, other: "Quantity") -> "Quantity":
        """Return the sum, in this one's format unless this one is zero."""
        return Quantity(self.nano + other.nano, self.format if self.nano else other.format)

    __add__ = add

    def sub(self, other: "Quantity") -> "Quantity":
        """Return the difference, in this one's format unless this one is zero."""
        return Quantity(self.nano - other.nano, self.format if self.nano else other.format)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quantity) and self.nano == other.nano

    def __lt__(self, other: "Quantity") -> bool:
        return self.nano < other.nano

    def __hash__(self) -> int:
        return hash(self.nano)

    def __str__(self) -> str:
        return self.canonical()


ZERO = Quantity(0, DECIMAL_SI, "0")


def from_value(value: int, format: str = DECIMAL_SI) -> Quantity:
    """Return a quantity of whole units."""
    return Quantity(value * _NANO, format)


def from_milli(value: int, format: str = DECIMAL_SI) -> Quantity:
    """Return a quantity of thousandths."""
    return Quantity(value * 10**6, format)


_SHORT = 32


def parse(source: str | int | float) -> Quantity:
    """Read a quantity; raises ValueError with upstream's sentence."""
    text = source if isinstance(source, str) else repr(source)
    return _remembered(text) if len(text) <= _SHORT else _parsed(text)


# The same few amounts come again and again: as requests, limits and capacities.
@lru_cache(maxsize=1024)
def _remembered(text: str) -> Quantity:
    return _parsed(text)


def _parsed(text: str) -> Quantity:
    match = _SYNTAX.fullmatch(text)
    if not text or match is None:
        raise ValueError(_FORMAT_WRONG)
    if text == "0":
        return ZERO
    num, denom = match["num"] or "0", match["denom"] or ""
    sign = -1 if match["sign"] == "-" else 1
    kind, exponent = _interpret(match["suffix"])
    if kind == BINARY_SI:
        return _parse_binary(text, sign, num, denom, exponent)
    return _parse_decimal(text, sign, (num, denom), exponent, kind)


def canonical(source: str | int | float) -> str:
    """Return the canonical text of a quantity; raises ValueError."""
    return parse(source).canonical()


def _interpret(suffix: str) -> tuple[str, int]:
    if suffix in _DECIMAL:
        return DECIMAL_SI, _DECIMAL[suffix]
    if suffix in _BINARY:
        return BINARY_SI, _BINARY[suffix]
    if len(suffix) > 1 and suffix[0] in "eE" and re.fullmatch("[-+]?[0-9]+", suffix[1:]):
        if len(suffix) > 12 or abs(int(suffix[1:])) > _EXPONENT_LIMIT:
            raise ValueError(_NUMBER_WRONG)
        return DECIMAL_EXPONENT, int(suffix[1:])
    raise ValueError(_SUFFIX_WRONG)


def _parse_binary(text: str, sign: int, num: str, denom: str, exponent: int) -> Quantity:
    digits = int(num + denom)
    if not denom and 14 - len(num) - int(exponent * 3 / 10) >= 0:
        amount = digits << exponent
        if amount < 2**63:
            kept = text if digits & 7 else ""
            return Quantity(sign * amount * _NANO, BINARY_SI, kept)
    nano = _round_up((digits << exponent) * _NANO, 10 ** len(denom))
    nano = min(nano, _MAX)
    return Quantity(sign * nano, DECIMAL_SI if 0 < nano < _NANO else BINARY_SI)


def _parse_decimal(
    text: str, sign: int, digits: tuple[str, str], exponent: int, kind: str
) -> Quantity:
    shifted = digits[0] + digits[1]
    scale = exponent - len(digits[1])
    if scale + len(shifted) > _EXPONENT_LIMIT:
        raise ValueError(_NUMBER_WRONG)
    amount = int(shifted)
    if scale >= -9:
        nano = amount * 10 ** (scale + 9)
        untouched = not (scale % 3 or shifted.endswith("000") or shifted[0] == "0")
        kept = text if untouched and len(shifted) <= 18 else ""
        return Quantity(sign * nano, kind, kept)
    return Quantity(sign * _round_up(amount, 10 ** (-9 - scale)), kind)


def _round_up(amount: int, unit: int) -> int:
    return -(-amount // unit) if amount >= 0 else amount // unit


def _binary_text(value: int) -> str:
    times = 0
    while value % 1024 == 0 and times < 6:
        value //= 1024
        times += 1
    return f"{value}{_BINARY_SUFFIX[times]}"


def _decimal_text(nano: int, *, exponential: bool) -> str:
    exponent = -9
    while nano % 1000 == 0 and (exponential or exponent < 18):
        nano //= 1000
        exponent += 3
    if exponential:
        return f"{nano}e{exponent}" if exponent else str(nano)
    return f"{nano}{_DECIMAL_SUFFIX[exponent]}"
