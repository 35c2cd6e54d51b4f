"""Answers: from items and objects to a Response in the form that the client accepts."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from itertools import chain
from time import perf_counter
from types import MappingProxyType

import orjson

from pinnace.api.codec import protobuf
from pinnace.api.codec import yaml as yaml_codec
from pinnace.api.errors import ApiError, NotAcceptable, Undecided
from pinnace.api.gotext import without_tags
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.api.validation.base import quoted
from pinnace.api.wire import Answer, Request, Response, Stream
from pinnace.apiserver.apart import LARGE
from pinnace.apiserver.core import Call, Core
from pinnace.apiserver.fairness.gate import Held
from pinnace.apiserver.negotiation import (
    JSON,
    OFFERED,
    OFFERED_STREAMS,
    PROTOBUF,
    YAML,
    Accepted,
    check_named,
    negotiate,
    wants_pretty,
)
from pinnace.apiserver.protobuf_forms import MetadataMessages, WholeMessages
from pinnace.apiserver.representations import MetadataOnly, Representation, Whole
from pinnace.apiserver.tables import Tables
from pinnace.store.watchcache.item import Item

# What the events of a watch can be made into, and what any answer can be asked for.
EACH = ("Table", "PartialObjectMetadata")
EVERY = (*EACH, "PartialObjectMetadataList")
# Packages of upstream's that are not named after their groups.
_PACKAGES = MappingProxyType(
    {"": "core", "events.k8s.io": "core", "internal.apiserver.k8s.io": "apiserverinternal"}
)
# Below this size compression costs more than it saves, as upstream measured.
_GZIP_FROM = 128 * 1024
_GZIPPED = MappingProxyType({"content-encoding": "gzip", "vary": "Accept-Encoding"})
# Lists of more objects are sent while they are made.
_STREAM_FROM = 200


def accepted(
    request: Request, shapes: tuple[str, ...] = (), row: Resource | None = None
) -> Accepted:
    """Return what the client accepts, of objects of a row if one is given."""
    message = row is None or row.custom is None
    return negotiate(request.headers.get("accept", ""), shapes=shapes, message=message)


def check_acceptable(request: Request, row: Resource, *, listing: bool) -> None:
    """Raise NotAcceptable before anything is done that could not be answered."""
    offered = OFFERED_STREAMS if listing else OFFERED
    check_named(request.headers.get("accept", ""), offered)
    accepted(request, EVERY, row)


def go_type(kind: str, group: str) -> str:
    """Return the name that upstream's type has in Go, as some of its messages print it."""
    package = _PACKAGES.get(group, group.partition(".")[0])
    return f"*{package}.{kind}"


def _not_a_list(kind: str, group: str) -> NotAcceptable:
    return NotAcceptable(
        "you requested PartialObjectMetadataList, but the requested object is not a list "
        f"({go_type(kind, group)})"
    )


def representation(core: Core, call: Call, wanted: Accepted) -> Representation:
    """Return the form that the client asked for."""
    if wanted.shape == "Table":
        include = call.request.param("includeObject") or "Metadata"
        return Tables(call.row, version=wanted.version, include=include, now=core.clock.now)
    partial = wanted.shape in ("PartialObjectMetadata", "PartialObjectMetadataList")
    version = f"meta.k8s.io/{wanted.version}"
    if wanted.media == PROTOBUF:
        return MetadataMessages(version) if partial else WholeMessages(call.row)
    return MetadataOnly(version) if partial else Whole(call.row)


def answer_item(core: Core, call: Call, item: Item, *, code: int = 200) -> Response:
    """Answer with one stored object."""
    wanted = accepted(call.request, EVERY, call.row)
    if wanted.shape == "PartialObjectMetadataList":
        raise _not_a_list(call.row.kind, call.row.group)
    shown = representation(core, call, wanted)
    if len(item.tail) > LARGE and (wanted.media == PROTOBUF or wanted.shape):
        return _later(call.request, lambda: shown.one(item), wanted, code=code)
    return _finish(call.request, shown.one(item), wanted, code=code)


def answer_list(core: Core, call: Call, items: Sequence[Item], metadata: Object) -> Answer:
    """Answer with a list; a long one is made while it is sent."""
    request = call.request
    wanted = accepted(request, EVERY, call.row)
    if wanted.shape == "PartialObjectMetadata":
        raise NotAcceptable(
            "you requested PartialObjectMetadata, but the requested object is a list "
            f"({go_type(call.row.list_kind, call.row.group)})"
        )
    made = representation(core, call, wanted).many(items, metadata)
    whole = wanted.media == YAML or request.method == "HEAD"
    whole = whole or (wanted.media == JSON and wants_pretty(request, wanted))
    if whole or len(items) <= _STREAM_FROM:
        joined = wanted.media != PROTOBUF and not wanted.shape
        if not joined and sum(len(item.tail) for item in items) > LARGE:
            return _later(request, lambda: b"".join(made), wanted)
        return _finish(request, b"".join(made), wanted)
    # What is wrong with the request shows in the first piece, while there still is a code to send.
    parts = chain((next(made),), made)
    headers = _headers(wanted)
    if wanted.media == JSON:
        parts = chain(parts, (b"\n",))
    zipped = _accepts_gzip(request)
    if zipped:
        headers |= _GZIPPED
    send = _zipped if zipped else _frames
    return Stream(headers=headers, frames=send(_timed(parts, call.held.spent), call.held))


