"""JSON Patch (RFC 6902) with the manners of the library that upstream's API server uses.

Known manners kept: negative indices count from the end, replacing a field that is not there sets
it, and a test against a missing field passes when it expects null. A patch that does not apply is
answered without telling why, as upstream does.
"""

import re
from collections.abc import Callable
from typing import Any

import orjson

from pinnace.api.codec.json import check_depth, go_name
from pinnace.api.errors import BadRequest, Invalid, RequestEntityTooLarge
from pinnace.api.objects import Object

_MAX_OPERATIONS = 10_000
_MAX_COPIED = 3 * 1024 * 1024
_INDEX = re.compile(r"[-+]?[0-9]{1,18}", re.ASCII)
_REJECTED = "the server rejected our request due to an error in our request"

Container = dict[str, Any] | list[Any]


class _Failed(Exception):
    """The patch does not apply; whoever sent it is told why only where upstream does."""


class _Missing(_Failed):
    """There is nothing at the path of an operation."""

    def __init__(self, path: str) -> None:
        super().__init__(f'doc is missing path: "{path}": missing value')


def apply(doc: Object, ops: Any) -> Object:
    """Return the patched copy of a document.

    Raises BadRequest for what is no patch, RequestEntityTooLarge over 10,000 operations, Invalid
    when an operation fails.
    """
    if not isinstance(ops, list):
        raise BadRequest(
            f"json: cannot unmarshal {go_name(ops)} into Go value of type jsonpatch.Patch"
        )
    if len(ops) > _MAX_OPERATIONS:
        raise RequestEntityTooLarge(
            "Request entity too large: "
            f"The allowed maximum operations in a JSON patch is {_MAX_OPERATIONS}, got {len(ops)}"
        )
    for op in ops:
        if op is not None and not isinstance(op, dict):
            raise BadRequest(
                f"json: cannot unmarshal {go_name(op)} into Go value of type jsonpatch.Operation"
            )
    check_depth(ops)
    run = _Run(_copy(doc))
    try:
        for op in ops:
            run.step(op or {})
    except (_Failed, RecursionError) as failed:
        raise Invalid(_REJECTED, details={}) from failed
    # Operations may nest deeper and deeper what none of them holds.
    check_depth(run.doc)
    if not isinstance(run.doc, dict):
        raise Invalid(_REJECTED, details={})
    return run.doc


def _copy(value: Any) -> Any:
    return orjson.loads(orjson.dumps(value))


class _Run:
    """A document that operations change one after another."""

    def __init__(self, doc: Container) -> None:
        self.doc = doc
        self._copied = 0

    def step(self, op: dict[str, Any]) -> None:
        """Carry out one operation."""
        steps: dict[str, Callable[[dict[str, Any]], None]] = {
            "add": self._add, "remove": self._remove, "replace": self._replace,
            "move": self._move, "copy": self._copy_value, "test": self._test,
        }  # fmt: skip
        kind = op.get("op")
        if not isinstance(kind, str) or kind not in steps:
            raise _Failed(f"Unexpected kind: {kind}")
        try:
            steps[kind](op)
        except _Missing as missing:
            raise _Failed(f"{kind} operation does not apply: {missing}") from None

    def _add(self, op: dict[str, Any]) -> None:
        parent, key = self._find(_pointer(op, "path"))
        _insert(parent, key, _copy(op.get("value")))

    def _remove(self, op: dict[str, Any]) -> None:
        parent, key = self._find(_pointer(op, "path"))
        _delete(parent, key)

    def _replace(self, op: dict[str, Any]) -> None:
        path = _pointer(op, "path")
        value = _copy(op.get("value"))
        if path == "":
            if not isinstance(value, (dict, list)):
                raise _Failed("replace operation value must be object or array")
            self.doc = value
            return
        parent, key = self._find(path)
        if isinstance(parent, dict):
            parent[key] = value
        else:
            parent[_index(parent, key)] = value

    def _move(self, op: dict[str, Any]) -> None:
        parent, key = self._find(_pointer(op, "from"))
        value = _get(parent, key)
        _delete(parent, key)
        parent, key = self._find(_pointer(op, "path"))
        _insert(parent, key, value)

    def _copy_value(self, op: dict[str, Any]) -> None:
        parent, key = self._find(_pointer(op, "from"))
        try:
            raw = orjson.dumps(_get(parent, key))
        except orjson.JSONEncodeError as error:
            raise _Failed(str(error)) from None
        self._copied += len(raw)
        if self._copied > _MAX_COPIED:
            raise _Failed("the accumulated size increase of copy is over the limit")
        parent, key = self._find(_pointer(op, "path"))
        _insert(parent, key, orjson.loads(raw))

    def _test(self, op: dict[str, Any]) -> None:
        path = _pointer(op, "path")
        have: Any = self.doc
        if path != "":
            parent, key = self._find(path)
            have = _get(parent, key)
        if not _same(have, op.get("value")):
            raise _Failed(f"testing value {path} failed: test failed")

    def _find(self, path: str) -> tuple[Container, str]:
        """Return the container that a pointer's last part is in, and that part."""
        parts = [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")]
        if len(parts) < 2:
            raise _Missing(path)
        here: Any = self.doc
        for part in parts[1:-1]:
            here = _get(here, part)
            if not isinstance(here, (dict, list)):
                raise _Missing(path)
        return here, parts[-1]


def _pointer(op: dict[str, Any], name: str) -> str:
    path = op.get(name)
    if not isinstance(path, str):
        raise _Failed(f"operation missing {name} field")
    return path


def _index(items: list[Any], key: str, *, room: int = 0) -> int:
    """Return a position in a list, with room for one more when something is put in."""
    if not _INDEX.fullmatch(key):
        raise _Failed(f"value was not a proper array index: '{key}'")
    size = len(items) + room
    at = int(key)
    if not -size <= at < size:
        raise _Failed(f"Unable to access invalid index: {at}")
    return at + size if at < 0 else at


def _get(parent: Container, key: str) -> Any:
    return parent.get(key) if isinstance(parent, dict) else parent[_index(parent, key)]


def _insert(parent: Container, key: str, value: Any) -> None:
    if isinstance(parent, dict):
        parent[key] = value
    elif key == "-":
        parent.append(value)
    else:
        parent.insert(_index(parent, key, room=1), value)


def _delete(parent: Container, key: str) -> None:
    if isinstance(parent, list):
        del parent[_index(parent, key)]
    elif key in parent:
        del parent[key]
    else:
        raise _Failed(f"Unable to remove nonexistent key: {key}")


def _same(one: Any, other: Any) -> bool:
    """Compare as JSON text would: 1 is neither 1.0 nor true."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        if one.keys() != other.keys():
            return False
        return all(_same(value, other[name]) for name, value in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)
