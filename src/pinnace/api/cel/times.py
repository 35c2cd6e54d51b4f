"""Timestamps and durations: their texts, and what can be asked of them."""

import re
from collections.abc import Callable
from datetime import MINYEAR, UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pinnace.api.cel.functions import Overload, member
from pinnace.api.cel.types import DURATION, INT, STRING, TIMESTAMP
from pinnace.api.cel.values import INT_MAX, INT_MIN, NANOS, CelError, Duration, Timestamp

_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:([Zz])|([+-])(\d\d):(\d\d))"
)
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_UNITS = {"ns": 1, "us": 1000, "µs": 1000, "μs": 1000, "ms": 1_000_000}
_LONG = {"s": NANOS, "m": 60 * NANOS, "h": 3600 * NANOS}
_MIN_SECONDS, _MAX_SECONDS = -62135596800, 253402300799
_OFFSET = re.compile(r"([+-]?)(\d\d):(\d\d)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CYCLE_YEARS, _CYCLE = 400, timedelta(days=146_097)


def parse_timestamp(text: str) -> Timestamp:
    """Return the moment that an RFC 3339 text names; raises ValueError."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f"parsing time {text!r}")
    fraction, sign, hours, minutes = match[7], match[9], match[10], match[11]
    offset = timedelta()
    if sign:
        offset = timedelta(hours=int(hours), minutes=int(minutes)) * (-1 if sign == "-" else 1)
    year, month, day, hour, minute, second = (int(match[index]) for index in range(1, 7))
    moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    seconds = round((moment - _EPOCH - offset).total_seconds())
    return Timestamp(seconds * NANOS + int((fraction or "0")[:9].ljust(9, "0")))


def parse_date(text: str) -> Timestamp:
    """Return the start of a day; raises ValueError."""
    return parse_timestamp(f"{text}T00:00:00Z")


def parse_duration(text: str) -> Duration:
    """Return the span that a text such as 1h30m names; raises ValueError."""
    rest = text[1:] if text[:1] in ("+", "-") else text
    if rest == "0":
        return Duration(0)
    at, total = 0, 0
    while at < len(rest):
        match = _PART.match(rest, at)
        if match is None:
            break
        whole, _, part = match[1].partition(".")
        unit = _UNITS.get(match[2]) or _LONG[match[2]]
        total += int(whole or "0") * unit
        total += int(part or "0") * unit // 10 ** len(part)
        at = match.end()
    if not rest or at < len(rest) or total > INT_MAX:
        raise ValueError(f'time: invalid duration "{text}"')
    return Duration(-total if text[0] == "-" else total)


def checked_timestamp(nanos: int) -> Timestamp:
    """Return a moment within the years 1 to 9999, or raise the overflow."""
    if not _MIN_SECONDS <= nanos // NANOS <= _MAX_SECONDS:
        raise CelError("timestamp overflow")
    return Timestamp(nanos)


def checked_duration(nanos: int) -> Duration:
    """Return a span that fits 64 bits, or raise the overflow."""
    if not INT_MIN <= nanos <= INT_MAX:
        raise CelError("duration overflow")
    return Duration(nanos)


def timestamp_text(value: Timestamp) -> str:
    """Return the RFC 3339 text in UTC, with as many decimals as there are."""
    seconds, nanos = divmod(value.nanos, NANOS)
    moment = _EPOCH + timedelta(seconds=seconds)
    fraction = f".{nanos:09d}".rstrip("0") if nanos else ""
    shown = moment.replace(tzinfo=None).isoformat(timespec="seconds")
    return f"{shown}{fraction}Z"


def duration_text(value: Duration) -> str:
    """Return the seconds, as CEL converts a duration to a string."""
    seconds, nanos = divmod(abs(value.nanos), NANOS)
    fraction = f".{nanos:09d}".rstrip("0") if nanos else ""
    sign = "-" if value.nanos < 0 else ""
    return f"{sign}{seconds}{fraction}s"


def _zone(name: str) -> tzinfo:
    match = _OFFSET.fullmatch(name)
    if match:
        offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
        return timezone(-offset if match[1] == "-" else offset)
    try:
        return UTC if name in ("", "UTC") else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise CelError(f"unknown time zone {name}") from None


def _moment(value: Timestamp, zone: str) -> tuple[datetime, int]:
    """Return a moment in a zone, and by how many years that is off.

    A day before the first year and after the last there is none in Python; the calendar is the
    same each four hundred years.
    """
    at, where = _EPOCH + timedelta(seconds=value.nanos // NANOS), _zone(zone)
    try:
        return at.astimezone(where), 0
    except OverflowError:
        years = _CYCLE_YEARS if at.year == MINYEAR else -_CYCLE_YEARS
        return (at + years // _CYCLE_YEARS * _CYCLE).astimezone(where), years


def _year(at: datetime) -> int:
    return at.year


_Part = Callable[[datetime], int]
_PARTS: tuple[tuple[str, str, _Part], ...] = (
    ("getFullYear", "timestamp_to_year", _year),
    ("getMonth", "timestamp_to_month", lambda at: at.month - 1),
    ("getDayOfYear", "timestamp_to_day_of_year", lambda at: at.timetuple().tm_yday - 1),
    ("getDayOfMonth", "timestamp_to_day_of_month", lambda at: at.day - 1),
    ("getDate", "timestamp_to_day_of_month_1_based", lambda at: at.day),
    ("getDayOfWeek", "timestamp_to_day_of_week", lambda at: at.isoweekday() % 7),
    ("getHours", "timestamp_to_hours_tz", lambda at: at.hour),
    ("getMinutes", "timestamp_to_minutes", lambda at: at.minute),
    ("getSeconds", "timestamp_to_seconds_tz", lambda at: at.second),
)


def _accessors() -> list[Overload]:
    made = []
    for name, overload, part in _PARTS:

        def run(value: Timestamp, zone: str = "UTC", part: _Part = part) -> int:
            moment, years = _moment(value, zone)
            return part(moment) - (years if part is _year else 0)

        made.append(member(name, overload, (TIMESTAMP,), INT, run))
        made.append(member(name, f"{overload}_with_tz", (TIMESTAMP, STRING), INT, run))
    return made


def _milliseconds(value: Timestamp, zone: str = "UTC") -> int:
    return value.nanos % NANOS // 1_000_000


def _truncated(value: Duration, unit: int) -> int:
    return abs(value.nanos) // unit * (-1 if value.nanos < 0 else 1)


OVERLOADS: tuple[Overload, ...] = (
    *_accessors(),
    member("getMilliseconds", "timestamp_to_milliseconds", (TIMESTAMP,), INT, _milliseconds),
    member(
        "getMilliseconds",
        "timestamp_to_milliseconds_with_tz",
        (TIMESTAMP, STRING),
        INT,
        _milliseconds,
    ),
    member(
        "getHours", "duration_to_hours", (DURATION,), INT, lambda d: _truncated(d, 3600 * NANOS)
    ),
    member(
        "getMinutes", "duration_to_minutes", (DURATION,), INT, lambda d: _truncated(d, 60 * NANOS)
    ),
    member("getSeconds", "duration_to_seconds", (DURATION,), INT, lambda d: _truncated(d, NANOS)),
    member(
        "getMilliseconds",
        "duration_to_milliseconds",
        (DURATION,),
        INT,
        lambda d: _truncated(d, 1_000_000),
    ),
)
