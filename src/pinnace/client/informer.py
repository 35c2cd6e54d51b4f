"""The current objects of a resource in memory, shared by all components of a process.

An informer is a reflector's sink with indexes and handlers. Its objects are shared and must
never be changed. `metadata.managedFields` is dropped as the objects come in: no component looks
at it, it is often the larger half of an object, and a write without it leaves it as it is.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Self

from pinnace.api.objects import Key, Object, key_of
from pinnace.api.resources import Resource
from pinnace.client.base import Client, EventType, Handler, Index, WatchEvent
from pinnace.client.reflector import Reflector, Selection
from pinnace.kit.clock import Clock

log = logging.getLogger(__name__)


class _Indexed:
    """One index: which objects have which value."""

    def __init__(self, function: Index) -> None:
        self.function = function
        self._values: dict[str, dict[Key, Object]] = {}

    def put(self, key: Key, old: Object | None, new: Object | None) -> None:
        if old is not None:
            for value in self.function(old):
                entries = self._values.get(value)
                if entries is not None:
                    entries.pop(key, None)
                    if not entries:
                        del self._values[value]
        if new is not None:
            for value in self.function(new):
                self._values.setdefault(value, {})[key] = new

    def find(self, value: str) -> Iterable[Object]:
        return list(self._values.get(value, {}).values())


def _namespace(obj: Object) -> Iterable[str]:
    return (obj["metadata"].get("namespace", ""),)


class CachedInformer:
    """`client.base.Informer`, filled by a reflector."""

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self._objects: dict[Key, Object] = {}
        self._by_namespace = _Indexed(_namespace)
        self._indexes: dict[str, _Indexed] = {}
        self._handlers: list[Handler] = []
        self._synced = asyncio.Event()
        self._revision = 0

    @property
    def revision(self) -> int:
        """The revision of the newest change that is in; what was written later is not."""
        return self._revision

    @property
    def synced(self) -> bool:
        """Whether the first list is in."""
        return self._synced.is_set()

    def get(self, key: Key) -> Object | None:
        return self._objects.get(key)

    def list(self, namespace: str = "") -> Iterable[Object]:
        return self._by_namespace.find(namespace) if namespace else list(self._objects.values())

    def by_index(self, name: str, value: str) -> Iterable[Object]:
        return self._indexes[name].find(value)

    def add_index(self, name: str, index: Index) -> None:
        if name in self._indexes:
            if self._indexes[name].function is not index:
                raise ValueError(f"another index is called {name}")
            return
        added = _Indexed(index)
        for key, obj in self._objects.items():
            added.put(key, None, obj)
        self._indexes[name] = added

    def add_handler(self, handler: Handler) -> Callable[[], None]:
        self._handlers.append(handler)
        for obj in list(self._objects.values()):
            self._call(handler, "ADDED", None, obj)

        def remove() -> None:
            if handler in self._handlers:
                self._handlers.remove(handler)

        return remove

    async def wait_synced(self) -> None:
        await self._synced.wait()

    def replace(self, items: Sequence[Object], revision: str) -> None:
        """Take these for all there is: what is missing has been deleted meanwhile."""
        self._revision = int(revision)
        found = {key_of(item): item for item in items}
        for key in [key for key in self._objects if key not in found]:
            self._put(key, None)
        for key, item in found.items():
            old = self._objects.get(key)
            if old is not None and old["metadata"].get("uid") != item["metadata"].get("uid"):
                # Deleted and created again while nobody looked: two objects, two events.
                self._put(key, None)
            elif old is not None and _revision(old) == _revision(item):
                continue
            self._put(key, item)
        self._synced.set()

    def apply(self, event: WatchEvent) -> None:
        """Take one change."""
        key = key_of(event.object)
        self._revision = int(event.object["metadata"]["resourceVersion"])
        self._put(key, None if event.type == "DELETED" else event.object, last=event.object)

    def _put(self, key: Key, new: Object | None, last: Object | None = None) -> None:
        old = self._objects.get(key)
        if new is None:
            if old is None:
                return
            del self._objects[key]
        else:
            new["metadata"].pop("managedFields", None)
            self._objects[key] = new
        for index in (self._by_namespace, *self._indexes.values()):
            index.put(key, old, new)
        if new is None:
            # A DELETED event carries the object as it was last, newer than what is cached.
            self._tell("DELETED", last or old, None)
        elif old is None:
            self._tell("ADDED", None, new)
        else:
            self._tell("MODIFIED", old, new)

    def _tell(self, type: EventType, old: Object | None, new: Object | None) -> None:
        for handler in list(self._handlers):
            self._call(handler, type, old, new)

    def _call(
        self, handler: Handler, type: EventType, old: Object | None, new: Object | None
    ) -> None:
        try:
            handler(type, old, new)
        except Exception:
            # One component's fault must not stop the cache that all the others share.
            log.exception("a handler of %s failed", self.resource.plural)


def _revision(obj: Object) -> str:
    return str(obj["metadata"].get("resourceVersion"))


_Wanted = tuple[str, str, str, str, str]


class SharedInformers:
    """`client.base.Informers`: an async context manager that owns the reflectors' tasks."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._informers: dict[_Wanted, CachedInformer] = {}
        self._tasks: dict[_Wanted, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None

    async def __aenter__(self) -> Self:
        self._group = await asyncio.TaskGroup().__aenter__()
        for wanted in self._informers:
            self._start(wanted)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        group, self._group = self._group, None
        for task in self._tasks.values():
            task.cancel()
        if group is not None and kind is asyncio.CancelledError:
            await group.__aexit__(kind, error, trace)
        elif group is not None:
            # An error of the body is not the reflectors': it passes as it is, ungrouped.
            await group.__aexit__(None, None, None)

    def informer(
        self, resource: Resource, *, namespace: str = "", field_selector: str = ""
    ) -> CachedInformer:
        """Return the informer of a resource or a part of it, started if it is the first time.

        Asked for before the context is entered, it starts when the context is entered.
        """
        wanted = (resource.group, resource.version, resource.plural, namespace, field_selector)
        found = self._informers.get(wanted)
        if found is None:
            found = self._informers[wanted] = CachedInformer(resource)
            if self._group is not None:
                self._start(wanted)
        return found

    def _start(self, wanted: _Wanted) -> None:
        informer = self._informers[wanted]
        selection = Selection(namespace=wanted[3], field_selector=wanted[4])
        reflector = Reflector(self._client, self._clock, informer.resource, informer, selection)
        assert self._group is not None
        name = f"informer {wanted[2]}"
        self._tasks[wanted] = self._group.create_task(reflector.run(), name=name)
