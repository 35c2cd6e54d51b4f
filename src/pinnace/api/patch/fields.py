"""Sets of fields as server-side apply sees them, and their form in managedFields.

A path is a tuple of elements in the notation of fieldsV1: `f:name` for a field or map key,
`k:{"name":"a"}` for an item of a keyed list, `v:"x"` for an item of a set. For example, labels
{a: b} are owned as

    ("f:metadata", "f:labels", "f:a")
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

Path = tuple[str, ...]
FieldSet = frozenset[Path]
ANY = "*"
_IN_HTML = re.compile("[<>&\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Scope:
    """Which fields the writers of an endpoint can own.

    Nothing at or under a path of `but`, and, unless `only` is empty, only what is at or under one
    of its paths, in which `*` stands for any element. For example the status of a Deployment is
    written with Scope(but=(("f:spec",),)).
    """

    but: tuple[Path, ...] = ()
    only: tuple[Path, ...] = ()

    def kept(self, paths: Iterable[Path]) -> set[Path]:
        """Return those of the paths that can be owned."""
        return {
            path
            for path in paths
            if not any(path[: len(one)] == one for one in self.but)
            and (not self.only or any(_matches(path, one) for one in self.only))
        }


def _matches(path: Path, pattern: Path) -> bool:
    if len(path) < len(pattern):
        return False
    return all(want in (ANY, have) for have, want in zip(path, pattern, strict=False))


ALL = Scope()


def text_of(value: Any) -> str:
    """Return a key or value as it stands in a path element, as Go's encoder writes it."""
    return _IN_HTML.sub(_unicode, orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode())


def _unicode(found: re.Match[str]) -> str:
    return f"\\u{ord(found.group()):04x}"


@lru_cache(maxsize=4096)
def rank(element: str) -> tuple[Any, ...]:
    """Return what path elements are sorted by: fields, then keys, values and indices."""
    kind, text = element[0], element[2:]
    if kind == "f":
        return (0, text)
    if kind == "k":
        key = orjson.loads(text)
        return (1, tuple((name, _value_rank(key[name])) for name in sorted(key)))
    if kind == "v":
        return (2, _value_rank(orjson.loads(text)))
    return (3, int(text))


def _value_rank(value: Any) -> tuple[int, Any]:
    if isinstance(value, bool):
        return (2, value)
    if isinstance(value, (int, float)):
        return (0, value)
    return (1, value) if isinstance(value, str) else (3, text_of(value))


def tree(paths: Iterable[Path]) -> dict[str, Any]:
    """Return a set of paths as fieldsV1 has it, sorted."""
    root: dict[str, Any] = {}
    members = set(paths)
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


encode: Callable[[Iterable[Path]], dict[str, Any]] = tree


def _sorted(node: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {".": {}} if "." in node else {}
    names = [name for name in node if name != "."]
    for name in sorted(names, key=rank) if len(names) > 1 else names:
        made[name] = _sorted(node[name])
    return made


def in_order(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield paths as upstream walks them: at each level first those that end there."""
    yield from _walk(tree(paths), ())


def _walk(node: dict[str, Any], path: Path) -> Iterator[Path]:
    below = [name for name in node if name != "."]
    yield from ((*path, name) for name in below if not node[name] or "." in node[name])
    for name in below:
        if node[name]:
            yield from _walk(node[name], (*path, name))


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
            _collect(inner, (*path, _element(name)), found)


def _element(name: str) -> str:
    """Return a path element as we write it; raises ValueError."""
    if name[1:2] != ":":
        raise ValueError(f"missing colon: {name}")
    if name[0] in "kv":
        value = orjson.loads(name[2:])
        if name[0] == "k" and not isinstance(value, dict):
            raise ValueError(f"a key is an object: {name}")
        return f"{name[:2]}{text_of(value)}"
    if name[0] == "i":
        return f"i:{int(name[2:])}"
    return name


def shown(path: Path) -> str:
    """Write a path as conflicts name it: `.spec.containers[name="a"].image`."""
    return "".join(map(shown_element, path))


def shown_element(element: str) -> str:
    """Write one element of a path as errors name it."""
    kind, text = element[0], element[2:]
    if kind == "f":
        return f".{text}"
    if kind == "k":
        key = orjson.loads(text)
        return f"[{','.join(f'{name}={text_of(key[name])}' for name in sorted(key))}]"
    return f"[={text}]" if kind == "v" else f"[{text}]"
