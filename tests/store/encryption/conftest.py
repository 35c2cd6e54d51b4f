"""A KMS v2 plug-in on a Unix socket, and the same one without a socket."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from pinnace.store.encryption.base import TransformError
from pinnace.store.encryption.messages import Source, Status, entry_of, fields, mapped, sized


class Plugin:
    """Keeps seeds by turning their bytes around; `key_id` is the key that it would use now."""

    def __init__(self) -> None:
        self.key_id = "key-1"
        self.healthz, self.version = "ok", "v2"
        self.down = False
        self.calls: list[str] = []
        self.annotations = {"version.kms.example.com": b"1"}

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if self.down:
            raise TransformError("rpc error: code = Unavailable desc = down")

    async def status(self) -> Status:
        self._called("Status")
        return Status(self.version, self.healthz, self.key_id)

    async def encrypt(self, plain: bytes, uid: str) -> Source:
        self._called("Encrypt")
        return Source(self.key_id, plain[::-1], self.annotations)

    async def decrypt(self, source: Source, uid: str) -> bytes:
        self._called("Decrypt")
        assert source.annotations == self.annotations
        return source.encrypted[::-1]

    async def close(self) -> None: ...


class Handler(grpc.GenericRpcHandler):
    """Serves a plug-in's three calls."""

    def __init__(self, plugin: Plugin) -> None:
        self._plugin = plugin

    def service(self, details: Any) -> Any:
        name = details.method.rpartition("/")[2].lower()
        return grpc.unary_unary_rpc_method_handler(getattr(self, name))

    async def status(self, body: bytes, context: Any) -> bytes:
        found = await self._plugin.status()
        return sized(1, found.version) + sized(2, found.healthz) + sized(3, found.key_id)

    async def encrypt(self, body: bytes, context: Any) -> bytes:
        given = dict(fields(body))
        made = await self._plugin.encrypt(_bytes(given[1]), "")
        return sized(1, made.encrypted) + sized(2, made.key_id) + mapped(3, made.annotations)

    async def decrypt(self, body: bytes, context: Any) -> bytes:
        annotations, encrypted, key_id = {}, b"", ""
        for number, value in fields(body):
            if number == 1:
                encrypted = _bytes(value)
            elif number == 3:
                key_id = _bytes(value).decode()
            elif number == 4:
                name, text = entry_of(_bytes(value))
                annotations[name] = text
        return sized(1, await self._plugin.decrypt(Source(key_id, encrypted, annotations), ""))


def _bytes(value: object) -> bytes:
    assert isinstance(value, bytes)
    return value


@pytest.fixture
def plugin() -> Plugin:
    return Plugin()


@pytest.fixture
async def socket(plugin: Plugin, tmp_path: Path) -> AsyncIterator[str]:
    """Serve the plug-in and give its endpoint."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Handler(plugin),))
    path = tmp_path / "kms.sock"
    server.add_insecure_port(f"unix:{path}")
    await server.start()
    yield f"unix://{path}"
    await server.stop(None)
