"""The order of a merged list: the patch's own items as it says, the others where they were."""

from typing import Any


def identity(value: Any) -> Any:
    """Return something hashable that is equal for values that are the same JSON."""
    if isinstance(value, (str, int, float)):
        return (type(value), value)
    return repr(value)


class Order:
    """Positions of items by merge key, or by value when there is no key."""

    def __init__(self, items: list[Any], key: str) -> None:
        self._key = key
        self._places: dict[Any, int] = {}
        for at, item in enumerate(items):
            self._places.setdefault(self._name(item), at)

    def index(self, item: Any) -> int:
        """Return where an item's like is, or -1."""
        return self._places.get(self._name(item), -1)

    def add(self, item: Any, at: int) -> None:
        """Remember one more item."""
        self._places.setdefault(self._name(item), at)

    def _name(self, item: Any) -> Any:
        if not self._key:
            return identity(item)
        return identity(item.get(self._key)) if isinstance(item, dict) else None


def ordered(merged: list[Any], wanted: list[Any], before: list[Any], key: str) -> list[Any]:
    """Return merged items in the wanted order; those not wanted keep their places from before.

    The two sequences are woven: an item from before goes first when it stood before its rival.
    """
    want, old = Order(wanted, key), Order(before, key)
    named = sorted((item for item in merged if want.index(item) >= 0), key=want.index)
    others = sorted((item for item in merged if want.index(item) < 0), key=old.index)
    woven: list[Any] = []
    at = 0
    for item in others:
        place = old.index(item)
        while at < len(named) and not 0 <= place < old.index(named[at]):
            woven.append(named[at])
            at += 1
        woven.append(item)
    return woven + named[at:]
