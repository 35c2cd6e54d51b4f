"""Who does not read his watch loses it, and nobody else waits for him."""

import asyncio
import socket
from typing import Any

import orjson

from pinnace.api.wire import Request
from pinnace.apiserver import http
from pinnace.apiserver.app import ApiServer
from pinnace.apiserver.config import ServerConfig
from pinnace.apiserver.connections import STALL_SECONDS
from pinnace.kit.clock import SystemClock
from pinnace.store.memory import MemoryStore

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
# More than the buffers of a socket hold.
WRITES = 120


async def write(server: ApiServer, method: str, path: str, number: int) -> None:
    body = {"metadata": {"name": "c"}, "data": {"number": str(number), "ballast": "x" * 100_000}}
    answer: Any = await server.handle(Request(method=method, path=path, body=orjson.dumps(body)))
    assert answer.status in (200, 201)


async def numbers(reader: asyncio.StreamReader) -> list[int]:
    """Read events until the last write, or the end of the connection."""
    seen = []
    while not seen or seen[-1] < WRITES:
        line = await reader.readline()
        if not line:
            break
        if line.startswith(b"{") and line.endswith(b"\n"):
            seen.append(int(orjson.loads(line)["object"]["data"]["number"]))
    return seen


async def test_a_watcher_that_does_not_read_is_cut_off_and_others_see_all() -> None:
    server = ApiServer(MemoryStore(), SystemClock(), ServerConfig())
    await server.start()
    listening = await http.serve(server.handle, host="127.0.0.1", port=0)
    ask = f"GET {CONFIGMAPS}?watch=1&resourceVersion=1 HTTP/1.0\r\nHost: x\r\n\r\n".encode()
    slow, (reader, writer) = await asyncio.gather(
        open_small(listening.port),
        asyncio.open_connection("127.0.0.1", listening.port, limit=1 << 20),
    )
    for asking in (slow[1], writer):
        asking.write(ask)
    await reader.readuntil(b"\r\n\r\n")
    await slow[0].readuntil(b"\r\n\r\n")
    fast = asyncio.ensure_future(numbers(reader))
    await write(server, "POST", CONFIGMAPS, 0)
    for number in range(1, WRITES + 1):
        await write(server, "PUT", f"{CONFIGMAPS}/c", number)
    assert await asyncio.wait_for(fast, 20) == list(range(WRITES + 1))
    loop = asyncio.get_running_loop()
    # Twice: who has read nothing from one look to the next is overdue.
    for later in (0.0, STALL_SECONDS + 1):
        listening.sweep(loop.time() + later)
    try:
        seen = await asyncio.wait_for(numbers(slow[0]), 20)
    except ConnectionError:
        seen = []
    assert seen == list(range(len(seen)))
    assert len(seen) < WRITES
    for one in (slow[1], writer):
        one.close()
    await listening.close(grace=0.1)
    await server.close()


async def open_small(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect with a small receive buffer, so that little is on its way."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
    connection.setblocking(False)  # the name of the argument is not to be given
    await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
    return await asyncio.open_connection(sock=connection, limit=1 << 20)
