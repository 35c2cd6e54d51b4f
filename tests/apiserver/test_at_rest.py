"""Encryption at rest as a server has it: writes, rotation, unreadable values, reload."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from pinnace.api.wire import Request, Response
from pinnace.apiserver.app import ApiServer
from pinnace.apiserver.at_rest import EncryptionConfig
from pinnace.apiserver.config import ServerConfig
from pinnace.kit.clock import VirtualClock
from pinnace.store.encryption.settings import load
from pinnace.store.memory import MemoryStore

SECRETS = "/api/v1/namespaces/default/secrets"
KEY = "/registry/secrets/default/a"
SECRET = {"metadata": {"name": "a"}, "data": {"k": "aGlkZGVu"}}


def configuration(*keys: str, resources: tuple[str, ...] = ("secrets",)) -> bytes:
    listed = [{"name": key, "secret": base64.b64encode(key.encode() * 32).decode()} for key in keys]
    providers = [{"aescbc": {"keys": listed}}, {"identity": {}}]
    return orjson.dumps(
        {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "EncryptionConfiguration",
            "resources": [{"resources": list(resources), "providers": providers}],
        }
    )


class Served:
    """A server on a store that outlives it."""

    def __init__(self, server: ApiServer, store: MemoryStore, clock: VirtualClock) -> None:
        self.server, self.store, self.clock = server, store, clock

    async def do(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        sent = orjson.dumps(body) if body is not None else b""
        answer = await self.server.handle(Request(method=method, path=path, body=sent))
        assert isinstance(answer, Response)
        return answer.status, orjson.loads(answer.body) if answer.body[:1] == b"{" else answer.body

    async def pass_time(self, seconds: float) -> None:
        for _ in range(30):
            await asyncio.sleep(0)
        await self.clock.advance(seconds)
        for _ in range(30):
            await asyncio.sleep(0)

    async def raw(self, key: str = KEY) -> bytes:
        entry = await self.store.get(key)
        assert entry is not None
        return entry.value


Start = Callable[..., Awaitable[Served]]


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Start]:
    servers: list[ApiServer] = []
    path = tmp_path / "encryption.json"

    async def start(
        body: bytes, store: MemoryStore | None = None, *, reload: bool = False
    ) -> Served:
        path.write_bytes(body)
        store, clock = store or MemoryStore(), VirtualClock()
        config = EncryptionConfig(
            encryption=load(str(path), reload=reload), path=str(path), reload=reload
        )
        server = ApiServer(store, clock, ServerConfig(encryption=config))
        await server.start()
        servers.append(server)
        return Served(server, store, clock)

    yield start
    for server in servers:
        await server.close()


async def test_a_secret_does_not_lie_in_the_store_as_it_is(serve: Start) -> None:
    served = await serve(configuration("a"))
    code, made = await served.do("POST", SECRETS, SECRET)
    assert code == 201
    assert (await served.raw()).startswith(b"k8s:enc:aescbc:v1:a:")
    assert b"aGlkZGVu" not in await served.raw()
    assert (await served.do("GET", f"{SECRETS}/a"))[1] == made
    await served.do("POST", "/api/v1/namespaces/default/configmaps", {"metadata": {"name": "a"}})
    assert (await served.raw("/registry/configmaps/default/a")).startswith(b'{"kind":"ConfigMap"')


async def test_a_replace_that_changes_nothing_encrypts_with_the_new_key(serve: Start) -> None:
    old = await serve(configuration("a"))
    await old.do("POST", SECRETS, SECRET)
    new = await serve(configuration("b", "a"), old.store)
    _, held = await new.do("GET", f"{SECRETS}/a")
    code, again = await new.do("PUT", f"{SECRETS}/a", held)
    assert code == 200
    assert again["metadata"]["resourceVersion"] != held["metadata"]["resourceVersion"]
    assert (await new.raw()).startswith(b"k8s:enc:aescbc:v1:b:")
    _, same = await new.do("PUT", f"{SECRETS}/a", again)
    assert same == again


async def test_with_a_wrong_key_the_others_are_served_and_this_one_is_named(serve: Start) -> None:
    old = await serve(configuration("a"))
    await old.do("POST", SECRETS, SECRET)
    new = await serve(configuration("b"), old.store)
    why = "no matching key was found for the provided AES transformer"
    code, status = await new.do("GET", f"{SECRETS}/a")
    assert (code, status["message"]) == (500, f"Internal error occurred: {why}")
    assert status["reason"] == "InternalError"
    code, status = await new.do("GET", SECRETS)
    assert code == 500
    assert status["message"] == f'Internal error occurred: unable to transform key "{KEY}": {why}'
    assert (await new.do("POST", SECRETS, {"metadata": {"name": "b"}}))[0] == 201
    assert (await new.do("GET", f"{SECRETS}/b"))[0] == 200
    assert (await new.do("GET", "/api/v1/namespaces"))[0] == 200


async def test_the_file_is_loaded_anew_and_makes_readable_what_was_not(
    serve: Start, tmp_path: Path
) -> None:
    old = await serve(configuration("a"))
    await old.do("POST", SECRETS, SECRET)
    new = await serve(configuration("b"), old.store, reload=True)
    assert (await new.do("GET", SECRETS))[0] == 500
    path = tmp_path / "encryption.json"
    path.write_bytes(b"no configuration")
    await new.pass_time(60)
    assert (await new.do("GET", SECRETS))[0] == 500
    path.write_bytes(configuration("b", "a"))
    await new.pass_time(60)
    code, found = await new.do("GET", SECRETS)
    assert (code, len(found["items"])) == (200, 1)
    assert (await new.do("GET", "/readyz/kms-providers"))[1] == b"ok"
    assert (await new.do("GET", "/livez/kms-providers"))[0] == 404
