from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pinnace.controllers.shared.cron import Fields, load_zone, parse


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        ("* * * * *", "2030-01-01T00:00:00", "2030-01-01T00:01:00"),
        ("*/15 * * * *", "2030-01-01T00:07:30", "2030-01-01T00:15:00"),
        ("0 0 1 1 *", "2030-01-01T00:00:00", "2031-01-01T00:00:00"),
        ("@hourly", "2030-01-01T00:30:00", "2030-01-01T01:00:00"),
        ("30 4 29 2 *", "2030-01-01T00:00:00", "2032-02-29T04:30:00"),
        ("0 0 * * mon-wed", "2030-01-03T00:00:00", "2030-01-07T00:00:00"),
        # Both days restricted: either is enough.
        ("0 0 13 * 5", "2030-01-05T00:00:00", "2030-01-11T00:00:00"),
        ("0 0 13 * *", "2030-01-05T00:00:00", "2030-01-13T00:00:00"),
        ("@every 1h30m", "2030-01-01T00:00:00", "2030-01-01T01:30:00"),
        ("5/20 * * * *", "2030-01-01T00:06:00", "2030-01-01T00:25:00"),
        ("TZ=Europe/Berlin 0 12 * * *", "2030-07-01T00:00:00", "2030-07-01T10:00:00"),
    ],
)
def test_when_a_schedule_comes_next(schedule, after, expected):
    assert parse(schedule).next(at(after)) == at(expected)


def test_a_day_that_never_comes_is_none():
    assert parse("0 0 30 2 *").next(at("2030-01-01T00:00:00")) is None


def test_an_hour_that_the_clock_skips_comes_the_next_day():
    # Berlin jumps from 2:00 to 3:00 on 31 March 2030.
    found = parse("30 2 * * *", ZoneInfo("Europe/Berlin")).next(at("2030-03-30T12:00:00"))
    assert found == at("2030-04-01T00:30:00")


@pytest.mark.parametrize(
    ("schedule", "says"),
    [
        ("* * * *", "expected exactly 5 fields, found 4"),
        ("60 * * * *", r"end of range \(60\) above maximum \(59\)"),
        ("* * 0 * *", r"beginning of range \(0\) below minimum \(1\)"),
        ("5-1 * * * *", "beyond end of range"),
        ("*/0 * * * *", "positive number"),
        ("x * * * *", "failed to parse int"),
        ("@never", "unrecognized descriptor"),
        ("TZ=Nowhere/At * * * * *", "unknown time zone"),
    ],
)
def test_what_is_wrong_is_named(schedule, says):
    with pytest.raises(ValueError, match=says):
        parse(schedule)


def test_an_hour_that_the_clocks_repeat_comes_twice():
    # Berlin falls back from 3:00 to 2:00 on 27 October 2030, at 1:00 UTC.
    schedule = parse("30 2 * * *", ZoneInfo("Europe/Berlin"))
    first = schedule.next(at("2030-10-26T12:00:00"))
    assert (first, schedule.next(first)) == (at("2030-10-27T00:30:00"), at("2030-10-27T01:30:00"))


@pytest.mark.parametrize(
    ("text", "seconds"), [("1h30m", 5400), ("1.5h", 5400), ("300ms", 1), ("-5s", 1), ("90s", 90)]
)
def test_every_takes_a_duration_of_whole_seconds(text, seconds):
    start = at("2030-01-01T00:00:00")
    assert parse(f"@every {text}").next(start) == start + timedelta(seconds=seconds)


def test_every_needs_a_duration():
    with pytest.raises(ValueError, match='duration soon: time: invalid duration "so'):
        parse("@every soon")


def test_an_unknown_zone_is_named():
    with pytest.raises(ValueError, match="unknown time zone Nowhere/At"):
        load_zone("Nowhere/At")


BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))


@st.composite
def pieces(draw, low, high):
    first = draw(st.integers(low, high))
    last = draw(st.integers(first, high))
    step = draw(st.integers(1, high))
    shapes = (
        f"{first}", f"{first}-{last}", f"{first}-{last}/{step}", f"{first}/{step}", "*", "?",
        f"*/{step}",
    )  # fmt: skip
    return draw(st.sampled_from(shapes)), (first, last, step)


@st.composite
def schedules(draw):
    parts = []
    for low, high in BOUNDS:
        some = draw(st.lists(pieces(low, high), min_size=1, max_size=2))
        parts.append(",".join(text for text, _ in some))
    return " ".join(parts)


def lists(part, low, high, value):
    """Whether a field lists a value, read in the plainest way."""
    for piece in part.split(","):
        span, _, step = piece.partition("/")
        first, dash, last = span.partition("-")
        if first in "*?":
            begin, end = low, high
        else:
            begin = int(first)
            end = int(last) if dash else (high if step else begin)
        if begin <= value <= end and (value - begin) % int(step or 1) == 0:
            return True
    return False


def is_due(text, local):
    minute, hour, day, month, weekday = text.split()
    of_month = lists(day, 1, 31, local.day)
    of_week = lists(weekday, 0, 6, local.isoweekday() % 7)
    stars = [p for part in (day, weekday) for p in part.split(",")]
    star = any(p in ("*", "?", "*/1") for p in stars)
    return (
        lists(minute, 0, 59, local.minute)
        and lists(hour, 0, 23, local.hour)
        and lists(month, 1, 12, local.month)
        and ((of_month and of_week) if star else (of_month or of_week))
    )


DAY = timedelta(days=1)
# Around the days on which clocks change, and any others.
STARTS = st.sampled_from(
    [
        at("2030-03-30T20:00:00"), at("2030-10-26T20:00:00"), at("2030-04-06T12:00:00"),
        at("2030-10-05T12:00:00"), at("2030-02-28T12:00:00"), at("2030-12-31T12:00:00"),
    ]
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    schedules(),
    STARTS,
    st.integers(0, 86400),
    st.sampled_from(["", "Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns"]),
)
def test_the_next_time_is_the_first_minute_that_matches(text, start, offset, name):
    zone = load_zone(name)
    schedule = parse(text, zone)
    assert isinstance(schedule, Fields)
    after = start + timedelta(seconds=offset)
    found = schedule.next(after)
    minute = after.replace(second=0, microsecond=0) + timedelta(minutes=1)
    while minute < after + 2 * DAY:
        if is_due(text, minute.astimezone(zone)):
            break
        minute += timedelta(minutes=1)
    else:
        assume(found is not None)
        assert found >= minute
        return
    assert found == minute
