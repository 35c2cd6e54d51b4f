"""What extension servers say of themselves: discovery and OpenAPI, read again every minute.

A server that speaks aggregated discovery tells of all its versions at once; an older one is asked
version by version. Who does not answer keeps its place in discovery, without resources and Stale.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

import orjson

from pinnace.api.wire import User
from pinnace.apiserver.aggregation.backends import AGGREGATOR, Backends, Told, Unreachable
from pinnace.apiserver.aggregation.registered import Registered, ServiceRef
from pinnace.apiserver.hooks.failures import CallFailed
from pinnace.apiserver.negotiation import DISCOVERY_GROUP, DISCOVERY_KIND
from pinnace.kit.backoff import Backoffs
from pinnace.kit.clock import Clock
from pinnace.kit.queue import WorkQueue

_log = logging.getLogger(__name__)
_REFRESH_SECONDS = 60.0
_DISCOVERY_SECONDS, _OPENAPI_SECONDS = 5.0, 60.0
_WORKERS = 2
_KIND = f"application/json;g={DISCOVERY_GROUP};v=%s;as={DISCOVERY_KIND}"
_ACCEPT = ",".join(_KIND % version for version in ("v2", "v2beta1"))
# Who asks an older server, and for OpenAPI.
_PLAIN_AGGREGATOR = User("system:kube-aggregator")
_READER = User("system:aggregator")
Entry = dict[str, Any]


class NoDocument(Exception):
    """An extension server did not tell what was asked."""


@dataclass(frozen=True, slots=True)
class Described:
    """What is known of one group version: its entry in aggregated discovery, its OpenAPI.

    `v3` are the URLs of its third version by path, `v2` the bytes of the second.
    """

    entry: bytes
    v3: Mapping[str, str] = field(default_factory=dict)
    v2: bytes = b""
    v2_etag: str = ""


@dataclass(frozen=True, slots=True)
class _Discovered:
    etag: str
    entries: Mapping[tuple[str, str], Entry]


class Documents:
    """The documents of all extension servers; `changed` is called when one of them is another."""

    def __init__(
        self,
        clock: Clock,
        backends: Backends,
        held: Mapping[str, Registered],
        changed: Callable[[], None],
    ) -> None:
        self._backends = backends
        self._held = held
        self._changed = changed
        self._queue: WorkQueue[str] = WorkQueue(clock, Backoffs(0.5, _REFRESH_SECONDS))
        self._discovered: dict[ServiceRef, _Discovered] = {}
        self.described: dict[str, Described] = {}

    def look_at(self, name: str) -> None:
        """See to an APIService that is new, or another now."""
        held = self._held.get(name)
        if held is not None and held.service is not None and name not in self.described:
            # It has its place at once, and what it serves as soon as it says so.
            self.described[name] = Described(_encoded(held, None, stale=True))
        self._queue.add(name)

    async def run(self) -> None:
        """Read what is to be read, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(_WORKERS):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            name = await self._queue.get()
            try:
                held = self._held.get(name)
                if held is None or held.service is None:
                    self._forget(name)
                elif await self._refresh(held):
                    self._queue.forget(name)
                    self._queue.add_after(name, _REFRESH_SECONDS)
                else:
                    self._queue.add_rate_limited(name)
            finally:
                self._queue.done(name)

    def _forget(self, name: str) -> None:
        self._queue.forget(name)
        used = {each.service for each in self._held.values()}
        for service in [each for each in self._discovered if each not in used]:
            del self._discovered[service]
        if self.described.pop(name, None) is not None:
            self._changed()

    async def _refresh(self, held: Registered) -> bool:
        """Read the documents of one group version; return whether that went well."""
        known = self.described.get(held.name) or Described(b"")
        try:
            entry = await self._entry(held)
            new = replace(known, entry=_encoded(held, entry, stale=False))
            new = await self._with_openapi(held, new)
        except (CallFailed, NoDocument, Unreachable) as error:
            _log.info("documents of APIService %s: %s", held.name, error)
            new = Described(_encoded(held, None, stale=True))
        well = bool(new.v3 or new.v2) or b'"Stale"' not in new.entry
        now = self._held.get(held.name)
        if now is not None and now.service == held.service and new != known:
            self.described[held.name] = new
            self._changed()
        return well

    async def _entry(self, held: Registered) -> Entry | None:
        """Return what a server says of a group version; None if it does not know it."""
        assert held.service is not None
        if not held.available:
            raise NoDocument("service unavailable")
        known = self._discovered.get(held.service)
        told = await self._get(
            held, "/apis", AGGREGATOR, _DISCOVERY_SECONDS,
            accept=_ACCEPT, etag=known.etag if known is not None else "",
        )  # fmt: skip
        if told.status == 304 and known is not None:
            return known.entries.get((held.group, held.version))
        if told.status == 503:
            raise NoDocument(f"returned non-success response code: {told.status}")
        if told.status == 200 and DISCOVERY_KIND in told.content_type:
            found = _Discovered(told.etag, _entries(_decoded(told)))
            self._discovered[held.service] = found
            return found.entries.get((held.group, held.version))
        path = quote(held.path if held.group else f"/api/{held.version}")
        told = await self._get(held, path, _PLAIN_AGGREGATOR, _DISCOVERY_SECONDS,
                               accept="application/json")  # fmt: skip
        if told.status != 200:
            raise NoDocument(f"failed to download legacy discovery for {path}: {told.status}")
        return {"version": held.version, "resources": legacy_resources(_decoded(told))}

    async def _with_openapi(self, held: Registered, new: Described) -> Described:
        """Return what is known with OpenAPI as it is now; what is not told is left as it was."""
        try:
            told = await self._get(held, "/openapi/v3", _READER, _OPENAPI_SECONDS)
            v3 = _urls(_decoded(told)) if told.status == 200 else {}
            told = await self._get(held, "/openapi/v2", _READER, _OPENAPI_SECONDS,
                                   accept="application/json", etag=new.v2_etag)  # fmt: skip
        except (CallFailed, NoDocument, Unreachable) as error:
            _log.info("OpenAPI of APIService %s: %s", held.name, error)
            return new
        if told.status == 200:
            return replace(new, v3=v3, v2=told.body, v2_etag=told.etag)
        return replace(new, v3=v3) if told.status == 304 else replace(new, v3=v3, v2=b"")

    async def _get(
        self,
        held: Registered,
        path: str,
        user: User,
        seconds: float,
        *,
        accept: str = "",
        etag: str = "",
    ) -> Told:
        target = await self._backends.resolve(held, path)
        return await self._backends.get(
            held, target, user=user, accept=accept, etag=etag, seconds=seconds
        )


