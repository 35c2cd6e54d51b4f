import asyncio
import contextlib
import socket

import pytest

from pinnace.kit import spdy
from pinnace.kit import spdy_frames as frames


@contextlib.asynccontextmanager
async def pair():
    """Two sessions that are connected to each other, without a port."""
    ends = socket.socketpair()
    client = await asyncio.open_connection(sock=ends[0])
    server = await asyncio.open_connection(sock=ends[1])
    async with spdy.Session(*client) as one, spdy.Session(*server, server=True) as other:
        yield one, other


async def opened(client, server, **headers):
    ours = await client.open_stream(headers)
    theirs = await server.accept()
    return ours, theirs


async def test_streams_carry_bytes_both_ways_with_their_headers():
    async with pair() as (client, server):
        ours, theirs = await opened(client, server, streamType="stdin")
        assert theirs.headers == {"streamtype": "stdin"}
        await ours.write(b"to the server")
        await theirs.write(b"to the client")
        assert await theirs.read() == b"to the server"
        assert await ours.read() == b"to the client"


async def test_half_close_leaves_the_other_half_open():
    async with pair() as (client, server):
        ours, theirs = await opened(client, server)
        await ours.write(b"all of it")
        await ours.close_write()
        assert await theirs.read_all() == b"all of it"
        await theirs.write(b"an answer")
        await theirs.close_write()
        assert await ours.read_all() == b"an answer"
        with pytest.raises(spdy.SpdyError):
            await ours.write(b"more")


async def test_streams_do_not_mix():
    async with pair() as (client, server):
        pairs = [await opened(client, server, n=str(n)) for n in range(5)]
        for n, (ours, _) in enumerate(pairs):
            await ours.write(f"{n}".encode() * 3)
            await ours.close_write()
        for n, (_, theirs) in enumerate(pairs):
            assert await theirs.read_all() == f"{n}".encode() * 3


async def test_a_reset_lets_the_other_end_read_what_came_and_forbids_writing():
    async with pair() as (client, server):
        ours, theirs = await opened(client, server)
        await theirs.write(b"last words")
        await theirs.reset()
        assert await ours.read_all() == b"last words"
        with pytest.raises(spdy.SpdyError):
            await ours.write(b"more")


async def test_the_end_of_the_connection_ends_every_stream():
    async with pair() as (client, server):
        ours, _ = await opened(client, server)
        await server.close()
        assert await ours.read() == b""
        assert await client.accept() is None
        with pytest.raises(spdy.SpdyError):
            await client.open_stream({})


async def test_more_than_the_limit_waits_for_the_reader_and_arrives_whole():
    async with pair() as (client, server):
        ours, theirs = await opened(client, server)
        data = bytes(range(256)) * (spdy.LIMIT * 3 // 256)

        async def send():
            await ours.write(data)
            await ours.close_write()

        async with asyncio.TaskGroup() as group:
            group.create_task(send())
            assert await theirs.read_all() == data


async def test_data_for_a_stream_that_we_reset_is_thrown_away():
    async with pair() as (client, server):
        ours, theirs = await opened(client, server)
        kept, sender = await opened(client, server)
        await ours.reset()
        with contextlib.suppress(spdy.SpdyError):
            await theirs.write(b"x" * (spdy.LIMIT * 2))
        await sender.write(b"still here")
        assert await kept.read() == b"still here"


async def test_pings_of_the_other_end_are_answered():
    ends = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ends[1])
    async with spdy.Session(*await asyncio.open_connection(sock=ends[0])):
        writer.write(frames.ping(2))
        assert await reader.readexactly(12) == frames.ping(2)
    writer.close()
    await writer.wait_closed()


async def test_rubbish_ends_the_session():
    ends = socket.socketpair()
    _, writer = await asyncio.open_connection(sock=ends[1])
    async with spdy.Session(*await asyncio.open_connection(sock=ends[0])) as session:
        writer.write(b"\xff" * 64)
        await session.wait_ended()
    writer.close()
    await writer.wait_closed()
