"""Request bodies: which codec reads them, and what must be true before a verb sees the object."""

import orjson

from pinnace.api.errors import BadRequest, UnsupportedMediaType
from pinnace.api.objects import Object
from pinnace.api.wire import Request
from pinnace.apiserver.core import Call
from pinnace.apiserver.negotiation import JSON, PROTOBUF, YAML

_READABLE = (JSON, YAML, PROTOBUF)


def media_type(request: Request) -> str:
    """Return the media type of the body without parameters; JSON when none is given."""
    text = request.headers.get("content-type", "")
    return text.split(";", 1)[0].strip().lower() or JSON


def unsupported(offered: tuple[str, ...]) -> UnsupportedMediaType:
    """Return upstream's 415."""
    return UnsupportedMediaType(
        "the body of the request was in an unknown format - accepted media types include: "
        + ", ".join(offered),
        details={},
    )


def read_any(request: Request) -> Object:
    """Decode a body of whatever kind; raises BadRequest and UnsupportedMediaType."""
    media = media_type(request)
    if media != JSON:
        raise unsupported(_READABLE)
    try:
        obj = orjson.loads(request.body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"the object provided is unrecognized: {error}") from error
    if not isinstance(obj, dict):
        raise BadRequest("the object provided is unrecognized (must be of type object)")
    return obj


def read_object(call: Call) -> Object:
    """Decode a body of the request's own kind, with kind and apiVersion filled in."""
    obj = read_any(call.request)
    expect_kind(obj, call.row.kind, call.row.group_version)
    return obj


def expect_kind(obj: Object, kind: str, version: str) -> None:
    """Fill in kind and apiVersion, or raise BadRequest if they are another's."""
    given_kind, given = obj.get("kind") or kind, obj.get("apiVersion") or version
    group, _, number = version.rpartition("/")
    if given != version:
        raise BadRequest(
            f"the API version in the data ({given}) does not match the expected API version "
            f"({version})"
        )
    if given_kind != kind:
        wanted = f"{kind}.{number}.{group}" if group else f"{kind}.{number}."
        raise BadRequest(f"the object provided is unrecognized: {given_kind} is no {wanted}")
    obj["kind"], obj["apiVersion"] = kind, version
    metadata = obj.get("metadata")
    if metadata is None:
        obj["metadata"] = {}
    elif not isinstance(metadata, dict):
        raise BadRequest("the object provided is unrecognized: metadata is not an object")
