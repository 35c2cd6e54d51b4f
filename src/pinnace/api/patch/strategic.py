"""Strategic merge patch: a merge patch that knows which lists are keyed.

The schema says for each field whether patches replace or merge it, and by which key. A patch may
hold directives: `$patch: delete|replace` in a map or list item, `$retainKeys`,
`$deleteFromPrimitiveList/<field>` and `$setElementOrder/<field>`. For example, to containers
[{name: a, image: 1}, {name: b}] the patch

    {$setElementOrder/containers: [{name: b}, {name: a}],
     containers: [{name: a, image: 2}]}

gives [{name: b}, {name: a, image: 2}].

Document and patch are copied once and then changed in place, as upstream's strategicpatch does.
"""

from typing import Any

import orjson

from pinnace.api.codec.json import check_depth, go_name
from pinnace.api.errors import ApiError, BadRequest, Invalid
from pinnace.api.gotext import plain
from pinnace.api.objects import Object
from pinnace.api.patch.order import Order, identity, ordered
from pinnace.api.resources import Resource
from pinnace.api.schema.load import Schema, load
from pinnace.api.schema.types import FieldDef, Type, TypeDef

_DIRECTIVE = "$patch"
_RETAIN = "$retainKeys"
_DELETE_LIST = "$deleteFromPrimitiveList/"
_ORDER = "$setElementOrder/"
_REJECTED = "the server rejected our request due to an error in our request"

Map = dict[str, Any]
Kind = TypeDef | FieldDef | None


def apply(doc: Object, patch: Any, row: Resource) -> Object:
    """Return the patched copy of a document; raises ApiError with upstream's text."""
    if not isinstance(patch, dict):
        raise BadRequest(
            f"json: cannot unmarshal {go_name(patch)} into Go value of type "
            "map[string]interface {}"
        )
    check_depth(patch)
    schema = load()
    kind = schema.type_for(row.group, row.version, row.kind)
    return _Merge(schema).map(_copy(doc), _copy(patch), kind)


def _copy(value: Any) -> Any:
    return orjson.loads(orjson.dumps(value))


class _Merge:
    """One run over a document with the schema at hand."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    def map(self, original: Map, patch: Map, kind: Kind) -> Map:
        """Merge a patch into a map; both are used up."""
        if _DIRECTIVE in patch:
            return _directive(patch)
        _retain_keys(original, patch)
        for name in [name for name in patch if name.startswith(_ORDER)]:
            self._set_order(original, patch, name, kind)
        for name, value in patch.items():
            deleting = name.startswith(_DELETE_LIST)
            self._entry(original, name.removeprefix(_DELETE_LIST), value, kind, deleting)
        return original

    def _entry(self, original: Map, name: str, value: Any, kind: Kind, deleting: bool) -> None:
        if value is None:
            original.pop(name, None)
            return
        old = original.get(name)
        field = self._field(kind, name)
        if isinstance(old, dict) and isinstance(value, dict):
            replaced = "replace" in _strategies(field)
            original[name] = value if replaced else self.map(old, value, self._inside(field))
        elif isinstance(old, list) and isinstance(value, list):
            original[name] = self._list(old, value, field, deleting)
        elif not deleting:
            kept = _take(value)
            if kept is _GONE:
                original.pop(name, None)
            else:
                original[name] = kept

    def _list(
        self, original: list[Any], patch: list[Any], field: FieldDef | None, deleting: bool
    ) -> list[Any]:
        if "merge" not in _strategies(field) and not deleting:
            return patch
        if not original and not patch:
            return original
        if not _of_maps(original, patch):
            if deleting:
                gone = {identity(item) for item in patch}
                return [item for item in original if identity(item) not in gone]
            merged = list({identity(item): item for item in [*original, *patch]}.values())
            return ordered(merged, patch, original, "")
        key = field.patch_merge_key if field is not None else ""
        if not key:
            name = field.ref.rpartition(".")[2] if field is not None else ""
            raise _internal(f"cannot merge lists without merge key for {name}")
        original, patch = _special(original, patch, key)
        return ordered(self._keyed(original, patch, key, field), patch, original, key)

    def _keyed(
        self, original: list[Any], patch: list[Any], key: str, field: FieldDef | None
    ) -> list[Any]:
        merged = list(original)
        places = Order(merged, key)
        for item in patch:
            if key not in item:
                raise _no_merge_key(item, key)
            at = places.index(item)
            if at >= 0:
                inside = self._inside(field.item) if field is not None else None
                merged[at] = self.map(merged[at], item, inside)
            else:
                merged.append(_take(item))
                places.add(item, len(merged) - 1)
        return merged

    def _set_order(self, original: Map, patch: Map, name: str, kind: Kind) -> None:
        """Merge the list that an order belongs to and put it into that order."""
        order = patch.pop(name)
        target = name.removeprefix(_ORDER)
        have, change = original.get(target), patch.get(target)
        for value in (order, *(part for part in (have, change) if part is not None)):
            if not isinstance(value, list):
                raise _internal(f"expected a []interface {{}}, but received a {go_name(value)}")
        field = self._field(kind, target)
        if field is None and isinstance(kind, TypeDef):
            struct = kind.name.rpartition(".")[2]
            raise _internal(
                f'unable to find api field in struct {struct} for the json field "{target}"'
            )
        key = field.patch_merge_key if field is not None else ""
        _check_order(change or [], order, key)
        if key and (have is not None or change is not None):
            _check_keys(order, key)
        if have is None and change is None:
            return
        if change is None:
            merged = have
        elif have is None:
            merged = _take(change)
        else:
            merged = self._list(list(have), change, field, deleting=False)
        before = _places(have or [], change or [], key)
        original[target] = ordered(merged or [], order, before, key)
        patch.pop(target, None)

    def _field(self, kind: Kind, name: str) -> FieldDef | None:
        if isinstance(kind, TypeDef):
            return kind.field(name)
        return kind.item if kind is not None and kind.type is Type.MAP else None

    def _inside(self, field: FieldDef | None) -> Kind:
        """Return what describes the entries of a map or object."""
        if field is None or field.type is Type.MAP:
            return field
        return self._schema.type_of(field)


_GONE = object()
_GO_TYPES = {
    "number": "int64", "bool": "bool", "null": "<nil>", "array": "[]interface {}",
    "object": "map[string]interface {}",
}  # fmt: skip


def _strategies(field: FieldDef | None) -> tuple[str, ...]:
    return field.patch_strategy if field is not None else ()


def _directive(patch: Map) -> Map:
    kind = patch.pop(_DIRECTIVE)
    if kind == "replace":
        return patch
    if kind == "delete":
        return {}
    shown = f"%!s({_GO_TYPES[go_name(kind)]}={plain(kind)})" if not isinstance(kind, str) else kind
    raise _internal(f"unknown patch type: {shown} in map: {plain({_DIRECTIVE: kind, **patch})}")


def _retain_keys(original: Map, patch: Map) -> None:
    if _RETAIN not in patch:
        return
    keys = patch.pop(_RETAIN)
    if not isinstance(keys, list):
        raise BadRequest("invalid patch format of retainKeys")
    for name, value in patch.items():
        special = name.startswith((_DELETE_LIST, _ORDER))
        if value is not None and not special and name not in keys:
            raise BadRequest("invalid patch format of retainKeys")
    for name in [name for name in original if name not in keys]:
        del original[name]


def _special(original: list[Any], patch: list[Any], key: str) -> tuple[list[Any], list[Any]]:
    """Carry out the directives among a list's items; return what is left of both lists."""
    others = [item for item in patch if _DIRECTIVE not in item]
    replaced = False
    for item in patch:
        directive = item.get(_DIRECTIVE)
        if _DIRECTIVE not in item:
            continue
        if directive == "delete":
            if key not in item:
                raise _no_merge_key(item, key)
            gone = identity(item[key])
            original = [old for old in original if identity(old.get(key)) != gone]
        elif directive == "replace":
            replaced = True
        elif directive == "merge":
            raise _internal("merging lists cannot yet be specified in the patch")
        else:
            raise _internal(f"unknown patch type: {directive} in map: {plain(item)}")
    return (others, []) if replaced else (original, others)


