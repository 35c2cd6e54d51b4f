"""Fetches what written volumes are made from; used by the kinds and by `projected`."""

import base64
from collections.abc import Mapping
from typing import Any

from pinnace.api.kinds.core import CONFIGMAPS, SECRETS
from pinnace.node.podspec import namespace_of
from pinnace.node.volumes.atomic import File
from pinnace.node.volumes.base import Request, VolumeError
from pinnace.node.volumes.payload import config_map_values, keyed_files


def _decoded(values: Mapping[str, str] | None) -> dict[str, bytes]:
    return {key: base64.b64decode(value) for key, value in (values or {}).items()}


async def config_map_files(
    request: Request, source: Mapping[str, Any], *, mode: int
) -> dict[str, File]:
    """Return the files of a configMap source."""
    namespace, name = namespace_of(request.pod), str(source["name"])
    found = await request.supply.find(CONFIGMAPS, namespace, name)
    if found is None:
        if source.get("optional"):
            return {}
        raise VolumeError(f'configmap "{name}" not found')
    values = config_map_values(found, _decoded(found.get("binaryData")))
    missing = "configmap references non-existent config key: " + _first_missing(source, values)
    return keyed_files(values, source, mode=mode, missing=missing)


async def secret_files(
    request: Request, source: Mapping[str, Any], name: str, *, mode: int
) -> dict[str, File]:
    """Return the files of a secret source."""
    found = await request.supply.find(SECRETS, namespace_of(request.pod), name)
    if found is None:
        if source.get("optional"):
            return {}
        raise VolumeError(f'secret "{name}" not found')
    values = _decoded(found.get("data"))
    missing = "references non-existent secret key: " + _first_missing(source, values)
    return keyed_files(values, source, mode=mode, missing=missing)


def _first_missing(source: Mapping[str, Any], values: Mapping[str, bytes]) -> str:
    keys = (str(item["key"]) for item in source.get("items") or ())
    return next((key for key in keys if key not in values), "")
