"""A cache to read other objects from, filled by the test."""

from collections.abc import Iterable, Mapping

from pinnace.api.objects import Object
from pinnace.api.resources import Resource


class DictLookup:
    """Answers admission, authentication and authorization from dictionaries."""

    def __init__(self, objects: Mapping[Resource, Iterable[Object]] | None = None) -> None:
        self._objects: dict[tuple[str, str], dict[tuple[str, str], Object]] = {}
        for row, those in (objects or {}).items():
            for obj in those:
                self.add(row, obj)

    def add(self, row: Resource, obj: Object) -> None:
        """Put an object in, over one of the same name."""
        meta = obj["metadata"]
        kept = self._objects.setdefault((row.group, row.plural), {})
        kept[meta.get("namespace", ""), meta["name"]] = obj

    def remove(self, row: Resource, namespace: str, name: str) -> Object:
        """Take an object out and return it."""
        return self._objects[row.group, row.plural].pop((namespace, name))

    def get(self, row: Resource, namespace: str, name: str) -> Object | None:
        """Return one object, or None."""
        return self._objects.get((row.group, row.plural), {}).get((namespace, name))

    def list(self, row: Resource, namespace: str = "") -> Iterable[Object]:
        """Return all objects of a kind, or those of one namespace."""
        kept = self._objects.get((row.group, row.plural), {})
        return [obj for (where, _), obj in kept.items() if namespace in ("", where)]
