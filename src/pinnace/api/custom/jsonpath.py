"""The JSON paths that printer columns and selectable fields are written in.

A part of client-go's `util/jsonpath`: fields, quoted fields, indices, slices, wildcards, unions,
recursive descent and filters that compare a field with a constant or ask whether it is
there.
"""

import json
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_STEP = re.compile(
    r"""\.\.(?P<deep>(?:\\.|[^.\[\\])+|\*)?      # ..key
      | \.?\[\s*(?P<index>-?[0-9]+)\s*\]
      | \.?\[\s*(?P<start>-?[0-9]*)\s*:\s*(?P<stop>-?[0-9]*)\s*(?::\s*(?P<by>[0-9]*)\s*)?\]
      | \.?\[(?P<union>[^]?,]*,[^]?]*)\]
      | \.?\['(?P<quoted>[^']*)'\]               # read as a path again: dots want their backslash
      | \.?(?P<first>\[\])
      | \.?(?P<all>\[\s*\*\s*\])
      | \.?\[\?\(\s*@(?P<field>[^=!<>\s)]*)\s*(?:(?P<op>==|!=|<=|>=|<|>)\s*(?P<value>.+?))?\s*\)\]
      | \.(?P<key>(?:\\.|[^.\[\\\s])+)           # .key, where \\. is a dot in the key
    """,
    re.VERBOSE,
)
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
    ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
Step = Callable[[Any], Iterator[Any]]


class JsonPath:
    """One path, compiled; raises ValueError on what cannot be read."""

    def __init__(self, text: str) -> None:
        self._steps = tuple(_steps(text))

    def find(self, value: Any) -> list[Any]:
        """Return everything that the path leads to, in order."""
        found = [value]
        for step in self._steps:
            found = [inner for outer in found for inner in step(outer)]
        return found

    def first(self, value: Any) -> Any:
        """Return the first value that the path leads to, or None."""
        found = self.find(value)
        return found[0] if found else None


def _steps(text: str) -> Iterator[Step]:
    at = 0
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None:
            raise ValueError(f'unrecognized path "{text}"')
        yield _step(found)
        at = found.end()


def _step(found: re.Match[str]) -> Step:
    if found["key"] is not None:
        key = re.sub(r"\\(.)", r"\1", found["key"])
        return _everything if key == "*" else lambda value: _field(value, key)
    if found["quoted"] is not None:
        quoted = JsonPath(f".{found['quoted']}")
        return lambda value: iter(quoted.find(value))
    if found["deep"] is not None:
        return _below(found["deep"])
    if found["field"] is not None:
        return _filter(found)
    if found["index"] is not None:
        return _items([int(found["index"])])
    if found["first"] is not None:
        return _items([0])
    if found["union"] is not None:
        parts = [JsonPath(f"[{part.strip(' ')}]") for part in found["union"].split(",")]
        return lambda value: (inner for part in parts for inner in part.find(value))
    if found["start"] is not None:
        return _slice(found)
    return _everything


def _field(value: Any, key: str) -> Iterator[Any]:
    if isinstance(value, dict) and key in value:
        yield value[key]


def _everything(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _items(numbers: list[int]) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, list):
            yield from (value[at] for at in numbers if -len(value) <= at < len(value))

    return step


def _slice(found: re.Match[str]) -> Step:
    part = slice(*(int(found[name]) if found[name] else None for name in ("start", "stop", "by")))

    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, list):
            yield from value[part]

    return step


def _below(key: str) -> Step:
    def step(value: Any) -> Iterator[Any]:
        yield from _everything(value) if key == "*" else _field(value, key)
        for inner in _everything(value):
            yield from step(inner)

    return step


def _filter(found: re.Match[str]) -> Step:
    inner = JsonPath(found["field"])
    compare = _COMPARE.get(found["op"] or "")
    wanted = _constant(found["value"]) if compare else None

    def fits(item: Any) -> bool:
        got = inner.find(item)
        if compare is None:
            return bool(got)
        try:
            return bool(got) and compare(got[0], wanted)
        except TypeError:
            return False

    return lambda value: (item for item in _everything(value) if fits(item))


def _constant(text: str) -> Any:
    if text[:1] in "'\"" and text[-1:] == text[:1] and len(text) > 1:
        return text[1:-1]
    try:
        return json.loads(text)
    except ValueError:
        raise ValueError(f"unrecognized constant {text}") from None
