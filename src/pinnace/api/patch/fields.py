"""Sets of fields as server-side apply sees them, and their form in managedFields.

A path is a tuple of elements in the notation of fieldsV1: `f:name` for a field or map key,
`k:{"name":"a"}` for an item of a keyed list, `v:"x"` for an item of a set. The fields of an object
are a dict from each path that can be owned to its value; a path that stands for a whole item or
map has NODE for a value. For example, labels {a: b} give

    ("f:metadata", "f:labels", "f:a"): "b"
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson

from pinnace.api.schema.load import Schema
from pinnace.api.schema.types import FieldDef, Type, TypeDef

Path = tuple[str, ...]
Fields = dict[Path, Any]
FieldSet = frozenset[Path]
Kind = TypeDef | FieldDef | None

NODE = object()


class Comparison(NamedTuple):
    """Paths that one object has more than another, with another value, or less."""

    added: set[Path]
    modified: set[Path]
    removed: set[Path]

    def note(self, old: Fields, new: Fields) -> None:
        """Compare all fields of two parts of the objects."""
        self.added.update(new.keys() - old.keys())
        self.removed.update(old.keys() - new.keys())
        self.modified.update(path for path in new.keys() & old.keys() if old[path] != new[path])


_ATOMIC = (Type.RAW, Type.QUANTITY, Type.INT_OR_STRING)


class Shape:
    """Tells for values of a type how they merge: as one, field by field, or item by item."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    def child(self, kind: Kind, name: str) -> FieldDef | None:
        """Return the field of that name, or what a map's values are."""
        inner = self.resolve(kind)
        if isinstance(inner, TypeDef):
            return inner.field(name)
        return inner.item if inner is not None else None

    def is_named(self, kind: Kind, name: str) -> bool:
        """Tell whether a name is a field of the schema rather than a key of a map."""
        inner = self.resolve(kind)
        return isinstance(inner, TypeDef) and inner.field(name) is not None

    def resolve(self, kind: Kind) -> Kind:
        """Return the type behind a field that names one."""
        if isinstance(kind, FieldDef) and kind.type is Type.OBJECT:
            return self._schema.type_of(kind)
        return kind

    def splits_map(self, kind: Kind) -> bool:
        """Tell whether a map is owned field by field. Where nothing is known, it is."""
        if isinstance(kind, FieldDef) and (kind.type in _ATOMIC or kind.map_type == "atomic"):
            return False
        inner = self.resolve(kind)
        return not (isinstance(inner, TypeDef) and inner.map_type == "atomic")

    def splits_list(self, kind: Kind) -> bool:
        """Tell whether a list is owned item by item."""
        return isinstance(kind, FieldDef) and kind.list_type in ("set", "map")

    def element(self, kind: FieldDef, item: Any) -> str:
        """Return the path element of a list's item."""
        if kind.list_type == "set" or not isinstance(item, dict):
            return f"v:{_text(item)}"
        key: dict[str, Any] = {}
        for name in sorted(kind.map_keys):
            value = item.get(name)
            if value is None:
                field = self.child(kind.item, name)
                value = field.default if field is not None and field.has_default else None
            key[name] = value
        return f"k:{_text(key)}"

    def fields(self, value: Any, kind: Kind) -> Fields:
        """Return all paths of an object that can be owned, with their values."""
        found: Fields = {}
        self._walk(value, kind, (), found)
        found.pop((), None)
        return found

    def _walk(self, value: Any, kind: Kind, path: Path, found: Fields) -> None:
        if isinstance(value, dict) and self.splits_map(kind):
            for name, inner in value.items():
                self._entry(inner, kind, name, path, found)
        elif isinstance(value, list) and self.splits_list(kind) and isinstance(kind, FieldDef):
            for item in value:
                self._item(item, kind, (*path, self.element(kind, item)), found)
        else:
            found[path] = value

    def _entry(self, value: Any, kind: Kind, name: str, path: Path, found: Fields) -> None:
        """Note a map's entry, which is owned itself when it is empty or no field of a schema."""
        here = (*path, f"f:{name}")
        self._walk(value, self.child(kind, name), here, found)
        if value is None or value == {} or not self.is_named(kind, name):
            found.setdefault(here, NODE)

    def _item(self, value: Any, kind: FieldDef, here: Path, found: Fields) -> None:
        self._walk(value, kind.item, here, found)
        found.setdefault(here, NODE)

    def compare(self, old: Any, new: Any, kind: Kind) -> "Comparison":
        """Return which paths differ between two objects; what is equal is not walked."""
        result = Comparison(set(), set(), set())
        if old != new:
            self._compare(old, new, kind, (), result)
        for paths in result:
            paths.discard(())
        return result

    def _compare(self, old: Any, new: Any, kind: Kind, path: Path, out: "Comparison") -> None:
        """Note where two values differ, which they do."""
        maps = isinstance(old, dict) and isinstance(new, dict) and old and new
        if maps and self.splits_map(kind):
            self._compare_maps(old, new, kind, path, out)
            return
        lists = isinstance(old, list) and isinstance(new, list)
        if lists and isinstance(kind, FieldDef) and self.splits_list(kind):
            self._compare_lists(old, new, kind, path, out)
            return
        before: Fields = {}
        after: Fields = {}
        for value, found in ((old, before), (new, after)):
            self._walk(value, kind, path, found)
            if value is None or value == {}:
                found.setdefault(path, NODE)
        out.note(before, after)

    def _compare_maps(
        self, old: dict[str, Any], new: dict[str, Any], kind: Kind, path: Path, out: "Comparison"
    ) -> None:
        before: Fields = {}
        after: Fields = {}
        for name in old.keys() - new.keys():
            self._entry(old[name], kind, name, path, before)
        for name, value in new.items():
            if name not in old:
                self._entry(value, kind, name, path, after)
            elif old[name] != value:
                self._compare(old[name], value, self.child(kind, name), (*path, f"f:{name}"), out)
        out.note(before, after)

    def _compare_lists(
        self, old: list[Any], new: list[Any], kind: FieldDef, path: Path, out: "Comparison"
    ) -> None:
        was = {self.element(kind, item): item for item in old}
        now = {self.element(kind, item): item for item in new}
        before: Fields = {}
        after: Fields = {}
        for name in was.keys() - now.keys():
            self._item(was[name], kind, (*path, name), before)
        for name, item in now.items():
            if name not in was:
                self._item(item, kind, (*path, name), after)
            elif was[name] != item:
                self._compare(was[name], item, kind.item, (*path, name), out)
        out.note(before, after)

    def with_parents(self, paths: Iterable[Path], kind: Kind) -> set[Path]:
        """Add to paths the schema's fields above them, which exist because of them."""
        made: set[Path] = set()
        for path in paths:
            made.add(path)
            here = kind
            for depth, element in enumerate(path[:-1]):
                if element.startswith("f:"):
                    if self.is_named(here, element[2:]):
                        made.add(path[: depth + 1])
                    here = self.child(here, element[2:])
                else:
                    here = here.item if isinstance(here, FieldDef) else None
        return made


