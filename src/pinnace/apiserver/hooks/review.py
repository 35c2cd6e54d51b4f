"""AdmissionReviews: what a webhook is asked, and what its answer says."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from pinnace.api.codec.json import go_name
from pinnace.api.codec.jsonsyntax import complaint
from pinnace.api.errors import ApiError
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.api.typed import normalized
from pinnace.api.validation.base import quoted
from pinnace.apiserver.admission.base import Attributes
from pinnace.apiserver.hooks.failures import CallFailed

_GROUP = "admission.k8s.io"
_KNOWN = ("v1", "v1beta1")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a webhook answered; `patch` are the operations of a JSON patch, or None."""

    allowed: bool
    result: Object | None
    patch: list[Any] | None
    warnings: Sequence[str]
    annotations: Mapping[str, str]


def version_of(accepted: Sequence[str]) -> str:
    """Return the version of reviews that a webhook is sent; raises CallFailed."""
    for version in accepted:
        if version in _KNOWN:
            return version
    why = "webhook does not accept known AdmissionReview versions (v1, v1beta1)"
    raise CallFailed(f"could not create admission objects: {why}", 400)


def kind_of(row: Resource, subresource: str) -> tuple[str, str, str]:
    """Return group, version and kind of what is written through a row or its subresource."""
    sub = row.subresource(subresource) if subresource else None
    if sub is None:
        return row.group, row.version, row.kind
    if not sub.version:
        return row.group, row.version, sub.kind or row.kind
    return sub.group, sub.version, sub.kind


def review(
    attributes: Attributes,
    row: Resource,
    *,
    version: str,
    uid: str,
    obj: Object | None,
    old: Object | None,
) -> Object:
    """Return the review of a write, its objects in the version of a row."""
    sub = attributes.subresource
    request: Object = {
        "uid": uid,
        "kind": _kind(row, sub),
        "resource": _resource(row),
        "requestKind": _kind(attributes.row, sub),
        "requestResource": _resource(attributes.row),
        "name": attributes.name,
        "namespace": attributes.namespace,
        "operation": attributes.operation,
        "userInfo": user_of(attributes),
        "object": written(obj, row),
        "oldObject": written(old, row),
        "dryRun": attributes.dry_run,
        "options": attributes.options() or None,
    }
    if sub:
        request["subResource"] = request["requestSubResource"] = sub
    for name in ("name", "namespace"):
        if not request[name]:
            del request[name]
    return {"kind": "AdmissionReview", "apiVersion": f"{_GROUP}/{version}", "request": request}


def written(obj: Object | None, row: Resource) -> Object | None:
    """Return an object as Go writes it: of a custom row alone a Scale has a type."""
    if obj is None or (row.custom is not None and obj.get("kind") == row.kind):
        return obj
    group, _, version = str(obj.get("apiVersion") or "").rpartition("/")
    return normalized(
        obj, Resource(group=group, version=version, kind=obj.get("kind") or "", plural="")
    )


def _kind(row: Resource, subresource: str) -> Object:
    group, version, kind = kind_of(row, subresource)
    return {"group": group, "version": version, "kind": kind}


def _resource(row: Resource) -> Object:
    return {"group": row.group, "version": row.version, "resource": row.plural}


def user_of(attributes: Attributes) -> Object:
    """Return who writes, as reviews tell it."""
    user = attributes.user
    found: Object = {}
    if user.name:
        found["username"] = user.name
    if user.uid:
        found["uid"] = user.uid
    if user.groups:
        found["groups"] = list(user.groups)
    if user.extra:
        found["extra"] = {name: list(values) for name, values in user.extra.items()}
    return found


