"""Endpoints: the addresses behind each Service, all in one object, for those who still read it."""

from collections.abc import Iterable
from datetime import timedelta

from pinnace.api.errors import ApiError, NotFound
from pinnace.api.kinds.core import ENDPOINTS, PODS, SERVICES
from pinnace.api.objects import Key, Object, copied
from pinnace.controllers.base import Context, Controller
from pinnace.controllers.shared import conditions
from pinnace.controllers.shared.endpoints import (
    HEADLESS,
    has_cluster_ip,
    selects,
    subsets,
    to_services,
)
from pinnace.controllers.shared.writes import is_namespace_terminating

_MANAGED_BY = "endpoints.kubernetes.io/managed-by"
_MANAGER = "endpoint-controller"
_OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity"
_CAPACITY = 1000


def from_endpoints(found: Object, ctx: Context) -> Iterable[Key]:
    """Route Endpoints of this controller to their Service, there or gone."""
    meta = found["metadata"]
    if (meta.get("labels") or {}).get(_MANAGED_BY) == _MANAGER:
        yield Key(meta["namespace"], meta["name"])


def truncated(found: list[Object]) -> tuple[list[Object], bool]:
    """Return the subsets with at most a thousand addresses, ready ones first."""
    total = sum(len(s.get(n, ())) for s in found for n in ("addresses", "notReadyAddresses"))
    if total <= _CAPACITY:
        return found, False
    room = _CAPACITY
    cut = [dict(subset) for subset in found]
    for name in ("addresses", "notReadyAddresses"):
        for subset in cut:
            kept = subset.get(name, [])[:room]
            room -= len(kept)
            subset[name] = kept
    return [conditions.pruned(s) for s in cut if s["addresses"] or s["notReadyAddresses"]], True


def wanted(service: Object, current: Object | None, found: list[Object]) -> Object:
    """Return the Endpoints of a Service with these subsets."""
    cut, over = truncated(found)
    meta = service["metadata"]
    result: Object = {"metadata": {"name": meta["name"], "namespace": meta["namespace"]}}
    if current is not None:
        result = copied(current)
    labels = {**(meta.get("labels") or {}), _MANAGED_BY: _MANAGER}
    if not has_cluster_ip(service):
        labels[HEADLESS] = ""
    else:
        labels.pop(HEADLESS, None)
    annotations = result["metadata"].get("annotations") or {}
    annotations.pop(_OVER_CAPACITY, None)
    if over:
        annotations[_OVER_CAPACITY] = "truncated"
    result["metadata"]["labels"] = labels
    result["metadata"]["annotations"] = annotations
    result["subsets"] = cut
    return result


async def reconcile(key: Key, ctx: Context) -> timedelta | None:
    """Write the Service's Endpoints if they are not as they should be."""
    service = ctx.informers.informer(SERVICES).get(key)
    current = ctx.informers.informer(ENDPOINTS).get(key)
    if service is None:
        if current is not None:
            await _delete(ctx, key)
        return None
    spec = service["spec"]
    if spec.get("type") == "ExternalName" or spec.get("selector") is None:
        return None
    members = [
        pod for pod in ctx.informers.informer(PODS).list(key.namespace) if selects(service, pod)
    ]
    new = wanted(service, current, subsets(service, members))
    if current is not None and conditions.pruned(new) == conditions.pruned(current):
        return None
    try:
        if current is None:
            await ctx.client.create(ENDPOINTS, new)
        else:
            await ctx.client.update(ENDPOINTS, new)
    except ApiError as error:
        if is_namespace_terminating(error):
            return None
        if error.code != 409:
            _tell(ctx, new, error, created=current is None)
        raise
    return None


def _tell(ctx: Context, new: Object, error: ApiError, *, created: bool) -> None:
    where = f"{new['metadata']['namespace']}/{new['metadata']['name']}"
    reason, text = "FailedToUpdateEndpoint", f"Failed to update endpoint {where}"
    if created:
        reason, text = "FailedToCreateEndpoint", f"Failed to create endpoint for service {where}"
    about = {"kind": "Endpoints", "apiVersion": "v1", **new}
    ctx.events.event(about, type="Warning", reason=reason, message=f"{text}: {error.message}")


async def _delete(ctx: Context, key: Key) -> None:
    try:
        await ctx.client.delete(ENDPOINTS, key.name, namespace=key.namespace)
    except NotFound:
        return


ENDPOINTS_CONTROLLER = Controller(
    name="endpoints-controller",
    account="endpoint-controller",
    on=SERVICES,
    reconcile=reconcile,
    also=((PODS, to_services), (ENDPOINTS, from_endpoints)),
    component="endpoint-controller",
)
