"""Answers: from items and objects to a Response in the form that the client accepts."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from itertools import chain
from types import MappingProxyType

import orjson

from pinnace.api.codec import protobuf
from pinnace.api.codec import yaml as yaml_codec
from pinnace.api.errors import ApiError
from pinnace.api.objects import Object
from pinnace.api.wire import Answer, Request, Response, Stream
from pinnace.apiserver.core import Call, Core
from pinnace.apiserver.negotiation import (
    JSON,
    PROTOBUF,
    YAML,
    Accepted,
    negotiate,
    not_acceptable,
    wants_pretty,
)
from pinnace.apiserver.representations import MetadataOnly, Representation, Whole
from pinnace.apiserver.tables import Tables
from pinnace.store.watchcache.item import Item

ONE = ("Table", "PartialObjectMetadata")
MANY = ("Table", "PartialObjectMetadataList")
# Below this size compression costs more than it saves, as upstream measured.
_GZIP_FROM = 128 * 1024
_GZIPPED = MappingProxyType({"content-encoding": "gzip", "vary": "Accept-Encoding"})
# Lists of more objects are sent while they are made.
_STREAM_FROM = 200


def accepted(request: Request, shapes: tuple[str, ...] = ()) -> Accepted:
    """Return what the client accepts."""
    return negotiate(request.headers.get("accept", ""), shapes=shapes)


def representation(core: Core, call: Call, wanted: Accepted) -> Representation:
    """Return the form that the client asked for."""
    if wanted.shape == "Table":
        include = call.request.param("includeObject") or "Metadata"
        return Tables(call.row, version=wanted.version, include=include, now=core.clock.now)
    if wanted.shape in ("PartialObjectMetadata", "PartialObjectMetadataList"):
        return MetadataOnly(f"meta.k8s.io/{wanted.version}")
    return Whole(call.row)


def answer_item(core: Core, call: Call, item: Item, *, code: int = 200) -> Response:
    """Answer with one stored object."""
    wanted = accepted(call.request, ONE)
    body = representation(core, call, wanted).one(item)
    return finish(call.request, body, wanted, code=code)


def answer_list(core: Core, call: Call, items: Sequence[Item], metadata: Object) -> Answer:
    """Answer with a list; a long one is made while it is sent."""
    request = call.request
    wanted = accepted(request, MANY)
    made = representation(core, call, wanted).many(items, metadata)
    # What is wrong with the request shows in the first piece, while there still is a code to send.
    parts = chain((next(made),), made)
    whole = wanted.media != JSON or wants_pretty(request) or request.method == "HEAD"
    if whole or len(items) <= _STREAM_FROM:
        return finish(request, b"".join(parts), wanted)
    headers = _headers(wanted)
    zipped = _accepts_gzip(request)
    if zipped:
        headers |= _GZIPPED
    return Stream(headers=headers, frames=_zipped(parts) if zipped else _frames(parts))


async def _frames(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
        # A socket that takes all would keep everybody else waiting.
        await asyncio.sleep(0)
    yield b"\n"


async def _zipped(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Compress in a thread: it takes longer than all the rest, and needs no lock meanwhile."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    for part in parts:
        packed = await asyncio.to_thread(packer.compress, part)
        if packed:
            yield packed
    yield packer.compress(b"\n") + packer.flush()


def answer_object(request: Request, obj: Object, *, code: int = 200) -> Response:
    """Answer with an object that is not stored: a Status, a Scale, a review."""
    return finish(request, orjson.dumps(obj), accepted(request), code=code)


def answer_error(request: Request, error: ApiError) -> Response:
    """Answer with the Status of an error, in JSON if the client accepts nothing better."""
    try:
        wanted = accepted(request)
    except ApiError:
        wanted = Accepted()
    response = finish(request, orjson.dumps(error.status()), wanted, code=error.code)
    retry = (error.details or {}).get("retryAfterSeconds")
    if retry:
        response.headers["retry-after"] = str(retry)
    return response


def finish(request: Request, body: bytes, wanted: Accepted, *, code: int = 200) -> Response:
    """Put the last touches on an answer's body: pretty or compact, compressed or not."""
    headers = _headers(wanted)
    if wanted.media == PROTOBUF:
        body = protobuf_of(body)
    elif wanted.media != JSON:
        body = yaml_of(body)
    elif wants_pretty(request):
        body = orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2)
    else:
        body += b"\n"
    if len(body) > _GZIP_FROM and _accepts_gzip(request):
        body = gzip.compress(body, 1)
        headers |= _GZIPPED
    return Response(status=code, headers=headers, body=body)


def _headers(wanted: Accepted) -> dict[str, str]:
    return {"content-type": wanted.content_type, "cache-control": "no-cache, private"}


def _accepts_gzip(request: Request) -> bool:
    return "gzip" in request.headers.get("accept-encoding", "")


def protobuf_of(body: bytes) -> bytes:
    """Return a JSON document as protobuf; raises NotAcceptable for a kind that has no message."""
    obj = orjson.loads(body)
    if not protobuf.has_message(obj["apiVersion"], obj["kind"]):
        raise not_acceptable((JSON, YAML, PROTOBUF))
    return protobuf.encode(obj)


async def protobuf_frames(frames: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Turn the lines of a watch into protobuf events, each behind its length."""
    async with aclosing(frames):
        async for frame in frames:
            events = [orjson.loads(line) for line in frame.split(b"\n") if line]
            made = [protobuf.encode_watch_event(e["type"], e["object"]) for e in events]
            yield b"".join([len(raw).to_bytes(4, "big") + raw for raw in made])


def yaml_of(body: bytes) -> bytes:
    """Return a JSON document as YAML."""
    return yaml_codec.encode(orjson.loads(body))
