"""Empties namespaces that are being deleted, and lets them go when nothing is left.

Pods go first, and while any is left nothing else is touched: a Pod that is shutting down may
need its ConfigMaps, its account, its network policies.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pinnace.api.errors import ApiError, MethodNotAllowed, NotFound
from pinnace.api.kinds.core import NAMESPACES, PODS
from pinnace.api.objects import Key, Object, format_time, parse_time
from pinnace.api.pods import is_terminal
from pinnace.api.resources import Resource
from pinnace.controllers.base import Context, Controller
from pinnace.controllers.shared import conditions
from pinnace.controllers.shared.discovery import DiscoveryFailed, served

_FINALIZER = "kubernetes"
# How long something else's finalizer is given before looking again.
_FINALIZER_SECONDS = 15
_AT_ONCE = 8


@dataclass(slots=True)
class Remains:
    """What was found in a namespace after deleting all of it.

    `only_pods` says that nothing else was looked at; upstream tells no totals then.
    """

    resources: Counter[str] = field(default_factory=Counter)
    finalizers: Counter[str] = field(default_factory=Counter)
    failures: list[ApiError] = field(default_factory=list)
    discovery_failures: list[DiscoveryFailed] = field(default_factory=list)
    estimate: int = 0
    only_pods: bool = False

    def add(self, row: Resource, items: Sequence[Object], estimate: int) -> None:
        """Note the objects of a resource that are still there."""
        if not items:
            return
        self.resources[f"{row.plural}.{row.group}"] += len(items)
        found = [name for item in items for name in item["metadata"].get("finalizers") or ()]
        self.finalizers.update(found)
        if estimate == 0 and found:
            estimate = _FINALIZER_SECONDS
        elif estimate == 0:
            named = f"{row.version}, Resource={row.plural}"
            gvr = f"{row.group}/{named}" if row.group else f"/{named}"
            where = items[0]["metadata"]["namespace"]
            text = f"unexpected items still remain in namespace: {where} for gvr: {gvr}"
            self.failures.append(ApiError(text))
        self.estimate = max(self.estimate, estimate)


_FINE = (
    (
        "NamespaceDeletionDiscoveryFailure",
        "ResourcesDiscovered",
        "All resources successfully discovered",
    ),
    (
        "NamespaceDeletionGroupVersionParsingFailure",
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    ),
    (
        "NamespaceDeletionContentFailure",
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
    ("NamespaceContentRemaining", "ContentRemoved", "All content successfully removed"),
    (
        "NamespaceFinalizersRemaining",
        "ContentHasNoFinalizers",
        "All content-preserving finalizers finished",
    ),
)


def _problems(remains: Remains) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    if undiscovered := remains.discovery_failures:
        texts = ", ".join(error.message for error in undiscovered)
        number = sum(len(error.versions) for error in undiscovered)
        message = f"Discovery failed for some groups, {number} failing: {texts}"
        found["NamespaceDeletionDiscoveryFailure"] = ("DiscoveryFailed", message)
    if failures := remains.failures:
        texts = ", ".join(sorted(error.message for error in failures))
        message = f"Failed to delete all resource types, {len(failures)} remaining: {texts}"
        found["NamespaceDeletionContentFailure"] = ("ContentDeletionFailed", message)
    if remains.only_pods:
        return found
    if remains.resources:
        texts = ", ".join(
            sorted(f"{name} has {n} resource instances" for name, n in remains.resources.items())
        )
        message = f"Some resources are remaining: {texts}"
        found["NamespaceContentRemaining"] = ("SomeResourcesRemain", message)
    if remains.finalizers:
        texts = ", ".join(
            sorted(f"{name} in {n} resource instances" for name, n in remains.finalizers.items())
        )
        message = f"Some content in the namespace has finalizers remaining: {texts}"
        found["NamespaceFinalizersRemaining"] = ("SomeFinalizersRemain", message)
    return found


def told(known: Sequence[Object] | None, remains: Remains, now: datetime) -> list[Object]:
    """Return the namespace's conditions after what was found."""
    problems = _problems(remains)
    result = [dict(entry) for entry in known or ()]
    for kind, reason, message in _FINE:
        status = "False"
        if kind in problems:
            status, (reason, message) = "True", problems[kind]
        new = {"status": status, "reason": reason, "message": message}
        old = conditions.find(result, kind)
        if old is None:
            result.append({"type": kind, **new, "lastTransitionTime": format_time(now)})
            continue
        if old["status"] != status:
            old["lastTransitionTime"] = format_time(now)
        old.update(new)
    return result


def grace(items: Iterable[Object], deleted: datetime, now: datetime) -> int:
    """Return how many seconds Pods may still take to shut down, 0 once that has passed."""
    longest = max(
        (
            pod["spec"].get("terminationGracePeriodSeconds") or 0
            for pod in items
            if not is_terminal(pod)
        ),
        default=0,
    )
    return longest if now - deleted < timedelta(seconds=longest) else 0


