"""What a Job is to do next, from its Pods: the deciding half.

A Pod of a Job carries a finalizer until it is counted: first its uid goes into
`status.uncountedTerminatedPods` (or its index into `completedIndexes`), then the finalizer goes
from the Pod, then the uid becomes one more of `status.succeeded` or `failed`. Whenever that is
interrupted, no Pod is lost and none is counted twice.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from pinnace.api.objects import Object, format_time, parse_time
from pinnace.api.pods import phase_of
from pinnace.controllers.shared import conditions, indexes, pods

FINALIZER = "batch.kubernetes.io/job-tracking"
INDEX = "batch.kubernetes.io/job-completion-index"
FAILURES = "batch.kubernetes.io/job-index-failure-count"
IGNORED_FAILURES = "batch.kubernetes.io/job-index-ignored-failure-count"
AT_ONCE = 500
_FIRST_BACKOFF = 10.0
_MAX_BACKOFF = 600.0


def is_indexed(job: Object) -> bool:
    """Whether each completion has a number of its own."""
    return bool(job["spec"].get("completionMode") == "Indexed")


def is_suspended(job: Object) -> bool:
    """Whether the Job is not to run now."""
    return bool(job["spec"].get("suspend"))


def is_finished(job: Object) -> bool:
    """Whether the Job has completed or failed."""
    known = (job.get("status") or {}).get("conditions")
    return conditions.is_true(known, "Complete") or conditions.is_true(known, "Failed")


def is_tracked(pod: Object) -> bool:
    """Whether the Pod has not been counted yet."""
    return FINALIZER in (pod["metadata"].get("finalizers") or ())


def only_replaces_failed(job: Object) -> bool:
    """Whether a Pod that is being deleted is waited for before it is replaced."""
    spec = job["spec"]
    return spec.get("podReplacementPolicy") == "Failed" or bool(spec.get("podFailurePolicy"))


def is_failed(pod: Object, job: Object) -> bool:
    """Whether the Pod counts as failed."""
    if phase_of(pod) == "Failed":
        return True
    leaving = "deletionTimestamp" in pod["metadata"] and phase_of(pod) != "Succeeded"
    return leaving and not only_replaces_failed(job)


def index_of(pod: Object) -> int | None:
    """Return the Pod's completion index, or None if it has no valid one."""
    text = (pod["metadata"].get("annotations") or {}).get(INDEX, "")
    return int(text) if text.isdigit() else None


class Verdict(NamedTuple):
    """What a pod failure policy says of a failed Pod."""

    action: str
    message: str

    @property
    def counts(self) -> bool:
        """Whether the failure counts towards the back-off limit."""
        return self.action != "Ignore"


def judge(policy: Object | None, pod: Object) -> Verdict:
    """Apply the first rule of a pod failure policy that matches; without one, it counts."""
    where = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
    for number, rule in enumerate((policy or {}).get("rules") or ()):
        action = rule["action"]
        tail = f"matching {action} rule at index {number}"
        if rule.get("onExitCodes"):
            found = _failed_container(pod, rule["onExitCodes"])
            if found is not None:
                name, code = found
                return Verdict(
                    action, f"Container {name} for pod {where} failed with exit code {code} {tail}"
                )
            continue
        kind = _matching_condition(pod, rule.get("onPodConditions") or ())
        if kind is not None:
            return Verdict(action, f"Pod {where} has condition {kind} {tail}")
    return Verdict("", "")


def _failed_container(pod: Object, wanted: Object) -> tuple[str, int] | None:
    status = pod.get("status") or {}
    for name in ("containerStatuses", "initContainerStatuses"):
        for entry in status.get(name) or ():
            ended = (entry.get("state") or {}).get("terminated")
            if ended is None or not ended.get("exitCode"):
                continue
            if wanted.get("containerName") not in (None, entry["name"]):
                continue
            if (ended["exitCode"] in wanted["values"]) == (wanted["operator"] == "In"):
                return entry["name"], ended["exitCode"]
    return None


def _matching_condition(pod: Object, patterns: Sequence[Object]) -> str | None:
    for entry in (pod.get("status") or {}).get("conditions") or ():
        for pattern in patterns:
            if (entry["type"], entry["status"]) == (pattern["type"], pattern.get("status", "True")):
                return str(entry["type"])
    return None


