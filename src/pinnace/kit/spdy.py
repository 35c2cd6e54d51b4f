"""SPDY/3.1 sessions: many streams of bytes, each way closable by itself, over one connection.

There is no flow control a stream, as the only peers that still speak this (Kubernetes' streaming
of commands) have none: a reader that lets more than `LIMIT` bytes of one stream lie halts the
whole session until it goes on. Whoever opens several streams must read them all, or reset those
that it does not want.
"""

import asyncio
import contextlib
import ssl
from collections import deque
from collections.abc import Mapping
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from pinnace.kit import spdy_frames as frames
from pinnace.kit.spdy_frames import FrameHead, Headers, ProtocolError

PROTOCOL = "SPDY/3.1"
LIMIT = 1 << 20
_PIECE = 32 * 1024
_CONTROL_LIMIT = 1 << 20
_REPLY = 30.0


class SpdyError(Exception):
    """The session or the stream cannot go on."""


class UpgradeRefused(SpdyError):
    """The server answered the upgrade with something else."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"the server refused the upgrade to {PROTOCOL}: {status} {body}".rstrip())
        self.status = status
        self.body = body


class Stream:
    """One stream of a session; made by `Session.open_stream` and `Session.accept`."""

    def __init__(self, session: "Session", number: int, headers: Headers) -> None:
        self.number = number
        self.headers = dict(headers)
        self._session = session
        self._pieces: deque[bytes] = deque()
        self._lying = 0
        self._ended = False
        self._closed = False
        self._reset = False
        self._changed = asyncio.Condition()
        self._replied: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def read(self) -> bytes:
        """Return the next bytes; empty when the other end has closed its half or the stream."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._pieces or self._ended)
            if not self._pieces:
                return b""
            piece = self._pieces.popleft()
            self._lying -= len(piece)
            self._changed.notify_all()
            return piece

    async def read_all(self) -> bytes:
        """Return everything up to the end."""
        pieces = []
        while piece := await self.read():
            pieces.append(piece)
        return b"".join(pieces)

    async def write(self, data: bytes) -> None:
        """Send bytes; raises SpdyError when our half is closed or the stream was reset."""
        if self._closed or self._reset:
            raise SpdyError(f"stream {self.number} is closed for writing")
        for start in range(0, len(data), _PIECE):
            await self._session.send(frames.data_frame(self.number, data[start : start + _PIECE]))

    async def close_write(self) -> None:
        """Close our half; the other end goes on until it closes its own."""
        if not (self._closed or self._reset):
            self._closed = True
            await self._session.send(frames.data_frame(self.number, b"", fin=True))
            self._session.forget_if_done(self)

    async def reset(self) -> None:
        """End both halves at once; what still comes is thrown away."""
        if not (self._reset or self.is_done()):
            self._reset = True
            with contextlib.suppress(SpdyError):
                await self._session.send(frames.rst_stream(self.number, frames.CANCEL))
        await self.end()

    def is_done(self) -> bool:
        """Answer whether both halves are closed."""
        return self._reset or (self._closed and self._ended)

    async def feed(self, data: bytes) -> None:
        """Take what came in; waits while too much lies unread."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._lying < LIMIT or self._ended)
            if not self._ended:
                self._pieces.append(data)
                self._lying += len(data)
                self._changed.notify_all()

    async def end(self, *, reset: bool = False) -> None:
        """Take note that nothing more comes; with `reset`, that nothing may be sent either."""
        self._reset = self._reset or reset
        async with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._session.forget_if_done(self)

    def accepted(self) -> None:
        """Take note of the other end's reply."""
        if not self._replied.done():
            self._replied.set_result(None)

    async def wait_accepted(self) -> None:
        """Return once the other end has replied to the opening."""
        await self._replied


