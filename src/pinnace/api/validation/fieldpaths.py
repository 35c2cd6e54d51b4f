"""Paths to fields of a custom resource, as rules and selectable fields name them."""

import re
from collections.abc import Iterator

from pinnace.api.validation.structurals import Schema, child, properties

_ESCAPE = re.compile(r"\\.")
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
            "'": "'", "\\": "\\"}  # fmt: skip


def find_field(text: str, schema: Schema, *, arrays: bool = True) -> tuple[str, Schema | None]:
    """Return a path in canonical form and the schema at its end; raises ValueError."""
    tokens, path, here = _tokens(text), "", schema
    for token in tokens:
        if token == "[":
            if not arrays:
                raise ValueError("array notation is not allowed")
            quoted = _next(tokens)
            if len(quoted) < 2 or quoted[0] != "'" or quoted[-1] != "'":
                raise ValueError(f"expected single quoted string but got {quoted}")
            path, here = _step(path, here, _unescaped(quoted[1:-1]))
            closing = _next(tokens)
            if closing != "]":
                raise ValueError(f"expected ] but got {closing}")
        elif token == ".":
            path, here = _step(path, here, _next(tokens))
        else:
            raise ValueError(f"expected [ or . but got: {token}")
    return path, here


def _next(tokens: Iterator[str]) -> str:
    found = next(tokens, None)
    if found is None:
        raise ValueError("unexpected end of JSON path")
    return found


def _tokens(text: str) -> Iterator[str]:
    at = 0
    while at < len(text):
        if text[at] == "'":
            end = at + 1
            while end < len(text) and not (text[end] == "'" and text[end - 1] != "\\"):
                end += 1
            end = min(end + 1, len(text))
        elif text[at] in ".[]":
            end = at + 1
        else:
            end = at
            while end < len(text) and text[end] not in ".[]":
                end += 1
        yield text[at:end]
        at = end


def _unescaped(text: str) -> str:
    for found in _ESCAPE.findall(text):
        if found[1] not in _ESCAPES:
            raise ValueError(f"invalid string literal: invalid escape char {found}")
    return _ESCAPE.sub(lambda found: _ESCAPES[found.group()[1]], text)


def _step(path: str, schema: Schema, name: str) -> tuple[str, Schema]:
    inner = dict(properties(schema))
    if inner:
        if name not in inner:
            raise ValueError("does not refer to a valid field")
        return (f"{path}.{name}" if path else name), inner[name]
    if schema.get("additionalProperties") is None:
        raise ValueError("does not refer to a valid field")
    return f"{path}[{name}]", child(schema, "additionalProperties") or {}
