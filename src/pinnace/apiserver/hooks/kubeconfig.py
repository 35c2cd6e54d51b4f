"""Services that a kubeconfig file points the server to: its cluster is the service, its user we."""

import asyncio
import base64
import binascii
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import yaml

from pinnace.api.objects import Object
from pinnace.apiserver.hooks.failures import CallFailed, answer_text, dial_text
from pinnace.kit.deferred import aiohttp, yarl

_LARGEST = 3 * 1024 * 1024
_TIMED_OUT = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a service is, and how it knows us."""

    url: str
    tls: ssl.SSLContext | None
    server_name: str = ""
    token: str = ""
    token_file: Path | None = None
    basic: str = ""

    def authorization(self) -> str:
        """Return the header by which the service knows us; a token in a file is read each time."""
        if self.token_file is not None:
            return f"Bearer {self.token_file.read_text().strip()}"
        if self.token:
            return f"Bearer {self.token}"
        return f"Basic {self.basic}" if self.basic else ""


def load(path: str | Path) -> Place:
    """Read a kubeconfig file; raises ValueError."""
    file = Path(path)
    try:
        document = yaml.safe_load(file.read_text())
    except OSError as error:
        raise ValueError(f"stat {path}: {(error.strerror or '').lower()}") from error
    except (ValueError, yaml.YAMLError) as error:
        raise ValueError(f'error loading config file "{path}": {error}') from error
    if not isinstance(document, dict):
        raise ValueError(f'error loading config file "{path}": it is no kubeconfig')
    context = _named(document, "contexts", "context", str(document.get("current-context") or ""))
    cluster = _named(document, "clusters", "cluster", str(context.get("cluster") or ""))
    user = _named(document, "users", "user", str(context.get("user") or ""))
    if "exec" in user or "auth-provider" in user:
        raise ValueError("credential plugins (exec, auth-provider) are not supported")
    url = str(cluster.get("server") or "")
    if not url:
        raise ValueError("invalid configuration: no server found for cluster")
    token_file = user.get("tokenFile")
    pair = f"{user.get('username') or ''}:{user.get('password') or ''}"
    return Place(
        url=url,
        tls=_tls(cluster, user, file.parent) if url.startswith("https:") else None,
        server_name=str(cluster.get("tls-server-name") or ""),
        token=str(user.get("token") or ""),
        token_file=file.parent / token_file if token_file else None,
        basic=base64.b64encode(pair.encode()).decode() if user.get("username") else "",
    )


def _named(document: Mapping[str, Any], plural: str, singular: str, name: str) -> dict[str, Any]:
    """Return an entry by its name; without contexts the only entry is meant."""
    entries = [entry for entry in document.get(plural) or () if isinstance(entry, dict)]
    if not name and (plural == "users" or not entries):
        return {}
    for entry in entries:
        if entry.get("name") == name:
            return dict(entry.get(singular) or {})
    raise ValueError(f'invalid configuration: {singular} was not found for specified name "{name}"')


def _tls(cluster: Mapping[str, Any], user: Mapping[str, Any], folder: Path) -> ssl.SSLContext:
    authority = _material(cluster, "certificate-authority", folder)
    certificate = _material(user, "client-certificate", folder)
    key = _material(user, "client-key", folder)
    try:
        context = ssl.create_default_context(cadata=authority.decode() if authority else None)
        if cluster.get("insecure-skip-tls-verify"):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if certificate:
            # OpenSSL reads certificates from files only.
            with tempfile.NamedTemporaryFile() as both:
                both.write(certificate + b"\n" + key)
                both.flush()
                context.load_cert_chain(both.name)
    except (ssl.SSLError, ValueError) as error:
        raise ValueError(f"unable to load the certificates: {error}") from error
    return context


def _material(entry: Mapping[str, Any], name: str, folder: Path) -> bytes:
    try:
        if inline := entry.get(f"{name}-data"):
            return base64.b64decode(str(inline), validate=True)
        if file := entry.get(name):
            return folder.joinpath(str(file)).read_bytes()
    except (OSError, binascii.Error) as error:
        raise ValueError(f"unable to read {name} {entry.get(name)}: {error}") from error
    return b""


class Poster:
    """Posts JSON to one service over pooled connections; to be closed."""

    def __init__(self, place: Place, seconds: float) -> None:
        self._place = place
        self._seconds = seconds
        self._session: aiohttp.ClientSession | None = None
        timeout = f"{seconds:g}s"
        self._url = f"{place.url}{'&' if '?' in place.url else '?'}timeout={timeout}"

    async def post(self, body: Object) -> tuple[int, Object]:
        """Return the code and the object that the service answers; raises CallFailed."""
        try:
            async with asyncio.timeout(self._seconds):
                status, kind, content = await self._posted(orjson.dumps(body))
        except TimeoutError as error:
            raise CallFailed(f'Post "{self._url}": {_TIMED_OUT}', 0) from error
        if not 200 <= status < 300:
            raise CallFailed(answer_text(status, kind, content), status)
        try:
            found = orjson.loads(content)
        except orjson.JSONDecodeError as error:
            raise CallFailed(f"couldn't get version/kind; json parse error: {error}", 0) from error
        if not isinstance(found, dict):
            raise CallFailed("couldn't get version/kind; json parse error: no object", 0)
        return status, found

    async def _posted(self, body: bytes) -> tuple[int, str, bytes]:
        place = self._place
        target = yarl.URL(self._url, encoded=True)
        headers = {"content-type": "application/json", "accept": "application/json, */*"}
        try:
            if authorization := place.authorization():
                headers["authorization"] = authorization
            async with self._opened().post(
                target,
                data=body,
                headers=headers,
                ssl=place.tls if place.tls is not None else True,
                server_hostname=place.server_name or None,
                allow_redirects=False,
            ) as answer:
                content = bytearray()
                async for part in answer.content.iter_any():
                    content += part
                    if len(content) > _LARGEST:
                        raise CallFailed("http: response body too large", 0)
                return answer.status, answer.headers.get("content-type", ""), bytes(content)
        except (aiohttp.ClientError, OSError) as error:
            if isinstance(error, TimeoutError):
                raise
            text = dial_text(f"{target.host}:{target.port}", error)
            raise CallFailed(f'Post "{self._url}": {text}', 0) from error

    def _opened(self) -> "aiohttp.ClientSession":
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60.0),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=30.0),
            )
        return self._session

    async def close(self) -> None:
        """Let go of all connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
