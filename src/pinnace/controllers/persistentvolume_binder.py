"""Binds claims to volumes that are there, and says what has become of either.

`shared.volumes` decides. Nothing is provisioned here: a claim whose class has a provisioner is
marked for it, as for upstream's external provisioners, and bound when there is a volume.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from pinnace.api.errors import ApiError, NotFound
from pinnace.api.kinds.core import PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, PODS
from pinnace.api.kinds.storage import STORAGECLASSES
from pinnace.api.objects import Key, Object, copied, key_of
from pinnace.api.pods import is_terminal
from pinnace.client.events import EventKind
from pinnace.controllers.base import Context, Controller
from pinnace.controllers.shared import volumes

# How often a claim that is not bound is looked at again; upstream's --pvclaimbinder-sync-period.
_PERIOD = timedelta(seconds=15)
_BY_VOLUME = "volume"
_IN_TREE = "kubernetes.io/"
_NO_VOLUME = "no persistent volumes available for this claim and no storage class is set"


@dataclass(slots=True)
class _ClaimPass:
    """One pass over one claim, as it is after the writes of the pass."""

    ctx: Context
    claim: Object

    async def run(self) -> timedelta | None:
        if volumes.has_annotation(self.claim, volumes.BIND_COMPLETED):
            await self._check_bound()
            return None
        if not self.claim["spec"].get("volumeName"):
            return await self._find()
        return await self._take_wanted()

    def _event(self, reason: str, message: str, kind: EventKind = "Normal") -> None:
        self.ctx.events.event(self.claim, type=kind, reason=reason, message=message)

    def _volume(self) -> Object | None:
        name = self.claim["spec"]["volumeName"]
        return self.ctx.informers.informer(PERSISTENTVOLUMES).get(Key("", name))

    async def _check_bound(self) -> None:
        """See that a claim that was bound still is."""
        if not self.claim["spec"].get("volumeName"):
            text = "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!"
            await self._lose("ClaimLost", text)
            return
        volume = self._volume()
        if volume is None:
            text = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
            await self._lose("ClaimLost", text)
            return
        ref = volume["spec"].get("claimRef")
        if not ref or ref.get("uid") == self.claim["metadata"]["uid"]:
            await self._bind(volume)
            return
        text = "Two claims are bound to the same volume, this one is bound incorrectly"
        await self._lose("ClaimMisbound", text)

    async def _lose(self, reason: str, message: str) -> None:
        if (self.claim.get("status") or {}).get("phase") == "Lost":
            return
        await self._set_status("Lost")
        self._event(reason, message, "Warning")

    async def _find(self) -> timedelta | None:
        """Bind a claim that takes any volume, or say what it waits for."""
        class_name = volumes.class_of(self.claim)
        storage_class = self.ctx.informers.informer(STORAGECLASSES).get(Key("", class_name))
        delayed = volumes.waits_for_consumer(storage_class)
        offered = self.ctx.informers.informer(PERSISTENTVOLUMES).list()
        volume = volumes.best_match(self.claim, offered, delayed=delayed)
        if volume is not None:
            await self._bind(volume)
            return None
        if await self._take_default_class():
            return None
        if delayed and not volumes.has_annotation(self.claim, volumes.SELECTED_NODE):
            self._tell_consumer()
        elif class_name:
            await self._ask_provisioner(class_name, storage_class)
            return _PERIOD
        else:
            self._event("FailedBinding", _NO_VOLUME)
        await self._set_status("Pending")
        return _PERIOD

    async def _take_default_class(self) -> bool:
        """Give a claim without a class the one that has become the default since."""
        if volumes.says_class(self.claim):
            return False
        chosen = volumes.default_class(self.ctx.informers.informer(STORAGECLASSES).list())
        if chosen is None:
            return False
        changed = copied(self.claim)
        changed["spec"]["storageClassName"] = chosen["metadata"]["name"]
        await self.ctx.client.update(PERSISTENTVOLUMECLAIMS, changed)
        return True

    def _tell_consumer(self) -> None:
        informer = self.ctx.informers.informer(PODS)
        informer.add_index(volumes.BY_CLAIM, volumes.by_claim)
        waiting = [
            pod["metadata"]["name"]
            for pod in informer.by_index(volumes.BY_CLAIM, str(key_of(self.claim)))
            if not is_terminal(pod) and not pod["spec"].get("nodeName")
        ]
        if not waiting:
            text = "waiting for first consumer to be created before binding"
            self._event("WaitForFirstConsumer", text)
            return
        which = f"pods {','.join(waiting)}" if len(waiting) > 1 else f"pod {waiting[0]}"
        self._event("WaitForPodScheduled", f"waiting for {which} to be scheduled")

    async def _ask_provisioner(self, class_name: str, storage_class: Object | None) -> None:
        if storage_class is None:
            text = f'storageclass.storage.k8s.io "{class_name}" not found'
            self._event("ProvisioningFailed", text, "Warning")
            return
        provisioner = storage_class["provisioner"]
        if provisioner.startswith(_IN_TREE):
            self._event("ProvisioningFailed", "no volume plugin matched", "Warning")
            return
        known = self.claim["metadata"].get("annotations") or {}
        wanted = {**known, **dict.fromkeys(volumes.PROVISIONERS, provisioner)}
        if wanted != known:
            changed = copied(self.claim)
            changed["metadata"]["annotations"] = wanted
            self.claim = await self.ctx.client.update(PERSISTENTVOLUMECLAIMS, changed)
        text = (
            f"Waiting for a volume to be created either by the external provisioner "
            f"'{provisioner}' or manually by the system administrator. If volume creation is "
            "delayed, please verify that the provisioner is running and correctly registered."
        )
        self._event("ExternalProvisioning", text)

    async def _take_wanted(self) -> timedelta | None:
        """Bind a claim to the volume that it names, if that is free."""
        volume = self._volume()
        if volume is None:
            await self._set_status("Pending")
            return _PERIOD
        name = volume["metadata"]["name"]
        if not volume["spec"].get("claimRef"):
            if wrong := volumes.mismatch(volume, self.claim):
                text = f'Cannot bind to requested volume "{name}": {wrong}'
                self._event("VolumeMismatch", text, "Warning")
                await self._set_status("Pending")
                return _PERIOD
        elif not volumes.is_for(volume, self.claim):
            text = f'volume "{name}" already bound to a different claim.'
            self._event("FailedBinding", text, "Warning")
            await self._set_status("Pending")
            return _PERIOD
        await self._bind(volume)
        return None

    async def _bind(self, volume: Object) -> None:
        """Write what is missing of the binding: each step leaves a state that can be gone on."""
        client = self.ctx.client
        if (changed := volumes.bound_volume(volume, self.claim)) is not None:
            volume = await client.update(PERSISTENTVOLUMES, changed)
        volume = await set_phase(self.ctx, volume, "Bound")
        if (changed := volumes.bound_claim(self.claim, volume)) is not None:
            self.claim = await client.update(PERSISTENTVOLUMECLAIMS, changed)
        await self._set_status("Bound", volume)

    async def _set_status(self, phase: str, volume: Object | None = None) -> None:
        status = volumes.claim_status(self.claim, phase, volume)
        if status is not None:
            changed = {**copied(self.claim), "status": status}
            self.claim = await self.ctx.client.update(
                PERSISTENTVOLUMECLAIMS, changed, subresource="status"
            )


async def set_phase(ctx: Context, volume: Object, phase: str, message: str = "") -> Object:
    """Bring a volume to a phase; return it as it is then."""
    old = volume.get("status") or {}
    if old.get("phase") == phase:
        return volume
    status = {**old, "phase": phase, "message": message}
    if not message:
        del status["message"]
    changed = {**copied(volume), "status": status}
    return await ctx.client.update(PERSISTENTVOLUMES, changed, subresource="status")


async def _sync_volume(volume: Object, ctx: Context) -> None:
    ref = volume["spec"].get("claimRef")
    if not ref or not ref.get("uid"):
        await set_phase(ctx, volume, "Available")
        return
    claim = await _claim_of(ref, ctx)
    if claim is None:
        await _release(volume, ctx)
        return
    wanted = claim["spec"].get("volumeName")
    if not wanted:
        if volumes.same_mode(claim, volume):
            ctx.enqueue(key_of(claim))
        else:
            _tell_mode(ctx, volume, claim)
    elif wanted == volume["metadata"]["name"]:
        await set_phase(ctx, volume, "Bound")
    elif _is_disposable(volume):
        await _release(volume, ctx)
    else:
        # The claim went to another volume meanwhile.
        freed = await ctx.client.update(PERSISTENTVOLUMES, volumes.unbound_volume(volume))
        await set_phase(ctx, freed, "Available")


def _is_disposable(volume: Object) -> bool:
    return (
        volumes.has_annotation(volume, volumes.PROVISIONED_BY)
        and volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete"
    )


async def _claim_of(ref: Object, ctx: Context) -> Object | None:
    """Return the claim that a volume is bound to; the server has the last word on its absence."""
    key = Key(ref["namespace"], ref["name"])
    cached = ctx.informers.informer(PERSISTENTVOLUMECLAIMS).get(key)
    if cached is not None and cached["metadata"]["uid"] == ref["uid"]:
        return cached
    try:
        fresh = await ctx.client.get(PERSISTENTVOLUMECLAIMS, key.name, namespace=key.namespace)
    except NotFound:
        return None
    return fresh if fresh["metadata"]["uid"] == ref["uid"] else None


def _tell_mode(ctx: Context, volume: Object, claim: Object) -> None:
    text = (
        "Cannot bind PersistentVolume to requested PersistentVolumeClaim "
        f'"{claim["metadata"]["name"]}" due to incompatible volumeMode.'
    )
    ctx.events.event(volume, type="Warning", reason="VolumeMismatch", message=text)
    text = (
        f'Cannot bind PersistentVolume "{volume["metadata"]["name"]}" to requested '
        "PersistentVolumeClaim due to incompatible volumeMode."
    )
    ctx.events.event(claim, type="Warning", reason="VolumeMismatch", message=text)


async def _release(volume: Object, ctx: Context) -> None:
    """Do with a volume whose claim is gone as its policy says."""
    if (volume.get("status") or {}).get("phase") not in ("Released", "Failed"):
        volume = await set_phase(ctx, volume, "Released")
    policy = volume["spec"].get("persistentVolumeReclaimPolicy")
    name = volume["metadata"]["name"]
    if policy == "Recycle":
        text = "No recycler plugin found for the volume!"
        await _fail(ctx, volume, "VolumeFailedRecycle", text)
    elif policy == "Delete":
        annotations = volume["metadata"].get("annotations") or {}
        provisioner = annotations.get(volumes.PROVISIONED_BY, "")
        if provisioner and not provisioner.startswith(_IN_TREE):
            return  # its provisioner deletes it
        text = (
            f'error getting deleter volume plugin for volume "{name}": '
            "no deletable volume plugin matched"
        )
        await _fail(ctx, volume, "VolumeFailedDelete", text)


async def _fail(ctx: Context, volume: Object, reason: str, message: str) -> None:
    if (volume.get("status") or {}).get("phase") == "Failed":
        return
    await set_phase(ctx, volume, "Failed", message)
    ctx.events.event(volume, type="Warning", reason=reason, message=message)


async def reconcile(key: Key, ctx: Context) -> timedelta | None:
    """Take a claim, or (without a namespace) a volume, a step further."""
    row = PERSISTENTVOLUMECLAIMS if key.namespace else PERSISTENTVOLUMES
    found = ctx.informers.informer(row).get(key)
    if found is None:
        return None
    if not key.namespace:
        await _sync_volume(found, ctx)
        return None
    try:
        return await _ClaimPass(ctx, found).run()
    except NotFound as error:
        # The volume went in the middle of the binding; the claim looks for another.
        raise ApiError(error.message) from error


def from_volume(volume: Object, ctx: Context) -> Iterable[Key]:
    """Route a volume to itself, to its claim, and if it is free to the claims that wait."""
    yield key_of(volume)
    ref = volume["spec"].get("claimRef")
    if ref and ref.get("namespace"):
        yield Key(ref["namespace"], ref["name"])
    claims = ctx.informers.informer(PERSISTENTVOLUMECLAIMS)
    claims.add_index(_BY_VOLUME, by_volume)
    for name in (volume["metadata"]["name"], *(() if ref else ("",))):
        yield from map(key_of, claims.by_index(_BY_VOLUME, name))


def by_volume(claim: Object) -> Iterable[str]:
    """Index claims by the volume that they name; those that take any are under no name."""
    return (claim["spec"].get("volumeName") or "",)


def from_claim(claim: Object, ctx: Context) -> Iterable[Key]:
    """Route a claim to itself and to its volume."""
    yield key_of(claim)
    if name := claim["spec"].get("volumeName"):
        yield Key("", name)


PERSISTENTVOLUME_BINDER = Controller(
    name="persistentvolume-binder-controller",
    account="persistent-volume-binder",
    component="persistentvolume-controller",
    reconcile=reconcile,
    also=(
        (PERSISTENTVOLUMECLAIMS, from_claim),
        (PERSISTENTVOLUMES, from_volume),
        (PODS, lambda obj, ctx: ()),
        (STORAGECLASSES, lambda obj, ctx: ()),
    ),
    # One at a time: two claims that choose at the same time would choose the same volume.
    workers=1,
)
