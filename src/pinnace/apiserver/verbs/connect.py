"""exec, attach, port-forward, log and proxy: requests that something behind the server answers."""

import asyncio
from dataclasses import replace
from urllib.parse import quote, urlencode

from pinnace.api.errors import BadRequest, MethodNotAllowed, not_found
from pinnace.api.kinds.core import ENDPOINTS, NODES, PODS
from pinnace.api.objects import Object
from pinnace.api.wire import Answer, Request, Response, Stream
from pinnace.apiserver.answers import accepted
from pinnace.apiserver.authz.base import Attributes as Attempt
from pinnace.apiserver.authz.base import decided, refusal
from pinnace.apiserver.connect.asked import admit
from pinnace.apiserver.connect.backend import CACHE, fetch, tls_of
from pinnace.apiserver.connect.links import PATH_SAFE, Links, joined
from pinnace.apiserver.connect.logs import fetch_log, log_query, over_websocket
from pinnace.apiserver.connect.target import (
    Target,
    container_of,
    log_path,
    node_address,
    plain_target,
    pod_target,
    refuse_local,
    refuse_simulated,
    service_target,
    split_name,
    stream_path,
)
from pinnace.apiserver.connect.upgrade import splice
from pinnace.apiserver.core import Call, Core
from pinnace.apiserver.negotiation import OFFERED, check_named
from pinnace.apiserver.routes import is_true
from pinnace.apiserver.writes import current

_TEXT = {"content-type": "text/plain"}


async def log(core: Core, call: Call) -> Answer:
    """Stream a container's log from its kubelet."""
    request, name = call.request, call.info.name
    check_named(request.headers.get("accept", ""), ("text/plain", *OFFERED))
    # Whoever takes plain text alone is refused, although a log is nothing else.
    accepted(request)
    query = log_query(request, name)
    pod = await _pod(core, call, name)
    container = container_of(pod, request.param("container"))
    if not pod["spec"].get("nodeName"):
        return Response(status=204, headers={"cache-control": CACHE})
    target = await _kubelet(core, pod["spec"]["nodeName"], log_path(pod, container, query))
    tls = tls_of(target, core.config.kubelet_tls)
    if is_true(request, "insecureSkipTLSVerifyBackend"):
        tls = tls_of(replace(target, kubelet=False), None)
    frames = await fetch_log(target, tls, pod=name)
    if request.headers.get("upgrade", "").lower() == "websocket" and request.upgrade is not None:
        return await over_websocket(request, frames)
    return Stream(headers={**_TEXT, "cache-control": CACHE}, frames=frames)


async def stream(core: Core, call: Call) -> Answer:
    """Splice an exec, attach or port-forward through to the kubelet."""
    _refuse_dry_run(call)
    await admit(core, call)
    await _check_create(core, call)
    pod = await _pod(core, call, call.info.name)
    path = stream_path(pod, call.request, call.info.subresource)
    if not pod["spec"].get("nodeName"):
        raise BadRequest(f"pod {call.info.name} does not have a host assigned")
    target = await _kubelet(core, pod["spec"]["nodeName"], path)
    if not _wants_upgrade(call):
        raise BadRequest("Upgrade request required")
    return await splice(target, call.request, tls_of(target, core.config.kubelet_tls))


async def proxy(core: Core, call: Call) -> Answer:
    """Pass a request on to a Pod, a Service or a node."""
    _refuse_dry_run(call)
    await admit(core, call)
    request, subpath = call.request, call.info.subpath
    query = f"?{_query(request)}" if _query(request) else ""
    path = joined("/", subpath) if subpath else ""
    target = await _proxied(core, call, quote(path or "/", safe=PATH_SAFE) + query)
    tls = tls_of(target, core.config.kubelet_tls)
    if _wants_upgrade(call):
        return await splice(target, request, tls)
    if not path and request.method in ("GET", "HEAD"):
        location = f"{request.path}/{query}"
        return Response(status=301, headers={"location": location, "cache-control": CACHE})
    prefix = request.path.removesuffix(path)
    own = (f"{target.host}:{target.port}", request.headers.get("host", ""))
    uri = joined(prefix, quote(path or "/", safe=PATH_SAFE))
    return await fetch(
        target,
        request,
        tls,
        links=Links(prefix, own),
        forwarded={"X-Forwarded-Uri": uri},
    )


async def proxy_options(core: Core, call: Call) -> Answer:
    """Pass a request on whose method is no verb of the API; only OPTIONS is taken."""
    if call.request.method != "OPTIONS":
        raise MethodNotAllowed(
            "the server does not allow this method on the requested resource", details={}
        )
    return await proxy(core, call)


def _refuse_dry_run(call: Call) -> None:
    if call.request.query.get("dryRun"):
        raise BadRequest("dryRun is not supported")


def _query(request: Request) -> str:
    """Return the query as it came; what came without HTTP is put together."""
    if request.raw_query:
        return request.raw_query
    pairs = [(name, value) for name, values in request.query.items() for value in values]
    return urlencode(pairs)


async def _proxied(core: Core, call: Call, path: str) -> Target:
    info = call.info
    if call.row is NODES:
        scheme, name, port = split_name(info.name, "node")
        target = await _kubelet(core, name, path, plural="nodes")
        await _refuse_local(target.host)
        if port and port != str(target.port):
            return plain_target(target.host, port, path, tls=scheme == "https")
        return target
    if call.row.plural == "services":
        _, name, _ = split_name(info.name, "service")
        service = (await current(core, call.row, call.namespace, name)).shared()
        found = (await core.cache(ENDPOINTS)).get(call.namespace, name)
        if found is None:
            raise not_found("services", "", name)
        endpoints = found.shared()
        for subset in endpoints.get("subsets") or ():
            for address in subset.get("addresses") or ():
                refuse_simulated(core.lookup.get(NODES, "", address.get("nodeName") or ""))
        await core.cache(PODS)

        def pod_named(name: str) -> Object | None:
            return core.lookup.get(PODS, call.namespace, name)

        return service_target(service, endpoints, info.name, path, pod=pod_named)
    scheme, name, port = split_name(info.name, "pod")
    pod = await _pod(core, call, name)
    refuse_simulated(core.lookup.get(NODES, "", pod["spec"].get("nodeName") or ""))
    return pod_target(pod, scheme, port, path)


async def _pod(core: Core, call: Call, name: str) -> Object:
    return (await current(core, call.row, call.namespace, name)).shared()


async def _kubelet(core: Core, node: str, path: str, *, plural: str = "pods") -> Target:
    """Return a node's kubelet; a Pod's node that is not there is told of as a Pod."""
    found = (await core.cache(NODES)).get("", node)
    if found is None:
        raise not_found(plural, "", node)
    host, port = node_address(found.shared())
    return Target(host, port, path)


async def _refuse_local(host: str) -> None:
    """Raise BadRequest if a node's name or address leads to the API server's own machine."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None)
    except OSError as error:
        raise BadRequest(str(error)) from error
    for *_, address in found:
        refuse_local(str(address[0]))


def _wants_upgrade(call: Call) -> bool:
    return call.request.upgrade is not None


async def _check_create(core: Core, call: Call) -> None:
    """Refuse a WebSocket (which is a GET) to who may not create: it does what a POST does."""
    info = call.info
    if info.verb == "create":
        return
    attempt = Attempt(
        verb="create",
        group=info.group,
        version=info.version,
        resource=info.resource,
        subresource=info.subresource,
        namespace=info.namespace,
        name=info.name,
    )
    verdict = await decided(core.auth.authorizer, call.user, attempt)
    if not verdict.allowed:
        raise refusal(call.user, attempt, verdict.reason)
