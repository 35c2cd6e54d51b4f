"""Credentials that are not good are refused at the real door, and what is asked without any."""

import base64
import ssl
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from pinnace.api.wire import Request
from pinnace.apiserver import http
from pinnace.apiserver.app import ApiServer
from pinnace.apiserver.authn.base import InvalidToken
from pinnace.apiserver.authn.table import AuthnConfig
from pinnace.apiserver.authn.x509 import ClientCertificates
from pinnace.apiserver.authz.configuration import NODE_AND_RBAC
from pinnace.apiserver.config import ServerConfig
from pinnace.apiserver.serviceaccounts.tokens import TokenIssuer
from pinnace.kit import x509
from pinnace.kit.clock import SystemClock
from pinnace.store.memory import MemoryStore

ISSUER = "https://kubernetes.default.svc.cluster.local"
KEY = x509.make_signing_key()
NOW = datetime.now(UTC)
CA = x509.make_authority("ca", now=NOW)
SERVER = x509.issue(CA, x509.Subject("s"), now=NOW, ips=["127.0.0.1"], server=True)
ADMIN = x509.Subject("admin", ("system:masters",))
CORE = "/api/v1/namespaces/default"


def context(kind: Any, pair: x509.KeyPair | None) -> ssl.SSLContext:
    made = ssl.SSLContext(kind)
    made.load_verify_locations(cadata=CA.pem.decode())
    if pair is not None:
        with tempfile.NamedTemporaryFile() as file:
            file.write(pair.certificate + b"\n" + pair.key)
            file.flush()
            made.load_cert_chain(file.name)
    return made


@dataclass
class Door:
    """A listening server, and how to knock."""

    server: ApiServer
    url: str

    async def ask(
        self, method: str, path: str, *, pair: x509.KeyPair | None = None, token: str = "",
        body: Any = None,
    ) -> tuple[int, Any]:  # fmt: skip
        tls = context(ssl.PROTOCOL_TLS_CLIENT, pair)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls)) as session,
            session.request(method, self.url + path, headers=headers, json=body) as answer,
        ):
            text = answer.content_type == "text/plain"
            return answer.status, await (answer.text() if text else answer.json())


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    clock = SystemClock()
    issuer = TokenIssuer(issuer=ISSUER, private_key=KEY, api_audiences=(ISSUER,), now=clock.now)
    config = ServerConfig(
        authentication=AuthnConfig(service_account_keys=(x509.public_pem(KEY),)),
        authorization=NODE_AND_RBAC,
        admission=True,
        token_issuer=issuer,
    )
    server = ApiServer(MemoryStore(), clock, config)
    await server.start()
    tls = context(ssl.PROTOCOL_TLS_SERVER, SERVER)
    tls.verify_mode = ssl.CERT_OPTIONAL
    listening = await http.serve(server.handle, host="127.0.0.1", port=0, ssl_context=tls)
    yield Door(server, f"https://127.0.0.1:{listening.port}")
    await listening.close(grace=0.1)
    await server.close()


def client(authority: x509.Authority = CA, *, age: timedelta = timedelta()) -> x509.KeyPair:
    return x509.issue(authority, ADMIN, now=NOW - age, client=True, lifetime=timedelta(days=2))


async def test_who_has_no_credentials_learns_next_to_nothing(door: Door) -> None:
    for path in ("/healthz", "/livez", "/readyz", "/version"):
        assert (await door.ask("GET", path))[0] == 200
    for path in ("/api", "/apis", "/metrics", "/openapi/v2", "/api/v1/pods", "/readyz/etcd"):
        code, status = await door.ask("GET", path)
        assert (code, status["reason"]) == (403, "Forbidden")
        assert 'User "system:anonymous" cannot' in status["message"]


async def test_certificates_of_others_and_of_the_past_do_not_open(door: Door) -> None:
    assert (await door.ask("GET", "/api/v1/pods", pair=client()))[0] == 200
    stranger = x509.make_authority("ca", now=NOW)
    for pair in (client(stranger), client(age=timedelta(days=3))):
        with pytest.raises(aiohttp.ClientError):
            await door.ask("GET", "/api/v1/pods", pair=pair)
    assert (await door.ask("GET", "/api/v1/pods", pair=client()))[0] == 200


def test_a_connection_does_not_outlive_its_certificate() -> None:
    lines = client().certificate.decode().split("\n")[1:-2]
    request = Request(method="GET", path="/", peer_certificate=base64.b64decode("".join(lines)))
    time = [NOW]
    known = ClientCertificates(now=lambda: time[0])
    assert known.authenticate(request) is not None
    time[0] += timedelta(days=3)
    with pytest.raises(InvalidToken):
        known.authenticate(request)


async def test_a_token_ends_with_its_account_and_with_its_pod(door: Door) -> None:
    admin = client()

    async def do(method: str, path: str, body: Any = None) -> Any:
        code, answer = await door.ask(method, CORE + path, pair=admin, body=body)
        assert code < 300, answer
        return answer

    await do("POST", "/serviceaccounts", {"metadata": {"name": "default"}})
    spec = {"containers": [{"name": "c", "image": "i"}]}
    pod = await do("POST", "/pods", {"metadata": {"name": "p"}, "spec": spec})
    bound = {"kind": "Pod", "apiVersion": "v1", "name": "p", "uid": pod["metadata"]["uid"]}
    url = "/serviceaccounts/default/token"
    ofpod = (await do("POST", url, {"spec": {"boundObjectRef": bound}}))["status"]["token"]
    plain = (await do("POST", url, {"spec": {}}))["status"]["token"]
    for token in (ofpod, plain):
        # Known, but without rights.
        assert (await door.ask("GET", "/api/v1/pods", token=token))[0] == 403
    await do("DELETE", "/pods/p?gracePeriodSeconds=0")
    assert (await door.ask("GET", "/api/v1/pods", token=ofpod))[0] == 401
    assert (await door.ask("GET", "/api/v1/pods", token=plain))[0] == 403
    await do("DELETE", "/serviceaccounts/default")
    assert (await door.ask("GET", "/api/v1/pods", token=plain))[0] == 401


async def test_forged_tokens_do_not_open(door: Door) -> None:
    other = TokenIssuer(
        issuer=ISSUER, private_key=x509.make_signing_key(), api_audiences=(ISSUER,),
        now=SystemClock().now,
    )  # fmt: skip
    await door.ask(
        "POST", f"{CORE}/serviceaccounts", pair=client(), body={"metadata": {"name": "default"}}
    )
    forged = other.request(
        {"spec": {}}, namespace="default", name="default", lookup=door.server.core.lookup,
        warnings=[],
    )["status"]["token"]  # fmt: skip
    head, payload, _ = forged.split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    for token in (forged, f"{none}.{payload}.", f"{head}.{payload}.", "x", "a.b.c", "\xff" * 10):
        code, status = await door.ask("GET", "/api/v1/pods", token=token)
        assert (code, status["message"]) == (401, "Unauthorized")
