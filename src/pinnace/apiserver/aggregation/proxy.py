"""Passes a request on to an extension server, for the user that this server has let pass.

What goes wrong here is told in plain text and not as a Status, as upstream's aggregator does.
"""

import asyncio
from collections.abc import Sequence
from urllib.parse import quote, urlencode

from pinnace.api.errors import ApiError
from pinnace.api.wire import Answer, Hijack, Request, Response, Stream, User
from pinnace.apiserver.aggregation.backends import Backends, NotSayable, identity
from pinnace.apiserver.aggregation.registered import Registered
from pinnace.apiserver.connect.backend import fetch
from pinnace.apiserver.connect.links import PATH_SAFE, Links
from pinnace.apiserver.connect.target import Target
from pinnace.apiserver.connect.upgrade import splice
from pinnace.apiserver.hooks.failures import CallFailed
from pinnace.kit.deferred import aiohttp

# Whoever asks what there is waits no longer than this.
_DISCOVERY_SECONDS = 5.0
_PLAIN = {"content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff"}
_REDIRECTED = b"the backend attempted to redirect this request, which is not permitted"
UNAVAILABLE = "service unavailable"


async def pass_on(
    backends: Backends, registered: Registered, request: Request, user: User, audit: str
) -> Answer:
    """Return what the extension server answers, while it comes."""
    if not registered.available:
        return refusal(UNAVAILABLE)
    try:
        tls = backends.tls(registered)
    except CallFailed as error:
        return refusal(str(error), 500)
    try:
        target = await backends.resolve(registered, _target(request))
    except CallFailed:
        return refusal(UNAVAILABLE)
    try:
        who = identity(user)
        if request.upgrade is not None:
            who.append(("Audit-Id", audit))
            return await splice(target, _as_sent(request, target), tls, identity=who)
        limit = _DISCOVERY_SECONDS if _is_discovery(request.path) else None
        async with asyncio.timeout(limit):
            answer = await fetch(
                target,
                request,
                tls,
                links=Links("", (f"{target.host}:{target.port}",)),
                forwarded=_forwarded(request, target, audit),
                identity=who,
                pool=backends.pool(),
            )
    except NotSayable as error:
        return refusal(f"error trying to reach service: {error}")
    except TimeoutError:
        return refusal("error trying to reach service: context deadline exceeded")
    except ApiError as error:
        return refusal(error.message)
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return refusal(f"error trying to reach service: {error}")
    return await _without_redirects(answer)


def refusal(text: str, status: int = 503) -> Response:
    """Return an answer in plain text."""
    return Response(status=status, headers=dict(_PLAIN), body=f"{text}\n".encode())


def _target(request: Request) -> str:
    """Return the path and query to send: the query in Go's order and words."""
    path = quote(request.path, safe=PATH_SAFE)
    pairs: Sequence[tuple[str, str]] = [
        (name, value) for name, values in sorted(request.query.items()) for value in values
    ]
    return f"{path}?{urlencode(pairs)}" if pairs else path


def _where(target: Target) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    return f"{host}:{target.port}"


def _forwarded(request: Request, target: Target, audit: str) -> dict[str, str]:
    where = _where(target)
    return {
        "Host": where,
        "Audit-Id": audit,
        "X-Forwarded-Uri": target.path.partition("?")[0],
        "X-Forwarded-Host": where,
        "X-Forwarded-Proto": "https",
    }


def _as_sent(request: Request, target: Target) -> Request:
    """Return an upgrade request as it is sent: to the backend's own name."""
    headers = {name: value for name, value in request.headers.items() if name != "audit-id"}
    return Request(
        method=request.method,
        path=request.path,
        headers={**headers, "host": _where(target)},
        remote=request.remote,
        upgrade=request.upgrade,
    )


def _is_discovery(path: str) -> bool:
    return len(path.strip("/").split("/")) == 3


async def _without_redirects(answer: Answer) -> Answer:
    """Return an answer that is no redirect: those could lead clients anywhere."""
    if isinstance(answer, Hijack) or not (300 <= answer.status < 400 and _leads(answer)):
        return answer
    if isinstance(answer, Stream):
        close = getattr(answer.frames, "aclose", None)
        if close is not None:
            await close()
    headers = {"content-type": _PLAIN["content-type"]}
    return Response(status=502, headers=headers, body=_REDIRECTED)


def _leads(answer: Response | Stream) -> bool:
    return bool(answer.headers.get("location"))