def _places(have: list[Any], change: list[Any], key: str) -> list[Any]:
    """Return the order against which upstream weaves a list that has an order set.

    It is the live order, but items that a patch adds take the places, at the end, of those that it
    deletes: upstream changes the list in place while it still looks at it.
    """
    gone = {identity(item.get(key)) for item in change if _directive_of(item) == "delete"}
    if not gone or not key:
        return have
    kept = [item for item in have if identity(item.get(key)) not in gone]
    if any(item.get(_DIRECTIVE) == "replace" for item in change):
        return kept
    known = Order(kept, key)
    new = [item for item in change if _DIRECTIVE not in item and known.index(item) < 0]
    return [*kept, *new][: len(have)]


def _of_maps(original: list[Any], patch: list[Any]) -> bool:
    """Tell whether items are maps; they must all be of one type."""
    both = [*original, *patch]
    if isinstance(both[0], list):
        raise Invalid(_REJECTED, details={})
    if any(type(item) is not type(both[0]) for item in both):
        raise _internal(f"list element types are not identical: {plain([original, patch])}")
    return isinstance(both[0], dict)


def _check_order(patch: list[Any], order: list[Any], key: str) -> None:
    """A patch must list its items in the order that it sets."""
    if not patch or not order:
        return
    items = [item for item in patch if not (key and _directive_of(item) == "delete")]
    at = place = 0
    while at < len(items) and place < len(order):
        if _directive_of(items[at]) is not None:
            at += 1
            continue
        at += _key_of(items[at], key) == _key_of(order[place], key)
        place += 1
    if at < len(items):
        raise _internal(
            f"The order in patch list:\n{plain(patch)}\n doesn't match {_ORDER[:-1]} list:\n"
            f"{plain(order)}\n"
        )


def _check_keys(order: list[Any], key: str) -> None:
    """Every item of an order must name what it orders."""
    for at, item in enumerate(order):
        if not isinstance(item, dict):
            raise _internal(f"value for key {at} is not a map")
        if key not in item:
            raise _no_merge_key(item, key)


def _directive_of(item: Any) -> Any:
    return item.get(_DIRECTIVE) if isinstance(item, dict) else None


def _key_of(item: Any, key: str) -> Any:
    if not key:
        return identity(item)
    if not isinstance(item, dict) or key not in item:
        raise _no_merge_key(item, key)
    return identity(item[key])


def _take(value: Any) -> Any:
    """Return what is new without nulls and without directives; _GONE if it is one itself."""
    if isinstance(value, dict):
        if _DIRECTIVE in value:
            return _GONE
        taken = {name: _take(inner) for name, inner in value.items() if inner is not None}
        return {name: inner for name, inner in taken.items() if inner is not _GONE}
    if isinstance(value, list):
        return [kept for kept in map(_take, value) if kept is not _GONE]
    return value


def _internal(text: str) -> ApiError:
    """Upstream lets these through as they are, which makes them a 500 without a reason."""
    return ApiError(text, reason="")


def _no_merge_key(item: Any, key: str) -> ApiError:
    return _internal(f"map: {plain(item)} does not contain declared merge key: {key}")
