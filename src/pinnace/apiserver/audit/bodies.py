"""The objects of requests and answers as the audit log has them: as JSON, whatever was sent."""

import gzip
from typing import Any

import orjson

from pinnace.api.codec import protobuf
from pinnace.api.codec import yaml as yaml_codec
from pinnace.api.errors import ApiError
from pinnace.api.objects import Object


def answered(body: bytes, content_type: str, encoding: str) -> Object | None:
    """Return the object that an answer has, or None if that is none."""
    media = content_type.partition(";")[0]
    try:
        if encoding == "gzip":
            body = gzip.decompress(body)
        if media == "application/json":
            found = orjson.loads(body)
        elif media == "application/yaml":
            found = yaml_codec.decode(body)
        elif body.startswith(protobuf.MAGIC):
            found = protobuf.decode(body)
        else:
            return None
    except (ApiError, ValueError, OSError):
        return None
    return found if isinstance(found, dict) and found.get("kind") else None


def may_be_status(body: bytes) -> bool:
    """Say whether a small answer may be a Status, without decoding it."""
    if body.startswith(protobuf.MAGIC):
        return b"Status" in body[:24]
    return b'"Status"' in body[:32] or body.startswith(b"apiVersion: v1\n")


def raw_patch(body: bytes) -> Any:
    """Return a patch as JSON; one that is YAML is decoded, None for what is neither."""
    try:
        return orjson.loads(body)
    except ValueError:
        pass
    try:
        return yaml_codec.decode_document(body)[0] or None
    except ApiError:
        return None


def without_managers(obj: Object) -> Object:
    """Return an object, list or Table without managedFields; the original stays as it is."""
    made = _bare(obj)
    if "items" in made:
        made["items"] = [_bare(item) for item in made["items"] or ()]
    if made.get("kind") == "Table":
        made["rows"] = [
            {**row, "object": _bare(row["object"])} if row.get("object") else row
            for row in made.get("rows") or ()
        ]
    return made


def _bare(obj: Object) -> Object:
    metadata = obj.get("metadata")
    if not metadata or "managedFields" not in metadata:
        return dict(obj)
    kept = {name: value for name, value in metadata.items() if name != "managedFields"}
    return {**obj, "metadata": kept}


def bounded_status(status: Object) -> Object:
    """Return a Status as events have it."""
    names = ("status", "message", "reason", "details", "code")
    return {"metadata": {}, **{name: status[name] for name in names if name in status}}
