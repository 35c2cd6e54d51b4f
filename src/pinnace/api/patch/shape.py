"""How values of a type merge: as one, field by field, or item by item.

Raw JSON inside an object is owned as one. Where the schema knows nothing at all, maps merge key by
key and lists as one.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from pinnace.api.patch.fields import Path, text_of
from pinnace.api.schema.load import load
from pinnace.api.schema.types import FieldDef, Type, TypeDef

Kind = TypeDef | FieldDef | None


class NoElement(Exception):
    """An item of a list has no name; the text is upstream's."""


def resolve(kind: Kind) -> Kind:
    """Return the type behind a field that names one."""
    if isinstance(kind, FieldDef) and kind.type is Type.OBJECT:
        return kind.inner or load().type_of(kind)
    return None if isinstance(kind, FieldDef) and kind.type in (Type.RAW, Type.ANY) else kind


def child(kind: Kind, name: str) -> FieldDef | None:
    """Return the field of that name, or what a map's values are."""
    inner = resolve(kind)
    if isinstance(inner, TypeDef):
        return inner.field(name)
    return inner.item if inner is not None else None


def item_of(kind: Kind) -> Kind:
    """Return what a list's items are."""
    return kind.item if isinstance(kind, FieldDef) else None


def is_named(kind: Kind, name: str) -> bool:
    """Tell whether a name is a field of the schema rather than a key of a map."""
    inner = resolve(kind)
    return isinstance(inner, TypeDef) and inner.field(name) is not None


def splits_map(kind: Kind) -> bool:
    """Tell whether a map is owned field by field."""
    if isinstance(kind, FieldDef) and (kind.map_type == "atomic" or kind.type is Type.RAW):
        return False
    inner = resolve(kind)
    return not (isinstance(inner, TypeDef) and inner.map_type == "atomic")


def splits_list(kind: Kind) -> bool:
    """Tell whether a list is owned item by item."""
    return isinstance(kind, FieldDef) and kind.list_type in ("set", "map")


def element(kind: Kind, item: Any) -> str:
    """Return the path element of a list's item; raises NoElement."""
    assert isinstance(kind, FieldDef)
    if kind.list_type == "set" or not kind.map_keys:
        return _set_element(item)
    if item is None:
        raise NoElement("associative list with keys may not have a null element")
    if not isinstance(item, dict):
        raise NoElement("associative list with keys may not have non-map elements")
    key: dict[str, Any] = {}
    for name in kind.map_keys:
        if name in item:
            key[name] = item[name]
            continue
        field = child(kind.item, name)
        if field is not None and field.has_default and field.default is not None:
            key[name] = field.default
    if not key:
        names = " ".join(f'"{name}"' for name in kind.map_keys)
        raise NoElement(
            f"associative list with keys has an element that omits all key fields [{names}] "
            "(and doesn't have default values for any key fields)"
        )
    return f"k:{text_of(key)}"


def _set_element(item: Any) -> str:
    if isinstance(item, dict):
        raise NoElement("associative list without keys has an element that's a map type")
    if isinstance(item, list):
        raise NoElement("not supported: associative list with lists as elements")
    if item is None:
        raise NoElement("associative list without keys has an element that's an explicit null")
    return f"v:{text_of(item)}"


def with_parents(paths: Iterable[Path], kind: Kind) -> set[Path]:
    """Add to paths the schema's fields above them, which exist because of them."""
    made: set[Path] = set()
    for path in paths:
        made.add(path)
        here = kind
        for depth, part in enumerate(path[:-1]):
            if not part.startswith("f:"):
                here = item_of(here)
                continue
            if is_named(here, part[2:]):
                made.add(path[: depth + 1])
            here = child(here, part[2:])
    return made


def reconciled(paths: Iterable[Path], kind: Kind) -> frozenset[Path]:
    """Return paths with those cut off that lead into what is owned as one nowadays."""
    if isinstance(kind, TypeDef) and load().named(kind.name) is kind:
        return _reconciled(frozenset(paths), kind.name)
    return frozenset(path[: _owned_depth(path, kind)] for path in paths)


# Objects made from one template are owned alike.
@lru_cache(maxsize=512)
def _reconciled(paths: frozenset[Path], name: str) -> frozenset[Path]:
    made = frozenset(path[: _owned_depth(path, load().named(name))] for path in paths)
    return paths if made == paths else made


def _owned_depth(path: Path, kind: Kind) -> int:
    here = kind
    for depth, part in enumerate(path):
        if part.startswith("f:"):
            if isinstance(here, FieldDef) and here.type is Type.ARRAY:
                return depth or len(path)
            if not splits_map(here):
                return depth or len(path)
            here = child(here, part[2:])
        else:
            if isinstance(here, FieldDef) and not splits_list(here):
                return depth or len(path)
            here = item_of(here)
        if here is None:
            break
    return len(path)
