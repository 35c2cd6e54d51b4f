"""All of API aggregation, put together for one server.

The APIServices are followed here. Each change is told to whom it concerns: who registers what this
server serves itself (`registration`), who checks whether extension servers are there
(`availability`), who reads their documents (`documents`). A request asks `proxied` alone, which
costs one comparison while no APIService names a Service.
"""

import asyncio
from collections.abc import Callable, Collection
from functools import partial

from pinnace.api.kinds.apiregistration import APISERVICES
from pinnace.api.kinds.core import SERVICES
from pinnace.api.kinds.discovery import ENDPOINTSLICES
from pinnace.api.wire import Answer, Request, User
from pinnace.apiserver.aggregation.availability import Availability
from pinnace.apiserver.aggregation.backends import Backends
from pinnace.apiserver.aggregation.documents import Documents
from pinnace.apiserver.aggregation.priorities import Priority
from pinnace.apiserver.aggregation.proxy import pass_on
from pinnace.apiserver.aggregation.registered import Registered, read
from pinnace.apiserver.aggregation.registration import Registrar
from pinnace.apiserver.core import Core
from pinnace.store.watchcache.changes import Change
from pinnace.store.watchcache.item import Item

_SERVICE_NAME = "kubernetes.io/service-name"
_OPENAPI = "/openapi/v3/"


class Aggregator:
    """The aggregation layer; `changed` is called when discovery or OpenAPI is another."""

    def __init__(self, core: Core, changed: Callable[[], None]) -> None:
        self._core = core
        self._changed_all = changed
        self._held: dict[str, Registered] = {}
        self._remote: dict[tuple[str, str], Registered] = {}
        self._by_service: dict[tuple[str, str], list[str]] = {}
        self._openapi: dict[str, Registered] = {}
        self._woken = asyncio.Event()
        self._backends = Backends(core.lookup, core.config.front_proxy_client)
        self._documents = Documents(core.clock, self._backends, self._held, self._described)
        self._availability = Availability(core, self._backends, self._held)
        self.registrar = Registrar(core, self._held, changed)

    async def start(self) -> None:
        """Take the APIServices that there are, and follow them."""
        cache = await self._core.cache(APISERVICES)
        for item in cache.items():
            self._take(item)
        cache.listeners.append(self._heard)
        self.registrar.start()

    async def run(self) -> None:
        """Do all that is to be done beside requests, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.registrar.run())
            group.create_task(self._availability.run())
            group.create_task(self._documents.run())
            await self._woken.wait()
            await self._follow()

    async def close(self) -> None:
        """Let go of all connections."""
        await self._backends.close()

    def proxied(self, path: str) -> Registered | None:
        """Return the APIService whose server answers a path; None if this one does."""
        if not self._remote:
            return None
        parts = path.split("/", 4)
        if parts[1] == "apis" and len(parts) > 3:
            return self._remote.get((parts[2], parts[3]))
        if parts[1] == "api":
            return self._remote.get(("", "v1"))
        return self._openapi.get(path) if path.startswith(_OPENAPI) else None

    async def pass_on(
        self, registered: Registered, request: Request, user: User, audit: str
    ) -> Answer:
        """Return what an extension server answers."""
        return await pass_on(self._backends, registered, request, user, audit)

    def services(self) -> list[Registered]:
        """Return all APIServices, those included that are about to be written."""
        return list(self.registrar.effective())

    def entries(self) -> dict[tuple[str, str], tuple[Priority, bytes]]:
        """Return what aggregated discovery says of the group versions of extension servers."""
        described = self._documents.described
        return {
            version: (held.priority, described[held.name].entry)
            for version, held in self._remote.items()
            if held.name in described
        }

    def openapi_urls(self) -> dict[str, str]:
        """Return where the OpenAPI documents of extension servers are, by path.

        What this server documents itself, and is not taken from it, stays its own.
        """
        own = {row.group for row in self._core.rows}
        return {
            path: url
            for held in self._remote.values()
            if held.name in self._documents.described
            for path, url in self._documents.described[held.name].v3.items()
            if path == held.path.removeprefix("/") or _is_of_others(path, own)
        }

    def openapi_v2(self) -> list[tuple[str, bytes]]:
        """Return the second versions of their documents, and below which path each counts."""
        described = self._documents.described
        return [
            (f"{held.path}/", described[held.name].v2)
            for held in sorted(self._remote.values(), key=lambda each: (-each.priority.group,
                                                                      each.name))
            if held.name in described and described[held.name].v2
        ]  # fmt: skip

    def _heard(self, change: Change) -> None:
        if change.type == "DELETED":
            self._drop(change.item.name)
        else:
            self._take(change.item)
        self._changed_all()

    def _take(self, item: Item) -> None:
        old, new = self._held.get(item.name), read(item.decode())
        self._held[item.name] = new
        self._core.tallies.unavailable.values[(item.name,)] = 0 if new.available else 1
        self.registrar.look_at(item.name)
        if new.service is not None:
            self._remote[new.group, new.version] = new
        elif old is not None and old.service is not None:
            self._remote.pop((old.group, old.version), None)
        self._index()
        if new.service is not None or not new.available or (old is not None and old.service):
            self._availability.look_at(item.name)
            self._documents.look_at(item.name)
            self._woken.set()

    def _drop(self, name: str) -> None:
        old = self._held.pop(name, None)
        self._core.tallies.unavailable.values.pop((name,), None)
        self.registrar.look_at(name)
        if old is not None and old.service is not None:
            self._remote.pop((old.group, old.version), None)
            self._index()
            self._documents.look_at(name)

    def _index(self) -> None:
        self._by_service.clear()
        for held in self._remote.values():
            assert held.service is not None
            where = held.service.namespace, held.service.name
            self._by_service.setdefault(where, []).append(held.name)
        self._described()

    def _described(self) -> None:
        """Take it that documents of extension servers are others now."""
        described, own = self._documents.described, self.openapi_urls()
        self._openapi = {
            f"{_OPENAPI}{path}": held
            for held in self._remote.values()
            if held.name in described
            for path in described[held.name].v3
            if path in own
        }
        self._changed_all()

    async def _follow(self) -> None:
        """Follow Services and endpoints, from when the first APIService names one."""
        for row, name_of in ((SERVICES, _own_name), (ENDPOINTSLICES, _service_name)):
            cache = await self._core.cache(row)
            cache.listeners.append(partial(self._service_heard, name_of))

    def _service_heard(self, name_of: Callable[[Item], str], change: Change) -> None:
        if not self._by_service:
            return
        for name in self._by_service.get((change.item.namespace, name_of(change.item)), ()):
            self._availability.look_at(name)


def _own_name(item: Item) -> str:
    return item.name


def _service_name(item: Item) -> str:
    return item.labels.get(_SERVICE_NAME, "")


def _is_of_others(path: str, own: Collection[str]) -> bool:
    """Say whether a document is of a group that this server does not serve."""
    parts = path.split("/")
    return parts[0] == "apis" and len(parts) > 1 and parts[1] not in own
