"""What the server tells a tracer of its requests; without one, nothing is traced."""

from typing import Any, Protocol

from pinnace.api.wire import Request
from pinnace.apiserver.routes import RequestInfo


class Tracing(Protocol):
    """Makes a span of each request."""

    def begin(self, request: Request, info: RequestInfo, audit: str) -> Any:
        """Begin a span, below the one that the client names."""
        ...

    def end(self, span: Any, code: int) -> None:
        """End a span with the code of the answer; 0 is a connection taken over."""
        ...


def span_name(request: Request, info: RequestInfo) -> str:
    """Return the name of a request's span: its method and path without what is not bounded."""
    if not info.resource:
        return request.method
    parts = ["apis", info.group, info.version] if info.group else ["api", info.version]
    if info.namespace:
        parts += ["namespaces", "{:namespace}"]
    parts.append(info.resource)
    parts += ["{:name}"] if info.name else []
    parts += [info.subresource] if info.subresource else []
    return f"{request.method} /{'/'.join(parts)}"
