"""Items of sets and of lists that are maps must be told apart.

Upstream: apiextensions-apiserver `pkg/apiserver/schema/listtype`.
"""

from collections.abc import Hashable
from typing import Any

import orjson

from pinnace.api.custom.structural import Structural
from pinnace.api.errors import Cause
from pinnace.api.validation.base import duplicate, invalid, join


def check_lists(value: Any, schema: Structural | None, path: str = "") -> list[Cause]:
    """Return a cause for every item that repeats another, in sets and maps at any depth."""
    if schema is None:
        return []
    if isinstance(value, dict):
        found = []
        for name, inner in value.items():
            if schema.additional is not None:
                found += check_lists(inner, schema.additional, f"{path}[{name}]")
            if name in schema.properties:
                found += check_lists(inner, schema.properties[name], join(path, name))
        return found
    if isinstance(value, list):
        return _check_list(value, schema, path)
    return []


def _check_list(value: list[Any], schema: Structural, path: str) -> list[Cause]:
    found: list[Cause] = []
    if schema.list_type == "set":
        found += [duplicate(f"{path}[{at}]", value[at]) for at in _repeated(value)]
    elif schema.list_type == "map":
        found += _check_map(value, schema.map_keys, path)
    for index, entry in enumerate(value):
        found += check_lists(entry, schema.items, f"{path}[{index}]")
    return found


def _check_map(value: list[Any], names: tuple[str, ...], path: str) -> list[Cause]:
    for index, entry in enumerate(value):
        if entry is not None and not isinstance(entry, dict):
            where = f"{path}[{index}]"
            return [invalid(where, entry, "must be an object for an array of list-type map")]
    keys = [{name: entry[name] for name in names if name in (entry or {})} for entry in value]
    return [duplicate(f"{path}[{at}]", keys[at]) for at in _repeated(keys)]


def _repeated(values: list[Any]) -> list[int]:
    """Return where a value is seen for the second time; later times do not count again."""
    times: dict[Hashable, int] = {}
    found = []
    for index, value in enumerate(values):
        key = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        times[key] = times.get(key, 0) + 1
        if times[key] == 2:
            found.append(index)
    return found
