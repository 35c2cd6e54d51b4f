"""Which of several classes marked as default counts."""

from collections.abc import Iterable

from pinnace.api.objects import Object


def newest_marked(classes: Iterable[Object], annotations: tuple[str, ...]) -> Object | None:
    """Return the newest object that one of the annotations marks, by name if equally new."""
    marked = [
        c
        for c in classes
        if any((c["metadata"].get("annotations") or {}).get(a) == "true" for a in annotations)
    ]
    by_name = sorted(marked, key=lambda c: str(c["metadata"]["name"]))
    return max(by_name, key=lambda c: str(c["metadata"].get("creationTimestamp")), default=None)
