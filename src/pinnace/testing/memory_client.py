"""A cluster of plain objects: `client.base.Client` and `Informers` without an API server.

It stores, counts revisions, deletes with grace and tells its informers at once. It does not
default, validate, authorise or watch; for those there is the API server in process.
"""

import copy
import itertools
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from typing import Any, Literal

from pinnace.api.errors import Conflict, conflict, not_found
from pinnace.api.objects import Key, Object
from pinnace.api.patch import merge
from pinnace.api.resources import Resource
from pinnace.client.base import EventType, Handler, Index, PatchType, WatchEvent


class MemoryInformer:
    """The objects of one resource, always up to date."""

    def __init__(self, resource: Resource, objects: dict[Key, Object]) -> None:
        self.resource = resource
        self._objects = objects
        self.handlers: list[Handler] = []

    @property
    def revision(self) -> int:
        return max(
            (int(o["metadata"]["resourceVersion"]) for o in self._objects.values()), default=0
        )

    def get(self, key: Key) -> Object | None:
        return self._objects.get(key)

    def list(self, namespace: str = "") -> Iterable[Object]:
        return [
            each
            for each in self._objects.values()
            if not namespace or each["metadata"].get("namespace") == namespace
        ]

    def by_index(self, name: str, value: str) -> Iterable[Object]:
        raise NotImplementedError("the memory client has no indexes")

    def add_index(self, name: str, index: Index) -> None:
        raise NotImplementedError("the memory client has no indexes")

    def add_handler(self, handler: Handler) -> Callable[[], None]:
        self.handlers.append(handler)
        for each in list(self._objects.values()):
            handler("ADDED", None, each)
        return lambda: self.handlers.remove(handler)

    async def wait_synced(self) -> None:
        return


class MemoryCluster:
    """Objects by resource and key; both a Client and Informers."""

    def __init__(self, now: Callable[[], str]) -> None:
        self._now = now
        self._revisions = itertools.count(1)
        self._objects: dict[str, dict[Key, Object]] = {}
        self._informers: dict[str, MemoryInformer] = {}
        self.tokens = itertools.count(1)

    def _of(self, resource: Resource) -> dict[Key, Object]:
        return self._objects.setdefault(resource.plural, {})

    def informer(
        self, resource: Resource, *, namespace: str = "", field_selector: str = ""
    ) -> MemoryInformer:
        made = MemoryInformer(resource, self._of(resource))
        return self._informers.setdefault(resource.plural, made)

    def _tell(
        self, resource: Resource, type: EventType, old: Object | None, new: Object | None
    ) -> None:
        for handler in list(self.informer(resource).handlers):
            handler(type, old, new)

    def _put(self, resource: Resource, key: Key, obj: Object) -> Object:
        old = self._of(resource).get(key)
        obj["metadata"]["resourceVersion"] = str(next(self._revisions))
        self._of(resource)[key] = obj
        self._tell(resource, "MODIFIED" if old else "ADDED", old, obj)
        return copy.deepcopy(obj)

    def _get(self, resource: Resource, key: Key) -> Object:
        found = self._of(resource).get(key)
        if found is None:
            raise not_found(resource.plural, resource.group, key.name)
        return found

    async def get(self, resource: Resource, name: str, *, namespace: str = "") -> Object:
        return copy.deepcopy(self._get(resource, Key(namespace, name)))

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
        items = self.informer(resource).list(namespace)
        return {"kind": resource.list_kind, "items": copy.deepcopy(items), "metadata": {}}

    async def watch(
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
        raise NotImplementedError("the memory client tells informers only")
        yield

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
        if subresource == "token":
            text = f"token-{next(self.tokens)}"
            expires = "2099-01-01T00:00:00Z"
            return {**obj, "status": {"token": text, "expirationTimestamp": expires}}
        made = copy.deepcopy(obj)
        meta = made["metadata"]
        if namespace:
            meta.setdefault("namespace", namespace)
        meta.setdefault("uid", f"uid-{meta['name']}")
        meta.setdefault("creationTimestamp", self._now())
        return self._put(resource, Key(meta.get("namespace", ""), meta["name"]), made)

    async def update(self, resource: Resource, obj: Object, *, subresource: str = "") -> Object:
        meta = obj["metadata"]
        key = Key(meta.get("namespace", ""), meta["name"])
        found = self._get(resource, key)
        expected = meta.get("resourceVersion")
        if expected and expected != found["metadata"]["resourceVersion"]:
            raise conflict(
                resource.plural, resource.group, key.name, "the object has been modified"
            )
        return self._put(resource, key, copy.deepcopy(obj))

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
    ) -> Object:
        key = Key(namespace, name)
        found = self._get(resource, key)
        expected = patch.get("metadata", {})
        for field in ("uid", "resourceVersion"):
            if expected.get(field) and expected[field] != found["metadata"].get(field):
                raise conflict(resource.plural, resource.group, name, f"{field} differs")
        return self._put(resource, key, merge.apply(found, patch))

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
    ) -> Object:
        key = Key(namespace, name)
        found = self._get(resource, key)
        if uid and found["metadata"].get("uid") != uid:
            raise Conflict(f"Precondition failed: UID in precondition: {uid}")
        default = found["spec"].get("terminationGracePeriodSeconds", 30) if "spec" in found else 0
        grace = default if grace_period is None else grace_period
        if resource.plural == "pods" and grace > 0:
            changed = copy.deepcopy(found)
            changed["metadata"] |= {
                "deletionTimestamp": self._now(),
                "deletionGracePeriodSeconds": grace,
            }
            return self._put(resource, key, changed)
        del self._of(resource)[key]
        self._tell(resource, "DELETED", found, None)
        return copy.deepcopy(found)

    async def delete_collection(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
    ) -> Object:
        raise NotImplementedError("the memory client deletes one by one")

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
        raise NotImplementedError("the memory client has no paths")
