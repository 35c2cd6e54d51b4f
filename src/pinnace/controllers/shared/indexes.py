"""Sets of completion indexes as a Job's status writes them: `1,3-5,7`."""

from collections.abc import Iterable


def parse(text: str | None, completions: int) -> set[int]:
    """Read indexes, leaving out those beyond the completions and what cannot be read."""
    found: set[int] = set()
    for part in (text or "").split(","):
        first, _, last = part.partition("-")
        if first.isdigit() and (not last or last.isdigit()):
            found.update(range(int(first), min(int(last or first), completions - 1) + 1))
    return {index for index in found if index < completions}


def text(indexes: Iterable[int]) -> str:
    """Write indexes, three or more in a row as a range, two as a list."""
    parts: list[str] = []
    run: list[int] = []
    for index in [*sorted(indexes), None]:
        if run and (index is None or index != run[-1] + 1):
            separator = "-" if len(run) > 2 else ","
            parts.append(str(run[0]) if len(run) == 1 else f"{run[0]}{separator}{run[-1]}")
            run = []
        if index is not None:
            run.append(index)
    return ",".join(parts)
