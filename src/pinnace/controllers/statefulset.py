"""StatefulSets: Pods with a name, a place and a disk of their own.

`shared.stateful` decides; a pass here carries it out. In order (the default) a pass does the first
thing that is to be done and stops, and the change of the Pod brings the next pass; in parallel it
does all at once.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pinnace.api.errors import AlreadyExists, ApiError, Conflict, NotFound
from pinnace.api.kinds.apps import CONTROLLERREVISIONS, STATEFULSETS
from pinnace.api.kinds.core import PERSISTENTVOLUMECLAIMS, PODS
from pinnace.api.objects import Key, Object, copied
from pinnace.api.pods import is_terminal, phase_of
from pinnace.api.selectors import LabelSelector, label_selector_from_object
from pinnace.controllers.base import Context, Controller
from pinnace.controllers.shared import pods, revisions, stateful
from pinnace.controllers.shared.batches import slow_start
from pinnace.controllers.shared.claims import claim, route_to_owner
from pinnace.controllers.shared.pending import Pending
from pinnace.controllers.shared.stateful import Arranged, Versions

_HASH = "controller.kubernetes.io/hash"
_COUNTED = (
    "replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas",
    "currentRevision", "updateRevision", "observedGeneration", "collisionCount",
)  # fmt: skip


def selector(obj: Object) -> LabelSelector:
    """Return which Pods a StatefulSet wants."""
    return label_selector_from_object(obj["spec"].get("selector"))


@dataclass(frozen=True, slots=True)
class State:
    """The own writes that the caches may lack."""

    pods: Pending
    claims: Pending
    sets: Pending
    revisions: Pending

    def settled(self, key: Key, ctx: Context) -> bool:
        """Whether all caches show what was written for a set."""
        informer = ctx.informers.informer
        return (
            self.pods.settled(key, informer(PODS))
            and self.claims.settled(key, informer(PERSISTENTVOLUMECLAIMS))
            and self.sets.settled(key, informer(STATEFULSETS))
            and self.revisions.settled(key, informer(CONTROLLERREVISIONS))
        )

    def forget(self, key: Key) -> None:
        """Drop a set that is gone."""
        for writes in (self.pods, self.claims, self.sets, self.revisions):
            writes.forget(key)


@dataclass(slots=True)
class _Pass:
    """One pass over one StatefulSet, a private copy."""

    ctx: Context
    key: Key
    owner: Object
    pods: Sequence[Object]
    now: datetime

    @property
    def _min_ready(self) -> int:
        return stateful.min_ready_seconds(self.owner)

    @property
    def _monotonic(self) -> bool:
        return not stateful.is_parallel(self.owner)

    async def run(self, history: list[Object]) -> timedelta | None:
        versions = await self._versions(history)
        status = stateful.status(self.owner, self.pods, versions, self.now)
        failure = None
        try:
            if "deletionTimestamp" not in self.owner["metadata"]:
                status["currentReplicas"] -= await self._manage(versions)
        except ApiError as error:
            failure = error
        status = stateful.completed(self.owner, status)
        await self._write_status(status)
        await self._truncate(history, versions)
        if failure is not None:
            raise failure
        return self._next_check(status)

    def _next_check(self, status: Object) -> timedelta | None:
        if not self._min_ready or status.get("readyReplicas", 0) == status["availableReplicas"]:
            return None
        check = pods.next_availability_check(self.pods, self._min_ready, self.now)
        return check if check is not None else timedelta(seconds=self._min_ready)

    async def _versions(self, history: list[Object]) -> Versions:
        """Find or make the revision of the template, and find the current one."""
        update = await revisions.current(
            self.ctx,
            self.key,
            self.owner,
            history,
            row=STATEFULSETS,
            label=_HASH,
            pending=self.ctx.state.revisions,
        )
        named = {entry["metadata"]["name"]: entry for entry in history}
        told = (self.owner.get("status") or {}).get("currentRevision", "")
        current = named.get(told, update)
        return Versions(
            current["metadata"]["name"],
            update["metadata"]["name"],
            revisions.template_of(current),
            revisions.template_of(update),
        )

    async def _manage(self, versions: Versions) -> int:
        """Do what is to be done; return how many Pods were deleted to be updated."""
        arranged = stateful.arrange(self.owner, self.pods, versions)
        blocker = stateful.first_unavailable(self.owner, arranged, self.now)
        steps: tuple[tuple[list[Object], Callable[[Object], Awaitable[bool]]], ...] = (
            (arranged.replicas, self._tend),
            (arranged.condemned, self._hand_over_claims),
            (arranged.condemned, lambda pod: self._condemn(pod, blocker)),
        )
        for found, do in steps:
            if await self._for_all(found, do):
                return 0
        return await self._update(arranged, versions)

    async def _for_all(
        self, found: Sequence[Object], do: Callable[[Object], Awaitable[bool]]
    ) -> bool:
        """Do something for all Pods; in order, return True as soon as one has to be waited for."""
        if self._monotonic:
            for pod in found:
                if await do(pod):
                    return True
            return False

        async def one(position: int) -> None:
            await do(found[position])

        failure = await slow_start(len(found), one)
        if failure is not None:
            raise failure
        return False

    async def _tend(self, pod: Object) -> bool:
        """See to one wanted Pod; True if the next has to wait."""
        if is_terminal(pod):
            if "deletionTimestamp" not in pod["metadata"]:
                await self._delete(pod)
            return True
        if not stateful.is_created(pod):
            if not self._has_stale_claim(pod):
                await self._create(pod)
            return True
        if phase_of(pod) == "Pending":
            await self._make_claims(pod)
            await self._own_claims(pod)
        if self._monotonic and not stateful.is_up(pod, self._min_ready, self.now):
            return True
        if not self._is_right(pod):
            await self._correct(pod)
        return False

    def _is_right(self, pod: Object) -> bool:
        return (
            stateful.has_identity(pod)
            and stateful.has_storage(self.owner, pod)
            and self._claims_are_owned(pod)
        )

    async def _condemn(self, pod: Object, blocker: Object | None) -> bool:
        """Delete a Pod that is not wanted; True if the next has to wait."""
        if "deletionTimestamp" in pod["metadata"]:
            return True
        up = stateful.is_up(pod, self._min_ready, self.now)
        if self._monotonic and not up and pod is not blocker:
            return True
        await self._delete(pod)
        return True

    async def _hand_over_claims(self, pod: Object) -> bool:
        if not self._claims_are_owned(pod):
            await self._own_claims(pod)
        return False

    async def _update(self, arranged: Arranged, versions: Versions) -> int:
        doomed = stateful.to_update(self.owner, arranged.replicas, versions.update, self.now)
        for pod in doomed:
            await self._delete(pod)
        return len(doomed)

    async def _create(self, pod: Object) -> None:
        try:
            await self._make_claims(pod)
            made = await self.ctx.client.create(PODS, pod)
        except AlreadyExists:
            raise
        except ApiError as error:
            self._tell("Create", pod, error)
            raise
        self.ctx.state.pods.created(self.key, made)
        await self._own_claims(pod)
        self._tell("Create", pod)

    async def _delete(self, pod: Object) -> None:
        meta = pod["metadata"]
        try:
            await self.ctx.client.delete(PODS, meta["name"], namespace=meta["namespace"])
            self.ctx.state.pods.deleted(self.key, pod)
        except NotFound:
            pass  # as wanted
        except ApiError as error:
            self._tell("Delete", pod, error)
            raise
        self._tell("Delete", pod)

    async def _correct(self, pod: Object) -> None:
        if not stateful.has_storage(self.owner, pod):
            await self._make_claims(pod)
        await self._own_claims(pod)
        try:
            fixed = stateful.corrected(self.owner, pod)
            self.ctx.state.pods.created(self.key, await self.ctx.client.update(PODS, fixed))
        except ApiError as error:
            self._tell("Update", pod, error)
            raise
        self._tell("Update", pod)

    def _tell(self, verb: str, pod: Object, error: ApiError | None = None) -> None:
        about = f"{verb} Pod {pod['metadata']['name']} in StatefulSet {self.key.name}"
        if error is None:
            self._event("Successful" + verb, f"{about} successful")
        else:
            self._warn("Failed" + verb, f"{about} failed error: {error.message}")

    def _event(self, reason: str, message: str) -> None:
        self.ctx.events.event(self.owner, type="Normal", reason=reason, message=message)

    def _warn(self, reason: str, message: str) -> None:
        self.ctx.events.event(self.owner, type="Warning", reason=reason, message=message)

    def _cached_claims(self, pod: Object) -> Iterable[tuple[Object, Object | None]]:
        """Yield the claims of a Pod as they are wanted, and as they are."""
        cache = self.ctx.informers.informer(PERSISTENTVOLUMECLAIMS)
        for wanted in stateful.claims(self.owner, stateful.ordinal(pod)).values():
            name = wanted["metadata"]["name"]
            yield wanted, cache.get(Key(self.key.namespace, name))

    def _has_stale_claim(self, pod: Object) -> bool:
        """Whether a claim is still to go with the last Pod of the name."""
        if stateful.retention(self.owner)[1] == "Retain":
            return False
        return any(
            there is not None and stateful.is_stale(there, pod, PODS)
            for _, there in self._cached_claims(pod)
        )

    def _claims_are_owned(self, pod: Object) -> bool:
        return all(
            there is None or stateful.claim_owners(there, self.owner, pod) is None
            for _, there in self._cached_claims(pod)
        )

    async def _own_claims(self, pod: Object) -> None:
        for wanted, there in self._cached_claims(pod):
            if there is None:
                continue
            name = wanted["metadata"]["name"]
            if stateful.has_foreign_controller(there, self.owner, pod):
                self._warn(
                    "ConflictingController",
                    f"PersistentVolumeClaim {name} has a conflicting OwnerReference that acts as a "
                    "manging controller, the retention policy is ignored for this claim",
                )
            owners = stateful.claim_owners(there, self.owner, pod)
            if owners is None:
                continue
            changed = copied(there)
            changed["metadata"]["ownerReferences"] = owners
            written = await self.ctx.client.update(PERSISTENTVOLUMECLAIMS, changed)
            self.ctx.state.claims.created(self.key, written)

    async def _make_claims(self, pod: Object) -> None:
        failure: ApiError | None = None
        for wanted, there in self._cached_claims(pod):
            name = wanted["metadata"]["name"]
            if there is not None:
                if "deletionTimestamp" in there["metadata"]:
                    failure = failure or Conflict(f"pvc {name} is being deleted")
                continue
            about = f"Pod {pod['metadata']['name']} in StatefulSet {self.key.name}"
            try:
                made = await self.ctx.client.create(PERSISTENTVOLUMECLAIMS, wanted)
            except AlreadyExists as error:
                failure = failure or Conflict(f"failed to create PVC {name}: {error.message}")
            except ApiError as error:
                text = f"Create Claim {name} for {about} failed error: {error.message}"
                self._warn("FailedCreate", text)
                failure = failure or ApiError(
                    f"failed to create PVC {name}: {error.message}",
                    code=error.code,
                    reason=error.reason,
                )
            else:
                self.ctx.state.claims.created(self.key, made)
                self._event("SuccessfulCreate", f"Create Claim {name} {about} success")
        if failure is not None:
            raise failure

    async def _write_status(self, wanted: Object) -> None:
        old = self.owner.get("status") or {}
        if all((old.get(name) or 0) == (wanted.get(name) or 0) for name in _COUNTED):
            return
        if old.get("conditions"):
            wanted = {**wanted, "conditions": old["conditions"]}
        written = await self.ctx.client.update(
            STATEFULSETS, {**self.owner, "status": wanted}, subresource="status"
        )
        self.ctx.state.sets.created(self.key, written)

    async def _truncate(self, history: Sequence[Object], versions: Versions) -> None:
        limit = self.owner["spec"].get("revisionHistoryLimit")
        live = {versions.current, versions.update, *map(stateful.revision_of, self.pods)}
        await revisions.truncate(self.ctx, history, live, 10 if limit is None else limit)


async def reconcile(key: Key, ctx: Context) -> timedelta | None:
    """Take the StatefulSet a step further."""
    state: State = ctx.state
    found = ctx.informers.informer(STATEFULSETS).get(key)
    if found is None:
        state.forget(key)
        return None
    if not state.settled(key, ctx):
        return timedelta(milliseconds=100)
    owner = copied(found)
    wanted = selector(owner)
    history = await revisions.claimed(ctx, owner, STATEFULSETS)
    mine = await claim(
        ctx,
        owner,
        pods.owned(ctx.informers.informer(PODS), owner, orphans=True),
        owner_row=STATEFULSETS,
        row=PODS,
        matches=lambda pod: (
            stateful.parent(pod) == key.name and wanted.matches(pod["metadata"].get("labels"))
        ),
    )
    return await _Pass(ctx, key, owner, mine, ctx.clock.now()).run(history)


def _nobody(obj: Object, ctx: Context) -> Iterable[Key]:
    return ()


def _state(ctx: Context) -> State:
    return State(*(Pending(ctx.clock) for _ in range(4)))


STATEFULSET = Controller(
    name="statefulset-controller",
    on=STATEFULSETS,
    reconcile=reconcile,
    also=(
        (PODS, route_to_owner(STATEFULSETS, selector)),
        # Watched to be read: claims and revisions by themselves call for nothing.
        (PERSISTENTVOLUMECLAIMS, _nobody),
        (CONTROLLERREVISIONS, _nobody),
    ),
    prepare=_state,
)