class Session:
    """One connection that has been upgraded. Close it, or use it as an async context manager."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        server: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        # The headers of the server's answer to the upgrade, with lower-case names.
        self.headers = dict(headers or {})
        self._reader = reader
        self._writer = writer
        self._next = 2 if server else 1
        self._last = 0
        self._streams: dict[int, Stream] = {}
        self._incoming: asyncio.Queue[Stream | None] = asyncio.Queue()
        self._packer = frames.HeaderWriter()
        self._unpacker = frames.HeaderReader()
        self._ended = asyncio.Event()
        self._task = asyncio.create_task(self._serve(), name="spdy session")

    async def open_stream(self, headers: Mapping[str, str]) -> Stream:
        """Open a stream and return once the other end has accepted it; raises SpdyError."""
        number, self._next = self._next, self._next + 2
        stream = Stream(self, number, tuple(headers.items()))
        self._streams[number] = stream
        # Packing and sending must not be parted: see HeaderWriter.
        await self.send(self._packer.syn_stream(number, tuple(headers.items())))
        try:
            async with asyncio.timeout(_REPLY):
                await stream.wait_accepted()
        except TimeoutError:
            raise SpdyError(f"stream {number} was not accepted within {_REPLY:.0f} s") from None
        if stream.is_done() or self._ended.is_set():
            raise SpdyError(f"stream {number} was refused")
        return stream

    async def accept(self) -> Stream | None:
        """Return the next stream that the other end opened; None when the session has ended."""
        return await self._incoming.get()

    async def send(self, frame: bytes) -> None:
        """Send one frame; raises SpdyError when the connection is gone."""
        if self._ended.is_set():
            raise SpdyError("the session has ended")
        try:
            self._writer.write(frame)
            await self._writer.drain()
        except OSError as failure:
            raise SpdyError(f"the session has ended: {failure}") from failure

    async def wait_ended(self) -> None:
        """Return once the connection is gone."""
        await self._ended.wait()

    def forget_if_done(self, stream: Stream) -> None:
        """Let go of a stream of which both halves are closed."""
        if stream.is_done():
            self._streams.pop(stream.number, None)

    async def close(self) -> None:
        """End all streams and the connection."""
        with contextlib.suppress(SpdyError):
            await self.send(frames.go_away(self._last))
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(1.0):
                await self._writer.wait_closed()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _serve(self) -> None:
        """Read frames until the connection ends, then end every stream."""
        try:
            with contextlib.suppress(
                OSError, asyncio.IncompleteReadError, ProtocolError, SpdyError
            ):
                while True:
                    head = frames.head_of(await self._reader.readexactly(8))
                    if head.type == 0:
                        await self._take_data(head)
                    else:
                        await self._take_control(head)
        finally:
            self._ended.set()
            self._incoming.put_nowait(None)
            for stream in list(self._streams.values()):
                stream.accepted()
                await stream.end(reset=True)

    async def _take_data(self, head: FrameHead) -> None:
        left = head.length
        while left:
            data = await self._reader.read(min(left, _PIECE))
            if not data:
                raise asyncio.IncompleteReadError(b"", left)
            left -= len(data)
            # Streams that we reset, or that never were: their data is thrown away.
            if stream := self._streams.get(head.stream):
                await stream.feed(data)
        stream = self._streams.get(head.stream)
        if stream and head.flags & frames.FIN:
            await stream.end()

    async def _take_control(self, head: FrameHead) -> None:
        if head.length > _CONTROL_LIMIT:
            raise ProtocolError("a control frame that is too large")
        payload = await self._reader.readexactly(head.length)
        match head.type:
            case frames.SYN_STREAM:
                await self._take_opening(head, payload)
            case frames.SYN_REPLY | frames.HEADERS:
                # Read in any case: the two ends' compression must stay in step.
                self._unpacker.read(head.type, payload)
                if stream := self._streams.get(frames.word(payload)):
                    stream.accepted()
                    if head.flags & frames.FIN:
                        await stream.end()
            case frames.RST_STREAM:
                if stream := self._streams.get(frames.word(payload)):
                    await stream.end(reset=True)
                    stream.accepted()
            case frames.PING:
                # Ours are not sent; what comes is to be given back.
                await self._answer(payload)
            case _:
                # SETTINGS, WINDOW_UPDATE and GOAWAY ask for nothing of us.
                pass

    async def _take_opening(self, head: FrameHead, payload: bytes) -> None:
        number = frames.word(payload)
        headers = self._unpacker.read(head.type, payload)
        if number <= self._last or number % 2 == self._next % 2:
            raise ProtocolError(f"stream {number} is not the other end's to open")
        self._last = number
        stream = Stream(self, number, headers)
        stream.accepted()
        self._streams[number] = stream
        await self.send(self._packer.syn_reply(number))
        if head.flags & frames.FIN:
            await stream.end()
        self._incoming.put_nowait(stream)

    async def _answer(self, payload: bytes) -> None:
        number = frames.word(payload)
        if number % 2 != self._next % 2:
            with contextlib.suppress(SpdyError):
                await self.send(frames.ping(number))


async def connect(
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
    timeout: float = 30.0,
) -> Session:
    """Open a session by an HTTP upgrade of a POST; raises SpdyError, UpgradeRefused, OSError."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    context = (tls or ssl.create_default_context()) if parts.scheme == "https" else None
    async with asyncio.timeout(timeout):
        reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=context)
        try:
            target = (parts.path or "/") + ("?" + parts.query if parts.query else "")
            asked = {
                "Host": parts.netloc.rpartition("@")[2],
                "Connection": "Upgrade",
                "Upgrade": PROTOCOL,
                "Content-Length": "0",
                **(headers or {}),
            }
            lines = [f"POST {target} HTTP/1.1", *(f"{k}: {v}" for k, v in asked.items())]
            writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
            status, answered = _head(await reader.readuntil(b"\r\n\r\n"))
            if status != 101:
                size = int(answered.get("content-length", "0"))
                body = (await reader.readexactly(min(size, 64 * 1024))).decode(errors="replace")
                raise UpgradeRefused(status, body)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as failure:
            writer.close()
            raise SpdyError(f"the server did not answer in HTTP: {failure}") from failure
        except BaseException:
            writer.close()
            raise
    return Session(reader, writer, headers=answered)


def _head(data: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = data.decode("latin-1").split("\r\n")
    headers = (line.partition(":") for line in lines if line)
    return int(first.split(" ", 2)[1]), {k.strip().lower(): v.strip() for k, _, v in headers}
