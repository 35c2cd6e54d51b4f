"""StatefulSets: Pods with names and volumes of their own, in order.

`shared.stateful` decides; here it is carried out.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from pinnace.api.errors import AlreadyExists, ApiError, NotFound
from pinnace.api.kinds.apps import CONTROLLERREVISIONS, STATEFULSETS
from pinnace.api.kinds.core import PERSISTENTVOLUMECLAIMS, PODS
from pinnace.api.objects import Key, Object, copied
from pinnace.api.selectors import LabelSelector, label_selector_from_object
from pinnace.controllers.base import Context, Controller
from pinnace.controllers.shared import conditions, pods, revisions, stateful
from pinnace.controllers.shared.claims import claim, route_to_owner
from pinnace.controllers.shared.pending import Pending

_HASH = "controller.kubernetes.io/hash"


def selector(obj: Object) -> LabelSelector | None:
    """Return which Pods a StatefulSet wants."""
    found = label_selector_from_object(obj["spec"].get("selector"))
    return None if found.empty() else found


@dataclass(slots=True)
class State:
    """Own writes that the caches do not show yet."""

    pods: Pending
    revisions: Pending


@dataclass(slots=True)
class _Pass:
    ctx: Context
    key: Key
    owner: Object
    history: dict[str, Object]

    async def create(self, ordinal: int, revision: str) -> None:
        template = revisions.template_of(self.history[revision])
        pod = pods.from_template(template, self.owner, STATEFULSETS)
        pod = stateful.complete_pod(pod, self.owner, ordinal, revision)
        name = pod["metadata"]["name"]
        try:
            await self._create_claims(ordinal, name)
            made = await self.ctx.client.create(PODS, pod)
        except AlreadyExists:
            raise
        except ApiError as error:
            self._tell("Create", name, error)
            raise
        self.ctx.state.pods.created(self.key, made)
        self._tell("Create", name)

    async def delete(self, pod: Object) -> None:
        meta = pod["metadata"]
        try:
            await self.ctx.client.delete(PODS, meta["name"], namespace=meta["namespace"])
        except NotFound:
            return
        except ApiError as error:
            self._tell("Delete", meta["name"], error)
            raise
        self.ctx.state.pods.deleted(self.key, pod)
        self._tell("Delete", meta["name"])

    async def relabel(self, pod: Object) -> None:
        changed = copied(pod)
        _, ordinal = stateful.parse_name(pod)
        known = changed["metadata"].get("labels") or {}
        changed["metadata"]["labels"] = {**known, **stateful.labels(self.owner, ordinal)}
        written = await self.ctx.client.update(PODS, changed)
        self.ctx.state.pods.created(self.key, written)
        self._tell("Update", pod["metadata"]["name"])

    async def _create_claims(self, ordinal: int, pod_name: str) -> None:
        informer = self.ctx.informers.informer(PERSISTENTVOLUMECLAIMS)
        for wanted in stateful.claims(self.owner, ordinal).values():
            name = wanted["metadata"]["name"]
            if informer.get(Key(self.key.namespace, name)) is not None:
                continue
            if stateful.claim_owner(self.owner, condemned=False) == "set":
                ref = pods.controller_ref(self.owner, STATEFULSETS)
                wanted["metadata"]["ownerReferences"] = [ref]
            with contextlib.suppress(AlreadyExists):
                await self.ctx.client.create(PERSISTENTVOLUMECLAIMS, wanted)
                where = f"Claim {name} Pod {pod_name} in StatefulSet {self.key.name}"
                self._event("Normal", "SuccessfulCreate", f"Create {where} success")

    async def keep_claims(self, found: Sequence[Object]) -> None:
        """Bring the owners of the claims in line with the retention policy."""
        if not self.owner["spec"].get("volumeClaimTemplates"):
            return
        informer = self.ctx.informers.informer(PERSISTENTVOLUMECLAIMS)
        wanted = stateful.ordinals(self.owner)
        for pod in found:
            _, ordinal = stateful.parse_name(pod)
            whose = stateful.claim_owner(self.owner, condemned=ordinal not in wanted)
            for made in stateful.claims(self.owner, ordinal).values():
                known = informer.get(Key(self.key.namespace, made["metadata"]["name"]))
                if known is not None:
                    await self._own_claim(known, pod, whose)

    async def _own_claim(self, known: Object, pod: Object, whose: str) -> None:
        ours = {self.owner["metadata"]["uid"], pod["metadata"]["uid"]}
        old = known["metadata"].get("ownerReferences") or []
        refs = [ref for ref in old if ref["uid"] not in ours]
        if any(ref.get("controller") for ref in refs):
            return  # somebody else sees to it
        if whose:
            by_set = whose == "set"
            owner, row = (self.owner, STATEFULSETS) if by_set else (pod, PODS)
            refs.append(pods.controller_ref(owner, row))
        if [ref["uid"] for ref in refs] != [ref["uid"] for ref in old]:
            changed = copied(known)
            changed["metadata"]["ownerReferences"] = refs
            await self.ctx.client.update(PERSISTENTVOLUMECLAIMS, changed)

    def _tell(self, verb: str, name: str, error: ApiError | None = None) -> None:
        where = f"{verb} Pod {name} in StatefulSet {self.key.name}"
        if error is None:
            self._event("Normal", f"Successful{verb}", f"{where} successful")
        else:
            self._event("Warning", f"Failed{verb}", f"{where} failed error: {error.message}")

    def _event(self, kind: str, reason: str, message: str) -> None:
        warning = kind == "Warning"
        self.ctx.events.event(
            self.owner, type="Warning" if warning else "Normal", reason=reason, message=message
        )


async def reconcile(key: Key, ctx: Context) -> timedelta | None:
    """Take the StatefulSet a step further."""
    state: State = ctx.state
    found = ctx.informers.informer(STATEFULSETS).get(key)
    if found is None:
        state.pods.forget(key)
        state.revisions.forget(key)
        return None
    wanted = selector(found)
    pod_cache = ctx.informers.informer(PODS)
    history_cache = ctx.informers.informer(CONTROLLERREVISIONS)
    if wanted is None:
        return None
    if not (state.pods.settled(key, pod_cache) and state.revisions.settled(key, history_cache)):
        return timedelta(seconds=1)
    owner = copied(found)
    members = await claim(
        ctx,
        owner,
        pods.owned(pod_cache, owner, orphans=True),
        owner_row=STATEFULSETS,
        row=PODS,
        matches=lambda pod: (
            wanted.matches(pod["metadata"].get("labels"))
            and stateful.parse_name(pod)[0] == key.name
        ),
    )
    return await _step(ctx, key, owner, members)


async def _step(ctx: Context, key: Key, owner: Object, members: list[Object]) -> timedelta | None:
    state: State = ctx.state
    history = await revisions.claimed(ctx, owner, STATEFULSETS)
    newest = await revisions.current(
        ctx, key, owner, history, row=STATEFULSETS, label=_HASH, pending=state.revisions
    )
    update = newest["metadata"]["name"]
    named = {entry["metadata"]["name"]: entry for entry in (*history, newest)}
    current = (owner.get("status") or {}).get("currentRevision", "")
    current = current if current in named else update
    now = ctx.clock.now()
    failure = None
    if "deletionTimestamp" not in owner["metadata"]:
        run = _Pass(ctx, key, owner, named)
        failure = await _carry_out(run, members, current, update)
    await _write_status(ctx, owner, stateful.status(owner, members, current, update, now))
    live = [current, update, *map(stateful.revision_of, members)]
    limit = owner["spec"].get("revisionHistoryLimit")
    await revisions.truncate(ctx, history, live, 10 if limit is None else limit)
    if failure is not None:
        raise failure
    min_ready = owner["spec"].get("minReadySeconds") or 0
    return pods.next_availability_check(members, min_ready, now) if min_ready else None


async def _carry_out(
    run: _Pass, members: list[Object], current: str, update: str
) -> ApiError | None:
    plan = stateful.plan(run.owner, members, update, run.ctx.clock.now())
    await run.keep_claims(members)
    steps = [run.relabel(pod) for pod in plan.relabel]
    steps += [run.delete(pod) for pod in plan.delete]
    for ordinal in plan.create:
        revision = stateful.revision_for(run.owner, ordinal, current, update)
        steps.append(run.create(ordinal, revision))
    results = await asyncio.gather(*steps, return_exceptions=True)
    failure = None
    for result in results:
        if isinstance(result, ApiError):
            failure = failure or result
        elif isinstance(result, BaseException):
            raise result
    return failure


async def _write_status(ctx: Context, owner: Object, wanted: Object) -> None:
    if conditions.pruned(owner.get("status") or {}) != conditions.pruned(wanted):
        await ctx.client.update(STATEFULSETS, {**owner, "status": wanted}, subresource="status")


STATEFULSET = Controller(
    name="statefulset-controller",
    on=STATEFULSETS,
    reconcile=reconcile,
    also=(
        (PODS, route_to_owner(STATEFULSETS, selector)),
        (CONTROLLERREVISIONS, route_to_owner(STATEFULSETS, selector)),
        (PERSISTENTVOLUMECLAIMS, lambda obj, ctx: ()),
    ),
    prepare=lambda ctx: State(Pending(ctx.clock), Pending(ctx.clock)),
)
