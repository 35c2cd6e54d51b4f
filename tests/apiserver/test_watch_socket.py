"""Watches over WebSockets: one message for each event, and upstream's handshake."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from pinnace.api.wire import Hijack, Request, Response
from pinnace.apiserver.verbs.watch_socket import over_websocket

HEADERS = {"upgrade": "websocket", "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==", "origin": "x"}


class Writer:
    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += data

    async def drain(self) -> None:
        pass


class Connection:
    def __init__(self) -> None:
        self.reader, self.writer = asyncio.StreamReader(), Writer()


async def frames(*parts: bytes) -> AsyncGenerator[bytes, None]:
    for part in parts:
        yield part


def request(**headers: str) -> Request:
    return Request(
        method="GET",
        path="/",
        headers={k: v for k, v in {**HEADERS, **headers}.items() if v},
        upgrade=object(),
    )


async def sent(answer: Any) -> bytes:
    assert isinstance(answer, Hijack)
    connection = Connection()
    await answer.run(connection)
    return connection.writer.data


async def test_each_event_is_a_message() -> None:
    data = await sent(over_websocket(request(), frames(b"{1}\n{2}\n", b"{3}\n"), binary=False))
    head, _, rest = data.partition(b"\r\n\r\n")
    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
    assert rest == b"\x81\x04{1}\n\x81\x04{2}\n\x81\x04{3}\n\x88\x02\x03\xe8"


async def test_protobuf_events_are_binary_and_lose_their_lengths() -> None:
    parts = b"\0\0\0\1a\0\0\0\2bc"
    data = await sent(over_websocket(request(), frames(parts), binary=True))
    assert data.partition(b"\r\n\r\n")[2] == b"\x82\x01a\x82\x02bc\x88\x02\x03\xe8"


@pytest.mark.parametrize(
    ("headers", "code"),
    [({"origin": ""}, 403), ({"sec-websocket-protocol": "a, b"}, 400)],
)
async def test_a_handshake_that_upstream_refuses_is_refused(
    headers: dict[str, str], code: int
) -> None:
    answer = over_websocket(request(**headers), frames(), binary=False)
    assert isinstance(answer, Response)
    assert answer.status == code


async def test_one_protocol_is_agreed_to() -> None:
    asked = request(**{"sec-websocket-protocol": "base64.binary.k8s.io"})
    data = await sent(over_websocket(asked, frames(), binary=False))
    assert b"Sec-WebSocket-Protocol: base64.binary.k8s.io" in data
