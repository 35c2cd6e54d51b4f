"""Others learn from a ConfigMap whose client certificates the cluster trusts."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from pinnace.api.wire import Request
from pinnace.apiserver.app import ApiServer
from pinnace.apiserver.authn.request_header import FrontProxy
from pinnace.apiserver.authn.table import AuthnConfig
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
    authentication = AuthnConfig(front_proxy=FrontProxy(OURS.encode(), ("proxy",)))
    config = ServerConfig(client_ca=OURS.encode(), authentication=authentication)
    server = ApiServer(MemoryStore(), clock, config)
    await server.start()
    yield Server(server, clock)
    await server.close()


DATA = {
    "client-ca-file": OURS,
    "requestheader-client-ca-file": OURS,
    "requestheader-allowed-names": '["proxy"]',
    "requestheader-username-headers": '["X-Remote-User"]',
    "requestheader-uid-headers": '["X-Remote-Uid"]',
    "requestheader-group-headers": '["X-Remote-Group"]',
    "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
}


async def test_who_is_trusted_is_there_from_the_start(trusting: Server) -> None:
    assert (await trusting.do("GET", TRUST))["data"] == DATA


async def test_what_is_deleted_comes_back(trusting: Server) -> None:
    await trusting.do("DELETE", TRUST)
    await trusting.clock.advance(11)
    assert (await trusting.do("GET", TRUST))["data"] == DATA


async def test_what_other_servers_added_stays(trusting: Server) -> None:
    held = await trusting.do("GET", TRUST)
    held["data"] |= {"client-ca-file": OTHERS, "requestheader-allowed-names": '["other"]'}
    await trusting.do("PUT", TRUST, held)
    await trusting.clock.advance(11)
    both = {"client-ca-file": OTHERS + OURS, "requestheader-allowed-names": '["other","proxy"]'}
    assert (await trusting.do("GET", TRUST))["data"] == DATA | both


async def test_what_is_broken_is_written_anew(trusting: Server) -> None:
    held = await trusting.do("GET", TRUST)
    held["data"]["requestheader-allowed-names"] = "{"
    await trusting.do("PUT", TRUST, held)
    await trusting.clock.advance(11)
    assert (await trusting.do("GET", TRUST))["data"] == DATA


async def test_it_is_known_since_when_the_use_of_tokens_is_noted(trusting: Server) -> None:
    path = f"{CONFIGMAPS}/kube-apiserver-legacy-service-account-token-tracking"
    today = trusting.clock.now().strftime("%Y-%m-%d")
    assert (await trusting.do("GET", path))["data"] == {"since": today}
