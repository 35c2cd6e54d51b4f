"""The server's side of a WebSocket, byte by byte."""

import asyncio

import pytest

from pinnace.kit import websocket


def test_an_upgrade_is_accepted_as_the_standards_example_is() -> None:
    head = websocket.accept({"sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="}, protocol="p")
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in head
    assert b"Sec-WebSocket-Protocol: p\r\n" in head


@pytest.mark.parametrize(
    ("size", "head"),
    [
        (0, b"\x82\x00"),
        (125, b"\x82\x7d"),
        (126, b"\x82\x7e\x00\x7e"),
        (70000, b"\x82\x7f\x00\x00\x00\x00\x00\x01\x11\x70"),
    ],
)
def test_a_frame_tells_its_length(size: int, head: bytes) -> None:
    assert websocket.frame(bytes(size)) == head + bytes(size)
    assert websocket.frame(b"x", text=True)[0] == 0x81


class Writer:
    def __init__(self) -> None:
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data

    async def drain(self) -> None:
        pass


@pytest.mark.parametrize(
    ("received", "answered"),
    [
        (b"", b""),
        (b"\x88\x80abcd", b""),
        (b"\x89\x82\x01\x01\x01\x01hi" + b"\x88\x00", b"\x8a\x02ih"),
        (b"\x82\x83abcdxyz\x88\x00", b""),
        (b"\x82\xff\x00\x00\x00\x00\xff\xff\xff\xffabcd", b""),
    ],
    ids=["gone", "closed", "ping", "talk", "too long"],
)
async def test_the_end_is_noticed_and_pings_are_answered(received: bytes, answered: bytes) -> None:
    reader, writer = asyncio.StreamReader(), Writer()
    reader.feed_data(received)
    reader.feed_eof()
    await websocket.wait_closed(reader, writer)  # type: ignore[arg-type]
    assert writer.written == answered


def test_protocols_are_read_in_the_clients_order() -> None:
    assert websocket.protocols({"sec-websocket-protocol": "b, a,"}) == ["b", "a"]
    assert websocket.protocols({}) == []


async def test_who_pings_without_end_leaves_turns_to_others() -> None:
    reader, writer = asyncio.StreamReader(), Writer()
    reader.feed_data(b"\x89\x80aaaa" * 1000)
    reader.feed_eof()
    waiting = asyncio.create_task(websocket.wait_closed(reader, writer))  # type: ignore[arg-type]
    turns = 0
    while not waiting.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 500
