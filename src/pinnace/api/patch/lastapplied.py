"""The annotation in which `kubectl apply` keeps what it applied last, as server-side apply sees it.

An object that was applied by the client comes over to server-side apply without conflicts: what the
annotation holds and the object still has belongs to kubectl already. Afterwards the annotation is
kept up, so that the way back stays open. Only kubectl's own field manager is treated so.
"""

import orjson

from pinnace.api.objects import Object
from pinnace.api.patch import declared
from pinnace.api.patch.compare import compare, field_set
from pinnace.api.patch.fields import Path
from pinnace.api.patch.shape import NoElement
from pinnace.api.patch.versions import Versions
from pinnace.api.resources import Resource

ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"
MANAGER = "kubectl"
# As Go's encoder writes them, in strings only: JSON has them nowhere else.
_ESCAPED = {"<": r"\u003c", ">": r"\u003e", "&": r"\u0026"}
_LIMIT = 256 * 1024


def owned(live: Object, row: Resource) -> set[Path]:
    """Return the fields that a client applied last time and that are still as it wanted them."""
    text = _annotation(live)
    try:
        last = orjson.loads(text) if text else None
    except orjson.JSONDecodeError:
        return set()
    if not isinstance(last, dict) or last.get("apiVersion") != row.group_version:
        return set()
    kind = Versions(row).kind(row.group_version)
    if declared.errors(last, kind):
        return set()
    try:
        return field_set(last, kind).difference(*compare(last, live, kind))
    except NoElement:
        return set()


def renew(merged: Object, applied: Object) -> Object:
    """Return an object whose annotation, if it has one, holds what is applied now."""
    if not _annotation(merged):
        return merged
    kept = {name: value for name, value in _annotations(applied).items() if name != ANNOTATION}
    metadata = {**applied["metadata"], "annotations": kept}
    if not kept:
        del metadata["annotations"]
    text = orjson.dumps({**applied, "metadata": metadata}, option=orjson.OPT_SORT_KEYS).decode()
    for letter, escape in _ESCAPED.items():
        text = text.replace(letter, escape)
    annotations = {**_annotations(merged), ANNOTATION: f"{text}\n"}
    if sum(len(name) + len(value) for name, value in annotations.items()) > _LIMIT:
        del annotations[ANNOTATION]
    return {**merged, "metadata": {**merged["metadata"], "annotations": annotations}}


def _annotations(obj: Object) -> dict[str, str]:
    return (obj.get("metadata") or {}).get("annotations") or {}


def _annotation(obj: Object) -> str:
    text = _annotations(obj).get(ANNOTATION)
    return text if isinstance(text, str) else ""
