"""What mutating expressions make: patches, and parts of objects to be merged in."""

import base64
from typing import Any

from pinnace.api.cel.times import duration_text, timestamp_text
from pinnace.api.cel.values import Duration, Instance, Optional, Timestamp, UInt
from pinnace.api.patch.shape import Kind, child, item_of, splits_list, splits_map

ATOMIC = "may not mutate atomic arrays, maps or structs"


def to_json(value: Any) -> Any:
    """Return the JSON of a value; raises ValueError for what has none."""
    if isinstance(value, dict):
        return {str(key): to_json(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [to_json(inner) for inner in value]
    if isinstance(value, UInt):
        return int(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Timestamp):
        return timestamp_text(value)
    if isinstance(value, Duration):
        return duration_text(value)
    if isinstance(value, Optional):
        return to_json(value.value) if value.present else None
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(f"unsupported type: {type(value).__name__}")


def patch_operations(value: list[Any]) -> list[dict[str, Any]]:
    """Return a list of JSONPatch objects as operations; raises ValueError."""
    made = []
    for each in value:
        if not isinstance(each, Instance) or each.type_name != "JSONPatch":
            raise ValueError("type mismatch: JSONPatchType.JSONPatch expected")
        operation = {key: to_json(inner) for key, inner in each.items()}
        if operation.get("op") in ("add", "replace", "test") and "value" not in operation:
            operation["value"] = None
        made.append(operation)
    return made


def apply_configuration(value: Any) -> dict[str, Any]:
    """Return an Object as JSON; raises ValueError if its parts do not fit their places."""
    if not isinstance(value, Instance):
        raise ValueError(f"unsupported return type from ApplyConfiguration expression: {value}")
    problems = list(_misnamed(value, "Object"))
    if problems:
        raise ValueError(f"type mismatch: {problems[0]}")
    made: dict[str, Any] = to_json(value)
    return made


def _misnamed(value: Any, wanted: str) -> list[str]:
    """Tell of objects whose type is not named as the path that they stand at."""
    if isinstance(value, list):
        return [text for inner in value for text in _misnamed(inner, wanted)]
    if isinstance(value, Instance):
        if value.type_name != wanted:
            text = f'unexpected type name "{value.type_name}", expected "{wanted}", which matches'
            return [f"{text} field name path from root Object type"]
        below = ((name, inner) for name, inner in value.items())
        return [text for name, inner in below for text in _misnamed(inner, f"{wanted}.{name}")]
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _misnamed(inner, wanted)]
    return []


def atomics(value: Any, kind: Kind, path: str = "") -> str:
    """Return the paths in a value of what is only ever replaced as a whole."""
    found: list[str] = []
    if isinstance(value, dict):
        if not splits_map(kind):
            found.append(path)
        for name, inner in value.items():
            below = child(kind, name)
            if below is not None:
                found.append(atomics(inner, below, f"{path}.{name}"))
    elif isinstance(value, list):
        if not splits_list(kind):
            found.append(path)
        item = item_of(kind)
        found += [atomics(inner, item, f"{path}[{i}]") for i, inner in enumerate(value)]
    return ", ".join(each for each in found if each)
