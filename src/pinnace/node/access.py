"""Who may ask the kubelet what: its certificates and tokens, judged by the API server.

A client shows a certificate of the cluster's authority, or a token that a TokenReview confirms; a
SubjectAccessReview then says whether that user may do this with the node's subresource. Answers are
remembered as upstream's kubelet does: tokens for two minutes, permissions for five minutes,
refusals for thirty seconds.
"""

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from aiohttp import web

from pinnace.api.errors import ApiError
from pinnace.api.kinds.authentication import TOKENREVIEWS
from pinnace.api.kinds.authorization import SUBJECTACCESSREVIEWS
from pinnace.api.objects import Object
from pinnace.client.base import Client
from pinnace.kit.clock import Clock

_log = logging.getLogger(__name__)
T = TypeVar("T")

_TOKENS = timedelta(minutes=2)
_ALLOWED = timedelta(minutes=5)
_REFUSED = timedelta(seconds=30)
_MOST_REMEMBERED = 4096
# Whom every authorizer lets do anything: there is nothing to ask.
_MASTERS = "system:masters"
_AUTHENTICATED = "system:authenticated"
_VERBS: Mapping[str, str] = {
    "POST": "create",
    "GET": "get",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
# What has a permission of its own beside, or instead of, the one to everything ("proxy").
_FINE: Mapping[str, str] = {
    "pods": "pods",
    "runningpods": "pods",
    "healthz": "healthz",
    "configz": "configz",
}
_INSTEAD: Mapping[str, str] = {
    "stats": "stats",
    "metrics": "metrics",
    "logs": "log",
    "checkpoint": "checkpoint",
    "statusz": "statusz",
    "flagz": "configz",
}


@dataclass(frozen=True, slots=True)
class Visitor:
    """The user that a request comes from."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: Mapping[str, list[str]] = field(default_factory=dict)


def visitor_of(certificate: object) -> Visitor | None:
    """Return whom a client certificate names, as Python's ssl module describes one that holds."""
    subject = certificate.get("subject", ()) if isinstance(certificate, dict) else ()
    facts = [(key, value) for part in subject for key, value in part]
    name = next((value for key, value in facts if key == "commonName"), "")
    groups = tuple(value for key, value in facts if key == "organizationName")
    return Visitor(name, groups=(*groups, _AUTHENTICATED)) if name else None


def subresources(path: str) -> list[str]:
    """Return the subresources of the node of which one must be allowed for a path."""
    first = path.strip("/").partition("/")[0]
    fine = [_FINE[first]] if first in _FINE else []
    return [*fine, _INSTEAD.get(first, "proxy")]


class _Memory(Generic[T]):
    """Answers that count for a while; of too many the oldest go."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._known: dict[str, tuple[datetime, T]] = {}

    def get(self, key: str) -> T | None:
        found = self._known.get(key)
        if found is None or found[0] <= self._now():
            self._known.pop(key, None)
            return None
        return found[1]

    def put(self, key: str, value: T, lasting: timedelta) -> None:
        self._known[key] = (self._now() + lasting, value)
        if len(self._known) > _MOST_REMEMBERED:
            del self._known[next(iter(self._known))]


class Access:
    """Lets requests in; what is refused is raised as the answer."""

    def __init__(self, client: Client, clock: Clock, node: str) -> None:
        self._client = client
        self._node = node
        self._visitors = _Memory[tuple[Visitor | None]](clock.now)
        self._verdicts = _Memory[bool](clock.now)

    async def check(
        self, *, certificate: object, authorization: str, method: str, path: str
    ) -> None:
        """Raise 401 for nobody, 403 for a user who may not do this.

        `certificate` is as Python's ssl module describes one that holds, `path` the route's.
        """
        visitor = visitor_of(certificate) or await self._bearer(authorization)
        if visitor is None:
            raise web.HTTPUnauthorized(text="Unauthorized")
        if _MASTERS in visitor.groups:
            return
        verb, asked = _VERBS.get(method, ""), subresources(path)
        for subresource in asked:
            if await self._may(visitor, verb, subresource):
                return
        listed = " ".join(asked)
        raise web.HTTPForbidden(
            text=f"Forbidden (user={visitor.name}, verb={verb}, resource=nodes, "
            f"subresource(s)=[{listed}])\n"
        )

    async def _bearer(self, authorization: str) -> Visitor | None:
        kind, _, token = authorization.partition(" ")
        token = token.strip()
        if kind.lower() != "bearer" or not token:
            return None
        # Tokens themselves are not kept.
        key = hashlib.sha256(token.encode()).hexdigest()
        known = self._visitors.get(key)
        if known is None:
            known = (await self._review(token),)
            self._visitors.put(key, known, _TOKENS)
        return known[0]

    async def _review(self, token: str) -> Visitor | None:
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token},
        }
        try:
            answer = await self._client.create(TOKENREVIEWS, body)
        except ApiError as error:
            _log.warning("a token cannot be reviewed: %s", error)
            raise web.HTTPUnauthorized(text="Unauthorized") from error
        status: Mapping[str, Any] = answer.get("status") or {}
        user = status.get("user") or {}
        if not status.get("authenticated") or not user.get("username"):
            return None
        return Visitor(
            user["username"],
            user.get("uid") or "",
            tuple(user.get("groups") or ()),
            user.get("extra") or {},
        )

    async def _may(self, visitor: Visitor, verb: str, subresource: str) -> bool:
        spec: Object = {
            "user": visitor.name,
            "resourceAttributes": {
                "verb": verb,
                "version": "v1",
                "resource": "nodes",
                "subresource": subresource,
                "name": self._node,
            },
        }
        more = {"uid": visitor.uid, "groups": list(visitor.groups), "extra": dict(visitor.extra)}
        spec |= {name: value for name, value in more.items() if value}
        key = repr(spec)
        known = self._verdicts.get(key)
        if known is None:
            known = await self._ask(visitor, verb, subresource, spec)
            self._verdicts.put(key, known, _ALLOWED if known else _REFUSED)
        return known

    async def _ask(self, visitor: Visitor, verb: str, subresource: str, spec: Object) -> bool:
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": spec,
        }
        try:
            answer = await self._client.create(SUBJECTACCESSREVIEWS, body)
        except ApiError as error:
            _log.warning("an access cannot be reviewed: %s", error)
            raise web.HTTPInternalServerError(
                text=f"Authorization error (user={visitor.name}, verb={verb}, resource=nodes, "
                f"subresource={subresource})"
            ) from error
        return bool((answer.get("status") or {}).get("allowed"))