def finished_at(pod: Object) -> datetime:
    """Return when the Pod ended, by the best that is known."""
    meta, status = pod["metadata"], pod.get("status") or {}
    states = [entry.get("state") or {} for entry in status.get("containerStatuses") or ()]
    ends = [str((state.get("terminated") or {}).get("finishedAt") or "") for state in states]
    if ends and all(ends):
        return max(map(parse_time, ends))
    ready = conditions.find(status.get("conditions"), "Ready")
    if ready is not None and ready["status"] == "False" and ready.get("lastTransitionTime"):
        return parse_time(ready["lastTransitionTime"])
    if "deletionTimestamp" in meta:
        grace = meta.get("deletionGracePeriodSeconds") or 0
        return parse_time(meta["deletionTimestamp"]) - timedelta(seconds=grace)
    return parse_time(meta["creationTimestamp"])


@dataclass(frozen=True, slots=True)
class Failures:
    """How many Pods have failed since one succeeded, and when the last of them did."""

    count: int = 0
    last: datetime | None = None

    def after(self, succeeded: Sequence[Object], failed: Sequence[Object]) -> "Failures":
        """Return the record with more Pods in it."""
        if not succeeded and not failed:
            return self
        since = max(map(finished_at, succeeded), default=None)
        times = [when for when in map(finished_at, failed) if since is None or when > since]
        count = len(times) + (self.count if since is None else 0)
        return Failures(count, max(times, default=None))

    def wait(self, now: datetime) -> timedelta:
        """Return how long the next Pod has to wait: 10 s, doubled with each failure."""
        if not self.count or self.last is None:
            return timedelta(0)
        seconds = min(_FIRST_BACKOFF * 2 ** min(self.count - 1, 16), _MAX_BACKOFF)
        return max(self.last + timedelta(seconds=seconds) - now, timedelta(0))


@dataclass(slots=True)
class View:
    """A Job and its Pods, counted."""

    job: Object
    pods: list[Object]
    active: list[Object] = field(default_factory=list)
    new_succeeded: list[Object] = field(default_factory=list)
    new_failed: list[Object] = field(default_factory=list)
    succeeded: int = 0
    failed: int = 0
    completed: set[int] = field(default_factory=set)
    counted_indexes: set[int] = field(default_factory=set)
    failed_indexes: set[int] = field(default_factory=set)
    delayed: dict[int, Object] = field(default_factory=dict)

    @property
    def completions(self) -> int | None:
        """How many Pods must succeed; None if one that succeeds ends it all."""
        value = self.job["spec"].get("completions")
        return None if value is None else int(value)

    @property
    def per_index(self) -> int | None:
        """The back-off limit of each index, if each has its own."""
        value = self.job["spec"].get("backoffLimitPerIndex")
        return None if value is None or not is_indexed(self.job) else int(value)

    def has_valid_index(self, pod: Object) -> bool:
        """Whether the Pod is for one of the completions."""
        number = index_of(pod)
        return number is not None and number < (self.completions or 0)


def uncounted(job: Object, name: str) -> list[str]:
    """Return the uids that are noted but not counted yet."""
    status = job.get("status") or {}
    return list((status.get("uncountedTerminatedPods") or {}).get(name) or ())


def look(job: Object, found: Iterable[Object]) -> View:
    """Count a Job's Pods."""
    view = View(job, list(found))
    status = job.get("status") or {}
    noted = {name: uncounted(job, name) for name in ("succeeded", "failed")}
    view.active = [pod for pod in view.pods if pods.is_active(pod)]
    for pod in view.pods:
        uid = pod["metadata"]["uid"]
        if not is_tracked(pod) or (is_indexed(job) and not view.has_valid_index(pod)):
            continue
        if phase_of(pod) == "Succeeded" and uid not in noted["succeeded"]:
            view.new_succeeded.append(pod)
        elif is_failed(pod, job) and uid not in noted["failed"]:
            view.new_failed.append(pod)
    policy = job["spec"].get("podFailurePolicy")
    counting = [pod for pod in view.new_failed if judge(policy, pod).counts]
    view.succeeded = status.get("succeeded", 0) + len(view.new_succeeded) + len(noted["succeeded"])
    view.failed = status.get("failed", 0) + len(counting) + len(noted["failed"])
    if is_indexed(job):
        _look_at_indexes(view, status)
    return view


