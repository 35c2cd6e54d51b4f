"""Cron schedules: upstream's grammar, and when a schedule is next due.

Five fields (minute, hour, day of month, month, day of week), the descriptors, and `@every`. A time
is due if all its fields match as the zone's clocks show them; of the two kinds of day, one is
enough unless either is a star. So what falls into an hour that the clocks skip is left out, and
what falls into one that they repeat is due twice.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from pinnace.api.validation.schedule import FIELDS, schedule_error

_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_YEARS = 5
_UNITS = {
    "ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0,
}  # fmt: skip
_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|ms|s|m|h)")


@dataclass(frozen=True, slots=True)
class Fields:
    """A schedule by the clock; `any_day` if one of the kinds of day is a star."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    zone: tzinfo

    def next(self, after: datetime) -> datetime | None:
        """Return the first time that is due after another; None if none is within five years."""
        local = after.astimezone(self.zone)
        day = local.date()
        while day.year <= local.year + _YEARS:
            if day.month not in self.months:
                day = _next_month(day)
                continue
            if self._has_day(day):
                found = self._in_day(day, after)
                if found is not None:
                    return found
            day += timedelta(days=1)
        return None

    def _has_day(self, day: date) -> bool:
        of_month, of_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return (of_month and of_week) if self.any_day else (of_month or of_week)

    def _in_day(self, day: date, after: datetime) -> datetime | None:
        begin = datetime(day.year, day.month, day.day, tzinfo=self.zone)
        end = datetime.combine(day + timedelta(days=1), begin.timetz()).replace(fold=1)
        steady = begin.utcoffset() == end.utcoffset()
        found = []
        for hour in self.hours:
            for minute in self.minutes:
                for fold in (0,) if steady else (0, 1):
                    local = begin.replace(hour=hour, minute=minute, fold=fold)
                    due = local.astimezone(UTC)
                    if due <= after:
                        continue
                    if steady:
                        return due
                    shown = due.astimezone(self.zone)
                    # An hour that the clocks skip is not shown by any clock.
                    if (shown.day, shown.hour, shown.minute) == (day.day, hour, minute):
                        found.append(due)
        return min(found, default=None)


@dataclass(frozen=True, slots=True)
class Every:
    """A schedule by the time since the last start."""

    seconds: int

    def next(self, after: datetime) -> datetime | None:
        """Return the time that is due after another."""
        return after.replace(microsecond=0) + timedelta(seconds=self.seconds)


Schedule = Fields | Every


def parse(text: str, zone: tzinfo = UTC) -> Schedule:
    """Read a schedule; raises ValueError in the parser's words."""
    if error := schedule_error(text):
        raise ValueError(error)
    if text.startswith(("TZ=", "CRON_TZ=")):
        named, _, text = text.partition(" ")
        name = named.partition("=")[2]
        zone = _zone(name)
        text = text.strip()
    if text.startswith("@every "):
        return Every(_every(text.removeprefix("@every ")))
    parts = _DESCRIPTORS.get(text, text).split()
    minutes, hours, days, months, weekdays = (
        _values(part, position) for position, part in enumerate(parts)
    )
    return Fields(
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        days=frozenset(days),
        months=frozenset(months),
        weekdays=frozenset(weekdays),
        any_day=any(map(_has_star, (parts[2], parts[4]))),
        zone=zone,
    )


def load_zone(name: str | None) -> tzinfo:
    """Return a time zone; without a name it is UTC. Raises ValueError if there is none such."""
    if not name or name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"unknown time zone {name}") from None


def _zone(name: str) -> tzinfo:
    try:
        return load_zone(name)
    except ValueError as error:
        raise ValueError(f"provided bad location {name}: {error}") from None


def _next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def _has_star(part: str) -> bool:
    """Whether a field has a star or question mark that is not thinned out by a step."""
    pieces = (piece.partition("/") for piece in part.split(","))
    return any(
        span.split("-")[0] in ("*", "?") and (not step or int(step) <= 1)
        for span, _, step in pieces
    )


def _values(part: str, position: int) -> set[int]:
    """Return the values that a field lists; its text has been checked."""
    bounds = FIELDS[position]
    found: set[int] = set()
    for piece in filter(None, part.split(",")):
        span, _, step = piece.partition("/")
        low, dash, high = span.partition("-")
        if low in ("*", "?"):
            first, last = bounds.low, bounds.high
        else:
            first = _number(low, position)
            last = _number(high, position) if dash else first
            if step and not dash:
                last = bounds.high
        found.update(range(first, last + 1, int(step or 1)))
    return found


def _number(text: str, position: int) -> int:
    bounds = FIELDS[position]
    if text.lower() in bounds.names:
        return bounds.names.index(text.lower()) + bounds.low
    return int(text)


def _every(text: str) -> int:
    """Read a Go duration as whole seconds, at least one."""
    body = text.removeprefix("+")
    parts = _PART.findall(body)
    if not parts or "".join(number + unit for number, unit in parts) != body:
        if text.startswith("-") and _PART.match(text[1:]):
            return 1
        raise ValueError(f'failed to parse duration {text}: time: invalid duration "{text}"')
    total = sum(float(number) * _UNITS[unit] for number, unit in parts)
    return max(int(total), 1)
