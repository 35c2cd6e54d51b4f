"""Exec and attach over WebSocket: the channels of one side, the SPDY streams of the other.

A message is a channel's number and bytes: 0 stdin, 1 stdout, 2 stderr, 3 the result, 4 the
terminal's size. In version 5, `255, n` closes channel n, so that stdin can end while output goes
on. The result is a Status, which the runtime gives as version 4 of the protocol has it; the
oldest version gets its message alone, and nothing on success.
"""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson
from aiohttp import WSMsgType, web

from pinnace.kit import spdy
from pinnace.node.splice import LONGEST_MESSAGE

V5, V4, OLD = "v5.channel.k8s.io", "v4.channel.k8s.io", "channel.k8s.io"
V4_BASE64, OLD_BASE64 = "v4.base64.channel.k8s.io", "base64.channel.k8s.io"
PROTOCOLS = (V5, V4, V4_BASE64, OLD, OLD_BASE64)
_STDIN, _STDOUT, _STDERR, _ERROR, _RESIZE, _CLOSE = 0, 1, 2, 3, 4, 255
_HEADERS = {"X-Stream-Protocol-Version": "v4.channel.k8s.io"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which streams a client asked for."""

    stdin: bool
    stdout: bool
    stderr: bool
    tty: bool


class _Channels:
    """One client's WebSocket, by channel."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket
        self._base64 = "base64" in (socket.ws_protocol or "")

    async def send(self, channel: int, data: bytes) -> None:
        if self._base64:
            await self._socket.send_str(str(channel) + base64.b64encode(data).decode())
        else:
            await self._socket.send_bytes(bytes((channel,)) + data)

    async def receive(self) -> tuple[int, bytes] | None:
        """Return the next message, or None when the client is gone."""
        while True:
            message = await self._socket.receive()
            if message.type not in (WSMsgType.BINARY, WSMsgType.TEXT):
                return None
            if message.data:
                return decode(message.data, encoded=self._base64)


def decode(data: bytes | str, *, encoded: bool) -> tuple[int, bytes]:
    """Return the channel and content of a message.

    The protocol says how a message is made, not whether it came as text: some clients send what
    they hold as text in text frames, the channel's number as a byte before it.
    """
    raw = data.encode() if isinstance(data, str) else data
    if encoded:
        return int(raw[:1]), base64.b64decode(raw[1:])
    return raw[0], raw[1:]


async def _open(session: spdy.Session, wanted: Wanted) -> dict[int, spdy.Stream]:
    """Open the streams that the runtime waits for, no more and no less."""
    names = {_ERROR: "error"}
    names |= {_STDIN: "stdin"} if wanted.stdin else {}
    names |= {_STDOUT: "stdout"} if wanted.stdout else {}
    names |= {_STDERR: "stderr"} if wanted.stderr and not wanted.tty else {}
    names |= {_RESIZE: "resize"} if wanted.tty else {}
    return {
        channel: await session.open_stream({"streamType": name}) for channel, name in names.items()
    }


async def _output(channels: _Channels, channel: int, stream: spdy.Stream) -> None:
    while data := await stream.read():
        await channels.send(channel, data)


async def _input(channels: _Channels, streams: Mapping[int, spdy.Stream]) -> None:
    """Pass on what the client sends until it is gone."""
    while (message := await channels.receive()) is not None:
        channel, data = message
        if channel == _CLOSE and data[:1] == bytes((_STDIN,)) and _STDIN in streams:
            await streams[_STDIN].close_write()
        elif channel in (_STDIN, _RESIZE) and channel in streams and data:
            await streams[channel].write(data)
    if _STDIN in streams:
        # What reads until the end of its input would outlive a session that is just cut.
        await streams[_STDIN].close_write()


def result(raw: bytes, protocol: str) -> bytes:
    """Return what the client gets as the result, in the words of its version."""
    if protocol not in (OLD, OLD_BASE64):
        return raw or orjson.dumps({"metadata": {}, "status": "Success"})
    try:
        status = orjson.loads(raw) if raw else {}
    except orjson.JSONDecodeError:
        return raw
    return b"" if status.get("status") == "Success" else str(status.get("message", "")).encode()


async def relay(request: web.Request, url: str, wanted: Wanted) -> web.StreamResponse:
    """Serve one exec or attach until the command ends or the client goes."""
    offered = request.headers.get("Sec-WebSocket-Protocol", "")
    if offered and not {name.strip() for name in offered.split(",")} & set(PROTOCOLS):
        raise web.HTTPForbidden(text="")
    session = await spdy.connect(url, headers=_HEADERS)
    async with session:
        streams = await _open(session, wanted)
        socket = web.WebSocketResponse(
            protocols=PROTOCOLS, compress=False, max_msg_size=LONGEST_MESSAGE
        )
        await socket.prepare(request)
        channels = _Channels(socket)
        # An empty message tells the client that all is set up.
        await channels.send(_STDOUT if wanted.stdout else _ERROR, b"")
        outputs = [
            asyncio.ensure_future(_output(channels, channel, streams[channel]))
            for channel in (_STDOUT, _STDERR)
            if channel in streams
        ]
        inputs = asyncio.ensure_future(_input(channels, streams))
        ending = asyncio.ensure_future(_end(channels, streams, outputs, socket))
        try:
            await asyncio.wait({inputs, ending}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (inputs, ending, *outputs):
                task.cancel()
            # The session is over: what the cut ends of it have to say interests nobody.
            await asyncio.gather(inputs, ending, *outputs, return_exceptions=True)
        await socket.close()
    return socket


async def _end(
    channels: _Channels,
    streams: Mapping[int, spdy.Stream],
    outputs: Sequence[asyncio.Future[None]],
    socket: web.WebSocketResponse,
) -> None:
    """Wait for all output and the result, and send the result last."""
    raw = await streams[_ERROR].read_all()
    await asyncio.gather(*outputs)
    said = result(raw, socket.ws_protocol or OLD)
    if said:
        await channels.send(_ERROR, said)
