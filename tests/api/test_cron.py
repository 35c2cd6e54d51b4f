from datetime import UTC, datetime

import pytest

from pinnace.api.cron import parse


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
    found = parse("30 2 * * *", "Europe/Berlin").next(at("2030-03-30T12:00:00"))
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