def _look_at_indexes(view: View, status: Object) -> None:
    total = view.completions or 0
    view.counted_indexes = indexes.parse(status.get("completedIndexes"), total)
    done = {index_of(pod) for pod in view.new_succeeded}
    view.completed = view.counted_indexes | {number for number in done if number is not None}
    view.succeeded = len(view.completed)
    if view.per_index is None:
        return
    view.failed_indexes = indexes.parse(status.get("failedIndexes"), total)
    tracked = [pod for pod in view.pods if is_tracked(pod) and view.has_valid_index(pod)]
    failed = [pod for pod in tracked if is_failed(pod, view.job)]
    view.failed_indexes |= {
        number
        for pod in failed
        if (number := index_of(pod)) is not None and _fails_index(view, pod)
    }
    busy = view.completed | view.failed_indexes | {index_of(pod) for pod in view.active}
    for pod in sorted(failed, key=lambda pod: (failure_count(pod), finished_at(pod))):
        number = index_of(pod)
        if number is not None and number not in busy:
            view.delayed[number] = pod


def _number(pod: Object, name: str) -> int:
    text = (pod["metadata"].get("annotations") or {}).get(name, "0")
    return int(text) if text.isdigit() else 0


def failure_count(pod: Object) -> int:
    """Return how many Pods of this index have failed before this one, ignored ones included."""
    return _number(pod, FAILURES) + _number(pod, IGNORED_FAILURES)


def _fails_index(view: View, pod: Object) -> bool:
    verdict = judge(view.job["spec"].get("podFailurePolicy"), pod)
    if verdict.action == "FailIndex":
        return True
    return verdict.counts and _number(pod, FAILURES) >= (view.per_index or 0)


def failure_annotations(job: Object, replaced: Object | None) -> dict[str, str]:
    """Return what a new Pod remembers of the failures of its index."""
    if replaced is None:
        return {FAILURES: "0"}
    counted, ignored = _number(replaced, FAILURES), _number(replaced, IGNORED_FAILURES)
    if judge(job["spec"].get("podFailurePolicy"), replaced).counts:
        counted += 1
    else:
        ignored += 1
    return {FAILURES: str(counted), **({IGNORED_FAILURES: str(ignored)} if ignored else {})}


def condition(kind: str, reason: str, message: str, now: datetime, status: str = "True") -> Object:
    """Return a Job's condition."""
    stamp = format_time(now)
    return {
        "type": kind,
        "status": status,
        "lastProbeTime": stamp,
        "lastTransitionTime": stamp,
        "reason": reason,
        "message": message,
    }


def verdict(view: View, now: datetime) -> Object | None:
    """Return the condition that ends the Job (SuccessCriteriaMet or FailureTarget), or None."""
    job = view.job
    known = (job.get("status") or {}).get("conditions")
    for kind in ("SuccessCriteriaMet", "FailureTarget"):
        if conditions.is_true(known, kind):
            return conditions.find(known, kind)
    reason = _failure(view, now)
    if reason is not None:
        return condition("FailureTarget", *reason, now)
    matched = _success_rule(view)
    if matched is not None:
        text = f"Matched rules at index {matched}"
        return condition("SuccessCriteriaMet", "SuccessPolicy", text, now)
    return None


def _failure(view: View, now: datetime) -> tuple[str, str] | None:
    job, spec = view.job, view.job["spec"]
    if policy := spec.get("podFailurePolicy"):
        for pod in view.pods:
            if is_failed(pod, job) and (found := judge(policy, pod)).action == "FailJob":
                return "PodFailurePolicy", found.message
    limit = spec.get("backoffLimit", 6)
    if view.failed > limit or _restarts_exceed(view, limit):
        return "BackoffLimitExceeded", "Job has reached the specified backoff limit"
    due = deadline(job)
    if due is not None and due <= now:
        return "DeadlineExceeded", "Job was active longer than specified deadline"
    if view.per_index is None:
        return None
    most, failed = spec.get("maxFailedIndexes"), len(view.failed_indexes)
    if most is not None and failed > most:
        text = "Job has exceeded the specified maximal number of failed indexes"
        return "MaxFailedIndexesExceeded", text
    if failed and failed + len(view.completed) >= (view.completions or 0):
        return "FailedIndexes", "Job has failed indexes"
    return None


