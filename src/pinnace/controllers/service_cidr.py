"""ServiceCIDRs: ready when they are made, and held back while addresses of Services need them."""

import ipaddress
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import timedelta

from pinnace.api.kinds.networking import IPADDRESSES, SERVICECIDRS
from pinnace.api.objects import Key, Object, copied, format_time, key_of, parse_time
from pinnace.controllers.base import Context, Controller
from pinnace.controllers.shared import conditions

FINALIZER = "networking.k8s.io/service-cidr-finalizer"
_MANAGER = "service-cidr-controller"
# How long servers are given to learn that a range is no longer to be used.
_GRACE = timedelta(seconds=10)
_MANAGED_BY, _ALLOCATOR = "ipaddress.kubernetes.io/managed-by", "ipallocator.k8s.io"
_HELD = (
    "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new "
    "ServiceCIDR"
)
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def networks(entry: Object) -> list[Network]:
    """Return the ranges of a ServiceCIDR."""
    found = []
    for text in entry["spec"].get("cidrs") or ():
        with suppress(ValueError):
            found.append(ipaddress.ip_network(text))
    return found


def contains(outer: Network, inner: Network) -> bool:
    """Whether one range lies in another, or is the same."""
    return outer.version == inner.version and inner.subnet_of(outer)  # type: ignore[arg-type]


def can_go(entry: Object, others: Sequence[Object], addresses: Iterable[str]) -> bool:
    """Whether no address of a Service would be without a range when this one is gone."""
    left = [network for other in others for network in networks(other)]
    mine = networks(entry)
    if all(any(contains(outer, network) for outer in left) for network in mine):
        return True
    for text in addresses:
        address = ipaddress.ip_address(text)
        if any(address in network for network in mine) and not any(
            address in network for network in left
        ):
            return False
    return True


async def reconcile(key: Key, ctx: Context) -> timedelta | None:
    """See to one ServiceCIDR."""
    entry = ctx.informers.informer(SERVICECIDRS).get(key)
    if entry is None:
        return None
    if "deletionTimestamp" in entry["metadata"]:
        return await _let_go(ctx, entry)
    finalizers = entry["metadata"].get("finalizers") or []
    if FINALIZER not in finalizers:
        entry = copied(entry)
        entry["metadata"]["finalizers"] = [*finalizers, FINALIZER]
        entry = await ctx.client.update(SERVICECIDRS, entry)
    await _tell(ctx, entry, "True", "", "Kubernetes Service CIDR is ready")
    return None


async def _let_go(ctx: Context, entry: Object) -> timedelta | None:
    meta = entry["metadata"]
    if FINALIZER not in (meta.get("finalizers") or ()):
        return None
    informer = ctx.informers.informer(SERVICECIDRS)
    others = [other for other in informer.list() if other["metadata"]["name"] != meta["name"]]
    addresses = [
        one["metadata"]["name"]
        for one in ctx.informers.informer(IPADDRESSES).list()
        if (one["metadata"].get("labels") or {}).get(_MANAGED_BY) == _ALLOCATOR
    ]
    if not can_go(entry, others, addresses):
        await _tell(ctx, entry, "False", "Terminating", _HELD)
        return None
    left = _GRACE - (ctx.clock.now() - parse_time(meta["deletionTimestamp"]))
    if left > timedelta():
        return left
    changed = copied(entry)
    changed["metadata"]["finalizers"] = [n for n in meta["finalizers"] if n != FINALIZER]
    await ctx.client.update(SERVICECIDRS, changed)
    return None


async def _tell(ctx: Context, entry: Object, status: str, reason: str, message: str) -> None:
    known = (entry.get("status") or {}).get("conditions")
    old = conditions.find(known, "Ready")
    told = {"status": status, "reason": reason, "message": message}
    if old is not None and all((old.get(key) or "") == value for key, value in told.items()):
        return
    new = {
        "type": "Ready",
        **told,
        "lastTransitionTime": format_time(ctx.clock.now()),
    }
    applied = {
        "apiVersion": SERVICECIDRS.group_version,
        "kind": SERVICECIDRS.kind,
        "metadata": {"name": entry["metadata"]["name"]},
        "status": {"conditions": [new]},
    }
    await ctx.client.patch(
        SERVICECIDRS, entry["metadata"]["name"], applied, type="apply", subresource="status",
        field_manager=_MANAGER, force=True,
    )  # fmt: skip


def to_overlapping(entry: Object, ctx: Context) -> Iterable[Key]:
    """Route a ServiceCIDR to those that share addresses with it: one may wait for the other."""
    mine = networks(entry)
    for other in ctx.informers.informer(SERVICECIDRS).list():
        if any(a.overlaps(b) for a in mine for b in networks(other) if a.version == b.version):
            yield key_of(other)


def to_ranges(address: Object, ctx: Context) -> Iterable[Key]:
    """Route an IPAddress to the ServiceCIDRs that are being deleted and contain it."""
    ip = ipaddress.ip_address(address["metadata"]["name"])
    for entry in ctx.informers.informer(SERVICECIDRS).list():
        leaving = "deletionTimestamp" in entry["metadata"]
        if leaving and any(ip in network for network in networks(entry)):
            yield key_of(entry)


SERVICE_CIDR = Controller(
    name="service-cidrs-controller",
    on=SERVICECIDRS,
    reconcile=reconcile,
    also=((SERVICECIDRS, to_overlapping), (IPADDRESSES, to_ranges)),
    component=_MANAGER,
)
