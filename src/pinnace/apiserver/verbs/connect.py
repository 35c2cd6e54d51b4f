"""exec, attach, port-forward, log and proxy: requests that something behind the server answers."""

import asyncio
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from pinnace.api.errors import BadRequest, not_found
from pinnace.api.kinds.core import ENDPOINTS, NODES, PODS
from pinnace.api.objects import Object
from pinnace.api.wire import Answer, Response
from pinnace.apiserver.authz.base import Attributes as Attempt
from pinnace.apiserver.authz.base import refusal
from pinnace.apiserver.connect.backend import accepted, fetch, splice, tls_of
from pinnace.apiserver.connect.target import (
    Target,
    log_path,
    node_address,
    plain_target,
    pod_target,
    refuse_local,
    refuse_simulated,
    service_target,
    split_name,
    stream_path,
    through_proxy,
)
from pinnace.apiserver.core import Call, Core
from pinnace.apiserver.writes import attributes, current

_TEXT = {"content-type": "text/plain"}


async def log(core: Core, call: Call) -> Answer:
    """Stream a container's log from its kubelet."""
    pod = await _pod(core, call, call.info.name)
    path = log_path(pod, call.request)
    if not pod["spec"].get("nodeName"):
        return Response(headers=dict(_TEXT))
    target = await _kubelet(core, pod["spec"]["nodeName"], path)
    tls = tls_of(target, core.config.kubelet_tls)
    if _wants_upgrade(call):
        return splice(target, call.request, tls)
    return await accepted(await fetch(target, call.request, tls))


async def stream(core: Core, call: Call) -> Answer:
    """Splice an exec, attach or port-forward through to the kubelet."""
    _check_create(core, call)
    pod = await _pod(core, call, call.info.name)
    path = stream_path(pod, call.request, call.info.subresource)
    if not pod["spec"].get("nodeName"):
        raise BadRequest(f"pod {call.info.name} does not have a host assigned")
    attempt = attributes(core, call, "CONNECT", None, pod)
    await core.admission.mutate(attempt)
    await core.admission.validate(attempt)
    if not _wants_upgrade(call):
        raise BadRequest("Upgrade request required")
    target = await _kubelet(core, pod["spec"]["nodeName"], path)
    return splice(target, call.request, tls_of(target, core.config.kubelet_tls))


async def proxy(core: Core, call: Call) -> Answer:
    """Pass a request on to a Pod, a Service or a node."""
    info = call.info
    method = call.request.method
    if not info.subpath and method in ("GET", "HEAD"):
        return Response(status=301, headers={"location": _prefix(call) + "/" + _query(call)})
    path = quote(info.subpath or "/", safe="/:@!$&'()*+,;=-._~") + _query(call)
    target = await _proxied(core, call, path)
    tls = tls_of(target, core.config.kubelet_tls)
    if _wants_upgrade(call):
        return splice(target, call.request, tls)
    prefix = _prefix(call)

    def rewrite(headers: Mapping[str, str]) -> dict[str, str]:
        kept = dict(headers)
        if "location" in kept:
            hosts = (f"{target.host}:{target.port}", call.request.headers.get("host", ""))
            kept["location"] = through_proxy(kept["location"], prefix, hosts)
        return kept

    return await fetch(
        target, call.request, tls, rewrite=rewrite, forwarded=_forwarded(call, prefix)
    )


def _forwarded(call: Call, prefix: str) -> dict[str, str]:
    """Return the headers that tell a backend by which way it was reached."""
    headers = {"x-forwarded-uri": quote(prefix + (call.info.subpath or "/"))}
    if call.request.remote:
        before = call.request.headers.get("x-forwarded-for")
        hops = (before, call.request.remote) if before else (call.request.remote,)
        headers["x-forwarded-for"] = ", ".join(hops)
    return headers


def _prefix(call: Call) -> str:
    path = call.request.path
    return path[: len(path) - len(call.info.subpath)] if call.info.subpath else path


def _query(call: Call) -> str:
    pairs = [(name, value) for name, values in call.request.query.items() for value in values]
    return "?" + urlencode(pairs) if pairs else ""


async def _proxied(core: Core, call: Call, path: str) -> Target:
    info = call.info
    if call.row is NODES:
        scheme, name, port = split_name(info.name, "node")
        target = await _kubelet(core, name, path)
        await _refuse_local(target.host)
        if port and port != str(target.port):
            return plain_target(target.host, port, path, tls=scheme == "https")
        return target
    if call.row.plural == "services":
        _, name, _ = split_name(info.name, "service")
        service = (await current(core, call.row, call.namespace, name)).shared()
        endpoints = (await current(core, ENDPOINTS, call.namespace, name)).shared()
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


async def _kubelet(core: Core, node: str, path: str) -> Target:
    found = (await core.cache(NODES)).get("", node)
    if found is None:
        raise not_found("nodes", "", node)
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


def _check_create(core: Core, call: Call) -> None:
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
    allowed, reason = core.auth.authorizer.authorize(call.user, attempt)
    if not allowed:
        raise refusal(call.user, attempt, reason)
