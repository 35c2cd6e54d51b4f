"""CronJobs: starts a Job whenever its schedule is due.

`shared.cron` tells when that is, `shared.starts` what follows from it.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pinnace.api.errors import AlreadyExists, ApiError, Conflict, NotFound
from pinnace.api.kinds.batch import CRONJOBS, JOBS
from pinnace.api.objects import Key, Object, controller_of, copied, format_time, parse_time
from pinnace.client.events import EventKind
from pinnace.controllers.base import Context, Controller
from pinnace.controllers.shared import conditions, cron, pods, starts
from pinnace.controllers.shared.cron import Schedule
from pinnace.controllers.shared.writes import is_namespace_terminating

_DOCS = "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/"


@dataclass(slots=True)
class State:
    """The schedules as they were at the last pass, to see when one is changed."""

    schedules: dict[Key, tuple[str, str]] = field(default_factory=dict)


@dataclass(slots=True)
class _Pass:
    """One pass over one CronJob, a private copy whose status is built up."""

    ctx: Context
    cronjob: Object
    jobs: Sequence[Object]
    now: datetime

    @property
    def _status(self) -> Object:
        status: Object = self.cronjob["status"]
        return status

    async def run(self) -> timedelta | None:
        old = copied(self._status)
        for job in starts.surplus(self.cronjob, self.jobs):
            await self._delete(job)
        failure, after = None, None
        try:
            await self._follow()
            if "deletionTimestamp" not in self.cronjob["metadata"]:
                after = await self._start()
        except ApiError as error:
            failure = error
        if conditions.pruned(old) != conditions.pruned(self._status):
            await self.ctx.client.update(CRONJOBS, self.cronjob, subresource="status")
        if failure is not None:
            raise failure
        return after

    async def _follow(self) -> None:
        """Bring the list of active Jobs up to date."""
        for job in self.jobs:
            meta, ended = job["metadata"], starts.finished(job)
            listed = starts.is_active(self.cronjob, uid=meta["uid"])
            if ended and listed:
                self._drop(meta["uid"])
                text = f"Saw completed job: {meta['name']}, condition: {ended}"
                self._event("Normal", "SawCompletedJob", text)
            elif not ended and not listed:
                await self._check_unknown(job)
        if success := starts.last_success(self.cronjob, self.jobs):
            self._status["lastSuccessfulTime"] = success
        known = {job["metadata"]["uid"] for job in self.jobs}
        for ref in list(self._status.get("active") or ()):
            if ref.get("uid") not in known and not await self._exists(ref):
                self._event("Normal", "MissingJob", f"Active job went missing: {ref['name']}")
                self._drop(ref["uid"])

    async def _check_unknown(self, job: Object) -> None:
        meta, mine = job["metadata"], self.cronjob["metadata"]
        fresh = await self.ctx.client.get(CRONJOBS, mine["name"], namespace=mine["namespace"])
        if starts.is_active(fresh, uid=meta["uid"]):
            # The cache lags behind; the pass that its next event brings will know.
            raise Conflict(f"the status of CronJob {mine['namespace']}/{mine['name']} is stale")
        text = f"Saw a job that the controller did not create or forgot: {meta['name']}"
        self._event("Warning", "UnexpectedJob", text)

    async def _exists(self, ref: Object) -> bool:
        try:
            await self.ctx.client.get(JOBS, ref["name"], namespace=ref["namespace"])
        except NotFound:
            return False
        return True

    def _schedule(self) -> Schedule | None:
        """Read the schedule, telling what is wrong with it."""
        spec = self.cronjob["spec"]
        text, zone_name = spec["schedule"], spec.get("timeZone")
        try:
            zone = cron.load_zone(zone_name)
        except ValueError as error:
            about = f"invalid timeZone: {_quoted(zone_name)}: {error}"
            self._event("Warning", "UnknownTimeZone", about)
            return None
        if spec.get("suspend"):
            return None
        if "TZ" in text:
            about = f"CRON_TZ or TZ used in schedule {_quoted(text)} is not officially supported"
            self._event("Warning", "UnsupportedSchedule", f"{about}, see {_DOCS} for more details")
        try:
            return cron.parse(text, zone)
        except ValueError as error:
            about = f"unparseable schedule: {_quoted(text)} : {error}"
            self._event("Warning", "UnparseableSchedule", about)
        return None

    async def _start(self) -> timedelta | None:
        """Start a Job if one is due; return when the next is."""
        schedule = self._schedule()
        if schedule is None:
            return None
        try:
            missed = starts.missed(self.cronjob, self.now, schedule)
        except ValueError as error:
            text = f"invalid schedule: {self.cronjob['spec']['schedule']} : {error}"
            self._event("Warning", "InvalidSchedule", text)
            return None
        due = missed.last
        if due is not None:
            if missed.many:
                self._event(
                    "Warning",
                    "TooManyMissedTimes",
                    "too many missed start times. Set or decrease .spec.startingDeadlineSeconds "
                    "or check clock skew",
                )
            if self._may_start(due):
                await self._replace()
                if not await self._create(due):
                    return None
        return starts.wait(self.cronjob, self.now, schedule)

    def _may_start(self, due: datetime) -> bool:
        spec = self.cronjob["spec"]
        if starts.is_too_late(self.cronjob, due, self.now):
            text = f"Missed scheduled time to start a job: {starts.rfc1123(due)}"
            self._event("Warning", "MissSchedule", text)
            return False
        last = self._status.get("lastScheduleTime")
        name = starts.job_name(self.cronjob, due)
        if starts.is_active(self.cronjob, name=name) or (
            last and parse_time(last) == due.replace(microsecond=0)
        ):
            return False
        if spec.get("concurrencyPolicy") == "Forbid" and self._status.get("active"):
            self._event(
                "Normal",
                "JobAlreadyActive",
                "Not starting job because prior execution is running and concurrency policy is "
                "Forbid",
            )
            return False
        return True

    async def _replace(self) -> None:
        if self.cronjob["spec"].get("concurrencyPolicy") != "Replace":
            return
        for ref in list(self._status.get("active") or ()):
            try:
                job = await self.ctx.client.get(JOBS, ref["name"], namespace=ref["namespace"])
            except ApiError as error:
                self._event("Warning", "FailedGet", f"Get job: {error.message}")
                raise
            if not await self._delete(job):
                where = f"{ref['namespace']}/{ref['name']}"
                raise ApiError(f"could not replace job {where}")

    async def _create(self, due: datetime) -> bool:
        """Create the Job of a time and list it as active; False if it needs nothing more."""
        wanted = starts.new_job(self.cronjob, due)
        name = wanted["metadata"]["name"]
        try:
            job = await self.ctx.client.create(JOBS, wanted)
        except AlreadyExists:
            namespace = wanted["metadata"]["namespace"]
            job = await self.ctx.client.get(JOBS, name, namespace=namespace)
            ref = controller_of(job)
            mine = ref is not None and ref["uid"] == self.cronjob["metadata"]["uid"]
            if not mine or starts.is_active(self.cronjob, uid=job["metadata"]["uid"]):
                return False
        except ApiError as error:
            if not is_namespace_terminating(error):
                self._event("Warning", "FailedCreate", f"Error creating job: {error.message}")
            raise
        else:
            self._event("Normal", "SuccessfulCreate", f"Created job {name}")
        self._status["active"] = [*(self._status.get("active") or ()), _reference(job)]
        self._status["lastScheduleTime"] = format_time(due)
        return True

    async def _delete(self, job: Object) -> bool:
        meta = job["metadata"]
        try:
            await self.ctx.client.delete(
                JOBS, meta["name"], namespace=meta["namespace"], propagation="Background"
            )
        except ApiError as error:
            self._event("Warning", "FailedDelete", f"Deleted job: {error.message}")
            return False
        self._drop(meta["uid"])
        self._event("Normal", "SuccessfulDelete", f"Deleted job {meta['name']}")
        return True

    def _drop(self, uid: str) -> None:
        active = self._status.get("active") or ()
        self._status["active"] = [ref for ref in active if ref.get("uid") != uid]

    def _event(self, kind: EventKind, reason: str, message: str) -> None:
        self.ctx.events.event(self.cronjob, type=kind, reason=reason, message=message)


def _quoted(text: object) -> str:
    return json.dumps(text, ensure_ascii=False)


def _reference(job: Object) -> Object:
    meta = job["metadata"]
    return {
        "kind": "Job",
        "namespace": meta["namespace"],
        "name": meta["name"],
        "uid": meta["uid"],
        "apiVersion": JOBS.group_version,
        "resourceVersion": meta["resourceVersion"],
    }


def _changed_schedule(state: State, key: Key, cronjob: Object) -> bool:
    spec = cronjob["spec"]
    now = (spec["schedule"], spec.get("timeZone") or "")
    before = state.schedules.get(key)
    state.schedules[key] = now
    return before is not None and before != now


async def reconcile(key: Key, ctx: Context) -> timedelta | None:
    """Start what is due, tidy up, and return when to look again."""
    found = ctx.informers.informer(CRONJOBS).get(key)
    if found is None:
        ctx.state.schedules.pop(key, None)
        return None
    cronjob, now = copied(found), ctx.clock.now()
    cronjob.setdefault("status", {})
    if _changed_schedule(ctx.state, key, cronjob):
        # By the new schedule nothing was missed: wait for its next time.
        spec = cronjob["spec"]
        try:
            schedule = cron.parse(spec["schedule"], cron.load_zone(spec.get("timeZone")))
        except ValueError:
            text = f"unparseable schedule for cronjob: {spec['schedule']}"
            ctx.events.event(
                cronjob, type="Warning", reason="UnParseableCronJobSchedule", message=text
            )
            return None
        return starts.wait(cronjob, now, schedule)
    jobs = pods.owned(ctx.informers.informer(JOBS), cronjob)
    return await _Pass(ctx, cronjob, jobs, now).run()


def from_job(job: Object, ctx: Context) -> Iterable[Key]:
    """Route a Job to its CronJob."""
    return pods.owner_keys(job, "CronJob")


CRONJOB = Controller(
    name="cronjob-controller",
    on=CRONJOBS,
    reconcile=reconcile,
    also=((JOBS, from_job),),
    prepare=lambda ctx: State(),
)
