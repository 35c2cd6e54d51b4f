"""Spans of time as Go writes them: 1h30m, 500ms."""

import re

_UNITS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?([^0-9.]*)")


def parse_duration(text: str) -> float:
    """Return the seconds of a duration; raises ValueError with Go's words but for its "time: "."""
    rest = text.removeprefix("-").removeprefix("+") if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0.0
    total = 0.0
    if not rest:
        raise ValueError(f"invalid duration {_quoted(text)}")
    while rest:
        found = _PART.match(rest)
        assert found is not None
        whole, fraction, unit = found.groups()
        if not whole and not fraction:
            raise ValueError(f"invalid duration {_quoted(text)}")
        if not unit:
            raise ValueError(f"missing unit in duration {_quoted(text)}")
        if unit not in _UNITS:
            raise ValueError(f"unknown unit {_quoted(unit)} in duration {_quoted(text)}")
        total += float(f"{whole or 0}.{fraction or 0}") * _UNITS[unit]
        rest = rest[found.end() :]
    return -total if text.startswith("-") else total


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
