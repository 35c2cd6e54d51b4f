"""Deployments: moves Pods from one template to the next through ReplicaSets.

`shared.rollout` decides; here it is carried out. One pass does one step (grow the new set, or
shrink the old ones), and the change of the sets' status brings the next pass.
"""

from dataclasses import dataclass
from datetime import timedelta

from pinnace.api.errors import AlreadyExists, ApiError, Conflict, NotFound
from pinnace.api.kinds.apps import DEPLOYMENTS, REPLICASETS
from pinnace.api.kinds.core import PODS
from pinnace.api.objects import Key, Object, controller_of, copied
from pinnace.api.pods import is_terminal
from pinnace.api.selectors import LabelSelector, label_selector_from_object
from pinnace.controllers.base import Context, Controller
from pinnace.controllers.shared import conditions, pods, rollout
from pinnace.controllers.shared.claims import claim, route_to_owner
from pinnace.controllers.shared.pending import Pending
from pinnace.controllers.shared.rollout import Sets
from pinnace.controllers.shared.writes import is_namespace_terminating

_NAME_LENGTH = 253


def selector(obj: Object) -> LabelSelector | None:
    """Return which ReplicaSets a Deployment wants; None for one that would want all."""
    found = label_selector_from_object(obj["spec"].get("selector"))
    return None if found.empty() else found


def from_pod(pod: Object, ctx: Context) -> list[Key]:
    """Route a Pod that is gone to its Deployment: Recreate waits for the last one to go."""
    ref = controller_of(pod)
    if ref is None or ref["kind"] != "ReplicaSet":
        return []
    namespace = pod["metadata"].get("namespace", "")
    owner = ctx.informers.informer(REPLICASETS).get(Key(namespace, ref["name"]))
    return list(pods.owner_keys(owner, "Deployment")) if owner is not None else []


