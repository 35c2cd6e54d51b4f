"""Keeps what is in use from going away: claims of Pods, volumes of claims, classes of both.

All bear a finalizer, which is taken off when the object is to go and nobody uses it any more.
"""

from collections.abc import Iterable
from datetime import timedelta

from pinnace.api.kinds.core import PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, PODS
from pinnace.api.kinds.storage import VOLUMEATTRIBUTESCLASSES
from pinnace.api.objects import Key, Object, copied, key_of
from pinnace.api.resources import Resource
from pinnace.controllers.base import Context, Controller
from pinnace.controllers.shared import volumes

CLAIM_FINALIZER = "kubernetes.io/pvc-protection"
VOLUME_FINALIZER = "kubernetes.io/pv-protection"
CLASS_FINALIZER = "kubernetes.io/vac-protection"
# The name of the index of claims and volumes by the attributes classes that they name.
_BY_CLASS = "volume-attributes-class"


def is_leaving(obj: Object, finalizer: str) -> bool:
    """Whether the object is being deleted and held."""
    meta = obj["metadata"]
    return "deletionTimestamp" in meta and finalizer in (meta.get("finalizers") or ())


def is_unprotected(obj: Object, finalizer: str) -> bool:
    """Whether the object could go at any time."""
    meta = obj["metadata"]
    return "deletionTimestamp" not in meta and finalizer not in (meta.get("finalizers") or ())


def uses(pod: Object, claim: Object) -> bool:
    """Whether a Pod that has a node uses a claim; one that has ended still may have it mounted."""
    meta = claim["metadata"]
    if not pod["spec"].get("nodeName") or pod["metadata"]["namespace"] != meta["namespace"]:
        return False
    for volume in pod["spec"].get("volumes") or ():
        source = volume.get("persistentVolumeClaim") or {}
        if source.get("claimName") == meta["name"]:
            return True
        if "ephemeral" in volume and not _is_shut_down(pod):
            owners = {ref["uid"] for ref in meta.get("ownerReferences") or ()}
            own = volumes.ephemeral_claim(pod, volume)
            if own == meta["name"] and pod["metadata"]["uid"] in owners:
                return True
    return False


def _is_shut_down(pod: Object) -> bool:
    meta = pod["metadata"]
    return "deletionTimestamp" in meta and meta.get("deletionGracePeriodSeconds") == 0


async def _with_finalizers(ctx: Context, row: Resource, obj: Object, finalizers: list[str]) -> None:
    changed = copied(obj)
    changed["metadata"]["finalizers"] = finalizers
    await ctx.client.update(row, changed)


async def _protect(ctx: Context, row: Resource, obj: Object, finalizer: str) -> None:
    known = obj["metadata"].get("finalizers") or []
    await _with_finalizers(ctx, row, obj, [*known, finalizer])


async def _let_go(ctx: Context, row: Resource, obj: Object, finalizer: str) -> None:
    known = obj["metadata"].get("finalizers") or []
    await _with_finalizers(ctx, row, obj, [entry for entry in known if entry != finalizer])


async def _is_used(claim: Object, ctx: Context) -> bool:
    """Whether a Pod uses the claim: by the cache, and if that knows none, by the server."""
    informer = ctx.informers.informer(PODS)
    informer.add_index(volumes.BY_CLAIM, volumes.by_claim)
    if any(uses(pod, claim) for pod in informer.by_index(volumes.BY_CLAIM, str(key_of(claim)))):
        return True
    live = await ctx.client.list(PODS, namespace=claim["metadata"]["namespace"])
    return any(uses(pod, claim) for pod in live["items"])


async def reconcile_claim(key: Key, ctx: Context) -> timedelta | None:
    """Protect a claim, or let it go if no Pod uses it."""
    claim = ctx.informers.informer(PERSISTENTVOLUMECLAIMS).get(key)
    if claim is None:
        return None
    if is_leaving(claim, CLAIM_FINALIZER):
        if not await _is_used(claim, ctx):
            await _let_go(ctx, PERSISTENTVOLUMECLAIMS, claim, CLAIM_FINALIZER)
    elif is_unprotected(claim, CLAIM_FINALIZER):
        await _protect(ctx, PERSISTENTVOLUMECLAIMS, claim, CLAIM_FINALIZER)
    return None


