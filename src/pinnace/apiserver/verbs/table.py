"""Which function serves which verb of which resource or subresource."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from pinnace.api.resources import Resource
from pinnace.api.wire import Answer
from pinnace.apiserver.core import Call, Core
from pinnace.apiserver.routes import RequestInfo
from pinnace.apiserver.verbs.create import create
from pinnace.apiserver.verbs.get import get
from pinnace.apiserver.verbs.list import list_objects
from pinnace.apiserver.verbs.watch import watch

Verb = Callable[[Core, Call], Awaitable[Answer]]

VERBS: Mapping[str, Verb] = MappingProxyType(
    {"get": get, "list": list_objects, "watch": watch, "create": create}
)


def handler_of(row: Resource, info: RequestInfo) -> Verb | None:
    """Return what serves a request, or None if the resource does not have the verb."""
    if info.subresource:
        return None
    return VERBS.get(info.verb) if info.verb in row.verbs else None
