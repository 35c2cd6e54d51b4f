"""A cluster of dictionaries: just enough of an API server for controllers to work against."""

import asyncio
import contextlib
import itertools

import orjson

from pinnace.api.errors import Conflict, NotFound, already_exists, not_found
from pinnace.api.kinds.table import RESOURCES
from pinnace.api.objects import format_time
from pinnace.client.base import WatchEvent
from pinnace.client.informer import SharedInformers
from pinnace.controllers.base import Config
from pinnace.controllers.runtime import run_controllers
from pinnace.kit.clock import VirtualClock


def copy(obj):
    return orjson.loads(orjson.dumps(obj))


class FakeCluster:
    """A `Client` that keeps its objects in memory, with finalizers and optimistic locking."""

    def __init__(self, clock):
        self.clock = clock
        self.revision = itertools.count(1)
        self.uids = itertools.count(1)
        self.objects = {}
        self.watchers = []
        self.fail = {}
        self.calls = []
        # What extension servers answer, by path.
        self.answers = {}

    def _where(self, row, namespace, name):
        return (row.group, row.plural, namespace if row.namespaced else "", name)

    def _find(self, row, namespace, name):
        found = self.objects.get(self._where(row, namespace, name))
        if found is None:
            raise not_found(row.plural, row.group, name)
        return found

    def _put(self, row, obj, kind):
        meta = obj["metadata"]
        meta["resourceVersion"] = str(next(self.revision))
        where = self._where(row, meta.get("namespace", ""), meta["name"])
        if kind == "DELETED":
            self.objects.pop(where)
        else:
            self.objects[where] = obj
        for watched, queue in self.watchers:
            if (watched.group, watched.plural) == (row.group, row.plural):
                queue.put_nowait(WatchEvent(kind, copy(obj)))
        return copy(obj)

    def _check(self, verb, row):
        self.calls.append((verb, row.plural))
        if error := self.fail.get((verb, row.plural)):
            raise error

    async def get(self, row, name, *, namespace=""):
        return copy(self._find(row, namespace, name))

    def all(self, row, namespace=""):
        return [
            copy(obj)
            for (group, plural, where, _), obj in self.objects.items()
            if (group, plural) == (row.group, row.plural) and namespace in ("", where)
        ]

    async def list(self, row, *, namespace="", **_):
        return {
            "items": self.all(row, namespace),
            "metadata": {"resourceVersion": str(next(self.revision))},
        }

    async def watch(self, row, **_):
        queue = asyncio.Queue()
        self.watchers.append((row, queue))
        for obj in self.all(row):
            yield WatchEvent("ADDED", obj)
        annotations = {"k8s.io/initial-events-end": "true"}
        meta = {"resourceVersion": str(next(self.revision)), "annotations": annotations}
        yield WatchEvent("BOOKMARK", {"metadata": meta})
        while True:
            yield await queue.get()

    async def create(self, row, obj, *, namespace="", name="", subresource="", dry_run=False):
        self._check("create", row)
        obj = {"kind": row.kind, "apiVersion": row.group_version, **copy(obj)}
        meta = obj["metadata"]
        number = next(self.uids)
        if "name" not in meta:
            meta["name"] = f"{meta['generateName']}{number:05d}"
        if self._where(row, meta.get("namespace", ""), meta["name"]) in self.objects:
            raise already_exists(row.plural, row.group, meta["name"])
        meta |= {
            "uid": f"uid-{number:05d}",
            "generation": 1,
            "creationTimestamp": format_time(self.clock.now()),
        }
        if row.plural == "pods":
            obj.setdefault("status", {"phase": "Pending"})
        return self._put(row, obj, "ADDED")

    async def update(self, row, obj, *, subresource=""):
        self._check("update", row)
        obj = {"kind": row.kind, "apiVersion": row.group_version, **copy(obj)}
        meta = obj["metadata"]
        old = self._find(row, meta.get("namespace", ""), meta["name"])
        if meta.get("resourceVersion", "") not in ("", old["metadata"]["resourceVersion"]):
            raise Conflict("the object has been modified")
        if subresource == "scale":
            new = copy(old)
            new["spec"]["replicas"] = obj["spec"]["replicas"]
        elif subresource == "status":
            new = {**copy(old), "status": obj.get("status")}
            new["metadata"]["annotations"] = meta.get("annotations") or {}
        else:
            new = {**obj, "status": copy(old.get("status") or {})}
            changed = obj.get("spec") != old.get("spec")
            new["metadata"]["generation"] = old["metadata"]["generation"] + changed
            new["metadata"]["uid"] = old["metadata"]["uid"]
        return self._settle(row, new)

    def _settle(self, row, obj):
        meta = obj["metadata"]
        held = meta.get("finalizers") or (obj.get("spec") or {}).get("finalizers")
        gone = "deletionTimestamp" in meta and not held and not meta.get("graceful")
        return self._put(row, obj, "DELETED" if gone else "MODIFIED")

    async def patch(self, row, name, patch, *, namespace="", type="merge", subresource="", **_):
        self._check("patch", row)
        obj = copy(self._find(row, namespace, name))
        version = patch.get("metadata", {}).get("resourceVersion")
        if version not in (None, obj["metadata"]["resourceVersion"]):
            raise Conflict("the object has been modified")
        merge(obj, copy(patch), strategic=type == "strategic")
        return self._settle(row, obj)

    async def delete(
        self, row, name, *, namespace="", uid="", propagation="", grace_period=None, **_
    ):
        self._check("delete", row)
        obj = copy(self._find(row, namespace, name))
        meta = obj["metadata"]
        if uid not in ("", meta["uid"]):
            raise Conflict("the uid does not match")
        finalizers = meta.setdefault("finalizers", [])
        for policy, finalizer in (("Foreground", "foregroundDeletion"), ("Orphan", "orphan")):
            if propagation == policy and finalizer not in finalizers:
                finalizers.append(finalizer)
        if "deletionTimestamp" in meta and grace_period != 0:
            return copy(obj)
        meta["deletionTimestamp"] = format_time(self.clock.now())
        return self._settle(row, obj)

    async def delete_collection(self, row, *, namespace="", **_):
        for obj in self.all(row, namespace):
            await self.delete(row, obj["metadata"]["name"], namespace=namespace)
        return {}

    def _scale(self, path):
        _, _, rest = path.partition("/namespaces/")
        namespace, plural, name, _ = rest.split("/")
        row = next(r for r in RESOURCES if path == r.url(namespace, name, "scale"))
        assert row.plural == plural
        obj = self._find(row, namespace, name)
        labels = obj["spec"]["selector"]["matchLabels"].items()
        replicas = obj["spec"]["replicas"]
        selector = ",".join(f"{key}={value}" for key, value in labels)
        return {
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"replicas": replicas},
            "status": {"replicas": replicas, "selector": selector},
        }

    async def raw(self, method, path, **_):
        if path in self.answers:
            return orjson.dumps(self.answers[path])
        if path.endswith("/scale"):
            return orjson.dumps(self._scale(path))
        if path not in ("/api", "/apis"):
            return _group_version([row for row in RESOURCES if row.path == path])
        groups = {}
        for row in RESOURCES:
            if (path == "/api") == (row.group == ""):
                groups.setdefault(row.group, {}).setdefault(row.version, []).append(row)
        items = [
            {
                "metadata": {"name": group},
                "versions": [
                    {"version": version, "resources": [_discovered(row) for row in rows]}
                    for version, rows in versions.items()
                ],
            }
            for group, versions in groups.items()
        ]
        return orjson.dumps({"items": items})

    async def set_status(self, row, obj, **status):
        obj = await self.get(
            row, obj["metadata"]["name"], namespace=obj["metadata"].get("namespace", "")
        )
        obj["status"] = {**(obj.get("status") or {}), **status}
        return await self.update(row, obj, subresource="status")


