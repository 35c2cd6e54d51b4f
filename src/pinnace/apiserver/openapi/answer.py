"""The answers at `/openapi/v3`, `/openapi/v3/<group version>` and `/openapi/v2`.

Documents are served in JSON, that of v2 in Protocol Buffers too. A request that names the hash it
read in the index may keep what it gets for ever; one that names an old hash is sent to the new one.
"""

from datetime import datetime, timedelta
from email.utils import format_datetime

from pinnace.api.wire import Request, Response
from pinnace.apiserver.discovery import Document
from pinnace.apiserver.openapi.documents import OpenApi
from pinnace.apiserver.openapi.swagger_proto import CONTENT_TYPE

_INDEX = "/openapi/v3"
_WELCOME = ("application/json", "application/*", "*/*")
# Clients ask by the older name, which is no valid media type; the answer has the newer one.
_PROTOBUF = (CONTENT_TYPE, CONTENT_TYPE.replace("v2.v1", "v2@v1"))


def answer(documents: OpenApi, request: Request, *, now: datetime) -> Response | None:
    """Answer a GET below `/openapi`; None says that nothing stands at that path."""
    path = request.path.rstrip("/")
    if path == _INDEX:
        return _send(request, documents.index())
    if path == "/openapi/v2":
        return _v2(documents, request)
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


def _v2(documents: OpenApi, request: Request) -> Response:
    """Answer in the first form that the client names and that there is."""
    for clause in (request.headers.get("accept", "") or "*/*").split(","):
        wanted = clause.split(";")[0].strip()
        if wanted in _WELCOME:
            return _send(request, documents.v2())
        if wanted in _PROTOBUF:
            return _send(request, documents.v2_proto())
    return Response(status=406)


def _in_a_year(now: datetime) -> datetime:
    return now + timedelta(days=365)


def _accepts_json(request: Request) -> bool:
    clauses = request.headers.get("accept", "") or "*/*"
    return any(clause.split(";")[0].strip() in _WELCOME for clause in clauses.split(","))


def _send(request: Request, found: Document) -> Response:
    headers = {"content-type": found.content_type, "etag": found.etag, "vary": "Accept"}
    known = request.headers.get("if-none-match", "")
    if found.etag in (tag.strip().removeprefix("W/") for tag in known.split(",")):
        return Response(status=304, headers=headers)
    return Response(headers=headers, body=found.body)