def verdict(answer: Object, *, version: str, uid: str, mutating: bool) -> Verdict:
    """Read a webhook's answer; raises CallFailed for what is none."""
    given = answer.get("apiVersion") or "", answer.get("kind") or ""
    wanted = f"{_GROUP}/{version}", "AdmissionReview"
    if given[0] and given[1] and given != wanted:
        raise CallFailed(_unconvertible(given, wanted))
    response = _typed(answer, "response", dict)
    if response is None:
        raise _wrong("webhook response was absent")
    patch = _bytes(response, "patch")
    kind = _typed(response, "patchType", str)
    if version == "v1":
        _check(response, given, uid, patch, kind, mutating=mutating)
    operations = None
    if mutating and patch:
        operations = _operations(patch)
        if version == "v1" and kind != "JSONPatch":
            raise CallFailed(f"unsupported patch type {quoted(kind or '')}")
    result = _typed(response, "status", dict)
    return Verdict(
        allowed=bool(_typed(response, "allowed", bool)),
        result=result,
        patch=operations,
        warnings=[str(text) for text in _typed(response, "warnings", list) or ()],
        annotations=_typed(response, "auditAnnotations", dict) or {},
    )


def _check(
    response: Object,
    given: tuple[str, str],
    uid: str,
    patch: bytes,
    kind: str | None,
    *,
    mutating: bool,
) -> None:
    """Raise CallFailed for what version v1 checks and v1beta1 did not."""
    answered = _typed(response, "uid", str) or ""
    if answered != uid:
        raise _wrong(f"expected response.uid={quoted(uid)}, got {quoted(answered)}")
    if given != (f"{_GROUP}/v1", "AdmissionReview"):
        group = given[0] or "/"
        raise _wrong(
            f"expected webhook response of {_GROUP}/v1, Kind=AdmissionReview, got {group}, "
            f"Kind={given[1]}"
        )
    if not mutating:
        if patch:
            raise _wrong("validating webhook may not return response.patch")
        if kind is not None:
            raise _wrong("validating webhook may not return response.patchType")
        return
    if patch and kind is None:
        raise _wrong("webhook returned response.patch but not response.patchType")
    if not patch and kind is not None:
        raise _wrong("webhook returned response.patchType but not response.patch")
    if kind == "":
        raise _wrong('webhook returned invalid response.patchType of ""')


def _wrong(why: str) -> CallFailed:
    return CallFailed(f"received invalid webhook response: {why}")


def _unconvertible(given: tuple[str, str], wanted: tuple[str, str]) -> str:
    def named(pair: tuple[str, str]) -> str:
        return f"({pair[0].rpartition('/')[2]}.{pair[1]})"

    return (
        f"failed to call webhook: converting {named(given)} to {named(wanted)}: unknown conversion"
    )


def _typed(holder: Object, name: str, kind: type) -> Any:
    value = holder.get(name)
    if value is None or isinstance(value, kind):
        return value
    words = {dict: "v1.AdmissionResponse", bool: "bool", str: "string", list: "[]string"}
    raise CallFailed(
        f"failed to call webhook: json: cannot unmarshal {go_name(value)} into Go struct field "
        f"AdmissionResponse.response.{name} of type {words[kind]}"
    )


def _bytes(holder: Object, name: str) -> bytes:
    text = _typed(holder, name, str)
    try:
        return base64.b64decode(text, validate=True) if text else b""
    except (binascii.Error, ValueError) as error:
        why = "illegal base64 data at input byte 0"
        raise CallFailed(f"failed to call webhook: {why}") from error


def _operations(patch: bytes) -> list[Any]:
    try:
        found = orjson.loads(patch)
    except orjson.JSONDecodeError as error:
        why = f"received undecodable patch in webhook response: {complaint(patch)}"
        raise CallFailed(why) from error
    if not isinstance(found, list):
        why = f"json: cannot unmarshal {go_name(found)} into Go value of type jsonpatch.Patch"
        raise CallFailed(f"received undecodable patch in webhook response: {why}")
    return found


class Denied(ApiError):
    """A webhook refuses a write."""


def denial(name: str, result: Object | None) -> Denied:
    """Return the refusal of a webhook: its Status, with its name in the message."""
    result = result or {}
    message, reason = result.get("message") or "", result.get("reason") or ""
    text = f"admission webhook {quoted(name)} denied the request"
    if message or reason:
        text += f": {message or reason}"
    else:
        text += " without explanation"
    code = result.get("code") or 0
    return Denied(
        text,
        code=max(int(code), 400),
        reason=str(reason),
        details=result.get("details"),
        metadata=result.get("metadata"),
    )
