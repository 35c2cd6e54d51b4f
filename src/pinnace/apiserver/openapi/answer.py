"""The answers at `/openapi/v3`, `/openapi/v3/<group version>` and `/openapi/v2`.

Documents are served in JSON, the second version in protobuf too. A request that names the hash it
read in the index may keep what it gets for ever; one that names an old hash is sent to the new one.
"""

from datetime import datetime, timedelta
from email.utils import format_datetime

from pinnace.api.wire import Request, Response
from pinnace.apiserver.discovery import Document
from pinnace.apiserver.openapi import protobuf
from pinnace.apiserver.openapi.documents import OpenApi

_INDEX = "/openapi/v3"
_WELCOME = ("application/json", "application/*", "*/*")


def answer(documents: OpenApi, request: Request, *, now: datetime) -> Response | None:
    """Answer a GET below `/openapi`; None says that nothing stands at that path."""
    path = request.path.rstrip("/")
    if path == _INDEX:
        return _send(request, documents.index())
    if path == "/openapi/v2":
        wanted = _preferred(request)
        if wanted is None:
            return Response(status=406)
        return _send(request, documents.v2() if wanted in _WELCOME else documents.v2_protobuf())
    if not path.startswith(f"{_INDEX}/"):
        return None
    name = path.removeprefix(f"{_INDEX}/")
    found = documents.v3(name)
    if found is None:
        return None
    if not _accepts_json(request):
        return Response(status=406)
    asked, current = request.param("hash"), documents.hash_of(name)
    if asked and asked != current:
        return Response(status=301, headers={"location": f"{path}?hash={current}"})
    response = _send(request, found)
    if asked:
        response.headers["cache-control"] = "public, immutable"
        response.headers["expires"] = format_datetime(_in_a_year(now), usegmt=True)
    return response


def _in_a_year(now: datetime) -> datetime:
    return now + timedelta(days=365)


def _accepted(request: Request) -> list[str]:
    """Return the media types that the client takes, in its order."""
    clauses = request.headers.get("accept", "") or "*/*"
    return [clause.split(";")[0].strip() for clause in clauses.split(",")]


def _accepts_json(request: Request) -> bool:
    return any(accepted in _WELCOME for accepted in _accepted(request))


def _preferred(request: Request) -> str | None:
    """Return the first that the client takes and the second version is written in."""
    known = (*_WELCOME, *protobuf.ACCEPTED)
    return next((accepted for accepted in _accepted(request) if accepted in known), None)


def _send(request: Request, found: Document) -> Response:
    headers = {"content-type": found.content_type, "etag": found.etag, "vary": "Accept"}
    known = request.headers.get("if-none-match", "")
    if found.etag in (tag.strip().removeprefix("W/") for tag in known.split(",")):
        return Response(status=304, headers=headers)
    return Response(headers=headers, body=found.body)
