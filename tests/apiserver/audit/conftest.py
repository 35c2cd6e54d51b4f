"""A server whose audit events are in a list."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from pinnace.api.wire import Request, User
from pinnace.apiserver.app import ApiServer
from pinnace.apiserver.audit.config import AuditConfig, LogConfig
from pinnace.apiserver.audit.policy_file import read_policy
from pinnace.apiserver.authz.configuration import NODE_AND_RBAC
from pinnace.apiserver.config import ServerConfig
from pinnace.kit.clock import VirtualClock
from pinnace.store.memory import MemoryStore

ADMIN = User("admin", ("system:masters", "system:authenticated"))


class Audited:
    """Speaks to a server in the process, and reads its audit log."""

    def __init__(self, server: ApiServer, log: Path) -> None:
        self.server, self._log = server, log

    async def ask(
        self, method: str, path: str, body: Any = None, user: User | None = ADMIN, **headers: str
    ) -> Any:
        path, _, query = path.partition("?")
        pairs = [pair.partition("=") for pair in query.split("&") if pair]
        sent = body if isinstance(body, bytes) else orjson.dumps(body)
        return await self.server.handle(
            Request(
                method=method,
                path=path,
                query={name: [value] for name, _, value in pairs},
                raw_query=query,
                headers={name.replace("_", "-"): value for name, value in headers.items()},
                body=sent if body is not None else b"",
                user=user,
                remote="192.0.2.7",
            )
        )

    def events(self) -> list[Any]:
        """Return what is in the log, and empty it."""
        lines = self._log.read_bytes().splitlines()
        self._log.write_bytes(b"")
        return [orjson.loads(line) for line in lines]


Start = Callable[..., Awaitable[Audited]]


@pytest.fixture
async def audited(tmp_path: Path) -> AsyncIterator[Start]:
    """Start a server with the rules of an audit policy."""
    servers: list[ApiServer] = []

    async def start(*rules: Any, admission: bool = False, **log: Any) -> Audited:
        policy = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": list(rules)}
        path = tmp_path / "audit.log"
        path.touch()
        config = ServerConfig(
            authorization=NODE_AND_RBAC,
            admission=admission,
            audit=AuditConfig(
                policy=read_policy(orjson.dumps(policy)),
                log=LogConfig(**{"path": str(path), **log}),
            ),
        )
        server = ApiServer(MemoryStore(), VirtualClock(), config)
        await server.start()
        servers.append(server)
        return Audited(server, path)

    yield start
    for server in servers:
        await server.close()
    await asyncio.sleep(0)
