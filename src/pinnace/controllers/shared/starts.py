"""When a CronJob is to start a Job: the deciding half.

Of the times that have passed since the last start (or the creation) only the last one counts; the
others are missed. With a starting deadline, times before it are not looked at. To look at few of
them, the number of missed times is reckoned from the distance of the first two.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pinnace.api.kinds.batch import CRONJOBS
from pinnace.api.objects import Object, copied, parse_time
from pinnace.controllers.shared import conditions, cron
from pinnace.controllers.shared.cron import Schedule
from pinnace.controllers.shared.pods import controller_ref

SCHEDULED_AT = "batch.kubernetes.io/cronjob-scheduled-timestamp"
_MANY = 100
# Later than the due time by this, so that it has certainly come.
_MARGIN = timedelta(milliseconds=100)


@dataclass(frozen=True, slots=True)
class Missed:
    """From when on times were looked at, the last that has come, and how many have."""

    earliest: datetime
    last: datetime | None = None
    count: int = 0

    @property
    def many(self) -> bool:
        """Whether so many were missed that something is wrong."""
        return self.count > _MANY


def missed(
    cronjob: Object, now: datetime, schedule: Schedule, *, with_deadline: bool = True
) -> Missed:
    """Return what has become due; raises ValueError for a schedule that never is."""
    status, spec = cronjob.get("status") or {}, cronjob["spec"]
    earliest = parse_time(
        status.get("lastScheduleTime") or cronjob["metadata"]["creationTimestamp"]
    )
    deadline = spec.get("startingDeadlineSeconds")
    if with_deadline and deadline is not None:
        earliest = max(earliest, now - timedelta(seconds=deadline))
    first = schedule.next(earliest)
    if first is None:
        raise ValueError("time difference between two schedules is less than 1 second")
    if now < first:
        return Missed(earliest)
    second = schedule.next(first)
    if second is None or now < second:
        return Missed(earliest, first)
    between = round((second - first).total_seconds())
    count = int((now - first).total_seconds()) // between + 1
    start = first + timedelta(seconds=(count - 2) * between)
    last = None
    found = schedule.next(start)
    while found is not None and found <= now:
        last, found = found, schedule.next(found)
    return Missed(earliest, last, count)


def wait(cronjob: Object, now: datetime, schedule: Schedule) -> timedelta | None:
    """Return in how long the next time comes."""
    try:
        found = missed(cronjob, now, schedule, with_deadline=False)
    except ValueError:
        base = now
    else:
        base = found.last or (now if found.count else found.earliest)
    due = schedule.next(base)
    return due + _MARGIN - now if due is not None else None


def is_too_late(cronjob: Object, due: datetime, now: datetime) -> bool:
    """Whether a time is past its starting deadline."""
    deadline = cronjob["spec"].get("startingDeadlineSeconds")
    return deadline is not None and due + timedelta(seconds=deadline) < now


def job_name(cronjob: Object, due: datetime) -> str:
    """Return the name of the Job of a time."""
    return f"{cronjob['metadata']['name']}-{int(due.timestamp()) // 60}"


def new_job(cronjob: Object, due: datetime) -> Object:
    """Return the Job of a time."""
    template = cronjob["spec"]["jobTemplate"]
    meta = template.get("metadata") or {}
    zone = cron.load_zone(cronjob["spec"].get("timeZone"))
    stamp = due.astimezone(zone).isoformat(timespec="seconds").replace("+00:00", "Z")
    return copied(
        {
            "metadata": {
                "name": job_name(cronjob, due),
                "namespace": cronjob["metadata"]["namespace"],
                "labels": dict(meta.get("labels") or {}),
                "annotations": {**(meta.get("annotations") or {}), SCHEDULED_AT: stamp},
                "ownerReferences": [controller_ref(cronjob, CRONJOBS)],
            },
            "spec": template.get("spec") or {},
        }
    )


def finished(job: Object) -> str:
    """Return the condition by which a Job has finished, empty if it has not."""
    for entry in (job.get("status") or {}).get("conditions") or ():
        if entry["type"] in ("Complete", "Failed") and entry["status"] == "True":
            return str(entry["type"])
    return ""


def surplus(cronjob: Object, jobs: Iterable[Object]) -> list[Object]:
    """Return the finished Jobs beyond the history limits, the first started first."""
    found: list[Object] = []
    listed = list(jobs)
    for kind, field in (
        ("Complete", "successfulJobsHistoryLimit"),
        ("Failed", "failedJobsHistoryLimit"),
    ):
        limit = cronjob["spec"].get(field)
        if limit is None:
            continue
        ended = sorted((job for job in listed if finished(job) == kind), key=_start_order)
        found += ended[: max(len(ended) - limit, 0)]
    return found


def _start_order(job: Object) -> tuple[bool, str, str]:
    started = (job.get("status") or {}).get("startTime")
    return started is None, started or "", job["metadata"]["name"]


def is_active(cronjob: Object, *, uid: str = "", name: str = "") -> bool:
    """Whether the status lists a Job as active, by uid or by name."""
    for ref in (cronjob.get("status") or {}).get("active") or ():
        if (uid and ref.get("uid") == uid) or (name and ref.get("name") == name):
            return True
    return False


def last_success(cronjob: Object, jobs: Iterable[Object]) -> str | None:
    """Return when a Job last succeeded, as far as the status and the Jobs tell."""
    known = (cronjob.get("status") or {}).get("lastSuccessfulTime")
    times = [
        (job.get("status") or {}).get("completionTime")
        for job in jobs
        if conditions.is_true((job.get("status") or {}).get("conditions"), "Complete")
    ]
    return max((when for when in (known, *times) if when), default=None, key=parse_time)


def rfc1123(when: datetime) -> str:
    """Write a time as Go's RFC1123Z does, in UTC."""
    return when.astimezone(UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")