@dataclass(slots=True)
class _Pass:
    """One pass over one Deployment, a private copy that the pass may change."""

    ctx: Context
    key: Key
    deployment: Object

    async def run(self, sets: Sets) -> timedelta | None:
        deployment = self.deployment
        if "deletionTimestamp" in deployment["metadata"]:
            await self._write_status(rollout.status(deployment, sets, self.ctx.clock.now()))
            return None
        await self._tell_pause()
        sets = await self._with_revision(sets)
        if deployment["spec"].get("paused") or rollout.is_scaled(deployment, sets):
            await self._scale(sets)
            return None
        if rollout.is_rolling(deployment):
            return await self._roll(sets)
        return await self._recreate(sets)

    async def _scale(self, sets: Sets) -> None:
        for entry, size in rollout.scale(self.deployment, sets):
            await self._resize(entry, size)
        if self.deployment["spec"].get("paused"):
            await self._clean_up(sets)
        await self._write_status(rollout.status(self.deployment, sets, self.ctx.clock.now()))

    async def _roll(self, sets: Sets) -> timedelta | None:
        if sets.new is None:
            sets = await self._create(sets)
        for plan in (rollout.grow, rollout.shrink):
            if sizes := plan(self.deployment, sets):
                for entry, size in sizes:
                    await self._resize(entry, size)
                return await self._finish(sets)
        if rollout.is_complete(self.deployment, self.deployment.get("status") or {}):
            await self._clean_up(sets)
        return await self._finish(sets)

    async def _recreate(self, sets: Sets) -> timedelta | None:
        if running := rollout.active(sets.old):
            for entry in running:
                await self._resize(entry, 0)
            return await self._finish(sets)
        if self._old_pods_run(sets):
            return await self._finish(sets)
        if sets.new is None:
            sets = await self._create(sets)
        wanted = rollout.size(self.deployment)
        if sets.new is not None and rollout.size(sets.new) != wanted:
            await self._resize(sets.new, wanted)
        if rollout.is_complete(self.deployment, self.deployment.get("status") or {}):
            await self._clean_up(sets)
        return await self._finish(sets)

    def _old_pods_run(self, sets: Sets) -> bool:
        informer = self.ctx.informers.informer(PODS)
        return rollout.total(sets.old, "replicas") > 0 or any(
            not is_terminal(pod) for entry in sets.old for pod in pods.owned(informer, entry)
        )

    async def _finish(self, sets: Sets) -> timedelta | None:
        now = self.ctx.clock.now()
        wanted = rollout.rollout_status(self.deployment, sets, now)
        if await self._write_status(wanted):
            return None
        return rollout.deadline_check(self.deployment, wanted, now)

    async def _write_status(self, wanted: Object) -> bool:
        old = self.deployment.get("status") or {}
        if conditions.pruned(old) == conditions.pruned(wanted):
            return False
        self.deployment = await self.ctx.client.update(
            DEPLOYMENTS, {**self.deployment, "status": wanted}, subresource="status"
        )
        return True

    async def _put_condition(self, status: str, reason: str, message: str) -> None:
        told = rollout.condition("Progressing", status, reason, message, self.ctx.clock.now())
        old = self.deployment.get("status") or {}
        await self._write_status({**old, "conditions": conditions.put(old.get("conditions"), told)})

    async def _tell_pause(self) -> None:
        """Say that the rollout is paused or resumed, so that its deadline stands still."""
        deployment = self.deployment
        if not rollout.has_deadline(deployment):
            return
        known = (deployment.get("status") or {}).get("conditions")
        found = conditions.find(known, "Progressing")
        reason = found["reason"] if found else ""
        if reason == "ProgressDeadlineExceeded":
            return
        paused = bool(deployment["spec"].get("paused"))
        if paused and reason != "DeploymentPaused":
            await self._put_condition("Unknown", "DeploymentPaused", "Deployment is paused")
        elif not paused and reason == "DeploymentPaused":
            await self._put_condition("Unknown", "DeploymentResumed", "Deployment is resumed")

    async def _with_revision(self, sets: Sets) -> Sets:
        """Number the new set one above the old ones, and the Deployment as the new set."""
        new = sets.new
        if new is None:
            return sets
        number = max(map(rollout.revision, sets.old), default=0) + 1
        annotations = rollout.annotations(self.deployment, new, number, exists=True)
        min_ready = self.deployment["spec"].get("minReadySeconds") or 0
        if annotations != (new["metadata"].get("annotations") or {}) or min_ready != (
            new["spec"].get("minReadySeconds") or 0
        ):
            changed = copied(new)
            changed["metadata"]["annotations"] = annotations
            changed["spec"]["minReadySeconds"] = min_ready
            new = await self._update_set(changed)
        message = f'Found new replica set "{new["metadata"]["name"]}"'
        await self._number(annotations[rollout.REVISION], "FoundNewReplicaSet", message)
        return Sets(new, sets.old)

    async def _number(self, revision: str, reason: str, message: str) -> None:
        """Write the revision, and that there is a new set if no progress is told of yet."""
        mine = self.deployment["metadata"]
        status = self.deployment.get("status") or {}
        known = status.get("conditions")
        told = conditions.find(known, "Progressing")
        tell = rollout.has_deadline(self.deployment) and (
            told is None or reason == "NewReplicaSetCreated"
        )
        if (mine.get("annotations") or {}).get(rollout.REVISION) == revision and not tell:
            return
        annotations = {**(mine.get("annotations") or {}), rollout.REVISION: revision}
        if tell:
            now = self.ctx.clock.now()
            new = rollout.condition("Progressing", "True", reason, message, now)
            status = {**status, "conditions": conditions.put(known, new)}
        # The status endpoint takes annotations too; upstream relies on it.
        changed = {
            **self.deployment,
            "metadata": {**mine, "annotations": annotations},
            "status": status,
        }
        self.deployment = await self.ctx.client.update(DEPLOYMENTS, changed, subresource="status")

    async def _create(self, sets: Sets) -> Sets:
        deployment = self.deployment
        new = self._new_set(sets)
        name = new["metadata"]["name"]
        try:
            made = await self.ctx.client.create(REPLICASETS, new)
        except AlreadyExists:
            await self._resolve_collision(name)
            raise Conflict(f'replicasets.apps "{name}" already exists') from None
        except ApiError as error:
            await self._tell_failure(name, error)
            raise
        self.ctx.state.created(self.key, made)
        if size := rollout.size(made):
            self._tell_scaled("up", name, 0, size)
        number = made["metadata"]["annotations"][rollout.REVISION]
        self.deployment = deployment
        await self._number(number, "NewReplicaSetCreated", f'Created new replica set "{name}"')
        return Sets(made, sets.old)

    def _new_set(self, sets: Sets) -> Object:
        deployment = self.deployment
        meta, spec = deployment["metadata"], copied(deployment["spec"])
        collisions = (deployment.get("status") or {}).get("collisionCount")
        label = rollout.template_hash(spec["template"], collisions)
        template = spec["template"]
        inner = template.setdefault("metadata", {})
        inner["labels"] = {**(inner.get("labels") or {}), rollout.HASH: label}
        selected = spec["selector"]
        selected["matchLabels"] = {**(selected.get("matchLabels") or {}), rollout.HASH: label}
        room = _NAME_LENGTH - len(label) - 1
        new: Object = {
            "metadata": {
                "name": f"{meta['name'][:room]}-{label}",
                "namespace": meta["namespace"],
                "ownerReferences": [pods.controller_ref(deployment, DEPLOYMENTS)],
                "labels": dict(inner["labels"]),
            },
            "spec": {
                "replicas": 0,
                "selector": selected,
                "template": template,
                "minReadySeconds": spec.get("minReadySeconds") or 0,
            },
        }
        new["spec"]["replicas"] = rollout.new_size(deployment, sets.all, new)
        number = max(map(rollout.revision, sets.old), default=0) + 1
        new["metadata"]["annotations"] = rollout.annotations(deployment, new, number, exists=False)
        return new

    async def _resolve_collision(self, name: str) -> None:
        """Count a collision of names, unless the other is our own that the cache lacks."""
        other = await self.ctx.client.get(REPLICASETS, name, namespace=self.key.namespace)
        ref = controller_of(other)
        uid = self.deployment["metadata"]["uid"]
        same = rollout.sort_out(self.deployment, [other]).new is not None
        if same and ref is not None and ref["uid"] == uid:
            return
        status = self.deployment.get("status") or {}
        count = (status.get("collisionCount") or 0) + 1
        await self._write_status({**status, "collisionCount": count})

    async def _tell_failure(self, name: str, error: ApiError) -> None:
        if is_namespace_terminating(error):
            return
        message = f'Failed to create new replica set "{name}": {error.message}'
        if rollout.has_deadline(self.deployment):
            await self._put_condition("False", "ReplicaSetCreateError", message)
        self.ctx.events.event(
            self.deployment, type="Warning", reason="ReplicaSetCreateError", message=message
        )

    async def _resize(self, entry: Object, size: int) -> None:
        old = rollout.size(entry)
        annotations = entry["metadata"].get("annotations") or {}
        wanted = {**annotations, **rollout.size_annotations(self.deployment)}
        if old == size and annotations == wanted:
            return
        changed = copied(entry)
        changed["spec"]["replicas"] = size
        changed["metadata"]["annotations"] = wanted
        await self._update_set(changed)
        if old != size:
            name = entry["metadata"]["name"]
            self._tell_scaled("up" if size > old else "down", name, old, size)

    async def _update_set(self, changed: Object) -> Object:
        written = await self.ctx.client.update(REPLICASETS, changed)
        self.ctx.state.created(self.key, written)
        return written

    def _tell_scaled(self, direction: str, name: str, old: int, new: int) -> None:
        message = f"Scaled {direction} replica set {name} from {old} to {new}"
        self.ctx.events.event(
            self.deployment, type="Normal", reason="ScalingReplicaSet", message=message
        )

    async def _clean_up(self, sets: Sets) -> None:
        for entry in rollout.surplus(self.deployment, sets.old):
            meta = entry["metadata"]
            try:
                await self.ctx.client.delete(REPLICASETS, meta["name"], namespace=meta["namespace"])
            except NotFound:
                continue


