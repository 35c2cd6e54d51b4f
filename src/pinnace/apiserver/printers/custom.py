"""Columns that a CustomResourceDefinition asks for, by simple JSON paths."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from pinnace.api.objects import Object
from pinnace.apiserver.printers.base import NAME, Column, Printer, name_of, since

AGE_COLUMN: Mapping[str, Any] = {
    "name": "Age",
    "type": "date",
    "jsonPath": ".metadata.creationTimestamp",
}
_STEP = re.compile(
    r"""\.(?P<key>(?:\\.|[^.\[\\])+)           # .key, where \\. is a dot in the key
      | \[\s*(?P<index>-?[0-9]+)\s*\]          # [0]
      | \[\s*(?P<quote>['"])(?P<quoted>.*?)(?P=quote)\s*\]
      | (?P<all>\[\*\])
      | \[\?\(\s*@\.(?P<field>[^=!<>\s]+)\s*==\s*(?P<value>.+?)\s*\)\]
    """,
    re.VERBOSE,
)


def columns_printer(asked: Iterable[Mapping[str, Any]]) -> Printer:
    """Return the printer for `additionalPrinterColumns`; none asked for means the age."""
    columns = list(asked) or [AGE_COLUMN]
    shown = tuple(
        Column(
            column["name"],
            column["type"],
            column.get("format", ""),
            column.get("priority", 0),
            column.get("description")
            or "Custom resource definition column (in JSONPath format): " + column["jsonPath"],
        )
        for column in columns
    )
    paths = [(column["type"], tuple(_steps(column["jsonPath"]))) for column in columns]
    return Printer((NAME, *shown), partial(_cells, paths))


def _cells(
    paths: list[tuple[str, tuple[re.Match[str], ...]]], obj: Object, now: datetime
) -> list[Any]:
    return [name_of(obj), *(_cell(kind, _first(obj, steps), now) for kind, steps in paths)]


def _steps(path: str) -> Iterator[re.Match[str]]:
    at = 0
    while at < len(path):
        found = _STEP.match(path, at)
        if found is None:
            raise ValueError(f'unrecognized column definition "{path}"')
        yield found
        at = found.end()


def _first(value: Any, steps: tuple[re.Match[str], ...]) -> Any:
    """Return the first value that a path leads to, or None."""
    found = [value]
    for step in steps:
        found = [inner for outer in found for inner in _follow(outer, step)]
    return found[0] if found else None


def _follow(value: Any, step: re.Match[str]) -> Iterator[Any]:
    key = step["key"]
    key = step["quoted"] if key is None else key.replace("\\", "")
    if key is not None:
        if isinstance(value, Mapping) and key in value:
            yield value[key]
        return
    items = list(value.values()) if isinstance(value, Mapping) else value
    if not isinstance(items, list):
        return
    if step["all"]:
        yield from items
    elif step["index"] is not None:
        index = int(step["index"])
        if -len(items) <= index < len(items):
            yield items[index]
    else:
        yield from (item for item in items if _equals(item, step))


def _equals(item: Any, step: re.Match[str]) -> bool:
    text = step["value"]
    if text[:1] in "'\"":
        wanted: Any = text[1:-1]
    else:
        try:
            wanted = json.loads(text)
        except ValueError:
            return False
    for key in step["field"].split("."):
        item = item.get(key) if isinstance(item, Mapping) else None
    return bool(item == wanted)


def _cell(kind: str, value: Any, now: datetime) -> Any:
    if value is None:
        return None
    if kind == "date":
        return since(value, now) if isinstance(value, str) else None
    if kind == "string":
        return _text(value)
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if kind == "integer" else value


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
