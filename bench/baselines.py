"""What the figures are held against in the same run: nginx with TLS, and SQLite written by hand."""

import asyncio
import os
import shutil
import sqlite3
import ssl
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from bench.load import Connection, Target, message, rate
from pinnace.cluster.hostnet import free_port
from pinnace.kit import x509


@asynccontextmanager
async def nginx(body: bytes) -> AsyncIterator[Target | None]:
    """Serve one file over TLS; None where nginx is not installed."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    if program is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        now = datetime.now(UTC)
        authority = x509.make_authority("bench-ca", now=now)
        pair = x509.issue(authority, x509.Subject("bench"), now=now, ips=["127.0.0.1"], server=True)
        (here / "crt").write_bytes(pair.certificate)
        (here / "key").write_bytes(pair.key)
        (here / "www").mkdir()
        (here / "www" / "pod").write_bytes(body)
        os.chmod(here, 0o755)
        port = free_port("127.0.0.1", 0)
        (here / "conf").write_text(
            f"daemon off; pid {here}/pid; error_log {here}/error.log; worker_processes 1;\n"
            "events { worker_connections 512; }\n"
            f"http {{ access_log off; keepalive_requests 1000000; server {{\n"
            f"  listen 127.0.0.1:{port} ssl; ssl_certificate {here}/crt;\n"
            f"  ssl_certificate_key {here}/key; root {here}/www; }} }}\n"
        )
        process = await asyncio.create_subprocess_exec(
            program, "-c", str(here / "conf"), stderr=subprocess.DEVNULL
        )
        context = ssl.create_default_context(cadata=authority.pem.decode())
        target = Target("127.0.0.1", port, context)
        try:
            await until_open(target, "nginx")
            yield target
        finally:
            process.terminate()
            await process.wait()


async def until_open(target: Target, name: str) -> None:
    """Wait until a server takes connections."""
    for _ in range(200):
        try:
            (await Connection.open(target)).close()
        except OSError:
            await asyncio.sleep(0.05)
        else:
            return
    raise SystemExit(f"{name} did not start")


async def nginx_rate(body: bytes, requests: int) -> float | None:
    """Return how often a second nginx serves that body to the same client."""
    async with nginx(body) as target:
        if target is None:
            return None
        return (await rate(target, [message("GET", "/pod")] * requests)).rate


def sqlite_rate(body: bytes, directory: Path, seconds: float = 2.0) -> float:
    """Return how many rows of that size SQLite writes durably a second, 32 in a transaction."""
    connection = sqlite3.connect(directory / "baseline.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, value BLOB)")
    written = 0
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO rows (value) VALUES (?)", [(body,)] * 32)
        connection.execute("COMMIT")
        written += 32
    took = time.perf_counter() - began
    connection.close()
    return written / took
