"""The words are those of Go's time.Parse."""

import pytest

from pinnace.api.gotime import MICRO, RFC3339, complaint

CASES = [
    ("2026-01-01T00:00:00Z", ""),
    ("2026-01-01T00:00:00.5+02:00", ""),
    ("x", ' as "{layout}": cannot parse "x" as "2006"'),
    ("", ' as "{layout}": cannot parse "" as "2006"'),
    ("2026-01-01", ' as "{layout}": cannot parse "" as "T"'),
    ("2026-01-01T00:00:00", ' as "{layout}": cannot parse "" as "Z07:00"'),
    ("2026-01-01T00:00:00Zx", ': extra text: "x"'),
    ("2026-13-01T00:00:00Z", ": month out of range"),
    ("2026-02-30T00:00:00Z", ": day out of range"),
    ("2026-01-01T25:00:00Z", ": hour out of range"),
]


@pytest.mark.parametrize(("text", "said"), CASES)
def test_says_why_a_text_is_no_time(text: str, said: str) -> None:
    expected = f'parsing time "{text}"' + said.format(layout=RFC3339) if said else ""
    assert complaint(text) == expected


def test_micro_times_have_six_digits() -> None:
    assert complaint("2026-01-01T00:00:00.000000Z", MICRO) == ""
    said = f'parsing time "2026-01-01T00:00:00Z" as "{MICRO}": cannot parse "Z" as ".000000"'
    assert complaint("2026-01-01T00:00:00Z", MICRO) == said
