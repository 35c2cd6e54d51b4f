"""What every cluster has from its first moment: namespaces, classes, roles, its own Service.

Idempotent: what is there is left as it is, what is missing is written.
"""

import ipaddress
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping
from types import MappingProxyType

from pinnace.api.codec.canonical import canonical_bytes
from pinnace.api.kinds.core import CONFIGMAPS, NAMESPACES
from pinnace.api.kinds.flowcontrol import FLOWSCHEMAS
from pinnace.api.kinds.networking import SERVICECIDRS
from pinnace.api.kinds.scheduling import PRIORITYCLASSES
from pinnace.api.objects import Object, format_time
from pinnace.api.resources import Resource
from pinnace.api.typed import stored
from pinnace.apiserver import rules
from pinnace.apiserver.bootstrap.flow_control import bootstrap_flow_control
from pinnace.apiserver.bootstrap.rbac import bootstrap_rbac
from pinnace.apiserver.core import Core
from pinnace.apiserver.dangling import as_told
from pinnace.apiserver.managers import SERVER, applied_status, tracked_as_own
from pinnace.store.base import MOST_KEYS, Compare, CompareFailed

_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
# Since when a token that is not marked as used has not been used; who cleans up reads it.
_TOKEN_TRACKING = "kube-apiserver-legacy-service-account-token-tracking"
_PRIORITIES = (
    (
        "system-cluster-critical",
        2000000000,
        "Used for system critical pods that must run in the cluster, but can be moved to another "
        "node if necessary.",
    ),
    (
        "system-node-critical",
        2000001000,
        "Used for system critical pods that must not be moved from their current node.",
    ),
)

_RANGE_IS_READY = {"message": "Kubernetes default Service CIDR is ready"}
# Who tells that the first range is ready.
_RANGES = "kubernetes-service-cidr-controller"

# Who makes the objects of a group, where it is not the server as such.
_MANAGERS: Mapping[str, str] = MappingProxyType(
    {"flowcontrol.apiserver.k8s.io": "api-priority-and-fairness-config-producer-v1"}
)


def first_address(cidr: str) -> str:
    """Return the address of the `kubernetes` Service: the first one of the range."""
    return str(ipaddress.ip_network(cidr).network_address + 1)


def standard_objects(core: Core) -> Iterable[tuple[Resource, Object]]:
    """Yield all that a cluster starts with."""
    for name in _NAMESPACES:
        yield NAMESPACES, {"metadata": {"name": name}}
    for name, value, description in _PRIORITIES:
        yield (
            PRIORITYCLASSES,
            {"metadata": {"name": name}, "value": value, "description": description},
        )
    yield (
        SERVICECIDRS,
        {
            "metadata": {"name": "kubernetes"},
            "spec": {"cidrs": [core.config.service_cidr]},
            "status": {"conditions": [{"type": "Ready", "status": "True", **_RANGE_IS_READY}]},
        },
    )
    for obj in (*bootstrap_rbac(), *bootstrap_flow_control()):
        group, _, version = obj["apiVersion"].partition("/")
        yield _row(core, group, version, obj["kind"]), obj
    yield (
        CONFIGMAPS,
        {
            "metadata": {"namespace": "kube-system", "name": _TOKEN_TRACKING},
            "data": {"since": core.clock.now().strftime("%Y-%m-%d")},
        },
    )
    yield from core.config.objects


def _row(core: Core, group: str, version: str, kind: str) -> Resource:
    for row in core.rows:
        if (row.group, row.version, row.kind) == (group, version, kind):
            return row
    raise LookupError(f"no row for {kind} in {group}/{version}")


async def ensure_objects(core: Core) -> None:
    """Write what is missing; another server may do the same at the same time."""
    while missing := [pair async for pair in _missing(core)]:
        # No more than a store takes at once; whoever reads meanwhile sees a part of it.
        for at in range(0, len(missing), MOST_KEYS):
            some = missing[at : at + MOST_KEYS]
            try:
                await core.store.commit(compares=[Compare(key, 0) for key, _ in some], puts=some)
            except CompareFailed:
                break


async def _missing(core: Core) -> AsyncIterator[tuple[str, bytes]]:
    for row, obj in standard_objects(core):
        cache = await core.cache(row)
        metadata = obj["metadata"]
        namespace = metadata.get("namespace") or ""
        if cache.get(namespace, metadata["name"]) is None:
            key = cache.key(namespace, metadata["name"])
            yield key, canonical_bytes(stamped(core, row, obj))


async def ensure(core: Core, row: Resource, obj: Object) -> None:
    """Write one object unless it is there."""
    cache = await core.cache(row)
    metadata = obj["metadata"]
    key = cache.key(metadata.get("namespace") or "", metadata["name"])
    put = (key, canonical_bytes(stamped(core, row, obj)))
    try:
        await core.store.commit(compares=[Compare(key, 0)], puts=[put])
    except CompareFailed:
        return  # another server was first


def stamped(core: Core, row: Resource, obj: Object) -> Object:
    """Return an object as the server itself creates it."""
    metadata = {
        **obj["metadata"],
        "uid": str(uuid.uuid4()),
        "creationTimestamp": format_time(core.clock.now()),
    }
    made = {**obj, "kind": row.kind, "apiVersion": row.group_version, "metadata": metadata}
    rules.apply_defaults(row, made)
    made = tracked_as_own(core, row, made, _MANAGERS.get(row.group, SERVER))
    context = rules.Context(now=metadata["creationTimestamp"])
    rules.strategy_for(row).prepare_create(made, context)
    if row is FLOWSCHEMAS:
        # The levels they name are written beside them.
        made = as_told(made, found=True, now=core.clock.now())
    if row is SERVICECIDRS:
        (ready,) = obj["status"]["conditions"]
        status = {"conditions": [{**ready, "lastTransitionTime": context.now}]}
        made = applied_status(made, row, status, manager=_RANGES, now=core.clock.now())
    return stored(made, row)