async def reconcile(key: Key, ctx: Context) -> timedelta | None:
    """Take the Deployment a step further."""
    pending: Pending = ctx.state
    found = ctx.informers.informer(DEPLOYMENTS).get(key)
    if found is None:
        pending.forget(key)
        return None
    sets = ctx.informers.informer(REPLICASETS)
    if not pending.settled(key, sets):
        return timedelta(seconds=1)
    deployment = copied(found)
    wanted = selector(deployment)
    if wanted is None:
        message = "This deployment is selecting all pods. A non-empty selector is required."
        ctx.events.event(deployment, type="Warning", reason="SelectingAll", message=message)
        return None
    claimed = await claim(
        ctx,
        deployment,
        pods.owned(sets, deployment, orphans=True),
        owner_row=DEPLOYMENTS,
        row=REPLICASETS,
        matches=lambda entry: wanted.matches(entry["metadata"].get("labels")),
    )
    return await _Pass(ctx, key, deployment).run(rollout.sort_out(deployment, claimed))


DEPLOYMENT = Controller(
    name="deployment-controller",
    on=DEPLOYMENTS,
    reconcile=reconcile,
    also=((REPLICASETS, route_to_owner(DEPLOYMENTS, selector)), (PODS, from_pod)),
    prepare=lambda ctx: Pending(ctx.clock),
)
