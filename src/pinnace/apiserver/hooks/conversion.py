"""Conversion of custom objects by webhooks: ConversionReviews, and what may come back."""

from collections.abc import Sequence
from typing import Any

import orjson

from pinnace.api.custom.kind import Conversion
from pinnace.api.errors import ApiError
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.api.validation.base import quoted
from pinnace.api.validation.metadata import annotation_faults, label_faults
from pinnace.apiserver.hooks.dispatch import Post
from pinnace.apiserver.hooks.failures import CallFailed
from pinnace.kit.uids import new_uid

_GROUP = "apiextensions.k8s.io"
_KNOWN = ("v1", "v1beta1")
_SECONDS = 30
_CHANGEABLE = ("labels", "annotations")


async def convert_all(post: Post, objects: Sequence[Object], row: Resource) -> list[Object]:
    """Return custom objects in the version of a row, as its definition's webhook converts them.

    All are sent at once. Raises ApiError, with upstream's words, for an answer that is none.
    """
    custom = row.custom
    assert custom is not None
    assert custom.conversion is not None
    wanted = row.group_version
    sent = [obj for obj in objects if obj["apiVersion"] != wanted]
    if not sent:
        return list(objects)
    what = f"conversion webhook for {sent[0]['apiVersion']}, Kind={row.kind}"
    try:
        received = iter(await _ask(post, custom.conversion, sent, wanted, what))
    except CallFailed as error:
        raise _failed(f"{what} failed: {error}") from error
    made = []
    for obj in objects:
        if obj["apiVersion"] != wanted:
            obj = _checked(next(received), obj, wanted, what)
            custom.settle(obj)
        made.append(obj)
    return made


async def _ask(
    post: Post, conversion: Conversion, sent: Sequence[Object], wanted: str, what: str
) -> list[Any]:
    version = next((v for v in conversion.versions if v in _KNOWN), None)
    if version is None:
        raise _failed("no supported conversion review versions")
    uid = new_uid()
    review: Object = {
        "kind": "ConversionReview",
        "apiVersion": f"{_GROUP}/{version}",
        "request": {"uid": uid, "desiredAPIVersion": wanted, "objects": list(sent)},
        "response": {"uid": "", "convertedObjects": None, "result": {"metadata": {}}},
    }
    answer = await post(conversion.client, review, _SECONDS)
    response = answer.get("response")
    if version == "v1":
        given = answer.get("apiVersion") or "", answer.get("kind") or ""
        if given != (f"{_GROUP}/v1", "ConversionReview"):
            raise CallFailed(
                f"expected webhook response of {_GROUP}/v1, Kind=ConversionReview, got "
                f"{given[0] or '/'}, Kind={given[1]}"
            )
    if not isinstance(response, dict):
        raise CallFailed("no response provided")
    if version == "v1" and response.get("uid") != uid:
        got = quoted(str(response.get("uid") or ""))
        raise CallFailed(f"expected response.uid={quoted(uid)}, got {got}")
    result = response.get("result") or {}
    if result.get("status") != "Success":
        status = result.get("status") or ""
        raise CallFailed(
            result.get("message") or f"response.result.status was '{status}', not 'Success'"
        )
    received = response.get("convertedObjects") or []
    if len(received) != len(sent):
        raise _failed(f"{what} returned {len(received)} objects, expected {len(sent)}")
    return list(received)


def _checked(made: Any, obj: Object, wanted: str, what: str) -> Object:
    """Return a converted object with the metadata that it had, but for labels and annotations."""
    start = f"{what} returned invalid object"
    if not isinstance(made, dict):
        raise _failed(f"{start}: not an object")
    at = f"{what} returned invalid object at index 0"
    if made.get("apiVersion") != wanted:
        got = made.get("apiVersion") or ""
        raise _failed(f"{at}: invalid groupVersion (expected {wanted}, received {got})")
    if made.get("kind") != obj["kind"]:
        got = made.get("kind") or ""
        raise _failed(f"{at}: invalid kind (expected {obj['kind']}, received {got})")
    metadata, before = made.get("metadata"), obj["metadata"]
    known = metadata if isinstance(metadata, dict) else {}
    for name, shown in (("name", "name"), ("namespace", "namespace"), ("uid", "UID")):
        had, has = before.get(name) or "", known.get(name) or ""
        if had != has:
            raise _failed(f"{start}: must have the same {shown}: {had} != {has}")
    invalid = f"{what} returned invalid metadata"
    if not isinstance(metadata, dict):
        raise _failed(f"{invalid}: missing metadata in converted object")
    kept: Object = orjson.loads(orjson.dumps(before))
    for name in _CHANGEABLE:
        _change(kept, metadata, name, invalid)
    return {**made, "metadata": kept}


def _change(kept: Object, given: Object, name: str, invalid: str) -> None:
    """Take labels or annotations from what the webhook returned; raises ApiError."""
    found = given.get(name)
    if found is None:
        kept.pop(name, None)
        return
    if not isinstance(found, dict):
        raise _failed(f"{invalid}: invalid metadata.{name} in converted object")
    for key, value in found.items():
        if not isinstance(value, str):
            raise _failed(f"{invalid}: metadata.{name}[{key}] must be a string")
    if found != (kept.get(name) or {}):
        faults = label_faults(found) if name == "labels" else annotation_faults(found)
        if faults:
            texts = list(dict.fromkeys(cause.text() for cause in faults))
            joined = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
            raise _failed(f"{invalid}: {joined}")
    kept[name] = found


def _failed(why: str) -> ApiError:
    return ApiError(why, code=500, reason="")
