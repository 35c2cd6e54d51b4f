"""The second version of OpenAPI: documents of extension servers, merged into this server's.

Only what stands below a document's own paths counts, and the definitions that those need. A
definition that means something else than the one of its name here gets a name of its own, `_v2`,
and its references follow; which kinds it is for does not count for that.
"""

from collections.abc import Iterable, Iterator
from typing import Any

_PREFIX = "#/definitions/"
_KINDS = "x-kubernetes-group-version-kind"
Document = dict[str, Any]


def merge(into: Document, added: Document, below: str) -> None:
    """Add what stands below a path in another document; `into` is changed, `added` is not."""
    paths = {
        path: item
        for path, item in (added.get("paths") or {}).items()
        if path.startswith(below) and path not in into["paths"]
    }
    if not paths:
        return
    known = added.get("definitions") or {}
    definitions = {name: known[name] for name in _needed(paths, known)}
    names = _renamed(definitions, into["definitions"])
    for name, definition in definitions.items():
        new = names.get(name, name)
        held = into["definitions"].get(new)
        if held is None:
            into["definitions"][new] = _pointing(definition, names)
        else:
            into["definitions"][new] = _with_kinds(held, definition)
    into["paths"] |= {path: _pointing(item, names) for path, item in paths.items()}
    for name, parameter in (added.get("parameters") or {}).items():
        into.setdefault("parameters", {}).setdefault(name, parameter)


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "$ref" and isinstance(inner, str):
                if inner.startswith(_PREFIX):
                    yield inner.removeprefix(_PREFIX)
            else:
                yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def _needed(paths: Document, known: Document) -> list[str]:
    found: dict[str, None] = {}
    waiting = list(_references(paths))
    while waiting:
        name = waiting.pop()
        if name in known and name not in found:
            found[name] = None
            waiting.extend(_references(known[name]))
    return list(found)


def _renamed(added: Document, held: Document) -> dict[str, str]:
    """Return the new names of definitions whose names mean something else here."""
    names: dict[str, str] = {}
    taken = {*added, *held}
    for name, definition in added.items():
        if name not in held or _same(held[name], definition):
            continue
        number = 2
        while True:
            new = f"{name}_v{number}"
            if new in held and _same(held[new], definition):
                break
            if new not in taken:
                taken.add(new)
                break
            number += 1
        names[name] = new
    return names


def _same(one: Document, other: Document) -> bool:
    return _without_kinds(one) == _without_kinds(other)


def _without_kinds(definition: Document) -> Document:
    return {key: value for key, value in definition.items() if key != _KINDS}


def _with_kinds(held: Document, added: Document) -> Document:
    """Return a definition that is for the kinds of both."""
    kinds: list[Any] = list(held.get(_KINDS) or ())
    more = [kind for kind in _listed(added.get(_KINDS)) if kind not in kinds]
    return {**held, _KINDS: kinds + more} if more else held


def _listed(kinds: Any) -> Iterable[Any]:
    return kinds if isinstance(kinds, list) else ()


def _pointing(value: Any, names: dict[str, str]) -> Any:
    """Return a copy whose references follow the new names."""
    if not names:
        return value
    if isinstance(value, dict):
        return {key: _moved(key, inner, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [_pointing(inner, names) for inner in value]
    return value


def _moved(key: str, inner: Any, names: dict[str, str]) -> Any:
    if key == "$ref" and isinstance(inner, str):
        name = inner.removeprefix(_PREFIX)
        return f"{_PREFIX}{names[name]}" if name in names and name != inner else inner
    return _pointing(inner, names)
