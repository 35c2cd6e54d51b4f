"""Request bodies: which codec reads them, and what must be true before a verb sees the object."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial

import orjson

from pinnace.api import fieldvalidation
from pinnace.api.codec import json as json_codec
from pinnace.api.codec import protobuf
from pinnace.api.codec import yaml as yaml_codec
from pinnace.api.custom.kind import CustomKind
from pinnace.api.errors import ApiError, BadRequest, Cause, UnsupportedMediaType, invalid
from pinnace.api.fits import fits
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.api.schema.load import load
from pinnace.api.typed import normalized
from pinnace.api.wire import Request
from pinnace.apiserver.core import Call, Core
from pinnace.apiserver.negotiation import JSON, PROTOBUF, YAML

_READABLE = (JSON, YAML, PROTOBUF)
_SUMMARY = 30
# Where upstream keeps what it knows of kinds, as its errors name it.
_META_SCHEME = "k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27"
_SCHEME = "pkg/api/legacyscheme/scheme.go:30"
# Groups whose kinds have schemes of their own.
_APART = ("apiextensions.k8s.io", "apiregistration.k8s.io")


@cache
def _built_in() -> frozenset[tuple[str, str]]:
    """Return apiVersion and kind of all that upstream's legacy scheme knows."""
    known = [(f"{group}/{version}" if group else version, kind)
             for group, version, kind in load().kinds() if group not in _APART]  # fmt: skip
    return frozenset((*known, ("v1", "List")))


def media_type(request: Request) -> str:
    """Return the media type of the body without parameters; JSON when none is given."""
    text = request.headers.get("content-type", "")
    return text.split(";", 1)[0].strip().lower() if text else JSON


def unsupported(offered: tuple[str, ...]) -> UnsupportedMediaType:
    """Return upstream's 415."""
    return UnsupportedMediaType(
        "the body of the request was in an unknown format - accepted media types include: "
        + ", ".join(offered)
    )


def read_any(request: Request, *, api_version: str, kind: str) -> Object:
    """Decode a body that is to be of a kind; raises BadRequest and UnsupportedMediaType.

    Whether it says that it is of that kind is for `expect_kind` to check.
    """
    obj = _decode(request, api_version, kind)
    refuse_misfits(obj, api_version, kind)
    return obj


def read_options(request: Request) -> Object:
    """Decode the DeleteOptions of a body; raises BadRequest and UnsupportedMediaType.

    An older client may send them as those of its group.
    """
    media = media_type(request)
    try:
        if media == JSON:
            obj = json_codec.decode(request.body)
        elif media == YAML:
            obj = yaml_codec.decode(request.body)
        elif media == PROTOBUF:
            obj = protobuf.decode(request.body, api_version="v1", kind="DeleteOptions")
        else:
            raise unsupported(_READABLE)
    except BadRequest as error:
        raise BadRequest(error.message) from None
    kind = obj.get("kind") or "DeleteOptions"
    if kind != "DeleteOptions":
        version = obj.get("apiVersion") or "v1"
        raise BadRequest(
            f'no kind "{kind}" is registered for version "{version}" in scheme "{_META_SCHEME}"'
        )
    row = Resource(group="", version="v1", kind="DeleteOptions", plural="")
    wrong = fieldvalidation.type_errors(obj, row)
    if wrong:
        raise BadRequest(wrong[0])
    return obj


def refuse_misfits(obj: Object, api_version: str, kind: str) -> None:
    """Raise BadRequest for values of wrong types in an object of a kind that has no rows."""
    group, _, version = api_version.rpartition("/")
    row = Resource(group=group, version=version, kind=kind, plural="")
    wrong = fieldvalidation.type_errors(obj, row)
    if wrong:
        raise fieldvalidation.cannot_be_handled(kind, version, wrong[0])


def _decode(request: Request, api_version: str, kind: str) -> Object:
    """Decode a body; `kind` is what is expected, also for the words of a refusal."""
    media = media_type(request)
    try:
        if media == JSON:
            return _with_version(json_codec.decode(request.body))
        if media == YAML:
            return _with_version(yaml_codec.decode(request.body))
        if media == PROTOBUF:
            return protobuf.decode(request.body, api_version=api_version, kind=kind)
    except BadRequest as error:
        raise BadRequest(
            f"the object provided is unrecognized (must be of type {kind}): {error.message} "
            f"({_summary(request.body)})"
        ) from None
    raise unsupported(_READABLE)


def _with_version(obj: Object) -> Object:
    version = obj.get("apiVersion") or ""
    if version.count("/") > 1:
        raise BadRequest(f"unexpected GroupVersion string: {version}")
    return obj


def _summary(body: bytes) -> str:
    """Return how a body begins: as text if it may be JSON, else as hexadecimal digits."""
    if not body:
        return "<empty>"
    start = body[:_SUMMARY]
    text = start.decode(errors="replace") if body.startswith(b"{") else start.hex()
    return f"{text} ..." if len(body) > _SUMMARY else text


async def read_object(core: Core, call: Call) -> Object:
    """Decode a body of the request's own kind, with kind and apiVersion filled in."""
    return await core.apart.run(call.size, partial(_read_object, call))


def _read_object(call: Call) -> Object:
    row = call.row
    obj = _decode(call.request, row.group_version, row.kind)
    if row.custom is not None:
        _expect_custom(call, obj)
    expect_kind(obj, row.kind, row.group_version)
    return checked(call, obj)


async def read_other(core: Core, call: Call, *, api_version: str, kind: str) -> Object:
    """Decode a body of a kind that has no rows, as `read_object` does one of the request's own."""
    group, _, version = api_version.rpartition("/")
    row = Resource(group=group, version=version, kind=kind, plural="")
    return await read_object(core, replace(call, row=row))


