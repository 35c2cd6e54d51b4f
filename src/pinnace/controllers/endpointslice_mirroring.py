"""Mirrors Endpoints that people write themselves to EndpointSlices, which proxies read."""

from collections.abc import Iterable
from datetime import timedelta

from pinnace.api.errors import ApiError, NotFound
from pinnace.api.kinds.core import ENDPOINTS, SERVICES
from pinnace.api.kinds.discovery import ENDPOINTSLICES
from pinnace.api.objects import Key, Object, key_of
from pinnace.controllers.base import Context, Controller
from pinnace.controllers.shared.endpoints import MANAGED_BY, SERVICE_NAME, SlicePlan
from pinnace.controllers.shared.mirroring import MANAGER, PER_SUBSET, is_mirrored, plan_mirror
from pinnace.controllers.shared.pending import Pending
from pinnace.controllers.shared.writes import is_namespace_terminating

_INDEX = "mirrored"


def _by_service(entry: Object) -> Iterable[str]:
    labels = entry["metadata"].get("labels") or {}
    if labels.get(MANAGED_BY) == MANAGER and SERVICE_NAME in labels:
        yield f"{entry['metadata']['namespace']}/{labels[SERVICE_NAME]}"


def from_slice(entry: Object, ctx: Context) -> Iterable[Key]:
    """Route a slice of this controller to its Endpoints."""
    for name in _by_service(entry):
        yield Key(*name.split("/", 1))


def from_service(service: Object, ctx: Context) -> Iterable[Key]:
    """Route a Service to the Endpoints of its name."""
    yield key_of(service)


async def reconcile(key: Key, ctx: Context) -> timedelta | None:
    """Bring the mirrored slices in line with the Endpoints."""
    pending: Pending = ctx.state
    slices = ctx.informers.informer(ENDPOINTSLICES)
    slices.add_index(_INDEX, _by_service)
    existing = list(slices.by_index(_INDEX, str(key)))
    endpoints = ctx.informers.informer(ENDPOINTS).get(key)
    service = ctx.informers.informer(SERVICES).get(key)
    if endpoints is None or not is_mirrored(endpoints, service):
        pending.forget(key)
        await _carry_out(ctx, key, SlicePlan(delete=existing))
        return None
    if not pending.settled(key, slices):
        return timedelta(seconds=1)
    found = plan_mirror(endpoints, existing)
    if found.invalid:
        text = f"Skipped {found.invalid} invalid IP addresses when mirroring to EndpointSlices"
        ctx.events.event(endpoints, type="Warning", reason="InvalidIPAddress", message=text)
    if found.skipped:
        skipped = found.skipped + found.invalid
        text = (
            f"A max of {PER_SUBSET} addresses can be mirrored to EndpointSlices per Endpoints "
            f"subset. {skipped} addresses were skipped"
        )
        ctx.events.event(endpoints, type="Warning", reason="TooManyAddressesToMirror", message=text)
    if "deletionTimestamp" in endpoints["metadata"]:
        found.plan.create.clear()
    await _carry_out(ctx, key, found.plan)
    return None


async def _carry_out(ctx: Context, key: Key, plan: SlicePlan) -> None:
    pending: Pending = ctx.state
    try:
        for new in plan.create:
            pending.created(key, await ctx.client.create(ENDPOINTSLICES, new))
    except ApiError as error:
        if is_namespace_terminating(error):
            return
        raise
    for changed in plan.update:
        pending.created(key, await ctx.client.update(ENDPOINTSLICES, changed))
    for entry in plan.delete:
        where = key_of(entry)
        try:
            await ctx.client.delete(ENDPOINTSLICES, where.name, namespace=where.namespace)
        except NotFound:
            continue
        pending.deleted(key, entry)


ENDPOINTSLICE_MIRRORING = Controller(
    name="endpointslicemirroring-controller",
    on=ENDPOINTS,
    reconcile=reconcile,
    also=((SERVICES, from_service), (ENDPOINTSLICES, from_slice)),
    prepare=lambda ctx: Pending(ctx.clock),
    component="endpoint-slice-mirroring-controller",
)
