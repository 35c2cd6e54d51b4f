"""The fieldsV1 of a whole object, as the first writer of a new object owns it.

The same as encoding `Shape.fields`, in one walk over the object and without any paths: creates are
the commonest writes.
"""

from collections.abc import Mapping
from typing import Any

from pinnace.api.patch.fields import Kind, Shape
from pinnace.api.schema.types import FieldDef, TypeDef


class Unclear(Exception):
    """The object has two items of one name in a keyed list: only paths can tell."""


class _Node:
    """What the schema says of a value: compiled once per type and kept by whoever made it."""

    __slots__ = ("_children", "_items", "_kind", "_shape", "fields", "splits_list", "splits_map")

    def __init__(self, shape: Shape, kind: Kind) -> None:
        self._shape = shape
        self._kind = kind
        self._children: dict[str, _Node] = {}
        self._items: _Node | None = None
        inner = shape.resolve(kind)
        self.fields: Mapping[str, FieldDef] = inner.fields if isinstance(inner, TypeDef) else {}
        self.splits_map = shape.splits_map(kind)
        self.splits_list = shape.splits_list(kind)

    def child(self, name: str) -> "_Node":
        """Return the node of a field, or of a map's values."""
        key = name if self.fields else ""
        found = self._children.get(key)
        if found is None:
            found = _Node(self._shape, self._shape.child(self._kind, name))
            if key in self.fields or not self.fields:
                self._children[key] = found
        return found

    def items(self) -> "_Node":
        """Return the node of a list's items."""
        if self._items is None:
            kind = self._kind.item if isinstance(self._kind, FieldDef) else None
            self._items = _Node(self._shape, kind)
        return self._items

    def element(self, item: Any) -> str:
        """Return the name of a list's item."""
        assert isinstance(self._kind, FieldDef)
        return self._shape.element(self._kind, item)


class Whole:
    """Makes fieldsV1 of whole objects of one kind."""

    def __init__(self, shape: Shape, kind: Kind) -> None:
        self._root = _Node(shape, kind)

    def fields(self, obj: Mapping[str, Any]) -> dict[str, Any]:
        """Return an object's fieldsV1; raises Unclear."""
        return _map(obj, self._root)


def _map(value: Mapping[str, Any], node: _Node) -> dict[str, Any]:
    made: dict[str, Any] = {}
    named = node.fields
    for name in sorted(value):
        inner = value[name]
        below: dict[str, Any] = {}
        owned = True
        if type(inner) is dict or type(inner) is list:
            child = node.child(name)
            if type(inner) is dict and child.splits_map:
                below = _map(inner, child)
                owned = not inner or name not in named
            elif type(inner) is list and child.splits_list:
                below = _list(inner, child)
                owned = name not in named
        if below:
            made["f:" + name] = {".": {}, **below} if owned else below
        elif owned:
            made["f:" + name] = {}
    return made


def _list(value: list[Any], node: _Node) -> dict[str, Any]:
    found: dict[str, Any] = {}
    items = node.items()
    for item in value:
        below: dict[str, Any] = {}
        if type(item) is dict and items.splits_map:
            below = _map(item, items)
        elif type(item) is list and items.splits_list:
            below = _list(item, items)
        name = node.element(item)
        if name in found:
            raise Unclear
        found[name] = {".": {}, **below} if below else {}
    return {name: found[name] for name in sorted(found)} if len(found) > 1 else found