async def reconcile_volume(key: Key, ctx: Context) -> timedelta | None:
    """Protect a volume, or let it go if it is not bound."""
    volume = ctx.informers.informer(PERSISTENTVOLUMES).get(key)
    if volume is None:
        return None
    if is_leaving(volume, VOLUME_FINALIZER):
        if (volume.get("status") or {}).get("phase") != "Bound":
            await _let_go(ctx, PERSISTENTVOLUMES, volume, VOLUME_FINALIZER)
    elif is_unprotected(volume, VOLUME_FINALIZER):
        await _protect(ctx, PERSISTENTVOLUMES, volume, VOLUME_FINALIZER)
    return None


def class_names(obj: Object) -> list[str]:
    """Return the attributes classes that a claim or a volume has, wants or is changing to."""
    status = obj.get("status") or {}
    named = (
        (obj.get("spec") or {}).get("volumeAttributesClassName"),
        status.get("currentVolumeAttributesClassName"),
        (status.get("modifyVolumeStatus") or {}).get("targetVolumeAttributesClassName"),
    )
    return [*dict.fromkeys(name for name in named if name)]


async def reconcile_class(key: Key, ctx: Context) -> timedelta | None:
    """Protect an attributes class, or let it go if no volume and no claim names it."""
    found = ctx.informers.informer(VOLUMEATTRIBUTESCLASSES).get(key)
    if found is None:
        return None
    if is_leaving(found, CLASS_FINALIZER):
        if not _is_named(key.name, ctx):
            await _let_go(ctx, VOLUMEATTRIBUTESCLASSES, found, CLASS_FINALIZER)
    elif is_unprotected(found, CLASS_FINALIZER):
        await _protect(ctx, VOLUMEATTRIBUTESCLASSES, found, CLASS_FINALIZER)
    return None


def _is_named(name: str, ctx: Context) -> bool:
    for row in (PERSISTENTVOLUMES, PERSISTENTVOLUMECLAIMS):
        informer = ctx.informers.informer(row)
        informer.add_index(_BY_CLASS, class_names)
        if informer.by_index(_BY_CLASS, name):
            return True
    return False


def to_classes(obj: Object, ctx: Context) -> Iterable[Key]:
    """Route a volume or a claim to those of its attributes classes that want to go."""
    informer = ctx.informers.informer(VOLUMEATTRIBUTESCLASSES)
    for name in class_names(obj):
        found = informer.get(Key("", name))
        if found is not None and is_leaving(found, CLASS_FINALIZER):
            yield Key("", name)


def from_pod(pod: Object, ctx: Context) -> Iterable[Key]:
    """Route a Pod that may have stopped using its claims to those of them that want to go."""
    informer = ctx.informers.informer(PERSISTENTVOLUMECLAIMS)
    for name in volumes.claim_names(pod):
        key = Key(pod["metadata"]["namespace"], name)
        claim = informer.get(key)
        if claim is not None and is_leaving(claim, CLAIM_FINALIZER):
            yield key


PERSISTENTVOLUMECLAIM_PROTECTION = Controller(
    name="persistentvolumeclaim-protection-controller",
    account="pvc-protection-controller",
    on=PERSISTENTVOLUMECLAIMS,
    reconcile=reconcile_claim,
    also=((PODS, from_pod),),
)
PERSISTENTVOLUME_PROTECTION = Controller(
    name="persistentvolume-protection-controller",
    account="pv-protection-controller",
    on=PERSISTENTVOLUMES,
    reconcile=reconcile_volume,
)
VOLUMEATTRIBUTESCLASS_PROTECTION = Controller(
    name="volumeattributesclass-protection-controller",
    on=VOLUMEATTRIBUTESCLASSES,
    reconcile=reconcile_class,
    also=((PERSISTENTVOLUMES, to_classes), (PERSISTENTVOLUMECLAIMS, to_classes)),
)