def _text(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def encode(paths: Iterable[Path]) -> dict[str, Any]:
    """Return a set of paths as fieldsV1 has it."""
    root: dict[str, Any] = {}
    members = sorted(paths)
    for path in members:
        here = root
        for element in path:
            here = here.setdefault(element, {})
    for path in members:
        here = root
        for element in path:
            here = here[element]
        if here:
            here["."] = {}
    return _sorted(root)


def _sorted(node: dict[str, Any]) -> dict[str, Any]:
    return {name: _sorted(node[name]) for name in sorted(node)}


def decode(fields: Any) -> FieldSet:
    """Return the paths of a fieldsV1; raises ValueError on what is none."""
    found: set[Path] = set()
    _collect(fields, (), found)
    return frozenset(found)


def _collect(node: Any, path: Path, found: set[Path]) -> None:
    if not isinstance(node, dict):
        raise ValueError("fieldsV1 holds maps only")
    if path and (not node or "." in node):
        found.add(path)
    for name, inner in node.items():
        if name != ".":
            if name[1:2] != ":":
                raise ValueError(f"missing colon: {name}")
            _collect(inner, (*path, name), found)


def shown(path: Path) -> str:
    """Write a path as conflicts name it: `.spec.containers[name="a"].image`."""
    parts = []
    for element in path:
        kind, text = element[0], element[2:]
        if kind == "f":
            parts.append(f".{text}")
        elif kind == "k":
            key = orjson.loads(text)
            parts.append(f"[{','.join(f'{name}={_text(key[name])}' for name in sorted(key))}]")
        else:
            parts.append(f"[={text}]" if kind == "v" else f"[{text}]")
    return "".join(parts)
