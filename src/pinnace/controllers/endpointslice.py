"""EndpointSlices: the addresses behind each Service, in pieces of at most a hundred."""

from collections.abc import Iterable
from datetime import timedelta

from pinnace.api.errors import ApiError, NotFound
from pinnace.api.kinds.core import NODES, PODS, SERVICES
from pinnace.api.kinds.discovery import ENDPOINTSLICES
from pinnace.api.objects import Key, Object, key_of
from pinnace.controllers.base import Context, Controller
from pinnace.controllers.shared.endpoints import (
    MANAGED_BY,
    SERVICE_NAME,
    SlicePlan,
    plan_slices,
    selects,
    to_services,
)
from pinnace.controllers.shared.pending import Pending
from pinnace.controllers.shared.writes import is_namespace_terminating

_MANAGER = "endpointslice-controller.k8s.io"
_INDEX = "service"


def _by_service(entry: Object) -> Iterable[str]:
    labels = entry["metadata"].get("labels") or {}
    if labels.get(MANAGED_BY) == _MANAGER and SERVICE_NAME in labels:
        yield f"{entry['metadata']['namespace']}/{labels[SERVICE_NAME]}"


def to_service(entry: Object, ctx: Context) -> Iterable[Key]:
    """Route a slice of this controller to its Service."""
    for name in _by_service(entry):
        yield Key(*name.split("/", 1))


def from_node(node: Object, ctx: Context) -> Iterable[Key]:
    """Route nothing: a node's zone is read when its Pods are; it only has to be in the cache."""
    return ()


async def reconcile(key: Key, ctx: Context) -> timedelta | None:
    """Bring the Service's slices in line with its Pods."""
    pending: Pending = ctx.state
    slices = ctx.informers.informer(ENDPOINTSLICES)
    slices.add_index(_INDEX, _by_service)
    service = ctx.informers.informer(SERVICES).get(key)
    existing = list(slices.by_index(_INDEX, str(key)))
    if service is None:
        # The garbage collector sees to the slices: the Service owned them.
        pending.forget(key)
        return None
    spec = service["spec"]
    if spec.get("type") == "ExternalName":
        await _carry_out(ctx, key, service, SlicePlan(delete=existing))
        return None
    if not spec.get("selector") or "deletionTimestamp" in service["metadata"]:
        return None
    if not pending.settled(key, slices):
        return timedelta(seconds=1)
    members = [
        pod for pod in ctx.informers.informer(PODS).list(key.namespace) if selects(service, pod)
    ]
    nodes = {node["metadata"]["name"]: node for node in ctx.informers.informer(NODES).list()}
    plan = plan_slices(service, members, nodes, existing, manager=_MANAGER)
    await _carry_out(ctx, key, service, plan)
    return None


async def _carry_out(ctx: Context, key: Key, service: Object, plan: SlicePlan) -> None:
    pending: Pending = ctx.state
    try:
        for new in plan.create:
            pending.created(key, await ctx.client.create(ENDPOINTSLICES, new))
        for changed in plan.update:
            pending.created(key, await ctx.client.update(ENDPOINTSLICES, changed))
        for entry in plan.delete:
            await _delete(ctx, key, entry)
    except ApiError as error:
        if is_namespace_terminating(error):
            return
        where = f"{key.namespace}/{key.name}"
        message = f"Error updating Endpoint Slices for Service {where}: {error.message}"
        if error.code != 409:
            ctx.events.event(
                service, type="Warning", reason="FailedToUpdateEndpointSlices", message=message
            )
        raise


async def _delete(ctx: Context, key: Key, entry: Object) -> None:
    where = key_of(entry)
    try:
        await ctx.client.delete(ENDPOINTSLICES, where.name, namespace=where.namespace)
    except NotFound:
        return
    ctx.state.deleted(key, entry)


ENDPOINTSLICE = Controller(
    name="endpointslice-controller",
    on=SERVICES,
    reconcile=reconcile,
    also=((PODS, to_services), (ENDPOINTSLICES, to_service), (NODES, from_node)),
    prepare=lambda ctx: Pending(ctx.clock),
    component="endpoint-slice-controller",
)
