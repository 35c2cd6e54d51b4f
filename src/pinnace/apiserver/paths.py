"""Paths that are no resource's: discovery, OpenAPI, health, version, metrics."""

from html import escape

import orjson

from pinnace.api.errors import MethodNotAllowed, NotFound
from pinnace.api.schema.load import load as load_schema
from pinnace.api.wire import Request, Response
from pinnace.apiserver.aggregation.aggregator import Aggregator
from pinnace.apiserver.aggregation.registered import Registered, by_group
from pinnace.apiserver.core import Core
from pinnace.apiserver.discovery import Discovery
from pinnace.apiserver.discovery_answer import answer as discovery_answer
from pinnace.apiserver.fairness.printing import fairness_metrics
from pinnace.apiserver.fairness.priority import Priority
from pinnace.apiserver.health import KINDS, Health
from pinnace.apiserver.metrics import Metrics, printed
from pinnace.apiserver.openapi.answer import answer as openapi_answer
from pinnace.apiserver.openapi.custom import Custom
from pinnace.apiserver.openapi.documents import OpenApi, Remote
from pinnace.apiserver.routes import NOT_ALLOWED, NOT_FOUND
from pinnace.apiserver.serviceaccounts import openid
from pinnace.apiserver.version import VERSION

_PLAIN = "text/plain; charset=utf-8"
_TEXT = {"content-type": _PLAIN, "x-content-type-options": "nosniff"}

_PATHS = (
    "/.well-known/openid-configuration", "/api", "/api/v1", "/apis", "/apis/", "/metrics",
    "/metrics/slis",
    "/openapi/v2", "/openapi/v3", "/openid/v1/jwks", "/version",
)  # fmt: skip
_HEALTH = tuple(f"/{kind}" for kind in KINDS)


class Paths:
    """Answers every path that names no resource."""

    def __init__(
        self,
        core: Core,
        metrics: Metrics,
        health: Health,
        aggregator: Aggregator,
        priority: Priority | None,
    ) -> None:
        self._health = health
        self._aggregator = aggregator
        self._priority = priority
        self._core = core
        self._metrics = metrics
        self._stale = False
        self._registered: dict[str, list[Registered]] = {}
        self.openapi = OpenApi(tuple(core.rows), load_schema())
        self.discovery = Discovery(
            tuple(core.rows),
            server_address=f"{core.config.advertise_address}:{core.config.secure_port}",
        )

    def renew(self) -> None:
        """Say that other rows are served now; the documents follow when they are asked for."""
        self._stale = True

    def _refresh(self) -> None:
        if not self._stale:
            return
        self._stale = False
        rows = tuple(self._core.rows)
        customs = [
            Custom(row, row.custom.read, row.custom.selectable_paths)
            for row in rows
            if row.custom is not None and row.custom.established
        ]
        aggregator = self._aggregator
        self._registered = by_group(aggregator.services())
        self.discovery.update(
            rows,
            registered={
                group: [each.version for each in services]
                for group, services in self._registered.items()
            },
            remote=aggregator.entries(),
        )
        remote = Remote(aggregator.openapi_urls(), aggregator.openapi_v2())
        self.openapi.update([row for row in rows if row.custom is None], customs, remote)

    async def answer(self, request: Request) -> Response:
        """Return the document of a path, or upstream's plain 404."""
        path = request.path.rstrip("/")
        if request.method != "GET" and self._is_routed(path):
            raise MethodNotAllowed(NOT_ALLOWED, details={})
        if path == "/api" or path == "/apis" or path.startswith(("/api/", "/apis/")):
            self._refresh()
            found = discovery_answer(self.discovery, request)
        elif request.path.startswith("/openapi/") and request.path == path:
            self._refresh()
            found = openapi_answer(self.openapi, request, now=self._core.clock.now())
        elif path in openid.PATHS and self._core.config.openid is not None:
            keys = self._core.auth.authn.keys.pems
            document = self._core.config.openid.document(path, keys)
            found = Response(body=orjson.dumps(document))
            found.headers |= openid.headers_of(path)
        elif path == "/metrics":
            more = fairness_metrics(self._priority) if self._priority is not None else ()
            found = await self._metrics.answer(self._core, more)
        elif path == "/metrics/slis":
            found = await printed(await self._health.gauges())
        elif request.path == "/":
            found = _json({"paths": self._all()})
        elif path == "/version":
            found = _json(dict(VERSION))
        elif path.startswith(_HEALTH) and request.path == path:
            found = await self._health.answer(request, path)
        else:
            found = self._dumped(request)
        if found is None and self._is_ours(path):
            raise NotFound(NOT_FOUND, details={})
        return found or Response(status=404, headers=dict(_TEXT), body=b"404 page not found\n")

    def _dumped(self, request: Request) -> Response | None:
        if self._priority is None:
            return None
        details = bool(request.param("includeRequestDetails"))
        body = self._priority.dump(request.path, details=details)
        return Response(headers={"content-type": _PLAIN}, body=body) if body is not None else None

    def _is_routed(self, path: str) -> bool:
        """Say whether upstream's router, which looks at methods, serves this path."""
        parts = path.split("/")
        known = openid.PATHS if self._core.config.openid is not None else ()
        if path in ("/version", "/api") or path in known:
            return True
        if parts[1:2] == ["api"]:
            return parts[2] == "v1"
        served = ((row.group, row.version) for row in self._core.rows)
        return parts[1:2] == ["apis"] and len(parts) > 3 and (parts[2], parts[3]) in served

    def _is_ours(self, path: str) -> bool:
        """Say whether a path is below a group that is served, whose router refuses it itself."""
        parts = path.split("/")
        if parts[1:2] == ["api"]:
            return True
        return parts[1:2] == ["apis"] and any(row.group == parts[2] for row in self._core.rows)

    def _all(self) -> list[str]:
        versions = {
            path
            for row in self._core.rows
            if row.group
            for path in (f"/apis/{row.group}", f"/apis/{row.group_version}")
        }
        self._refresh()
        for group, services in self._registered.items():
            if group:
                versions |= {f"/apis/{group}", *(each.path for each in services)}
        return sorted({*_PATHS, *versions, *self._health.paths()})


def nameless(request: Request) -> Response:
    """Return what upstream says of a path that names a verb and nothing to do it to."""
    url = _url(request)
    return internal_error(
        request,
        f"failed to create RequestInfo: unable to determine kind and namespace from url, {url}",
    )


def internal_error(request: Request, why: str) -> Response:
    """Return what upstream says in plain text of what went wrong before there was a handler."""
    text = f'Internal Server Error: "{escape(_url(request), quote=False)}": {why}\n'
    return Response(status=500, headers=dict(_TEXT), body=text.encode())


def _url(request: Request) -> str:
    return f"{request.path}?{request.raw_query}" if request.raw_query else request.path


def _json(value: object) -> Response:
    body = orjson.dumps(value, option=orjson.OPT_INDENT_2)
    return Response(headers={"content-type": "application/json"}, body=body)
