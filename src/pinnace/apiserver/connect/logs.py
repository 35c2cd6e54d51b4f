"""Logs of containers: the options of a request, the kubelet's answer, and a WebSocket for it."""

import asyncio
import base64
import ssl
import zlib
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from types import MappingProxyType
from urllib.parse import urlencode

import orjson

from pinnace.api.errors import ApiError, BadRequest, Cause, from_status, invalid
from pinnace.api.objects import parse_time
from pinnace.api.wire import Answer, Hijack, Request, Response
from pinnace.apiserver.connect.backend import Frames, ask, dial_error
from pinnace.apiserver.connect.target import Target
from pinnace.apiserver.connect.upgrade import Connection
from pinnace.apiserver.numbers import int64
from pinnace.apiserver.routes import is_true
from pinnace.kit import websocket
from pinnace.kit.deferred import aiohttp

_SWITCHES = ("follow", "previous", "timestamps")
_NUMBERS = ("sinceSeconds", "tailLines", "limitBytes")
_LAYOUT = "2006-01-02T15:04:05Z07:00"
_PROTOCOLS = ("binary.k8s.io", "base64.binary.k8s.io")
# How much of a refusal's text is passed on.
_LONGEST_REFUSAL = 50_000
_POSITIVE = "must be greater than 0"
_NOT_NEGATIVE = "must be greater than or equal to 0"
# What refusals of a kubelet are told as: reason and message by code.
_REFUSALS: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        401: ("Unauthorized", "the server has asked for the client to provide credentials"),
        404: ("NotFound", "the server could not find the requested resource"),
        405: (
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        ),
        409: ("Conflict", "the server reported a conflict"),
        422: ("Invalid", "the server rejected our request due to an error in our request"),
        429: (
            "TooManyRequests",
            "the server has received too many requests and has asked us to try again later",
        ),
        503: ("ServiceUnavailable", "the server is currently unable to handle the request"),
        504: (
            "Timeout",
            "the server was unable to return a response in the time allotted, but may still be "
            "processing the request",
        ),
    }
)


def log_query(request: Request, name: str) -> str:
    """Return the options of a request for the kubelet; raises BadRequest and Invalid."""
    options: dict[str, str] = {}
    numbers: dict[str, int] = {}
    for option in _NUMBERS:
        if option in request.query:
            numbers[option] = int64(request.param(option))
    for option in _SWITCHES:
        if is_true(request, option):
            options[option] = "true"
    since = _time(request.param("sinceTime")) if "sinceTime" in request.query else None
    _check(request, name, numbers, timed=since is not None)
    options |= {option: str(value) for option, value in numbers.items()}
    if since is not None:
        options["sinceTime"] = since
    return urlencode(sorted(options.items()))


def _time(text: str) -> str:
    """Return a time in whole seconds; raises BadRequest."""
    if not text:
        return "0001-01-01T00:00:00Z"
    try:
        when = parse_time(text)
    except ValueError:
        shown = _quoted(text)
        raise BadRequest(
            f'parsing time {shown} as "{_LAYOUT}": cannot parse {shown} as "2006"'
        ) from None
    return _seconds(when)


def _seconds(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _quoted(text: str) -> str:
    return orjson.dumps(text).decode()


def _check(request: Request, name: str, numbers: Mapping[str, int], *, timed: bool) -> None:
    """Raise Invalid for options that contradict each other or have no meaning."""
    causes = []

    def out_of_range(option: str, least: int, why: str) -> None:
        if numbers.get(option, least) < least:
            text = f"Invalid value: {numbers[option]}: {why}"
            causes.append(Cause("FieldValueInvalid", option, text))

    out_of_range("tailLines", 0, _NOT_NEGATIVE)
    out_of_range("limitBytes", 1, _POSITIVE)
    if timed and "sinceSeconds" in numbers:
        text = "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified"
        causes.append(Cause("FieldValueForbidden", "[]", text))
    else:
        out_of_range("sinceSeconds", 1, _POSITIVE)
    if "stream" in request.query:
        # One of the two streams alone: a feature that 1.36 has switched off.
        text = "Forbidden: may not be specified"
        causes.append(Cause("FieldValueForbidden", "stream", text))
    if causes:
        raise invalid("PodLogOptions", "", name, causes)


async def fetch_log(target: Target, tls: ssl.SSLContext | None, *, pod: str) -> Frames:
    """Return a container's log as its kubelet sends it; raises its refusals as a Status."""
    headers = {"Accept-Encoding": "gzip", "User-Agent": "Go-http-client/1.1"}
    try:
        backend = await ask(target, "GET", headers.items(), None, tls)
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        url = f"https://{target.host}:{target.port}{target.path}"
        raise ApiError(f'Get "{url}": {dial_error(target, error)}', reason="") from error
    answer = backend.answer
    if not 200 <= answer.status <= 206:
        try:
            said = (await answer.content.read(_LONGEST_REFUSAL)).decode(errors="replace")
        finally:
            await backend.close()
        raise refused(answer.status, said, pod)
    packed = answer.headers.get("content-encoding") == "gzip"
    return Frames(backend, zlib.decompressobj(31) if packed else None)


def refused(code: int, said: str, pod: str) -> ApiError:
    """Return as what a kubelet's refusal of a log is told."""
    if code == 500:
        text = f"Internal error occurred: {said}"
        return ApiError(text, details={"causes": [{"message": said}]})
    if code == 400:
        return BadRequest(said)
    reason, message = _REFUSALS.get(code, ("", ""))
    if code == 403:
        reason, message = "Forbidden", said
    elif code > 500 and not message:
        reason = "InternalError"
        message = (
            f"an error on the server ({_quoted(said)}) has prevented the request from succeeding"
        )
    message = message or (
        f"the server responded with the status code {code} but did not return more information"
    )
    return from_status(
        {
            "reason": reason,
            "message": f"{message} ( pods/log {pod})",
            "details": {"name": pod, "kind": "pods/log"},
            "code": code,
        }
    )


async def over_websocket(request: Request, frames: Frames) -> Answer:
    """Answer an upgrade with the log as messages: as bytes, or as base64 in text frames.

    An empty message comes first and says that all is well.
    """
    asked = websocket.protocols(request.headers)
    chosen = next((name for name in asked if name in _PROTOCOLS), None)
    if asked and chosen is None:
        await frames.aclose()
        return Response(status=403, headers={"connection": "close"})
    as_text = chosen == "base64.binary.k8s.io"

    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(websocket.accept(request.headers, protocol=chosen))
        writer.write(websocket.frame(b"", text=as_text))
        with suppress(ConnectionError):
            async for part in frames:
                data = base64.b64encode(part) if as_text else part
                writer.write(websocket.frame(data, text=as_text))
                await writer.drain()
        writer.write(websocket.close_frame())

    async def run(connection: Connection) -> None:
        reader, writer = connection.reader, connection.writer
        try:
            await websocket.talk_until_closed(reader, writer, send(writer))
        finally:
            await frames.aclose()

    return Hijack(run=run, abandon=frames.aclose)
