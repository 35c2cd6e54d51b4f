"""What a component may ask of the cluster: the interfaces of the one front door.

`Client` speaks every verb for every row of the resource table. `Informer` keeps one resource in
memory; `Informers` hands out one informer per resource, shared by all components of a process.
Objects that come out of an informer are shared: never change one, copy it first.
"""

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from pinnace.api.objects import Key, Object
from pinnace.api.resources import Resource

PatchType = Literal["json", "merge", "strategic", "apply"]
EventType = Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One event of a watch."""

    type: EventType
    object: Object


class Client(Protocol):
    """Every verb for every resource. All calls raise ApiError, and nothing else."""

    async def get(self, resource: Resource, name: str, *, namespace: str = "") -> Object: ...

    async def list(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 0,
        continue_: str = "",
        resource_version: str = "",
        metadata_only: bool = False,
    ) -> Object:
        """Return the List object: `items` and `metadata.resourceVersion`.

        `metadata_only` asks for PartialObjectMetadata; whole objects may come all the same.
        """
        ...

    def watch(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        resource_version: str = "",
        initial_events: bool = False,
        timeout_seconds: int = 0,
        metadata_only: bool = False,
    ) -> AsyncGenerator[WatchEvent, None]:
        """Yield events until the server ends the watch; raises ApiError for an ERROR event."""
        ...

    async def create(
        self,
        resource: Resource,
        obj: Object,
        *,
        namespace: str = "",
        name: str = "",
        subresource: str = "",
        dry_run: bool = False,
    ) -> Object:
        """POST; with a subresource (binding, eviction, token ...) `name` names the parent."""
        ...

    async def update(self, resource: Resource, obj: Object, *, subresource: str = "") -> Object:
        """PUT; the namespace, name and expected resourceVersion are those in the object."""
        ...

    async def patch(
        self,
        resource: Resource,
        name: str,
        patch: Any,
        *,
        namespace: str = "",
        type: PatchType = "merge",
        subresource: str = "",
        field_manager: str = "",
        force: bool = False,
    ) -> Object: ...

    async def delete(
        self,
        resource: Resource,
        name: str,
        *,
        namespace: str = "",
        uid: str = "",
        resource_version: str = "",
        grace_period: int | None = None,
        propagation: Literal["", "Background", "Foreground", "Orphan"] = "",
    ) -> Object: ...

    async def delete_collection(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
    ) -> Object: ...

    async def raw(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes = b"",
        content_type: str = "application/json",
        accept: str = "",
    ) -> bytes:
        """Send anything to any path (`/readyz`, discovery ...) and return the body."""
        ...


Handler = Callable[[EventType, Object | None, Object | None], None]
Index = Callable[[Object], Iterable[str]]


class Informer(Protocol):
    """The current objects of one resource, kept so by a list and a watch that never gives up."""

    resource: Resource

    @property
    def revision(self) -> int:
        """The revision of the newest change that is in; what was written later is not."""
        ...

    def get(self, key: Key) -> Object | None: ...

    def list(self, namespace: str = "") -> Iterable[Object]:
        """Return all objects, or those of one namespace."""
        ...

    def by_index(self, name: str, value: str) -> Iterable[Object]:
        """Return the objects for which the named index function yields the value."""
        ...

    def add_index(self, name: str, index: Index) -> None:
        """Add an index; adding the same name and function again does nothing."""
        ...

    def add_handler(self, handler: Handler) -> Callable[[], None]:
        """Call `handler(type, old, new)` for each change, first ADDED for all that is there.

        Returns what removes the handler. Handlers are plain functions, called in order.
        """
        ...

    async def wait_synced(self) -> None:
        """Return once the first list is in."""
        ...


class Informers(Protocol):
    """One informer per resource, started when first asked for, shared by a process."""

    def informer(
        self, resource: Resource, *, namespace: str = "", field_selector: str = ""
    ) -> Informer:
        """Return the informer of a resource, or of a part of it (a kubelet's own Pods)."""
        ...