def _restarts_exceed(view: View, limit: int) -> bool:
    if view.job["spec"]["template"]["spec"].get("restartPolicy") != "OnFailure":
        return False
    restarts: int = sum(
        entry.get("restartCount", 0)
        for pod in view.pods
        if phase_of(pod) in ("Running", "Pending")
        for name in ("initContainerStatuses", "containerStatuses")
        for entry in (pod.get("status") or {}).get(name) or ()
    )
    return restarts > 0 if limit == 0 else restarts >= limit


def deadline(job: Object) -> datetime | None:
    """Return when the Job's time is up, or None if it has no limit (now)."""
    seconds = job["spec"].get("activeDeadlineSeconds")
    started = (job.get("status") or {}).get("startTime")
    if seconds is None or started is None or is_suspended(job):
        return None
    return parse_time(started) + timedelta(seconds=seconds)


def _success_rule(view: View) -> int | None:
    policy = view.job["spec"].get("successPolicy")
    if not policy or not view.completed:
        return None
    for number, rule in enumerate(policy.get("rules") or ()):
        count = rule.get("succeededCount")
        if rule.get("succeededIndexes") is not None:
            wanted = indexes.parse(rule["succeededIndexes"], view.completions or 0)
            have = len(wanted & view.completed)
            if wanted and (have == len(wanted) or (count is not None and have >= count)):
                return number
        elif count is not None and len(view.completed) >= count:
            return number
    return None


def is_complete(view: View, active: int) -> bool:
    """Whether enough Pods have succeeded and none is left."""
    if view.completions is None:
        return view.succeeded > 0 and active == 0
    return view.succeeded >= view.completions and active == 0


def wanted_active(view: View) -> int:
    """Return how many Pods should be running now."""
    if is_suspended(view.job):
        return 0
    parallelism = int(view.job["spec"].get("parallelism", 1))
    if view.completions is None:
        return len(view.active) if view.succeeded > 0 else parallelism
    return max(min(view.completions - view.succeeded, parallelism), 0)


def surplus(view: View, ordered: Sequence[Object]) -> list[Object]:
    """Return the active Pods to delete: duplicates of an index, then those missed least."""
    at_least = max(len(view.active) - wanted_active(view), 0)
    if not is_indexed(view.job):
        return list(ordered[:at_least])
    kept: dict[int, Object] = {}
    doomed: list[Object] = []
    for pod in reversed(ordered):
        number = index_of(pod)
        if number is None or number >= (view.completions or 0) or number in kept:
            doomed.append(pod)
        else:
            kept[number] = pod
    left = [pod for pod in ordered if pod not in doomed]
    return doomed + left[: max(at_least - len(doomed), 0)]


def free_indexes(view: View, count: int) -> list[int]:
    """Return the first indexes that are neither done nor failed nor worked on."""
    taken = view.completed | view.failed_indexes | {index_of(pod) for pod in view.active}
    if only_replaces_failed(view.job):
        taken |= {index_of(pod) for pod in view.pods if pods.is_terminating(pod)}
    free = (number for number in range(view.completions or 0) if number not in taken)
    return [number for number, _ in zip(free, range(count), strict=False)]


def countable(view: View, finished: Object | None) -> list[Object]:
    """Return the Pods whose finalizer may go now."""
    found = []
    for pod in view.pods:
        if not is_tracked(pod):
            continue
        ended = finished is not None or "deletionTimestamp" in view.job["metadata"]
        held = any(pod is last for last in view.delayed.values())
        if ended or phase_of(pod) == "Succeeded" or (is_failed(pod, view.job) and not held):
            found.append(pod)
    return found[:AT_ONCE]