def _decoded(told: Told) -> dict[str, Any]:
    try:
        found = orjson.loads(told.body)
    except orjson.JSONDecodeError as error:
        raise NoDocument(f"not JSON: {error}") from error
    if not isinstance(found, dict):
        raise NoDocument("no document, but something else")
    return found


def _entries(document: dict[str, Any]) -> dict[tuple[str, str], Entry]:
    """Return the versions of an APIGroupDiscoveryList."""
    try:
        return {
            (group["metadata"]["name"], version["version"]): version
            for group in document.get("items") or ()
            for version in group.get("versions") or ()
        }
    except (AttributeError, KeyError, TypeError) as error:
        raise NoDocument(f"no APIGroupDiscoveryList: {error}") from error


def _urls(document: dict[str, Any]) -> dict[str, str]:
    """Return the URLs of an index of OpenAPI's third version, by path."""
    try:
        return {
            str(path): str(entry["serverRelativeURL"])
            for path, entry in (document.get("paths") or {}).items()
        }
    except (AttributeError, KeyError, TypeError) as error:
        raise NoDocument(f"no index of OpenAPI: {error}") from error


def _encoded(held: Registered, entry: Entry | None, *, stale: bool) -> bytes:
    """Return the entry of a version in aggregated discovery."""
    found = entry or {}
    resources = found.get("resources") or []
    made: Entry = {"version": held.version}
    if resources:
        made["resources"] = resources
    return orjson.dumps(made | {"freshness": "Stale" if stale else "Current"})


def legacy_resources(document: Mapping[str, Any]) -> list[Entry]:
    """Return an APIResourceList as aggregated discovery tells of resources."""
    found: dict[str, Entry] = {}
    listed = document.get("resources") or ()
    try:
        for each in listed:
            if "/" not in each["name"]:
                found[each["name"]] = _resource(each)
        for each in listed:
            parent, slash, name = each["name"].partition("/")
            if slash:
                _add_subresource(found, parent, name, each)
    except (AttributeError, KeyError, TypeError) as error:
        raise NoDocument(f"no APIResourceList: {error}") from error
    return list(found.values())


def _scope(each: Mapping[str, Any]) -> str:
    return "Namespaced" if each.get("namespaced") else "Cluster"


def _kind(each: Mapping[str, Any]) -> dict[str, str]:
    return {name: each.get(name) or "" for name in ("group", "version", "kind")}


def _resource(each: Mapping[str, Any]) -> Entry:
    entry = {
        "resource": each["name"],
        "responseKind": _kind(each),
        "scope": _scope(each),
        "singularResource": each.get("singularName") or "",
        "verbs": each.get("verbs") or [],
    }
    return entry | {key: each[key] for key in ("shortNames", "categories") if each.get(key)}


def _add_subresource(
    found: dict[str, Entry], parent: str, name: str, each: Mapping[str, Any]
) -> None:
    nothing = {"group": "", "version": "", "kind": ""}
    above = found.setdefault(
        parent,
        {"resource": parent, "responseKind": nothing, "scope": _scope(each),
         "singularResource": "", "verbs": []},
    )  # fmt: skip
    if above["scope"] != _scope(each):
        raise NoDocument(
            f"Error: Parent {parent} (scope: {above['scope']}) and subresource {name} "
            f"(scope: {_scope(each)}) scope do not match"
        )
    entry: Entry = {
        "subresource": name,
        "responseKind": _kind(each) if each.get("kind") else nothing,
        "verbs": each.get("verbs") or [],
    }
    above.setdefault("subresources", []).append(entry)
