"""What a connect request asks for, as the object that admission sees: PodExecOptions and others."""

from pinnace.api.objects import Object
from pinnace.api.wire import Request
from pinnace.apiserver.connect.target import ports_of
from pinnace.apiserver.core import Call, Core
from pinnace.apiserver.routes import is_true
from pinnace.apiserver.writes import attributes

_STREAMS = ("stdin", "stdout", "stderr", "tty")


async def admit(core: Core, call: Call) -> None:
    """Ask admission about a connection; raises ApiError."""
    attempt = attributes(core, call, "CONNECT", _asked(call), None)
    await core.admission.mutate(attempt)
    await core.admission.validate(attempt)


def _asked(call: Call) -> Object:
    sub = call.row.subresource(call.info.subresource)
    assert sub is not None
    asked: Object = {"kind": sub.kind, "apiVersion": "v1"}
    request = call.request
    if call.info.subresource == "proxy":
        path = call.info.subpath
        return asked | ({"path": path} if path else {})
    if call.info.subresource == "portforward":
        ports = ports_of(request)
        return asked | ({"ports": ports} if ports else {})
    return asked | _streams(request)


def _streams(request: Request) -> Object:
    found: Object = {name: True for name in _STREAMS if is_true(request, name)}
    if request.param("container"):
        found["container"] = request.param("container")
    if request.query.get("command"):
        found["command"] = request.query["command"]
    return found
