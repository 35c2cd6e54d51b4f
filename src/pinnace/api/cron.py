"""Cron schedules in upstream's grammar (robfig/cron v3): five fields, names, steps, @descriptors.

If both the day of the month and the day of the week are restricted, either is enough; a field
is unrestricted if it is `*` or `?`, and not if it has a step (`*/2`).
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, tuple(enumerate(_MONTHS, 1))),
    ("day of week", 0, 6, tuple(enumerate(_DAYS))),
)
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
# A schedule like "0 0 30 2 *" never comes; upstream gives up after five years, too.
_YEARS = 5


@dataclass(frozen=True, slots=True)
class Schedule:
    """A parsed schedule; `next` says when it comes."""

    minutes: frozenset[int] = frozenset()
    hours: frozenset[int] = frozenset()
    days: frozenset[int] = frozenset()
    months: frozenset[int] = frozenset()
    weekdays: frozenset[int] = frozenset()
    any_day: bool = True
    any_weekday: bool = True
    zone: tzinfo = UTC
    every: timedelta | None = None

    def next(self, after: datetime) -> datetime | None:
        """Return the first time after a moment, in UTC; None if there is none in five years."""
        if self.every is not None:
            return after.astimezone(UTC).replace(microsecond=0) + self.every
        moment = after.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
        last = moment.year + _YEARS
        while moment.year <= last:
            local = moment.astimezone(self.zone)
            if not self._is_day(local):
                day = local.replace(hour=0, minute=0, fold=0)
                moment = (day + timedelta(days=1)).astimezone(UTC)
            elif local.hour not in self.hours:
                moment += timedelta(minutes=60 - local.minute)
            elif local.minute not in self.minutes:
                moment += timedelta(minutes=1)
            else:
                return moment
        return None

    def _is_day(self, local: datetime) -> bool:
        if local.month not in self.months:
            return False
        by_day = local.day in self.days
        by_weekday = local.isoweekday() % 7 in self.weekdays
        if self.any_day or self.any_weekday:
            return by_day and by_weekday
        return by_day or by_weekday


def zone(name: str) -> tzinfo:
    """Return a time zone by its name; raises ValueError for one that is not known."""
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"unknown time zone {name}") from error


def parse(text: str, time_zone: str = "") -> Schedule:
    """Read a schedule; raises ValueError that says what is wrong with it."""
    where = zone(time_zone)
    spec = text.strip()
    for prefix in ("TZ=", "CRON_TZ="):
        if spec.startswith(prefix):
            name, _, spec = spec.removeprefix(prefix).partition(" ")
            where, spec = zone(name), spec.strip()
    if spec.startswith("@"):
        if spec.startswith("@every "):
            return Schedule(every=_duration(spec.removeprefix("@every ")), zone=where)
        if spec not in _DESCRIPTORS:
            raise ValueError(f"unrecognized descriptor: {spec}")
        spec = _DESCRIPTORS[spec]
    parts = spec.split()
    if len(parts) != len(_FIELDS):
        raise ValueError(f"expected exactly 5 fields, found {len(parts)}: {parts}")
    sets = [_field(part, *field) for part, field in zip(parts, _FIELDS, strict=True)]
    return Schedule(
        minutes=sets[0],
        hours=sets[1],
        days=sets[2],
        months=sets[3],
        weekdays=sets[4],
        any_day=_is_open(parts[2]),
        any_weekday=_is_open(parts[4]),
        zone=where,
    )


def _is_open(part: str) -> bool:
    return any(piece in ("*", "?", "*/1", "?/1") for piece in part.split(","))


def _duration(text: str) -> timedelta:
    seconds, number, unit = 0.0, "", ""
    for sign in [*text.strip(), "0"]:
        if (sign.isdigit() or sign == ".") and unit:
            if unit not in _UNITS or not number:
                raise ValueError(f"failed to parse duration @every {text}")
            seconds += float(number) * _UNITS[unit]
            number, unit = "", ""
        if sign.isdigit() or sign == ".":
            number += sign
        else:
            unit += sign
    # Rounded down to whole seconds, and never less than one.
    return timedelta(seconds=max(int(seconds), 1))


def _field(
    text: str, name: str, low: int, high: int, names: tuple[tuple[int, str], ...]
) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, slash, step_text = part.partition("/")
        step = _number(step_text, ()) if slash else 1
        if step <= 0:
            raise ValueError(f"step of range should be a positive number: {part}")
        if span in ("*", "?"):
            first, last = low, high
        else:
            first_text, dash, last_text = span.partition("-")
            first = _number(first_text, names)
            last = _number(last_text, names) if dash else (high if slash else first)
        if first < low:
            raise ValueError(f"beginning of range ({first}) below minimum ({low}): {part}")
        if last > high:
            raise ValueError(f"end of range ({last}) above maximum ({high}): {part}")
        if first > last:
            raise ValueError(f"beginning of range ({first}) beyond end of range ({last}): {part}")
        found.update(range(first, last + 1, step))
    return frozenset(found)


def _number(text: str, names: tuple[tuple[int, str], ...]) -> int:
    for number, name in names:
        if text.lower() == name:
            return number
    if not text.isdigit():
        raise ValueError(f"failed to parse int from {text}")
    return int(text)
