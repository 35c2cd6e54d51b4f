"""The bytes of an object at rest, and how a revision is put into them without decoding.

A stored value is compact JSON in the order kind, apiVersion, metadata, the rest; within metadata
the order is that of upstream's ObjectMeta, and resourceVersion is left out, since the store alone
knows it:

    {"kind":"Pod","apiVersion":"v1","metadata":{"name":"a","namespace":"b","uid":"U",...},...}

Everything that stands before `uid` is a plain string. In JSON text a quote inside a string always
follows a backslash, so `"uid":"` can only be a key with its value, and the first of them is the
object's own, whatever names and other strings hold. The same holds for `"metadata":`.
"""

from typing import Any

import orjson

from pinnace.api.objects import Object

_BEFORE_UID = ("name", "generateName", "namespace", "selfLink", "uid")
_AFTER_UID = (
    "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
    "labels", "annotations", "ownerReferences", "finalizers", "managedFields",
)  # fmt: skip
_KNOWN = frozenset((*_BEFORE_UID, *_AFTER_UID, "resourceVersion"))
_UID = b'"uid":"'
_METADATA = b'"metadata":'


def canonical_bytes(obj: Object) -> bytes:
    """Return the bytes to store: resourceVersion is dropped, kind and uid must be there.

    Raises ValueError for an object that has no uid or whose head is not plain strings.
    """
    ordered: Object = {"kind": obj.get("kind"), "apiVersion": obj.get("apiVersion")}
    ordered["metadata"] = _ordered_metadata(obj.get("metadata") or {})
    for name, value in ordered.items():
        if name != "metadata" and not isinstance(value, str):
            raise ValueError(f"{name} must be a string to store an object")
    ordered.update((name, value) for name, value in obj.items() if name not in ordered)
    return orjson.dumps(ordered)


def _ordered_metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    ordered = {name: metadata[name] for name in _BEFORE_UID if metadata.get(name) is not None}
    uid = ordered.get("uid")
    if not all(isinstance(value, str) for value in ordered.values()):
        raise ValueError("names and uid must be strings to store an object")
    if not uid or '"' in uid or "\\" in uid:
        raise ValueError("a stored object has a plain uid")
    ordered.update((name, metadata[name]) for name in _AFTER_UID if name in metadata)
    ordered.update((name, value) for name, value in metadata.items() if name not in _KNOWN)
    return ordered


def split(value: bytes, revision: int) -> tuple[bytes, bytes]:
    """Return what stands before `"metadata":`, and the rest with the revision put in.

    Revision 0 is that of a dry run, which made nothing: it is not told.
    """
    start = value.index(_METADATA)
    uid = value.index(_UID, start) + len(_UID)
    end = value.index(b'"', uid) + 1
    stamp = b',"resourceVersion":"%d"' % revision if revision else b""
    return value[:start], b"".join((value[start:end], stamp, value[end:]))
