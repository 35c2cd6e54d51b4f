"""Go's texts of times: why one is no time, in the words of time.Parse; and lengths of time."""

import json
import re
from calendar import monthrange
from types import MappingProxyType

RFC3339 = "2006-01-02T15:04:05Z07:00"
MICRO = "2006-01-02T15:04:05.000000Z07:00"
# What the layout wants in turn: how Go names it, its form, and the range of its value.
_PARTS = (
    ("2006", "[0-9]{4}", "", 0, 9999),
    ("-", "-", "", 0, 0),
    ("01", "[0-9]{2}", "month", 1, 12),
    ("-", "-", "", 0, 0),
    ("02", "[0-9]{2}", "day", 0, 31),
    ("T", "T", "", 0, 0),
    ("15", "[0-9]{1,2}", "hour", 0, 23),
    (":", ":", "", 0, 0),
    ("04", "[0-9]{2}", "minute", 0, 59),
    (":", ":", "", 0, 0),
    ("05", "[0-9]{2}", "second", 0, 59),
)
_ZONE = re.compile(r"Z|[-+][0-9]{2}:[0-9]{2}", re.ASCII)
_FRACTION = re.compile(r"[.,][0-9]+", re.ASCII)
_MICROS = re.compile(r"[.,][0-9]{6}", re.ASCII)


def complaint(text: str, layout: str = RFC3339) -> str:
    """Return why a text is no time of a layout, or an empty string if it is one."""
    rest = text
    numbers: dict[str, int] = {}
    for name, form, field, low, high in _PARTS:
        match = re.match(form, rest, re.ASCII)
        if match is None:
            return _cannot(text, layout, rest, name)
        rest = rest[match.end() :]
        if name.isdigit():
            numbers[name] = int(match[0])
            if not low <= numbers[name] <= high:
                return _out_of_range(text, field)
    fraction = (_MICROS if layout == MICRO else _FRACTION).match(rest)
    if fraction is None and layout == MICRO:
        return _cannot(text, layout, rest, ".000000")
    rest = rest[fraction.end() :] if fraction is not None else rest
    zone = _ZONE.match(rest)
    if zone is None:
        return _cannot(text, layout, rest, "Z07:00")
    rest = rest[zone.end() :]
    if rest:
        return f"parsing time {_quote(text)}: extra text: {_quote(rest)}"
    last = monthrange(numbers["2006"] or 4, numbers["01"])[1]
    if not 1 <= numbers["02"] <= last:
        return _out_of_range(text, "day")
    return ""


def _cannot(text: str, layout: str, rest: str, name: str) -> str:
    shown = f"cannot parse {_quote(rest)} as {_quote(name)}"
    return f"parsing time {_quote(text)} as {_quote(layout)}: {shown}"


def _out_of_range(text: str, field: str) -> str:
    return f"parsing time {_quote(text)}: {field} out of range"


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


_UNITS = MappingProxyType(
    {
        "ns": 1,
        "us": 10**3,
        "µs": 10**3,
        "ms": 10**6,
        "s": 10**9,
        "m": 60 * 10**9,
        "h": 3600 * 10**9,
    }
)
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h)", re.ASCII)


def duration_text(nanoseconds: int) -> str:
    """Write a length of time as Go does: `1m0s`, `14.5s`, `1.5ms`."""
    if nanoseconds < 0:
        return f"-{duration_text(-nanoseconds)}"
    if nanoseconds == 0:
        return "0s"
    for unit in ("ns", "µs", "ms"):
        if nanoseconds < _UNITS[unit] * 1000:
            return f"{_decimal(nanoseconds, _UNITS[unit])}{unit}"
    minutes, rest = divmod(nanoseconds, _UNITS["m"])
    seconds = f"{_decimal(rest, _UNITS['s'])}s"
    if minutes == 0:
        return seconds
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes}m{seconds}" if hours else f"{minutes}m{seconds}"


def _decimal(amount: int, unit: int) -> str:
    whole, rest = divmod(amount, unit)
    fraction = str(rest).rjust(len(str(unit)) - 1, "0").rstrip("0") if rest else ""
    return f"{whole}.{fraction}" if fraction else str(whole)


def duration_of(text: str) -> int:
    """Read a length of time that Go has written, as nanoseconds; raises ValueError."""
    unsigned = text.removeprefix("-").removeprefix("+")
    found = _DURATION.findall(unsigned)
    if unsigned != "0" and "".join(f"{number}{unit}" for number, unit in found) != unsigned:
        raise ValueError(f"time: invalid duration {_quote(text)}")
    if not found and unsigned != "0":
        raise ValueError(f"time: invalid duration {_quote(text)}")
    total = sum(round(float(number) * _UNITS[unit]) for number, unit in found)
    return -total if text.startswith("-") else total
