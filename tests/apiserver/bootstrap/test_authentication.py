"""Others learn from a ConfigMap whose client certificates the cluster trusts."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from pinnace.api.wire import Request
from pinnace.apiserver.app import ApiServer
from pinnace.apiserver.config import ServerConfig
from pinnace.kit.clock import VirtualClock
from pinnace.store.memory import MemoryStore

CONFIGMAPS = "/api/v1/namespaces/kube-system/configmaps"
TRUST = f"{CONFIGMAPS}/extension-apiserver-authentication"


def certificate(text: str) -> str:
    return f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n"


OURS, OTHERS = certificate("ours"), certificate("others")


class Server:
    def __init__(self, server: ApiServer, clock: VirtualClock) -> None:
        self.server, self.clock = server, clock

    async def do(self, method: str, path: str, body: Any = None) -> Any:
        raw = orjson.dumps(body) if body else b""
        answer: Any = await self.server.handle(
            Request(method=method, path=path, query={}, headers={}, body=raw)
        )
        return orjson.loads(answer.body)


@pytest.fixture
async def trusting() -> AsyncIterator[Server]:
    clock = VirtualClock()
    server = ApiServer(MemoryStore(), clock, ServerConfig(client_ca=OURS.encode()))
    await server.start()
    yield Server(server, clock)
    await server.close()


async def test_the_authority_of_client_certificates_is_there_from_the_start(
    trusting: Server,
) -> None:
    assert (await trusting.do("GET", TRUST))["data"] == {"client-ca-file": OURS}


async def test_what_is_deleted_comes_back(trusting: Server) -> None:
    await trusting.do("DELETE", TRUST)
    await trusting.clock.advance(11)
    assert (await trusting.do("GET", TRUST))["data"] == {"client-ca-file": OURS}


async def test_authorities_of_other_servers_stay(trusting: Server) -> None:
    held = await trusting.do("GET", TRUST)
    held["data"] = {"client-ca-file": OTHERS, "requestheader-client-ca-file": OTHERS}
    await trusting.do("PUT", TRUST, held)
    await trusting.clock.advance(11)
    assert (await trusting.do("GET", TRUST))["data"] == {
        "client-ca-file": OTHERS + OURS,
        "requestheader-client-ca-file": OTHERS,
    }


async def test_it_is_known_since_when_the_use_of_tokens_is_noted(trusting: Server) -> None:
    path = f"{CONFIGMAPS}/kube-apiserver-legacy-service-account-token-tracking"
    today = trusting.clock.now().strftime("%Y-%m-%d")
    assert (await trusting.do("GET", path))["data"] == {"since": today}
