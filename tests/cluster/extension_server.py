"""An extension API server of one group, in the process: what aggregation tests pass on to."""

import asyncio
import base64
import ssl
from typing import Any

import trustme
from aiohttp import web

from pinnace.api.objects import Object

GROUP, VERSION = "ext.example.com", "v1"
RESOURCES = {
    "kind": "APIResourceList",
    "apiVersion": "v1",
    "groupVersion": f"{GROUP}/{VERSION}",
    "resources": [
        {"name": "things", "singularName": "thing", "namespaced": True, "kind": "Thing",
         "verbs": ["delete", "get", "list"]},
    ],
}  # fmt: skip
LONG = 5_000_000


class ExtensionServer:
    """Serves one version of one group; `front_proxy` vouches for who may ask."""

    def __init__(self, front_proxy: str) -> None:
        self._front_proxy = front_proxy
        self._ca = trustme.CA()
        self.heads: list[web.BaseRequest] = []
        self.more = asyncio.Event()

    async def start(self, port: int = 0) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert("ext.default.svc").configure_cert(context)
        context.load_verify_locations(cadata=self._front_proxy)
        context.verify_mode = ssl.CERT_REQUIRED
        app = web.Application(client_max_size=2 * LONG)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port, ssl_context=context).start()
        self.port = int(self._runner.addresses[0][1])

    async def close(self) -> None:
        await self._runner.cleanup()

    def service(self) -> Object:
        return {
            "metadata": {"name": "ext", "namespace": "default"},
            "spec": {"type": "ExternalName", "externalName": "127.0.0.1"},
        }

    def api_service(self, **more: Any) -> Object:
        bundle = base64.b64encode(self._ca.cert_pem.bytes()).decode()
        return {
            "metadata": {"name": f"{VERSION}.{GROUP}"},
            "spec": {
                "group": GROUP,
                "version": VERSION,
                "groupPriorityMinimum": 1500,
                "versionPriority": 15,
                "service": {"namespace": "default", "name": "ext", "port": self.port},
                "caBundle": bundle,
                **more,
            },
        }

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.heads.append(request)
        base = f"/apis/{GROUP}/{VERSION}"
        if request.path == base:
            return web.json_response(RESOURCES)
        if not request.path.startswith(f"{base}/"):
            return self._document(request)
        if request.headers.get("upgrade") == "websocket":
            return await self._socket(request)
        if request.query.get("watch"):
            return await self._watch(request)
        if request.path.endswith("/moved"):
            return web.Response(status=302, headers={"location": "https://elsewhere.example.com/"})
        if request.method == "POST":
            return web.json_response({"size": len(await request.read())}, status=201)
        if request.path.endswith("/long"):
            return web.Response(body=b"x" * LONG)
        return web.json_response({"kind": "ThingList", "apiVersion": f"{GROUP}/{VERSION}",
                                  "metadata": {}, "items": []})  # fmt: skip

    def _document(self, request: web.Request) -> web.Response:
        path = f"apis/{GROUP}/{VERSION}"
        if request.path == "/openapi/v3":
            url = f"/openapi/v3/{path}?hash=1"
            return web.json_response({"paths": {path: {"serverRelativeURL": url}}})
        if request.path == f"/openapi/v3/{path}":
            return web.json_response({"openapi": "3.0.0", "paths": {}})
        if request.path == "/openapi/v2":
            own = {"schema": {"$ref": "#/definitions/Thing"}}
            return web.json_response(
                {"paths": {f"/{path}/things": own}, "definitions": {"Thing": {"type": "object"}}}
            )
        return web.Response(status=404, text="404 page not found")

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"content-type": "application/json"})
        await answer.prepare(request)
        await answer.write(b'{"type":"ADDED"}\n')
        await self.more.wait()
        await answer.write(b'{"type":"DELETED"}\n')
        return answer

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(f"{message.data} {request.headers['x-remote-user']}")
        return socket
