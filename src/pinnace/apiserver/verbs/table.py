"""Which function serves which verb of which resource or subresource."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from pinnace.api.resources import Resource
from pinnace.api.wire import Answer
from pinnace.apiserver.core import Call, Core
from pinnace.apiserver.routes import RequestInfo
from pinnace.apiserver.verbs.binding import bind
from pinnace.apiserver.verbs.components import get_component, list_components
from pinnace.apiserver.verbs.connect import log, proxy, proxy_options, stream
from pinnace.apiserver.verbs.create import create
from pinnace.apiserver.verbs.delete import delete, delete_collection
from pinnace.apiserver.verbs.eviction import evict
from pinnace.apiserver.verbs.get import get
from pinnace.apiserver.verbs.list import list_objects
from pinnace.apiserver.verbs.patch import patch
from pinnace.apiserver.verbs.reviews import review, token
from pinnace.apiserver.verbs.scale import get_scale, patch_scale, update_scale
from pinnace.apiserver.verbs.update import update
from pinnace.apiserver.verbs.usage import (
    get_node_metrics,
    get_pod_metrics,
    list_node_metrics,
    list_pod_metrics,
)
from pinnace.apiserver.verbs.watch import watch

Verb = Callable[[Core, Call], Awaitable[Answer]]

VERBS: Mapping[str, Verb] = MappingProxyType(
    {
        "get": get,
        "list": list_objects,
        "watch": watch,
        "create": create,
        "update": update,
        "patch": patch,
        "delete": delete,
        "deletecollection": delete_collection,
    }
)
# Kinds that are not stored: their create answers a question or does something else.
UNSTORED: Mapping[str, Verb] = MappingProxyType(
    {
        "Binding": bind,
        "TokenReview": review,
        "SelfSubjectReview": review,
        "SubjectAccessReview": review,
        "SelfSubjectAccessReview": review,
        "LocalSubjectAccessReview": review,
        "SelfSubjectRulesReview": review,
    }
)
# Kinds that are not stored either, and are made when they are read.
PROBED: Mapping[tuple[str, str], Verb] = MappingProxyType(
    {
        ("ComponentStatus", "get"): get_component,
        ("ComponentStatus", "list"): list_components,
        ("NodeMetrics", "get"): get_node_metrics,
        ("NodeMetrics", "list"): list_node_metrics,
        ("PodMetrics", "get"): get_pod_metrics,
        ("PodMetrics", "list"): list_pod_metrics,
    }
)
# Subresources by name; those that show the whole object and write a part of it are below.
SUBRESOURCES: Mapping[tuple[str, str], Verb] = MappingProxyType(
    {
        ("scale", "get"): get_scale,
        ("scale", "update"): update_scale,
        ("scale", "patch"): patch_scale,
        ("binding", "create"): bind,
        ("eviction", "create"): evict,
        ("token", "create"): token,
    }
)
# Subresources that something behind the server answers, whatever the verb.
CONNECT: Mapping[str, Verb] = MappingProxyType(
    {"log": log, "exec": stream, "attach": stream, "portforward": stream, "proxy": proxy}
)
PARTS = frozenset({"status", "finalize", "approval", "ephemeralcontainers", "resize"})
PART_VERBS: Mapping[str, Verb] = MappingProxyType({"get": get, "update": update, "patch": patch})


def handler_of(row: Resource, info: RequestInfo) -> Verb | None:
    """Return what serves a request, or None if the resource does not have the verb."""
    if info.subresource:
        sub = row.subresource(info.subresource)
        if sub is not None and info.subresource == "proxy" and not info.verb:
            return proxy_options
        if sub is None or info.verb not in sub.verbs:
            return None
        if info.subresource in CONNECT:
            return CONNECT[info.subresource]
        if info.subresource in PARTS:
            return PART_VERBS.get(info.verb)
        return SUBRESOURCES.get((info.subresource, info.verb))
    if info.verb not in row.verbs:
        return None
    if not row.prefix:
        return PROBED.get((row.kind, info.verb)) or (
            UNSTORED.get(row.kind) if info.verb == "create" else None
        )
    return VERBS.get(info.verb)
