"""Which files a ConfigMap, a Secret or the downward API puts into a volume. Pure."""

from collections.abc import Mapping
from typing import Any

from pinnace.api.objects import Object
from pinnace.node.downward import Facts, FieldError, field_value, resource_value
from pinnace.node.podspec import find_declared
from pinnace.node.volumes.atomic import File
from pinnace.node.volumes.base import VolumeError

DEFAULT_MODE = 0o644


def keyed_files(
    values: Mapping[str, bytes],
    source: Mapping[str, Any],
    *,
    mode: int,
    missing: str,
) -> dict[str, File]:
    """Return the files for keys: all of them, or those that `items` names, at its paths."""
    items = source.get("items")
    if not items:
        return {key: File(value, mode) for key, value in values.items()}
    files = {}
    for item in items:
        key = item["key"]
        if key in values:
            files[item["path"]] = File(values[key], int(item.get("mode") or mode))
        elif not source.get("optional"):
            raise VolumeError(missing)
    return files


def downward_files(pod: Object, items: Any, *, mode: int, facts: Facts) -> dict[str, File]:
    """Return the files of a downwardAPI source."""
    files = {}
    for item in items or ():
        try:
            text = _downward_text(pod, item, facts)
        except FieldError as error:
            raise VolumeError(str(error)) from error
        files[item["path"]] = File(text.encode(), int(item.get("mode") or mode))
    return files


def _downward_text(pod: Object, item: Mapping[str, Any], facts: Facts) -> str:
    if item.get("fieldRef"):
        return field_value(pod, item["fieldRef"]["fieldPath"], facts)
    ref = item["resourceFieldRef"]
    container = find_declared(pod, ref["containerName"])
    if container is None:
        raise VolumeError(f"container {ref['containerName']} not found")
    return resource_value(container.spec, ref, facts)


def config_map_values(
    config_map: Mapping[str, Any], decoded: Mapping[str, bytes]
) -> dict[str, bytes]:
    """Return a ConfigMap's values as bytes: its text, and its binary data decoded."""
    values = {key: text.encode() for key, text in (config_map.get("data") or {}).items()}
    return values | dict(decoded)
