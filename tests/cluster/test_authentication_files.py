"""Authorities of client certificates that are added and taken away while the server runs."""

import asyncio
import ssl
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from pinnace import Cluster
from pinnace.apiserver.authn import files
from pinnace.kit import x509

NOW = datetime.now(UTC)


async def status(url: str, pair: x509.KeyPair) -> int:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with tempfile.NamedTemporaryFile() as file:
        file.write(pair.certificate + pair.key)
        file.flush()
        context.load_cert_chain(file.name)
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{url}/api/v1/nodes", ssl=context) as answer,
        ):
            return answer.status
    except aiohttp.ClientError:
        return 0  # refused by TLS


async def until(wanted: int, url: str, pair: x509.KeyPair) -> None:
    async with asyncio.timeout(20):
        while await status(url, pair) != wanted:  # noqa: ASYNC110
            await asyncio.sleep(0)


async def test_a_bundle_that_changes_is_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "SECONDS", 0.05)
    one, other = (x509.make_authority(name, now=NOW) for name in ("one", "other"))
    who = x509.Subject("jane", ("system:masters",))
    first, second = (x509.issue(a, who, now=NOW, client=True) for a in (one, other))
    bundle = tmp_path / "ca.crt"
    bundle.write_bytes(one.pem)
    async with Cluster(nodes=0, apiserver={"client_ca_file": str(bundle)}) as cluster:
        assert await status(cluster.url, first) == 200
        assert await status(cluster.url, second) == 0
        bundle.write_bytes(other.pem)
        await until(200, cluster.url, second)
        assert await status(cluster.url, first) == 401
