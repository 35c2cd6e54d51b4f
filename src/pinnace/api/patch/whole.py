"""The fieldsV1 of a whole new object, as its first writer owns it.

The same as encoding what `compare` finds added to an object with nothing in it, in one walk over
the object and without any paths: creates are the commonest writes.
"""

from collections.abc import Mapping
from typing import Any

from pinnace.api.patch.fields import rank
from pinnace.api.patch.shape import (
    Kind,
    child,
    element,
    item_of,
    resolve,
    splits_list,
    splits_map,
)
from pinnace.api.schema.types import FieldDef, TypeDef


class Unclear(Exception):
    """The object has two items of one name in a keyed list: only paths can tell."""


class _Node:
    """What the schema says of a value: compiled once per type and kept by whoever made it."""

    __slots__ = ("_children", "_items", "_kind", "fields", "splits_list", "splits_map")

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._children: dict[str, _Node] = {}
        self._items: _Node | None = None
        inner = resolve(kind)
        self.fields: Mapping[str, FieldDef] = inner.fields if isinstance(inner, TypeDef) else {}
        self.splits_map = splits_map(kind)
        self.splits_list = splits_list(kind)

    def child(self, name: str) -> "_Node":
        """Return the node of a field, or of a map's values."""
        key = name if self.fields else ""
        found = self._children.get(key)
        if found is None:
            found = _Node(child(self._kind, name))
            if key in self.fields or not self.fields:
                self._children[key] = found
        return found

    def items(self) -> "_Node":
        """Return the node of a list's items."""
        if self._items is None:
            self._items = _Node(item_of(self._kind))
        return self._items

    def element(self, item: Any) -> str:
        """Return the name of a list's item."""
        return element(self._kind, item)


class Whole:
    """Makes fieldsV1 of whole objects of one kind, of which `zero` is one with nothing in it."""

    def __init__(self, kind: Kind, zero: Mapping[str, Any]) -> None:
        self._root = _Node(kind)
        self._zero = zero

    def fields(self, obj: Mapping[str, Any]) -> dict[str, Any]:
        """Return an object's fieldsV1; raises Unclear and NoElement."""
        return _changed_map(self._zero, obj, self._root)


def _changed_map(zero: Mapping[str, Any], value: Mapping[str, Any], node: _Node) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name in sorted(value):
        inner = value[name]
        if name not in zero:
            simple = type(inner) is not dict and type(inner) is not list
            made["f:" + name] = {} if simple else _added(inner, node.child(name))
            continue
        before = zero[name]
        if before == inner:
            continue
        below = node.child(name)
        if type(inner) is dict and below.splits_map:
            changed = _changed_map(before or {}, inner, below)
        elif type(inner) is list and below.splits_list:
            changed = _list(inner, below)
        else:
            made["f:" + name] = {}
            continue
        if changed:
            made["f:" + name] = changed
    return made


def _added(value: Any, node: _Node) -> dict[str, Any]:
    """Return what is below a value that was not there before."""
    if not value:
        return {}
    if type(value) is dict and node.splits_map:
        made: dict[str, Any] = {".": {}}
        for name in sorted(value):
            inner = value[name]
            simple = type(inner) is not dict and type(inner) is not list
            made["f:" + name] = {} if simple else _added(inner, node.child(name))
        return made
    if type(value) is list and node.splits_list:
        return {".": {}, **_list(value, node)}
    return {}


def _list(value: list[Any], node: _Node) -> dict[str, Any]:
    found: dict[str, Any] = {}
    items = node.items()
    for item in value:
        name = node.element(item)
        if name in found:
            raise Unclear
        found[name] = _added(item, items)
    return {name: found[name] for name in sorted(found, key=rank)} if len(found) > 1 else found
