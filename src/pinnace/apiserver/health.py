"""/healthz, /livez and /readyz with their checks, as upstream prints them."""

from pinnace.api.wire import Request, Response
from pinnace.apiserver.core import Core

_TEXT = {"content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff"}
CHECKS = ("ping", "log", "etcd")
READY_CHECKS = (*CHECKS, "informer-sync", "shutdown")


def health(core: Core, request: Request, path: str) -> Response | None:
    """Answer a health path, or one of its checks by name; None if there is no such check."""
    kind, _, check = path.removeprefix("/").partition("/")
    checks = READY_CHECKS if kind == "readyz" else CHECKS
    if check:
        return _text(200, "ok") if check in checks else None
    excluded = request.query.get("exclude", [])
    if "verbose" not in request.query:
        return _text(200, "ok")
    lines = [f"[+]{name} excluded: ok" if name in excluded else f"[+]{name} ok" for name in checks]
    return _text(200, "\n".join([*lines, f"{kind} check passed", ""]))


def _text(code: int, body: str) -> Response:
    return Response(status=code, headers=dict(_TEXT), body=body.encode())
