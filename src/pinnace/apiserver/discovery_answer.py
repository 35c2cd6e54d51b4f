"""The answers at `/api`, `/apis` and below: discovery in the form that a client accepts."""

from pinnace.api.errors import MethodNotAllowed, NotFound
from pinnace.api.wire import Request, Response
from pinnace.apiserver.answers import accepted, finish
from pinnace.apiserver.discovery import Discovery, Document
from pinnace.apiserver.negotiation import (
    DISCOVERY_GROUP,
    DISCOVERY_KIND,
    DISCOVERY_VERSION,
    OFFERED,
    Accepted,
    check_named,
    negotiate_discovery,
)

_PARAMETERS = f";g={DISCOVERY_GROUP};v={DISCOVERY_VERSION};as={DISCOVERY_KIND}"


def answer(discovery: Discovery, request: Request) -> Response | None:
    """Answer below `/api` and `/apis`; None says that nothing stands at that path.

    Raises NotFound for an unknown version of a known group, MethodNotAllowed and NotAcceptable.
    """
    path = request.path.rstrip("/")
    if path != "/apis":
        _check_method(discovery, request, path)
    if aggregated := discovery.aggregated(request.path):
        wanted = negotiate_discovery(request.headers.get("accept", ""))
        if wanted is not None:
            return _aggregated(request, aggregated, wanted)
    document = discovery.legacy(path)
    if document is None:
        return None
    return finish(request, document.body, _legacy_form(request, path))


def _is_routed(path: str) -> bool:
    """Say whether a path is a route of its own upstream, and no catch-all of a group."""
    return path == "/api" or path.count("/") == (2 if path.startswith("/api/") else 3)


def _check_method(discovery: Discovery, request: Request, path: str) -> None:
    """Raise what upstream's router answers by itself."""
    parts = path.split("/")
    found = discovery.legacy(path)
    if found is None:
        if parts[1] == "api" or (len(parts) == 4 and discovery.knows(parts[2])):
            raise NotFound("the server could not find the requested resource", details={})
    elif _is_routed(path) and request.method != "GET":
        raise MethodNotAllowed(
            "the server does not allow this method on the requested resource", details={}
        )


def _legacy_form(request: Request, path: str) -> Accepted:
    if _is_routed(path):
        check_named(request.headers.get("accept", ""), OFFERED)
    return accepted(request)


def _aggregated(request: Request, document: Document, wanted: Accepted) -> Response:
    headers = {"etag": document.etag, "vary": "Accept", "cache-control": "public"}
    if request.headers.get("if-none-match") == document.etag:
        return Response(status=304, headers=headers)
    response = finish(request, document.body, wanted)
    vary = response.headers.get("vary")
    response.headers |= headers
    if vary:
        response.headers["vary"] = f"Accept, {vary}"
    response.headers["content-type"] = wanted.media + _PARAMETERS
    return response
