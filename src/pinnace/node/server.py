"""The kubelet's HTTPS server: logs, exec, attach, port-forward, metrics.

`access.py` says who is let in, `stats/pages.py` has the metrics.
"""

import asyncio
import contextlib
import logging
import os
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import orjson
from aiohttp import web

from pinnace.client.base import Client
from pinnace.kit.clock import Clock
from pinnace.kit.spdy import SpdyError
from pinnace.node.access import Access
from pinnace.node.config import KUBELET_PORT, KubeletConfig
from pinnace.node.containerlogs import NoLog, container_of_log, log_options
from pinnace.node.kubelet import Kubelet
from pinnace.node.logs import LogReader
from pinnace.node.observed import SeenContainer
from pinnace.node.runtime import Runtime, RuntimeCallError
from pinnace.node.splice import TUNNEL, BadPorts, forwarded_ports, splice, tunnel
from pinnace.node.stats.pages import StatsPages
from pinnace.node.streaming import Wanted, relay
from pinnace.node.worker import PodWorker

_log = logging.getLogger(__name__)

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class KubeletServer:
    """Answers for one kubelet, once it is there."""

    def __init__(
        self, config: KubeletConfig, clock: Clock, runtime: Runtime, client: Client
    ) -> None:
        self._config = config
        self._clock = clock
        self._runtime = runtime
        self._access = Access(client, clock, config.node_name)
        self._stats = StatsPages(config, clock, runtime, self._here)
        self._kubelet: Kubelet | None = None

    def serve(self, kubelet: Kubelet) -> None:
        """Take requests for a kubelet's Pods from now on."""
        self._kubelet = kubelet

    def application(self) -> web.Application:
        """Return the application with all its routes."""

        @web.middleware
        async def answer(request: web.Request, handler: _Handler) -> web.StreamResponse:
            return await self._answer(request, handler)

        app = web.Application(middlewares=[answer])
        self._stats.add_to(app)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/pods", self._pods)
        app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", self._logs)
        for verb, handler in (("exec", self._exec), ("attach", self._attach), ("run", self._run)):
            for path in ("{namespace}/{pod}/{container}", "{namespace}/{pod}/{uid}/{container}"):
                app.router.add_route("GET", f"/{verb}/{path}", handler)
                app.router.add_route("POST", f"/{verb}/{path}", handler)
        for path in ("{namespace}/{pod}", "{namespace}/{pod}/{uid}"):
            app.router.add_route("GET", f"/portForward/{path}", self._port_forward)
            app.router.add_route("POST", f"/portForward/{path}", self._port_forward)
        return app

    async def _answer(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        if request.secure:
            await self._check(request)
        try:
            return await handler(request)
        except (NoLog, BadPorts) as error:
            return web.Response(status=400, text=str(error))
        except (RuntimeCallError, SpdyError, OSError) as error:
            _log.info("%s failed: %s", request.path, error)
            return web.Response(status=500, text=str(error))

    async def _check(self, request: web.Request) -> None:
        transport = request.transport
        # The route that was found says what is asked for: no way to write a path leads past it.
        resource = request.match_info.route.resource
        await self._access.check(
            certificate=transport.get_extra_info("peercert") if transport else None,
            authorization=request.headers.get("Authorization", ""),
            method=request.method,
            path=resource.canonical if resource is not None else request.path,
        )

    def _here(self) -> Kubelet:
        if self._kubelet is None:
            raise web.HTTPServiceUnavailable(text="the kubelet is starting")
        return self._kubelet

    def _pod(self, request: web.Request) -> PodWorker:
        found = self._here().find(request.match_info["namespace"], request.match_info["pod"])
        uid = request.match_info.get("uid")
        if found is None or (uid and found.state.pod["metadata"]["uid"] != uid):
            raise web.HTTPNotFound(text=f'pod "{request.match_info["pod"]}" does not exist')
        return found

    async def _container(self, request: web.Request) -> SeenContainer:
        worker, name = self._pod(request), request.match_info["container"]
        uid = worker.state.pod["metadata"]["uid"]
        seen = await self._here().observe(uid)
        found = seen.latest(name)
        if found is None or found.state != "running":
            raise web.HTTPInternalServerError(text=f'container not found ("{name}")')
        return found

    async def _healthz(self, request: web.Request) -> web.StreamResponse:
        return web.Response(text="ok")

    async def _pods(self, request: web.Request) -> web.StreamResponse:
        body = {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": self._here().pods()}
        return web.Response(body=orjson.dumps(body), content_type="application/json")

    async def _logs(self, request: web.Request) -> web.StreamResponse:
        worker, info, query = self._pod(request), request.match_info, request.query
        try:
            options = log_options(query, self._clock.now())
        except ValueError as error:
            return web.Response(status=400, text=str(error))
        previous = query.get("previous") in ("true", "1")
        wanted = container_of_log(worker.status, info["pod"], info["container"], previous=previous)
        seen = await self._here().observe(worker.state.pod["metadata"]["uid"])
        found = next((each for each in seen.containers if each.id == wanted), None)
        if found is None or not found.log_path:
            raise NoLog(f"unable to retrieve container logs for containerd://{wanted}")

        def running() -> bool:
            now = next((each for each in worker.state.seen.containers if each.id == wanted), None)
            return now is not None and now.state == "running"

        return await self._send_log(
            request, LogReader(Path(found.log_path), self._clock, options), running
        )

    async def _send_log(
        self, request: web.Request, reader: LogReader, running: Callable[[], bool]
    ) -> web.StreamResponse:
        try:
            # An error can be told only as long as nothing of the answer is on its way.
            await reader.open()
        except OSError as error:
            path, why = error.filename, (error.strerror or str(error)).lower()
            text = f'failed to try resolving symlinks in path "{path}": lstat {path}: {why}'
            raise NoLog(text) from error
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        # Whoever follows a log ends it by going away.
        with contextlib.suppress(ConnectionResetError, FileNotFoundError):
            await response.prepare(request)
            async for block in reader.read(running):
                await response.write(block)
            await response.write_eof()
        return response

    async def _exec(self, request: web.Request) -> web.StreamResponse:
        container, wanted = await self._container(request), _wanted(request)
        url = await self._runtime.exec_url(
            container.id,
            request.query.getall("command", []),
            stdin=wanted.stdin,
            stdout=wanted.stdout,
            stderr=wanted.stderr and not wanted.tty,
            tty=wanted.tty,
        )
        return await self._stream(request, url, wanted)

    async def _attach(self, request: web.Request) -> web.StreamResponse:
        container, wanted = await self._container(request), _wanted(request)
        url = await self._runtime.attach_url(
            container.id,
            stdin=wanted.stdin,
            stdout=wanted.stdout,
            stderr=wanted.stderr and not wanted.tty,
            tty=wanted.tty,
        )
        return await self._stream(request, url, wanted)

    async def _stream(self, request: web.Request, url: str, wanted: Wanted) -> web.StreamResponse:
        upgrade = request.headers.get("Upgrade", "").lower()
        if upgrade == "websocket":
            return await relay(request, url, wanted)
        if upgrade.startswith("spdy/"):
            return await splice(request, url)
        return web.Response(status=400, text="you must specify an upgrade to SPDY or WebSocket")

    async def _run(self, request: web.Request) -> web.StreamResponse:
        container = await self._container(request)
        command = request.query.get("cmd", "").split()
        found = await self._runtime.exec_sync(container.id, command, timeout=0)
        return web.Response(body=found.stdout + found.stderr)

    async def _port_forward(self, request: web.Request) -> web.StreamResponse:
        tunnelled = TUNNEL in request.headers.get("Sec-WebSocket-Protocol", "")
        socket = request.headers.get("Upgrade", "").lower() == "websocket"
        ports = (
            forwarded_ports(request.query.getall("port", [])) if socket and not tunnelled else []
        )
        worker = self._pod(request)
        seen = await self._here().observe(worker.state.pod["metadata"]["uid"])
        sandbox = seen.ready_sandbox()
        if sandbox is None:
            raise web.HTTPInternalServerError(text="the pod has no sandbox")
        url = await self._runtime.port_forward_url(sandbox.id, ports)
        return await (tunnel if tunnelled else splice)(request, url)


def _wanted(request: web.Request) -> Wanted:
    """Read which streams are asked for, by the API server's names or the kubelet's own."""

    def asked(*names: str) -> bool:
        return any(request.query.get(name) in ("true", "1") for name in names)

    wanted = Wanted(
        stdin=asked("stdin", "input"),
        stdout=asked("stdout", "output"),
        stderr=asked("stderr", "error"),
        tty=asked("tty"),
    )
    if not (wanted.stdin or wanted.stdout or wanted.stderr):
        raise web.HTTPBadRequest(text="you must specify at least 1 of stdin, stdout, stderr")
    return wanted


@dataclass(slots=True)
class Listener:
    """A listening server; `port` is where."""

    port: int
    runner: web.AppRunner | None

    async def close(self) -> None:
        """Stop listening and end what is being served."""
        if self.runner is not None:
            await self.runner.cleanup()


def _tls(config: KubeletConfig) -> ssl.SSLContext | None:
    """Make the TLS side; Python reads certificates from files only."""
    if config.tls is None:
        return None
    folder = config.root_dir / "pki"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    pair = folder / "kubelet-server.pem"
    descriptor = os.open(pair, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(config.tls.certificate + config.tls.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair)
    # Who has no certificate may have a token.
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(cadata=config.client_ca.decode())
    return context


async def listen(server: KubeletServer, config: KubeletConfig) -> Listener:
    """Listen on the configured port, or on a free one if none is set and the usual is taken.

    Without certificates there is no server, and the port is 0.
    """
    context = await asyncio.to_thread(_tls, config)
    if context is None:
        return Listener(0, None)
    runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    candidates = (config.port,) if config.port else (KUBELET_PORT, 0)
    for port in candidates:
        site = web.TCPSite(runner, config.bind, port, ssl_context=context)
        try:
            await site.start()
        except OSError:
            if port == candidates[-1]:
                await runner.cleanup()
                raise
        else:
            break
    return Listener(int(runner.addresses[0][1]), runner)
