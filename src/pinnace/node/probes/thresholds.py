"""When answers of a probe become a result: after enough of the same in a row. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Run:
    """How often the last answer was given in a row."""

    last: bool | None = None
    length: int = 0


def counted(run: Run, ok: bool) -> Run:
    """Add one answer to the run."""
    return Run(ok, run.length + 1) if run.last is ok else Run(ok, 1)


def verdict(run: Run, probe: Mapping[str, Any]) -> bool | None:
    """Return the result that the run makes, None while it is too short."""
    failures = int(probe.get("failureThreshold") or 3)
    successes = int(probe.get("successThreshold") or 1)
    if run.last is False:
        return False if run.length >= failures else None
    return True if run.length >= successes else None
