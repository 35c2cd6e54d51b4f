"""Objects as upstream's own (internal) types print them: in error texts and in diffs.

A served object becomes what `json.Marshal` makes of the server's internal struct: Go's field names
in the order of the struct, every unset field there as null or zero, embedded structs without a
name of their own.
"""

import difflib
import gzip
import json
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any

import orjson

from pinnace.api import quantity
from pinnace.api.objects import Object

Table = dict[str, list[list[str]]]
# What an internal field is called in the served versions, where letters differ in more than case.
_SERVED = {
    ("core.ISCSIVolumeSource", "DiscoveryCHAPAuth"): "chapAuthDiscovery",
    ("core.ISCSIVolumeSource", "SessionCHAPAuth"): "chapAuthSession",
    ("core.ISCSIPersistentVolumeSource", "DiscoveryCHAPAuth"): "chapAuthDiscovery",
    ("core.ISCSIPersistentVolumeSource", "SessionCHAPAuth"): "chapAuthSession",
    ("core.AzureDiskVolumeSource", "DataDiskURI"): "diskURI",
    ("core.GlusterfsVolumeSource", "EndpointsName"): "endpoints",
    ("core.GlusterfsPersistentVolumeSource", "EndpointsName"): "endpoints",
    ("core.RBDVolumeSource", "RBDPool"): "pool",
    ("core.RBDVolumeSource", "RadosUser"): "user",
    ("core.RBDVolumeSource", "CephMonitors"): "monitors",
    ("core.RBDVolumeSource", "RBDImage"): "image",
    ("core.RBDPersistentVolumeSource", "RBDPool"): "pool",
    ("core.RBDPersistentVolumeSource", "RadosUser"): "user",
    ("core.RBDPersistentVolumeSource", "CephMonitors"): "monitors",
    ("core.RBDPersistentVolumeSource", "RBDImage"): "image",
}
_OF_THE_HOST = ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers")
_METADATA = (
    "name", "generateName", "namespace", "selfLink", "uid", "resourceVersion", "generation",
    "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "labels", "annotations",
    "ownerReferences", "finalizers", "managedFields",
)  # fmt: skip
_ZERO = {"s": "", "b": False, "i": 0, "q": "0", "t": None, "d": 0, "m": {}, "y": None}


@cache
def _table() -> Table:
    packed = resources.files("pinnace.api.schema").joinpath("internal.json.gz").read_bytes()
    table: Table = orjson.loads(gzip.decompress(packed))
    return table


def internal(kind: str, value: Any) -> Any:
    """Return a served value as the internal struct of that name, `core.PodSpec` say, prints it."""
    return _seen_as(kind, value, semantic=False)


def same(kind: str, one: Any, other: Any) -> bool:
    """Tell whether two served values are the same to the server: an empty list is none."""
    return one == other or bool(
        _seen_as(kind, one, semantic=True) == _seen_as(kind, other, semantic=True)
    )


def difference(kind: str, old: Any, new: Any) -> str:
    """Return what `cmp`-like errors of upstream show: a unified diff of indented JSON."""
    before, after = (
        json.dumps(internal(kind, value), indent=1, ensure_ascii=False).splitlines()
        for value in (old, new)
    )
    lines = list(difflib.unified_diff(before, after, lineterm=""))[2:]
    return "".join(f"{line}\n" for line in lines)


def _seen_as(code: str, value: Any, *, semantic: bool) -> Any:
    mark = code[0]
    if mark == "*":
        return None if value is None else _seen_as(code[1:], value, semantic=semantic)
    if mark == "[":
        if not isinstance(value, list) or (semantic and not value):
            return None
        return [_seen_as(code[1:], entry, semantic=semantic) for entry in value]
    if mark == "{":
        if not isinstance(value, dict) or (semantic and not value):
            return None
        return {key: _seen_as(code[1:], value[key], semantic=semantic) for key in sorted(value)}
    if code in _ZERO:
        return _scalar(code, value, semantic=semantic)
    if code == "M":
        return dict(_metadata(value))
    return dict(_fields(code, value if isinstance(value, dict) else {}, semantic=semantic))


def _scalar(code: str, value: Any, *, semantic: bool) -> Any:
    if value is None:
        value = _ZERO[code]
    if code == "m" and isinstance(value, dict):
        value = shared(value)
        return ("of another package", value) if semantic else value
    if semantic and code == "q" and isinstance(value, str | int | float):
        try:
            return quantity.parse(value).nano
        except ValueError:
            return value
    return value


def shared(value: Object) -> Object:
    """Return a label selector, or a value of another type of meta/v1, as its tags print it."""
    shown: Object = {}
    order = ("matchLabels", "matchExpressions")
    for key in sorted(value, key=lambda name: order.index(name) if name in order else 2):
        inner = value[key]
        if key == "matchLabels" and inner and isinstance(inner, dict):
            shown[key] = dict(sorted(inner.items()))
        elif key == "matchExpressions" and inner and isinstance(inner, list):
            shown[key] = [_requirement(entry) for entry in inner]
        elif inner not in (None, [], {}):
            shown[key] = inner
    return shown


def _requirement(entry: Any) -> Any:
    if not isinstance(entry, dict):
        return entry
    shown = {"key": entry.get("key") or "", "operator": entry.get("operator") or ""}
    return {**shown, "values": entry["values"]} if entry.get("values") else shown


def _fields(kind: str, value: Object, *, semantic: bool) -> Iterator[tuple[str, Any]]:
    if kind == "core.PodSpec":
        value = _with_host(value)
    served = {key.lower(): key for key in value}
    for name, code in _table()[kind]:
        if name:
            key = _SERVED.get((kind, name)) or served.get(name.lower())
            found = value.get(key) if key else None
            yield name, _seen_as(code, found, semantic=semantic)
        elif code == "M":
            yield from _metadata(value.get("metadata"))
        else:
            yield from _fields(code.lstrip("*"), value, semantic=semantic)


def _metadata(meta: Any) -> Iterator[tuple[str, Any]]:
    for key in _METADATA if isinstance(meta, dict) else ():
        value = meta.get(key)
        if value not in (None, "", 0, [], {}):
            yield key, dict(sorted(value.items())) if isinstance(value, dict) else value


def _with_host(spec: Object) -> Object:
    """The internal security context of a pod holds what the served spec says of the host."""
    context = spec.get("securityContext")
    inner = dict(context) if isinstance(context, dict) else {}
    inner.update({key: spec[key] for key in _OF_THE_HOST if key in spec})
    return {**spec, "securityContext": inner}
