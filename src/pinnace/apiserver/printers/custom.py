"""Columns that a CustomResourceDefinition asks for, by JSON paths.

Upstream: apiextensions-apiserver `pkg/registry/customresource/tableconvertor`.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson

from pinnace.api.custom.jsonpath import JsonPath
from pinnace.api.custom.kind import CustomKind
from pinnace.api.custom.results import go_float
from pinnace.api.objects import Object
from pinnace.apiserver.printers.base import NAME, Column, Printer, name_of, since

AGE_COLUMN: Mapping[str, Any] = {
    "name": "Age",
    "type": "date",
    "jsonPath": ".metadata.creationTimestamp",
}


@lru_cache(maxsize=8192)
def custom_printer(custom: CustomKind) -> Printer:
    """Return the printer for `additionalPrinterColumns`; none asked for means the age.

    A column whose path cannot be read ends them: what stands before it is printed.
    """
    columns, paths = [], []
    for asked in custom.columns or (AGE_COLUMN,):
        try:
            paths.append((asked["type"], JsonPath(asked["jsonPath"])))
        except ValueError:
            break
        columns.append(_column(asked))

    def cells(obj: Object, now: datetime) -> list[Any]:
        return [name_of(obj), *(_cell(kind, path.first(obj), now) for kind, path in paths)]

    return Printer((NAME, *columns), cells)


def _column(asked: Mapping[str, Any]) -> Column:
    description = asked.get("description")
    if not description and asked is not AGE_COLUMN:
        path = asked["jsonPath"]
        description = f"Custom resource definition column (in JSONPath format): {path}"
    return Column(
        asked["name"],
        asked["type"],
        asked.get("format") or "",
        asked.get("priority") or 0,
        description or "",
    )


def _cell(kind: str, value: Any, now: datetime) -> Any:
    if value is None:
        return None
    if kind == "string":
        return _text(value)
    if kind == "date":
        return _age(value, now) if isinstance(value, str) else None
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if kind == "integer" else value


def _age(value: str, now: datetime) -> str:
    try:
        return since(value, now)
    except ValueError:
        return "<invalid>"


def _text(value: Any) -> str:
    """Return a value as kubectl's JSON path printer writes it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return go_float(value)
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
