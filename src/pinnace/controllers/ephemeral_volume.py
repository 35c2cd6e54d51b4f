"""Makes the claims of volumes that live and go with one Pod."""

from collections.abc import Iterable
from datetime import timedelta

from pinnace.api.errors import ApiError, Conflict
from pinnace.api.kinds.core import PERSISTENTVOLUMECLAIMS, PODS
from pinnace.api.objects import Key, Object, controller_of, copied, key_of
from pinnace.controllers.base import Context, Controller
from pinnace.controllers.shared import volumes
from pinnace.controllers.shared.pods import controller_ref


def new_claim(pod: Object, volume: Object) -> Object:
    """Return the claim of a Pod's ephemeral volume."""
    template = volume["ephemeral"]["volumeClaimTemplate"]
    told = template.get("metadata") or {}
    meta: Object = {
        "name": volumes.ephemeral_claim(pod, volume),
        "namespace": pod["metadata"]["namespace"],
        "ownerReferences": [controller_ref(pod, PODS)],
    }
    meta |= {name: told[name] for name in ("labels", "annotations") if told.get(name)}
    return copied({"metadata": meta, "spec": template["spec"]})


def is_of(pod: Object, claim: Object) -> bool:
    """Whether a claim was made for the Pod."""
    ref = controller_of(claim)
    return ref is not None and bool(ref["uid"] == pod["metadata"]["uid"])


async def _make(ctx: Context, pod: Object, volume: Object) -> None:
    wanted = new_claim(pod, volume)
    meta = wanted["metadata"]
    there = ctx.informers.informer(PERSISTENTVOLUMECLAIMS).get(Key(meta["namespace"], meta["name"]))
    if there is None:
        try:
            await ctx.client.create(PERSISTENTVOLUMECLAIMS, wanted)
        except ApiError as error:
            raise Conflict(f"create PVC {meta['name']}: {error.message}") from error
    elif not is_of(pod, there):
        where = f"{meta['namespace']}/{meta['name']}"
        text = f"PVC {where} was not created for pod {key_of(pod)} (pod is not owner)"
        raise Conflict(text)


async def reconcile(key: Key, ctx: Context) -> timedelta | None:
    """Make the claims of the Pod that are missing."""
    pod = ctx.informers.informer(PODS).get(key)
    if pod is None or "deletionTimestamp" in pod["metadata"]:
        return None
    for volume in pod["spec"].get("volumes") or ():
        if "ephemeral" not in volume:
            continue
        try:
            await _make(ctx, pod, volume)
        except ApiError as error:
            text = f"ephemeral volume {volume['name']}: {error.message}"
            ctx.events.event(pod, type="Warning", reason="FailedBinding", message=text)
            raise
    return None


def from_pod(pod: Object, ctx: Context) -> Iterable[Key]:
    """Route a Pod with ephemeral volumes to itself."""
    if any("ephemeral" in volume for volume in pod["spec"].get("volumes") or ()):
        yield key_of(pod)


def from_claim(claim: Object, ctx: Context) -> Iterable[Key]:
    """Route a claim that is gone to the Pods that use it: one of them may want it anew."""
    key = key_of(claim)
    if ctx.informers.informer(PERSISTENTVOLUMECLAIMS).get(key) is not None:
        return
    informer = ctx.informers.informer(PODS)
    informer.add_index(volumes.BY_CLAIM, volumes.by_claim)
    for pod in informer.by_index(volumes.BY_CLAIM, str(key)):
        yield from from_pod(pod, ctx)


EPHEMERAL_VOLUME = Controller(
    name="ephemeral-volume-controller",
    component="ephemeral_volume",
    reconcile=reconcile,
    also=((PODS, from_pod), (PERSISTENTVOLUMECLAIMS, from_claim)),
)
