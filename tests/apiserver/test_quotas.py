"""Quotas hold for what is created, also by many at once."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from pinnace.api.wire import Request, User
from pinnace.apiserver.app import ApiServer
from pinnace.apiserver.authz.configuration import NODE_AND_RBAC
from pinnace.apiserver.config import ServerConfig
from pinnace.kit.clock import VirtualClock
from pinnace.store.memory import MemoryStore

ADMIN = User("admin", ("system:masters",))
QUOTAS = "/api/v1/namespaces/default/resourcequotas"
CONFIGMAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    config = ServerConfig(authorization=NODE_AND_RBAC, admission=True)
    made = ApiServer(MemoryStore(), VirtualClock(), config)
    await made.start()
    yield made
    await made.close()


async def ask(server: ApiServer, method: str, path: str, body: Any = None) -> Any:
    data = orjson.dumps(body) if body is not None else b""
    answer: Any = await server.handle(Request(method=method, path=path, user=ADMIN, body=data))
    return answer.status, orjson.loads(answer.body)


async def limit(server: ApiServer, count: int, **used: str) -> None:
    hard = {"count/configmaps": str(count)}
    quota = {"metadata": {"name": "q"}, "spec": {"hard": hard}}
    _, made = await ask(server, "POST", QUOTAS, quota)
    # What a namespace uses already is the controller's to count.
    made["status"] = {"hard": hard, "used": used}
    code, _ = await ask(server, "PUT", f"{QUOTAS}/q/status", made)
    assert code == 200


async def create(server: ApiServer, name: str) -> Any:
    return await ask(server, "POST", CONFIGMAPS, {"metadata": {"name": name}})


async def test_nothing_is_created_before_the_quota_is_counted(server: ApiServer) -> None:
    await limit(server, 1)
    code, status = await create(server, "a")
    assert code == 403
    assert status["message"] == (
        'configmaps "a" is forbidden: status unknown for quota: q, resources: count/configmaps'
    )


async def test_what_goes_beyond_the_quota_is_refused_and_the_rest_charged(
    server: ApiServer,
) -> None:
    await limit(server, 3, **{"count/configmaps": "0"})
    found = await asyncio.gather(*(create(server, f"c{i}") for i in range(5)))
    assert sorted(code for code, _ in found) == [201, 201, 201, 403, 403]
    refused = next(body for code, body in found if code == 403)
    assert refused["message"].endswith(
        "exceeded quota: q, requested: count/configmaps=1, used: count/configmaps=3,"
        " limited: count/configmaps=3"
    )
    _, quota = await ask(server, "GET", f"{QUOTAS}/q")
    assert quota["status"]["used"] == {"count/configmaps": "3"}