def _expect_custom(call: Call, obj: Object) -> None:
    """Refuse what is no object of the custom kind: nothing is filled in, as nothing is typed."""
    row, body = call.row, call.request.body
    for name, shown in (("kind", "Kind"), ("apiVersion", "apiVersion")):
        if not obj.get(name):
            text = body.decode(errors="replace")
            raise BadRequest(
                f"the object provided is unrecognized (must be of type {row.kind}): Object "
                f"'{shown}' is missing in '{text}' ({_summary(body)})"
            )
    given = obj["kind"]
    if given != row.kind and obj["apiVersion"] == row.group_version:
        why = f'Invalid value: "{given}": must be {row.kind}'
        name = (obj.get("metadata") or {}).get("name") or ""
        raise invalid(given, row.group, name, [Cause("FieldValueInvalid", "kind", why)])


def copy(obj: Object) -> Object:
    """Return a copy that shares nothing with the original."""
    copied: Object = orjson.loads(orjson.dumps(obj))
    return copied


def checked(call: Call, obj: Object) -> Object:
    """Return an object of its kind as Go would decode it.

    Values of wrong types are refused; fields that the kind does not have are refused or dropped,
    with a warning.
    """
    row = call.row
    refuse = partial(fieldvalidation.cannot_be_handled, row.kind, row.version)
    if row.custom is not None:
        return _checked_custom(call, obj, row.custom, refuse)
    good = fits(obj, row)
    if not good:
        _refuse_misfits(call, obj, refuse)
    if not isinstance(obj["metadata"], dict):
        raise BadRequest("the object provided is unrecognized: metadata is not an object")
    directive = call.request.param("fieldValidation") or "Warn"
    errors = [] if directive == "Ignore" else _strict_errors(call, obj, good=good)
    obj = as_written(obj, row)
    if errors and directive == "Strict":
        raise refuse(f"strict decoding error: {', '.join(errors)}")
    for error in errors:
        call.warnings.extend(yaml_codec.single_errors(error))
    return obj


def _refuse_misfits(call: Call, obj: Object, refuse: Callable[[str], ApiError]) -> None:
    wrong = fieldvalidation.type_errors(obj, call.row)
    if wrong and media_type(call.request) == JSON:
        # Once more, with numbers as they were written.
        again = fieldvalidation.as_written(call.request.body)
        wrong = fieldvalidation.type_errors(again, call.row) or wrong
    if wrong:
        raise refuse(wrong[0])


def _strict_errors(call: Call, obj: Object, *, good: bool) -> list[str]:
    """Return what a strict decoder has against a body, or against what a patch made."""
    media, row = media_type(call.request), call.row
    if media == JSON and fieldvalidation.may_repeat(call.request.body):
        return fieldvalidation.unknown_and_duplicate_fields(call.request.body, row)
    unknown = [] if good else fieldvalidation.unknown_fields(obj, row)
    if media == YAML:
        return yaml_codec.decode_strict(call.request.body)[1] + unknown
    return [] if media == PROTOBUF else unknown


def _checked_custom(
    call: Call, obj: Object, custom: CustomKind, refuse: Callable[[str], ApiError]
) -> Object:
    """Return a custom object without what its schema does not know."""
    directive = call.request.param("fieldValidation") or "Warn"
    errors: list[str] = []
    told = media_type(call.request) == JSON and directive != "Ignore"
    if told and fieldvalidation.may_repeat(call.request.body):
        errors = fieldvalidation.repeated_fields(call.request.body)
    try:
        errors += [f'unknown field "{path}"' for path in custom.prune(obj)]
    except ValueError as error:
        raise refuse(str(error)) from None
    if errors and directive == "Strict":
        raise refuse(f"strict decoding error: {', '.join(errors)}")
    if directive != "Ignore":
        call.warnings.extend(errors)
    return obj


def as_written(obj: Object, row: Resource, like: Object | None = None) -> Object:
    """Return an object as Go would write it, but that it still asks to forget its managers.

    Where it is as in `like`, a stored object, it is not looked at.
    """
    metadata = obj["metadata"]
    reset = metadata.get("managedFields") == []
    made = normalized(obj, row, like)
    if reset:
        made = {**made, "metadata": {**made["metadata"], "managedFields": []}}
    return made


def _other_kind(given_kind: str, given: str, kind: str, version: str) -> BadRequest:
    """Return the refusal of an object of another kind or version than expected, in Go's words."""
    short = given.rpartition("/")[2]
    start = f'{given_kind} in version "{short}" cannot be handled as a {kind}: '
    known = _built_in()
    if (given, given_kind) not in known and (version, kind) in known:
        return BadRequest(
            f'{start}no kind "{given_kind}" is registered for version "{given}" in scheme '
            f'"{_SCHEME}"'
        )
    if given_kind == kind:
        return BadRequest(
            f"the API version in the data ({given}) does not match the expected API version "
            f"({version})"
        )
    group = version.rpartition("/")[0].partition(".")[0] or "core"
    return BadRequest(
        f"{start}converting ({short}.{given_kind}) to ({group}.{kind}): unknown conversion"
    )


def expect_kind(obj: Object, kind: str, version: str) -> None:
    """Fill in kind and apiVersion, or raise BadRequest if they are another's."""
    given_kind, given = obj.get("kind") or kind, obj.get("apiVersion") or version
    if (given, given_kind) != (version, kind):
        raise _other_kind(given_kind, given, kind, version)
    obj["kind"], obj["apiVersion"] = kind, version
    metadata = obj.get("metadata")
    if metadata is None:
        obj["metadata"] = {}
