"""An object in each of the versions in which its managers wrote it."""

from functools import cache

from pinnace.api.conversion.table import convert, convertible
from pinnace.api.errors import BadRequest
from pinnace.api.kinds.table import RESOURCES
from pinnace.api.objects import Object
from pinnace.api.patch.shape import Kind
from pinnace.api.resources import Resource
from pinnace.api.schema.load import load
from pinnace.api.typed import normalized


@cache
def _rows() -> dict[tuple[str, str], Resource]:
    return {(row.kind, row.group_version): row for row in RESOURCES}


class Versions:
    """The versions of one kind, as a row of it can be converted to them."""

    def __init__(self, row: Resource) -> None:
        self._row = row

    def row(self, api_version: str) -> Resource | None:
        """Return the kind's row of a version, or None if there is none any more."""
        if api_version == self._row.group_version:
            return self._row
        if self._row.custom is not None:
            return self._row.custom.versions.get(api_version)
        if not convertible(self._row.kind, self._row.group_version, api_version):
            return None
        return _rows().get((self._row.kind, api_version))

    def kind(self, api_version: str) -> Kind:
        """Return what the schema says of the kind in a version."""
        row = self.row(api_version)
        if row is not None and row.custom is not None:
            return row.custom.type
        return None if row is None else load().type_for(row.group, row.version, row.kind)

    def at(self, obj: Object, api_version: str) -> Object | None:
        """Return an object in a version, or None if there is no such version any more.

        Raises Unconverted if only a webhook can tell.
        """
        if obj.get("apiVersion") == api_version:
            return obj
        row = self.row(api_version)
        if row is None:
            return None
        if row.custom is not None:
            return row.custom.known(obj, row)
        try:
            made = convert(obj, row)
        except BadRequest:
            return None
        return normalized(made, row)


@cache
def zero(row: Resource) -> Object:
    """Return an object of a kind with nothing in it, as Go writes it: shared, never change it."""
    empty: Object = {"kind": row.kind, "apiVersion": row.group_version, "metadata": {}}
    return normalized(empty, row)
