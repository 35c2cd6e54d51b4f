"""CronJobs: a Job whenever a schedule says so."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pinnace.api import cron
from pinnace.api.errors import AlreadyExists, ApiError, NotFound
from pinnace.api.kinds.batch import CRONJOBS, JOBS
from pinnace.api.objects import Key, Object, controller_of, copied, format_time, parse_time
from pinnace.controllers.base import Context, Controller
from pinnace.controllers.shared import conditions, pods
from pinnace.controllers.shared.jobs import is_finished
from pinnace.controllers.shared.pending import Pending

_SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"
_MANY_MISSED = 100
# Looked at a little after the minute, so that it has surely come.
_DELTA = timedelta(milliseconds=100)


def to_cronjob(job: Object, ctx: Context) -> Iterable[Key]:
    """Route a Job to its CronJob."""
    return pods.owner_keys(job, "CronJob")


@dataclass(frozen=True, slots=True)
class Due:
    """The last time that a Job should have been started, and how many such times were missed."""

    at: datetime | None
    missed: int


def due(owner: Object, schedule: cron.Schedule, now: datetime) -> Due:
    """Return the most recent scheduled time that has not been acted on."""
    last = (owner.get("status") or {}).get("lastScheduleTime")
    earliest = parse_time(last or owner["metadata"]["creationTimestamp"])
    deadline = owner["spec"].get("startingDeadlineSeconds")
    if deadline is not None:
        earliest = max(earliest, now - timedelta(seconds=deadline))
    first = schedule.next(earliest)
    if first is None or now < first:
        return Due(None, 0)
    second = schedule.next(first)
    if second is None or now < second:
        return Due(first, 0)
    # Jump close to now by the distance of the first two, then step.
    between = (second - first).total_seconds()
    missed = int((now - first).total_seconds() // between) + 1
    moment = first + timedelta(seconds=max(missed - 2, 0) * between)
    found: datetime | None = None
    while (step := schedule.next(moment)) is not None and step <= now:
        found = moment = step
    return Due(found or first, missed)


def wait(schedule: cron.Schedule, now: datetime) -> timedelta | None:
    """Return how long it is until the next scheduled time."""
    coming = schedule.next(now)
    return coming - now + _DELTA if coming is not None else None


def job_name(owner: Object, at: datetime) -> str:
    """Return the name of the Job of one scheduled time: the same for every attempt at it."""
    return f"{owner['metadata']['name']}-{int(at.timestamp()) // 60}"


def new_job(owner: Object, at: datetime) -> Object:
    """Return the Job of one scheduled time."""
    template = copied(owner["spec"]["jobTemplate"])
    meta = template.get("metadata") or {}
    local = at.astimezone(cron.zone(owner["spec"].get("timeZone") or ""))
    stamp = local.isoformat(timespec="seconds").replace("+00:00", "Z")
    return {
        "metadata": {
            "name": job_name(owner, at),
            "namespace": owner["metadata"]["namespace"],
            "labels": meta.get("labels") or {},
            "annotations": {**(meta.get("annotations") or {}), _SCHEDULED: stamp},
            "ownerReferences": [pods.controller_ref(owner, CRONJOBS)],
        },
        "spec": template["spec"],
    }


def _ended(job: Object, kind: str) -> bool:
    return conditions.is_true((job.get("status") or {}).get("conditions"), kind)


def superfluous(owner: Object, mine: Sequence[Object]) -> list[Object]:
    """Return the finished Jobs beyond the history limits, the oldest first."""
    found: list[Object] = []
    for kind, limit_name in (
        ("Complete", "successfulJobsHistoryLimit"),
        ("Failed", "failedJobsHistoryLimit"),
    ):
        limit = owner["spec"].get(limit_name)
        if limit is None:
            continue
        ended = [job for job in mine if _ended(job, kind)]
        ended.sort(
            key=lambda job: (
                (job.get("status") or {}).get("startTime") or "9999",
                job["metadata"]["name"],
            )
        )
        found += ended[: max(len(ended) - limit, 0)]
    return found


@dataclass(slots=True)
class _Pass:
    ctx: Context
    key: Key
    owner: Object
    jobs: list[Object]
    now: datetime

    @property
    def status(self) -> Object:
        status: Object = self.owner.setdefault("status", {})
        return status

    def tell(self, reason: str, message: str, *, warning: bool = False) -> None:
        kind = "Warning" if warning else "Normal"
        self.ctx.events.event(
            self.owner,
            type="Warning" if kind == "Warning" else "Normal",
            reason=reason,
            message=message,
        )

    def follow(self) -> None:
        """Bring the list of active Jobs in line with the Jobs."""
        active = {ref["uid"]: ref for ref in self.status.get("active") or ()}
        there = {job["metadata"]["uid"] for job in self.jobs}
        for job in self.jobs:
            meta = job["metadata"]
            known = meta["uid"] in active
            if not is_finished(job):
                if not known:
                    text = "Saw a job that the controller did not create or forgot"
                    self.tell("UnexpectedJob", f"{text}: {meta['name']}", warning=True)
                continue
            if known:
                del active[meta["uid"]]
                kind = "Complete" if _ended(job, "Complete") else "Failed"
                text = f"Saw completed job: {meta['name']}, condition: {kind}"
                self.tell("SawCompletedJob", text)
            completed = (job.get("status") or {}).get("completionTime")
            if completed and completed > self.status.get("lastSuccessfulTime", ""):
                self.status["lastSuccessfulTime"] = completed
        for uid in [uid for uid in active if uid not in there]:
            self.tell("MissingJob", f"Active job went missing: {active.pop(uid)['name']}")
        self.status["active"] = list(active.values())

    async def clean_up(self) -> None:
        for job in superfluous(self.owner, self.jobs):
            await self.delete(job["metadata"])

    async def delete(self, meta: Object) -> None:
        try:
            await self.ctx.client.delete(
                JOBS, meta["name"], namespace=self.key.namespace, propagation="Background"
            )
        except NotFound:
            pass
        except ApiError as error:
            self.tell("FailedDelete", f"Deleted job: {error.message}", warning=True)
            raise
        active = self.status.get("active") or []
        self.status["active"] = [ref for ref in active if ref["uid"] != meta["uid"]]
        self.tell("SuccessfulDelete", f"Deleted job {meta['name']}")

    async def start(self) -> timedelta | None:
        """Start the Job that is due; return when to look again."""
        spec = self.owner["spec"]
        try:
            schedule = cron.parse(spec["schedule"], spec.get("timeZone") or "")
        except ValueError as error:
            text = f'unparseable schedule: "{spec["schedule"]}" : {error}'
            self.tell("UnparseableSchedule", text, warning=True)
            return None
        found = due(self.owner, schedule, self.now)
        again = wait(schedule, self.now)
        if found.at is None:
            return again
        if found.missed > _MANY_MISSED:
            text = (
                "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or "
                "check clock skew"
            )
            self.tell("TooManyMissedTimes", text, warning=True)
        if not await self._may_start(found.at):
            return again
        await self._create(found.at)
        return again

    async def _may_start(self, at: datetime) -> bool:
        active = self.status.get("active") or []
        if any(ref["name"] == job_name(self.owner, at) for ref in active):
            return False
        policy = self.owner["spec"].get("concurrencyPolicy")
        if policy == "Forbid" and active:
            text = (
                "Not starting job because prior execution is running and concurrency policy is "
                "Forbid"
            )
            self.tell("JobAlreadyActive", text)
            return False
        if policy == "Replace":
            for ref in active:
                await self.delete(ref)
        return True

    async def _create(self, at: datetime) -> None:
        new = new_job(self.owner, at)
        name = new["metadata"]["name"]
        try:
            made = await self.ctx.client.create(JOBS, new)
        except AlreadyExists:
            made = await self.ctx.client.get(JOBS, name, namespace=self.key.namespace)
            ref = controller_of(made)
            if ref is None or ref["uid"] != self.owner["metadata"]["uid"]:
                return
        except ApiError as error:
            self.tell("FailedCreate", f"Error creating job: {error.message}", warning=True)
            raise
        else:
            self.tell("SuccessfulCreate", f"Created job {name}")
            self.ctx.state.created(self.key, made)
        meta = made["metadata"]
        ref = {
            "kind": "Job",
            "namespace": meta["namespace"],
            "name": meta["name"],
            "uid": meta["uid"],
            "apiVersion": JOBS.group_version,
            "resourceVersion": meta["resourceVersion"],
        }
        self.status["active"] = [*(self.status.get("active") or []), ref]
        self.status["lastScheduleTime"] = format_time(at)


async def reconcile(key: Key, ctx: Context) -> timedelta | None:
    """Follow the Jobs that run, and start the one that is due."""
    pending: Pending = ctx.state
    found = ctx.informers.informer(CRONJOBS).get(key)
    if found is None:
        pending.forget(key)
        return None
    cache = ctx.informers.informer(JOBS)
    if not pending.settled(key, cache):
        return timedelta(seconds=1)
    owner = copied(found)
    run = _Pass(ctx, key, owner, pods.owned(cache, owner), ctx.clock.now())
    old = copied(run.status)
    again = None
    try:
        run.follow()
        await run.clean_up()
        if "deletionTimestamp" not in owner["metadata"] and not owner["spec"].get("suspend"):
            again = await run.start()
    finally:
        if conditions.pruned(old) != conditions.pruned(run.status):
            await ctx.client.update(CRONJOBS, owner, subresource="status")
    return again


CRONJOB = Controller(
    name="cronjob-controller",
    on=CRONJOBS,
    reconcile=reconcile,
    also=((JOBS, to_cronjob),),
    prepare=lambda ctx: Pending(ctx.clock),
)