async def _empty(ctx: Context, row: Resource, namespace: str) -> list[Object]:
    """Delete all objects of a resource in a namespace and return what is left."""
    if "list" not in row.verbs or not await _list(ctx, row, namespace):
        return []
    try:
        await ctx.client.delete_collection(row, namespace=namespace)
    except (NotFound, MethodNotAllowed):
        for item in await _list(ctx, row, namespace):
            await _delete(ctx, row, item)
    return await _list(ctx, row, namespace)


async def _list(ctx: Context, row: Resource, namespace: str) -> list[Object]:
    try:
        found = await ctx.client.list(row, namespace=namespace, metadata_only=True)
    except (NotFound, MethodNotAllowed):
        return []
    return list(found["items"])


async def _delete(ctx: Context, row: Resource, item: Object) -> None:
    meta = item["metadata"]
    try:
        await ctx.client.delete(
            row, meta["name"], namespace=meta["namespace"], propagation="Background"
        )
    except (NotFound, MethodNotAllowed):
        return


async def _empty_all(ctx: Context, namespace: Object) -> Remains:
    name, now = namespace["metadata"]["name"], ctx.clock.now()
    deleted = parse_time(namespace["metadata"]["deletionTimestamp"])
    rows, failures = await served(ctx.client)
    remains = Remains(discovery_failures=failures)
    whole = await ctx.client.list(PODS, namespace=name)
    estimate = grace(whole["items"], deleted, now)
    await _note(ctx, PODS, name, remains, estimate)
    if remains.resources:
        remains.only_pods = True
        return remains
    others = [
        row
        for row in rows
        if row.namespaced and "delete" in row.verbs and (row.group, row.plural) != ("", "pods")
    ]
    limit = asyncio.Semaphore(_AT_ONCE)

    async def one(row: Resource) -> None:
        async with limit:
            await _note(ctx, row, name, remains, 0)

    async with asyncio.TaskGroup() as group:
        for row in others:
            group.create_task(one(row))
    return remains


async def _note(
    ctx: Context, row: Resource, namespace: str, remains: Remains, estimate: int
) -> None:
    try:
        remains.add(row, await _empty(ctx, row, namespace), estimate)
    except ApiError as error:
        remains.failures.append(error)


async def reconcile(key: Key, ctx: Context) -> timedelta | None:
    """Empty the namespace if it is being deleted, and finalize it once it is empty."""
    cached = ctx.informers.informer(NAMESPACES).get(key)
    if cached is None or "deletionTimestamp" not in cached["metadata"]:
        return None
    try:
        # Not the cache: what is decided here cannot be taken back.
        namespace = await ctx.client.get(NAMESPACES, key.name)
        if "deletionTimestamp" not in namespace["metadata"]:
            return None
        if (namespace.get("status") or {}).get("phase") != "Terminating":
            status = {**(namespace.get("status") or {}), "phase": "Terminating"}
            namespace = await _write_status(ctx, namespace, status)
        if not namespace["spec"].get("finalizers"):
            return None
        remains = await _empty_all(ctx, namespace)
        status = namespace["status"]
        new = told(status.get("conditions"), remains, ctx.clock.now())
        if new != status.get("conditions"):
            namespace = await _write_status(ctx, namespace, {**status, "conditions": new})
        if failures := [*remains.failures, *remains.discovery_failures]:
            raise failures[0]
        if remains.estimate:
            return timedelta(seconds=remains.estimate // 2 + 1)
        await _finalize(ctx, namespace)
    except NotFound as error:
        if (error.details or {}).get("kind") != "namespaces":
            raise
    return None


async def _write_status(ctx: Context, namespace: Object, status: Object) -> Object:
    changed = {**namespace, "status": status}
    return await ctx.client.update(NAMESPACES, changed, subresource="status")


async def _finalize(ctx: Context, namespace: Object) -> None:
    spec = namespace["spec"]
    left = [name for name in spec["finalizers"] if name != _FINALIZER]
    changed = {**namespace, "spec": {**spec, "finalizers": left}}
    await ctx.client.update(NAMESPACES, changed, subresource="finalize")


def to_terminating_namespace(pod: Object, ctx: Context) -> Iterable[Key]:
    """Route a Pod to its namespace if that waits for its Pods to go."""
    key = Key("", pod["metadata"]["namespace"])
    namespace = ctx.informers.informer(NAMESPACES).get(key)
    if namespace is not None and "deletionTimestamp" in namespace["metadata"]:
        yield key


NAMESPACE = Controller(
    name="namespace-controller",
    on=NAMESPACES,
    reconcile=reconcile,
    also=((PODS, to_terminating_namespace),),
    workers=10,
)
