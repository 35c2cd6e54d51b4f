"""Jobs: Pods that are to succeed a number of times.

`shared.jobs` decides; a pass here carries it out: create or delete Pods, then write the status
and let go of the Pods that are counted.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pinnace.api.errors import ApiError, NotFound
from pinnace.api.kinds.batch import JOBS
from pinnace.api.kinds.core import PODS
from pinnace.api.objects import Key, Object, controller_of, copied, format_time
from pinnace.api.pods import phase_of
from pinnace.api.selectors import LabelSelector, label_selector_from_object
from pinnace.controllers.base import Context, Controller
from pinnace.controllers.shared import conditions, indexes, jobs, pods
from pinnace.controllers.shared.batches import slow_start
from pinnace.controllers.shared.claims import claim, route_to_owner
from pinnace.controllers.shared.jobs import FINALIZER, Failures, View
from pinnace.controllers.shared.pending import Pending
from pinnace.controllers.shared.replicas import deletion_order
from pinnace.controllers.shared.writes import create_pod, delete_pod

_OWN_NAME = "kubernetes.io/job-controller"
# Prefix of keys that are Pods without a Job; no object's name has a colon.
_LOST = "pod:"


def selector(job: Object) -> LabelSelector:
    """Return which Pods a Job wants."""
    return label_selector_from_object(job["spec"].get("selector"))


_to_jobs = route_to_owner(JOBS, selector)


def from_pod(pod: Object, ctx: Context) -> Iterable[Key]:
    """Route a Pod to its Job; one that lost its Job while it was not counted, to itself."""
    yield from _to_jobs(pod, ctx)
    if jobs.is_tracked(pod) and _job_of(pod, ctx) is None:
        yield Key(pod["metadata"]["namespace"], _LOST + pod["metadata"]["name"])


def _job_of(pod: Object, ctx: Context) -> Object | None:
    """Return the Job that still has to count the Pod."""
    ref = controller_of(pod)
    if ref is None or ref["kind"] != "Job":
        return None
    job = ctx.informers.informer(JOBS).get(Key(pod["metadata"]["namespace"], ref["name"]))
    if job is None or job["metadata"]["uid"] != ref["uid"] or jobs.is_finished(job):
        return None
    return job


@dataclass(slots=True)
class State:
    """What the controller remembers between passes."""

    pods: Pending
    jobs: Pending
    failures: dict[Key, Failures] = field(default_factory=dict)

    def forget(self, key: Key) -> None:
        """Drop a Job that is gone or finished."""
        self.pods.forget(key)
        self.jobs.forget(key)
        self.failures.pop(key, None)


@dataclass(slots=True)
class _Pass:
    """One pass over one Job; `job` is a private copy whose status is built up."""

    ctx: Context
    key: Key
    job: Object
    view: View
    now: datetime
    active: int
    terminating: int
    ready: int
    again: timedelta | None = None
    failure: ApiError | None = None
    failures: Failures = field(default_factory=Failures)

    @property
    def status(self) -> Object:
        status: Object = self.job["status"]
        return status

    async def run(self) -> timedelta | None:
        old = copied(self.status)
        self._start()
        finished = jobs.verdict(self.view, self.now)
        if finished is not None:
            finished = finished if await self._delete(self.view.active, keep=True) else None
        elif "deletionTimestamp" not in self.job["metadata"]:
            await self._manage()
            if jobs.is_complete(self.view, self.active):
                text = "Reached expected number of succeeded pods"
                finished = jobs.condition(
                    "SuccessCriteriaMet", "CompletionsReached", text, self.now
                )
            else:
                self._tell_suspension()
        self.status.update(active=self.active, ready=self.ready, terminating=self.terminating)
        await self._track(old, finished)
        if self.failure is not None:
            raise self.failure
        return self._next(finished)

    def _next(self, finished: Object | None) -> timedelta | None:
        due = jobs.deadline(self.job) if finished is None else None
        waits = [due - self.now] if due is not None else []
        return min([*waits, *([self.again] if self.again is not None else [])], default=None)

    def _start(self) -> None:
        if not self.status.get("startTime") and not jobs.is_suspended(self.job):
            self.status["startTime"] = format_time(self.now)

    def _tell_suspension(self) -> None:
        known = self.status.get("conditions")
        told = conditions.is_true(known, "Suspended")
        if jobs.is_suspended(self.job) == told:
            return
        if told:
            self._suspension("False", "JobResumed", "Job resumed", "Resumed")
            self.status["startTime"] = format_time(self.now)
        else:
            self._suspension("True", "JobSuspended", "Job suspended", "Suspended")
            self.status.pop("startTime", None)

    def _suspension(self, status: str, reason: str, message: str, event: str) -> None:
        new = jobs.condition("Suspended", reason, message, self.now, status)
        known = self.status.get("conditions") or []
        if conditions.find(known, "Suspended") is None:
            self.status["conditions"] = [*known, new]
        else:
            self.status["conditions"] = [
                new if entry["type"] == "Suspended" else entry for entry in known
            ]
        self.ctx.events.event(self.job, type="Normal", reason=event, message=message)

    async def _manage(self) -> None:
        """Bring the number of active Pods to what is wanted."""
        ordered = deletion_order(self.view.active, (), self.now)
        doomed = jobs.surplus(self.view, ordered)[: jobs.AT_ONCE]
        if doomed or jobs.is_suspended(self.job):
            await self._delete(doomed, keep=False)
            return
        missing = jobs.wanted_active(self.view) - len(self.view.active)
        if jobs.only_replaces_failed(self.job):
            missing -= self.terminating
        if missing > 0:
            await self._create(min(missing, jobs.AT_ONCE))

    async def _create(self, missing: int) -> None:
        if self.view.per_index is None:
            wait = self.failures.wait(self.now)
            if wait > timedelta(0):
                self.again = wait
                return
        numbers: Sequence[int | None] = [None] * missing
        if jobs.is_indexed(self.job):
            numbers = self._indexes_to_create(missing)
        self.failure = await slow_start(
            len(numbers), lambda position: self._create_one(numbers[position])
        )

    def _indexes_to_create(self, missing: int) -> list[int]:
        found = jobs.free_indexes(self.view, missing)
        waits = {
            number: Failures(jobs.failure_count(last) + 1, jobs.finished_at(last)).wait(self.now)
            for number, last in self.view.delayed.items()
        }
        ready = [number for number in found if not waits.get(number)]
        if not ready and found:
            self.again = min(waits[number] for number in found)
        return ready

    async def _create_one(self, number: int | None) -> None:
        replaced = self.view.delayed.get(number) if number is not None else None
        per_index = self.view.per_index is not None
        pod = new_pod(self.job, number, replaced, per_index=per_index)
        made = await create_pod(self.ctx, self.job, pod)
        if made is not None:
            self.ctx.state.pods.created(self.key, made)
            self.active += 1

    async def _delete(self, doomed: Sequence[Object], *, keep: bool) -> bool:
        """Delete active Pods; those that are given up (not `keep`) are not counted as failed."""
        results = await asyncio.gather(
            *(self._delete_one(pod, keep=keep) for pod in doomed), return_exceptions=True
        )
        for pod, result in zip(doomed, results, strict=True):
            if isinstance(result, ApiError):
                self.failure = self.failure or result
                continue
            if isinstance(result, BaseException):
                raise result
            self.active -= 1
            self.terminating += 1
            self.ready -= pods.is_ready(pod)
        return self.failure is None

    async def _delete_one(self, pod: Object, *, keep: bool) -> None:
        if not keep:
            await remove_finalizer(self.ctx, self.key, pod)
        if await delete_pod(self.ctx, self.job, pod):
            self.ctx.state.pods.deleted(self.key, pod)

    async def _track(self, old: Object, finished: Object | None) -> None:
        """Count the Pods that have ended, and write the status before and after."""
        self._settle()
        leaving = jobs.countable(self.view, finished)
        self._note(leaving, finished)
        terminal = self._tell_end(finished)
        old = await self._write(old)
        self.ctx.state.failures[self.key] = self.failures
        results = await asyncio.gather(
            *(remove_finalizer(self.ctx, self.key, pod) for pod in leaving),
            return_exceptions=True,
        )
        gone = set()
        for pod, result in zip(leaving, results, strict=True):
            if isinstance(result, ApiError):
                self.failure = self.failure or result
            elif isinstance(result, BaseException):
                raise result
            else:
                gone.add(pod["metadata"]["uid"])
        self._settle(gone)
        if terminal is not None and self._may_end(leaving):
            self._end(terminal)
            await self._write(old)
            self._tell_users(terminal)
            return
        await self._write(old)

    def _settle(self, gone: Iterable[str] = ()) -> None:
        """Count the noted Pods that have no finalizer any more."""
        tracked = {p["metadata"]["uid"] for p in self.view.pods if jobs.is_tracked(p)} - set(gone)
        noted = self.status.get("uncountedTerminatedPods") or {}
        for name in ("succeeded", "failed"):
            before = noted.get(name) or []
            left = [uid for uid in before if uid in tracked]
            if len(left) != len(before):
                counted = self.status.get(name, 0) + len(before) - len(left)
                if name == "failed" or not jobs.is_indexed(self.job):
                    self.status[name] = counted
            if left:
                noted[name] = left
            else:
                noted.pop(name, None)
        self.status["uncountedTerminatedPods"] = noted

    def _note(self, leaving: Sequence[Object], finished: Object | None) -> None:
        noted = self.status["uncountedTerminatedPods"]
        failing = finished is not None and finished["type"] == "FailureTarget"
        policy = self.job["spec"].get("podFailurePolicy")
        done = set(self.view.counted_indexes)
        for pod in leaving:
            uid, indexed = pod["metadata"]["uid"], jobs.is_indexed(self.job)
            if indexed and not self.view.has_valid_index(pod):
                continue
            if phase_of(pod) == "Succeeded" and uid not in noted.get("failed", ()):
                number = jobs.index_of(pod)
                if indexed and number is not None:
                    done.add(number)
                elif uid not in noted.get("succeeded", ()):
                    noted.setdefault("succeeded", []).append(uid)
            elif jobs.is_failed(pod, self.job) or failing:
                new = uid not in noted.get("failed", ())
                if new and jobs.judge(policy, pod).counts:
                    noted.setdefault("failed", []).append(uid)
        if jobs.is_indexed(self.job):
            self.status["succeeded"] = len(done)
            self.status["completedIndexes"] = indexes.text(done)
        if self.view.per_index is not None:
            self.status["failedIndexes"] = indexes.text(self.view.failed_indexes)

    def _tell_end(self, finished: Object | None) -> Object | None:
        """Write the condition that announces the end; return the one that will say it."""
        if finished is None:
            return None
        known = self.status.get("conditions") or []
        if not conditions.is_true(known, finished["type"]):
            self.status["conditions"] = [*known, finished]
        kind = "Failed" if finished["type"] == "FailureTarget" else "Complete"
        return jobs.condition(kind, finished["reason"], finished["message"], self.now)

    def _may_end(self, leaving: Sequence[Object]) -> bool:
        noted = self.status["uncountedTerminatedPods"]
        return not noted and self.terminating <= 0 and len(leaving) < jobs.AT_ONCE

    def _end(self, terminal: Object) -> None:
        self.status["conditions"] = [*(self.status.get("conditions") or []), terminal]
        if terminal["type"] == "Complete":
            self.status["completionTime"] = terminal["lastTransitionTime"]

    def _tell_users(self, terminal: Object) -> None:
        events, completions = self.ctx.events, self.view.completions
        if terminal["type"] != "Complete":
            reason, message = terminal["reason"], terminal["message"]
            events.event(self.job, type="Warning", reason=reason, message=message)
            return
        if completions is not None and self.status.get("succeeded", 0) > completions:
            text = "Too many succeeded pods running after completion count reached"
            events.event(self.job, type="Warning", reason="TooManySucceededPods", message=text)
        events.event(self.job, type="Normal", reason="Completed", message="Job completed")

    async def _write(self, old: Object) -> Object:
        """Write the status if it is not as it was; return it as it is now."""
        if _comparable(old) == _comparable(self.status):
            return old
        mine = copied(self.status)
        written = await self.ctx.client.update(JOBS, self.job, subresource="status")
        self.ctx.state.jobs.created(self.key, written)
        self.job = {**written, "status": mine}
        return copied(mine)


def _comparable(status: Object) -> Object:
    kept = {name: value for name, value in status.items() if value != 0 or name == "ready"}
    found: Object = conditions.pruned(kept)
    return found


async def remove_finalizer(ctx: Context, key: Key, pod: Object) -> None:
    """Take the tracking finalizer from a Pod."""
    if not jobs.is_tracked(pod):
        return
    meta = pod["metadata"]
    patch = {"metadata": {"$deleteFromPrimitiveList/finalizers": [FINALIZER]}}
    with contextlib.suppress(NotFound):
        written = await ctx.client.patch(
            PODS, meta["name"], patch, namespace=meta["namespace"], type="strategic"
        )
        ctx.state.pods.created(key, written)


def new_pod(job: Object, number: int | None, replaced: Object | None, *, per_index: bool) -> Object:
    """Return the Pod for one completion."""
    pod = pods.from_template(job["spec"]["template"], job, JOBS)
    meta, spec = pod["metadata"], pod["spec"]
    meta["finalizers"] = [*(meta.get("finalizers") or ()), FINALIZER]
    if number is None:
        return pod
    name = f"{job['metadata']['name']}-{number}"
    annotations = {**(meta.get("annotations") or {}), jobs.INDEX: str(number)}
    if per_index:
        annotations |= jobs.failure_annotations(job, replaced)
    meta["annotations"] = annotations
    meta["labels"] = {**(meta.get("labels") or {}), jobs.INDEX: str(number)}
    # 63 characters less the random suffix, as upstream cuts it.
    meta["generateName"] = f"{name[:57]}-"
    spec["hostname"] = name
    source = {"fieldRef": {"fieldPath": f"metadata.labels['{jobs.INDEX}']"}}
    for container in [*(spec.get("initContainers") or ()), *spec["containers"]]:
        env = container.setdefault("env", [])
        if all(entry["name"] != "JOB_COMPLETION_INDEX" for entry in env):
            env.append({"name": "JOB_COMPLETION_INDEX", "valueFrom": source})
    return pod


async def _let_go(key: Key, ctx: Context) -> None:
    """Take the finalizer from a Pod that no Job will count any more."""
    pod = ctx.informers.informer(PODS).get(Key(key.namespace, key.name.removeprefix(_LOST)))
    if pod is not None and jobs.is_tracked(pod) and _job_of(pod, ctx) is None:
        await remove_finalizer(ctx, key, pod)
    ctx.state.forget(key)


async def reconcile(key: Key, ctx: Context) -> timedelta | None:
    """Take the Job a step further."""
    state: State = ctx.state
    if key.name.startswith(_LOST):
        await _let_go(key, ctx)
        return None
    informer = ctx.informers.informer(JOBS)
    found = informer.get(key)
    if found is None or jobs.is_finished(found):
        state.forget(key)
        _let_go_of_all(key, ctx)
        return None
    if found["spec"].get("managedBy", _OWN_NAME) != _OWN_NAME:
        return None
    pod_cache = ctx.informers.informer(PODS)
    if not (state.jobs.settled(key, informer) and state.pods.settled(key, pod_cache)):
        return timedelta(seconds=1)
    job = copied(found)
    job.setdefault("status", {})
    wanted = selector(job)
    mine = await claim(
        ctx,
        job,
        pods.owned(pod_cache, job, orphans=True),
        owner_row=JOBS,
        row=PODS,
        matches=lambda pod: wanted.matches(pod["metadata"].get("labels")),
        finalizers=[FINALIZER],
    )
    view = jobs.look(job, mine)
    return await _Pass(
        ctx,
        key,
        job,
        view,
        now=ctx.clock.now(),
        active=len(view.active),
        terminating=sum(map(pods.is_terminating, mine)),
        ready=sum(map(pods.is_ready, view.active)),
        failures=state.failures.get(key, Failures()).after(view.new_succeeded, view.new_failed),
    ).run()


def _let_go_of_all(key: Key, ctx: Context) -> None:
    """Queue the Pods that a Job left uncounted when it finished or went away."""
    for pod in ctx.informers.informer(PODS).list(key.namespace):
        ref = controller_of(pod)
        named = ref is not None and ref["kind"] == "Job" and ref["name"] == key.name
        if named and jobs.is_tracked(pod) and _job_of(pod, ctx) is None:
            ctx.enqueue(Key(key.namespace, _LOST + pod["metadata"]["name"]))


JOB = Controller(
    name="job-controller",
    on=JOBS,
    reconcile=reconcile,
    also=((PODS, from_pod),),
    prepare=lambda ctx: State(Pending(ctx.clock), Pending(ctx.clock)),
)