def _group_version(rows):
    if not rows:
        raise NotFound("the server could not find the requested resource")
    resources = [
        {"name": r.plural, "kind": r.kind, "namespaced": r.namespaced, "verbs": list(r.verbs)}
        for r in rows
    ]
    return orjson.dumps({"groupVersion": rows[0].group_version, "resources": resources})


def _discovered(row):
    return {
        "resource": row.plural,
        "responseKind": {"kind": row.kind},
        "scope": "Namespaced" if row.namespaced else "Cluster",
        "verbs": list(row.verbs),
    }


KEYS = {"ownerReferences": "uid", "conditions": "type"}


def merge(target, patch, *, strategic):
    for name, value in patch.items():
        if strategic and name.startswith("$deleteFromPrimitiveList/"):
            name = name.partition("/")[2]
            target[name] = [e for e in target.get(name) or () if e not in value]
        elif strategic and name == "finalizers":
            target[name] = [*(target.get(name) or ()), *value]
        elif strategic and name in KEYS:
            by_key = {entry[KEYS[name]]: entry for entry in target.get(name) or ()}
            for entry in value:
                if entry.pop("$patch", "") == "delete":
                    by_key.pop(entry[KEYS[name]], None)
                else:
                    by_key[entry[KEYS[name]]] = {**by_key.get(entry[KEYS[name]], {}), **entry}
            target[name] = list(by_key.values())
        elif value is None:
            target.pop(name, None)
        elif isinstance(value, dict) and isinstance(target.get(name), dict):
            merge(target[name], value, strategic=strategic)
        else:
            target[name] = value


class Running:
    """Controllers that run against a fake cluster, on virtual time."""

    def __init__(self, cluster, clock):
        self.cluster, self.clock = cluster, clock

    async def settle(self, seconds=0.0):
        """Let everything that can happen now happen, then let time pass, and again."""
        for _ in range(400):
            await asyncio.sleep(0)
        if seconds:
            await self.clock.advance(seconds)
            for _ in range(400):
                await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def running(*controllers, config=None, setup=()):
    """Run controllers; `setup` is created before they start."""
    clock = VirtualClock()
    cluster = FakeCluster(clock)
    for row, obj in setup:
        await cluster.create(row, obj)
    async with SharedInformers(cluster, clock) as informers:
        task = asyncio.create_task(
            run_controllers(
                cluster, informers, clock, controllers=controllers, config=config or Config()
            )
        )
        it = Running(cluster, clock)
        await it.settle()
        try:
            yield it
        finally:
            if task.done():
                task.result()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
