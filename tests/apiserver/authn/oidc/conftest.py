"""An OpenID provider that listens on the loopback, with keys that a test may exchange."""

import ssl
import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec

from pinnace.kit import x509
from pinnace.kit.jwk import json_web_key
from pinnace.kit.jws import Signer

NOW = datetime.now(UTC)
CA = x509.make_authority("provider", now=NOW)
SERVING = x509.issue(CA, x509.Subject("p"), now=NOW, ips=["127.0.0.1"], server=True)
EC_KEY = x509.key_pem(ec.generate_private_key(ec.SECP256R1()))
RSA_KEY = x509.make_signing_key()


class Provider:
    """Serves a discovery document and keys; `asked` counts the requests for keys."""

    def __init__(self) -> None:
        self.keys: list[bytes] = [EC_KEY]
        self.cache_control = ""
        self.asked = 0
        self.url = ""
        self.says: dict[str, Any] = {}
        self.documents: dict[str, str] = {}

    async def answer(self, request: web.Request) -> web.Response:
        if request.path == "/.well-known/openid-configuration":
            told = {"issuer": self.url, "jwks_uri": f"{self.url}/keys", **self.says}
            return web.json_response(told)
        if request.path == "/keys":
            self.asked += 1
            keys = [json_web_key(x509.public_pem(key)) for key in self.keys]
            headers = {"cache-control": self.cache_control} if self.cache_control else {}
            return web.json_response({"keys": keys}, headers=headers)
        if request.path in self.documents:
            return web.Response(text=self.documents[request.path])
        return web.Response(status=404)

    def token(self, key: bytes = EC_KEY, **claims: Any) -> str:
        """Sign claims, with good ones for those that are not given; None leaves one out."""
        now = int(NOW.timestamp())
        told = {"iss": self.url, "aud": "app", "sub": "jane", "exp": now + 3600, **claims}
        return Signer(key).sign({k: v for k, v in told.items() if v is not None})


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    found = Provider()
    app = web.Application()
    app.router.add_get("/{path:.*}", found.answer)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with tempfile.NamedTemporaryFile() as file:
        file.write(SERVING.certificate + SERVING.key)
        file.flush()
        context.load_cert_chain(file.name)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    port = runner.addresses[0][1]
    found.url = f"https://127.0.0.1:{port}"
    yield found
    await runner.cleanup()