def _timed(parts: Iterator[bytes], spent: Callable[[float], None]) -> Iterator[bytes]:
    began = perf_counter()
    for part in parts:
        spent(perf_counter() - began)
        yield part
        began = perf_counter()


async def _frames(parts: Iterator[bytes], held: Held) -> AsyncIterator[bytes]:
    for part in parts:
        if part:
            yield part
        # A socket that takes all would keep everybody else waiting.
        await held.rest()


async def _zipped(parts: Iterator[bytes], held: Held) -> AsyncIterator[bytes]:
    """Compress in a thread: it takes longer than all the rest, and needs no lock meanwhile."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    for part in parts:
        packed = await asyncio.to_thread(packer.compress, part) if part else b""
        if packed:
            yield packed
        await held.rest()
    yield packer.flush()


def answer_object(request: Request, obj: Object, *, code: int = 200) -> Response:
    """Answer with an object that is not stored: a Status, a Scale, a review."""
    return _answer_made(request, obj, accepted(request), code=code)


def answer_error(request: Request, error: ApiError) -> Response:
    """Answer with the Status of an error, in readable JSON if the client accepts nothing better."""
    if isinstance(error, Undecided):
        return _answer_undecided(request, error)
    try:
        wanted = accepted(request)
    except ApiError:
        wanted = Accepted(pretty=True)
    response = _answer_made(request, error.status(), wanted, code=error.code)
    retry = (error.details or {}).get("retryAfterSeconds")
    if retry:
        response.headers["retry-after"] = str(retry)
    return response


def _answer_undecided(request: Request, error: Undecided) -> Response:
    target = f"{request.path}?{request.raw_query}" if request.raw_query else request.path
    text = without_tags(f"Internal Server Error: {quoted(target)}: {error.message}")
    headers = {"content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff"}
    return Response(status=500, headers=headers, body=f"{text}\n".encode())


def finish(request: Request, body: bytes, wanted: Accepted, *, code: int = 200) -> Response:
    """Answer with a JSON document, in the form that is wanted of it."""
    if wanted.media == PROTOBUF:
        body = protobuf.encode(orjson.loads(body))
    return _finish(request, body, wanted, code=code)


def _answer_made(request: Request, obj: Object, wanted: Accepted, *, code: int) -> Response:
    encode = protobuf.encode if wanted.media == PROTOBUF else orjson.dumps
    return _finish(request, encode(obj), wanted, code=code)


def _finish(request: Request, body: bytes, wanted: Accepted, *, code: int = 200) -> Response:
    """Put the last touches on protobuf or JSON: pretty or compact or YAML, compressed or not.

    Where that takes long it is left to who sends the answer: see `finished`.
    """
    as_it_is = wanted.media in (JSON, PROTOBUF) and not wants_pretty(request, wanted)
    zipped = len(body) > _GZIP_FROM and _accepts_gzip(request)
    if len(body) > LARGE and (zipped or not as_it_is):
        return _later(request, lambda: body, wanted, code=code)
    response = Response(status=code, headers=_headers(wanted))
    response.body = _touched(request, body, wanted, response.headers)
    return response


def _later(
    request: Request, make: Callable[[], bytes], wanted: Accepted, *, code: int = 200
) -> Response:
    """Return an answer whose body is yet to be made."""
    headers = _headers(wanted)

    def late() -> bytes:
        return _touched(request, make(), wanted, headers)

    return Response(status=code, headers=headers, late=late)


async def finished(core: Core, answer: Answer) -> Answer:
    """Make the body of an answer that has none yet, beside the event loop."""
    if isinstance(answer, Response) and answer.late is not None:
        answer.body = await core.apart.run(LARGE, answer.late)
        answer.late = None
    return answer


def _touched(request: Request, body: bytes, wanted: Accepted, headers: dict[str, str]) -> bytes:
    if wanted.media == PROTOBUF:
        pass
    elif wanted.media != JSON:
        body = yaml_codec.encode(orjson.loads(body))
    elif wants_pretty(request, wanted):
        body = orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2)
    else:
        body += b"\n"
    if len(body) > _GZIP_FROM and _accepts_gzip(request):
        body = gzip.compress(body, 1)
        headers |= _GZIPPED
    return body


def _headers(wanted: Accepted) -> dict[str, str]:
    return {"content-type": wanted.content_type, "cache-control": "no-cache, private"}


def _accepts_gzip(request: Request) -> bool:
    return "gzip" in request.headers.get("accept-encoding", "")
