"""Audit events as upstream writes them: `audit.k8s.io/v1`, as JSON or as one line of text. Pure."""

import ipaddress
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from pinnace.api.objects import Object
from pinnace.api.wire import Request, User
from pinnace.apiserver.audit.policy import LEVEL_NAMES, Level
from pinnace.apiserver.routes import RequestInfo

_LONGEST_AGENT = 1024
_PATH_SAFE = "/:@!$&'()*+,;=~-._"
TRUNCATED = "audit.k8s.io/truncated"


@dataclass(frozen=True, slots=True)
class Event:
    """What is noted of a request at one stage; the objects in it are JSON already."""

    level: Level
    fields: Object

    def encoded(self) -> bytes:
        """Return the event as a JSON document."""
        return orjson.dumps(self.fields)

    def truncated(self) -> "Event":
        """Return the event without the objects of request and response."""
        dropped = ("requestObject", "responseObject")
        fields = {name: value for name, value in self.fields.items() if name not in dropped}
        fields["annotations"] = {**(fields.get("annotations") or {}), TRUNCATED: "true"}
        return Event(self.level, fields)

    def line(self) -> str:
        """Return the event as one line of text, as upstream's legacy format has it."""
        fields = self.fields
        user, as_user = fields["user"], fields.get("impersonatedUser")
        name = user.get("username") or "<none>"
        groups = _listed(user.get("groups") or ()) if user.get("username") else ""
        as_groups = _listed(as_user.get("groups") or ()) if as_user else ""
        status = fields.get("responseStatus")
        parts = {
            "id": fields["auditID"],
            "stage": fields["stage"],
            "ip": (fields.get("sourceIPs") or ["<unknown>"])[0],
            "method": fields["verb"],
            "user": name,
            "groups": groups or "<none>",
            "as": as_user.get("username", "") if as_user else "<self>",
            "asgroups": as_groups or "<lookup>",
            "user-agent": fields.get("userAgent", ""),
            "namespace": (fields.get("objectRef") or {}).get("namespace") or "<none>",
            "uri": fields["requestURI"],
        }
        text = " ".join(f"{key}={_quoted(value)}" for key, value in parts.items())
        code = "<deferred>" if status is None else status.get("code", 0)
        return f'{fields["requestReceivedTimestamp"]} AUDIT: {text} response="{code}"'


def event_list(events: Sequence[Event]) -> bytes:
    """Return the document that webhooks are sent."""
    items = [
        {name: value for name, value in event.fields.items() if name not in ("kind", "apiVersion")}
        for event in events
    ]
    return orjson.dumps(
        {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "metadata": {}, "items": items}
    )


def about(request: Request, info: RequestInfo, user: User | None) -> Object:
    """Return the fields that are known when a request comes, in upstream's order."""
    fields: Object = {
        "requestURI": request_uri(request),
        "verb": info.verb,
        "user": user_info(user) if user is not None else {},
    }
    addresses = source_addresses(request.headers, request.remote)
    if addresses:
        fields["sourceIPs"] = addresses
    agent = request.headers.get("user-agent")
    if agent:
        if len(agent) > _LONGEST_AGENT:
            agent = agent[:_LONGEST_AGENT] + "...TRUNCATED"
        fields["userAgent"] = agent
    return fields


def request_uri(request: Request) -> str:
    """Return path and query as they were sent."""
    path = quote(request.path, safe=_PATH_SAFE)
    query = request.raw_query or (urlencode(request.query, doseq=True) if request.query else "")
    return f"{path}?{query}" if query else path


def user_info(user: User) -> Object:
    """Return an `authentication.k8s.io` UserInfo."""
    found: Object = {"username": user.name} if user.name else {}
    if user.uid:
        found["uid"] = user.uid
    if user.groups:
        found["groups"] = list(user.groups)
    if user.extra:
        found["extra"] = {key: list(user.extra[key]) for key in sorted(user.extra)}
    return found


def source_addresses(headers: Mapping[str, str], remote: str) -> list[str]:
    """Return where a request comes from: what proxies say, and who is connected."""
    forwarded, real = headers.get("x-forwarded-for"), headers.get("x-real-ip")
    if not forwarded and not real:
        return [remote] if remote else []
    last = _address(remote)
    found = [each for part in (forwarded or "").split(",") if (each := _address(part.strip()))]
    own = _address(real or "")
    if own and own not in found:
        found.append(own)
    if last and (not found or found[-1] != last):
        found.append(last)
    return found


def _address(text: str) -> str:
    """Return an address as Go prints it, or nothing for what is none."""
    if not text:
        return ""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(found)


def object_reference(info: RequestInfo, known: Mapping[str, str]) -> Object | None:
    """Return what a request is about; `known` is what its object says where the path does not."""
    if not info.resource:
        return None
    given = {
        "resource": info.resource,
        "namespace": info.namespace or known.get("namespace"),
        "name": info.name or known.get("name"),
        "uid": known.get("uid"),
        "apiGroup": info.group,
        "apiVersion": info.version,
        "resourceVersion": known.get("resourceVersion"),
        "subresource": info.subresource,
    }
    return {name: value for name, value in given.items() if value}


def level_name(level: Level) -> str:
    """Return upstream's name of a level."""
    return LEVEL_NAMES[level]


def _quoted(text: Any) -> str:
    return json.dumps(str(text), ensure_ascii=False)


def _listed(groups: Sequence[str]) -> str:
    return ",".join(_quoted(group) for group in groups)
