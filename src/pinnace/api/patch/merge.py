"""JSON Merge Patch (RFC 7386): null removes, objects merge, anything else replaces."""

from typing import Any

from pinnace.api.codec.json import check_depth
from pinnace.api.errors import BadRequest
from pinnace.api.objects import Object


def apply(doc: Object, patch: Any) -> Object:
    """Return the patched document, sharing what did not change; raises BadRequest."""
    if not isinstance(patch, dict):
        raise BadRequest("Invalid JSON Patch")
    check_depth(patch)
    return _merge(doc, patch)


def _merge(doc: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    merged = dict(doc)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
            continue
        old = merged.get(name)
        both = isinstance(old, dict) and isinstance(value, dict)
        merged[name] = _merge(old, value) if both and isinstance(old, dict) else _pruned(value)
    return merged


def _pruned(value: Any) -> Any:
    """Drop nulls from objects that are new: they ask to remove what is not there."""
    if isinstance(value, dict):
        return {name: _pruned(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_pruned(item) for item in value]
    return value
