"""A full disk refuses writes, loses nothing, and is over when there is space again."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
import pytest

from pinnace.api.wire import Request
from pinnace.apiserver.app import ApiServer
from pinnace.apiserver.config import ServerConfig
from pinnace.kit.clock import SystemClock
from pinnace.store.sqlite import SqliteStore

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
BIG = "x" * 200_000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own with a few megabytes, most of which the file `ballast` holds.

    Without it there is room for the log and for the file that the log is brought into.
    """
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk takes root")
    command = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(tmp_path)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small disk cannot be mounted here")
    (tmp_path / "ballast").write_bytes(bytes(7 << 20))
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def fill(path: Path) -> None:
    """Leave no byte free."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


async def ask(server: ApiServer, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
    data = orjson.dumps(body) if body is not None else b""
    answer: Any = await server.handle(Request(method=method, path=path, body=data))
    return answer.status, answer.body


async def put(server: ApiServer, name: str) -> int:
    body = {"metadata": {"name": name}, "data": {"a": BIG}}
    return (await ask(server, "POST", CONFIGMAPS, body))[0]


async def test_writes_are_refused_while_the_disk_is_full_and_taken_afterwards(
    small_disk: Path,
) -> None:
    store = await SqliteStore.open(small_disk / "store.db")
    server = ApiServer(store, SystemClock(), ServerConfig())
    await server.start()
    kept = 0
    while await put(server, f"a{kept}") == 201:
        kept += 1
    fill(small_disk / "filler")
    assert set(await asyncio.gather(*(put(server, f"b{i}") for i in range(5)))) == {503}
    assert (await ask(server, "GET", CONFIGMAPS))[0] == 200
    assert (await ask(server, "GET", "/livez"))[0] == 200
    (small_disk / "ballast").unlink()
    assert (await ask(server, "GET", "/readyz"))[0] == 200
    assert await put(server, "c") == 201
    await server.close()
    await store.close()
    # What was acknowledged is there, what was refused is not.
    store = await SqliteStore.open(small_disk / "store.db")
    page = await store.range("/registry/configmaps/default/")
    names = [entry.key.rpartition("/")[2] for entry in page.entries]
    assert names == sorted([*(f"a{i}" for i in range(kept)), "c"])
    await store.close()
