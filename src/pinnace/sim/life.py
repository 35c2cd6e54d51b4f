"""The life of a simulated pod: what to do about it now, and when to look again. Pure.

    bound -> (starting ->) running -> ended -> (backing off -> running ...)
      |                                              deleted -> gone
      +-> rejected

Statuses hold whole seconds, so a delay may come out up to a second short. What is not played:
probes (a running container is ready), containers' own restart rules, resizing in place, changed
images and ephemeral containers, and the kubelet's Events.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pinnace.api.objects import Object, format_time, parse_time
from pinnace.api.pods import is_terminal
from pinnace.sim.rules import Rule
from pinnace.sim.statuses import Scene, status, terminated

# The kubelet's back-off between restarts, forgotten after a run of that length.
FIRST_BACKOFF, LONGEST_BACKOFF, FORGOTTEN_AFTER = 10.0, 300.0, 600.0
# Killed by SIGTERM.
_KILLED = 143


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pod is: the addresses of its node and its own."""

    host_ip: str
    pod_ips: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """A status to patch, whether to delete the pod then, and in how many seconds to look again."""

    status: Object | None = None
    delete: bool = False
    again: float | None = None


_NOTHING = Step()


def next_step(pod: Object, rule: Rule, now: datetime, place: Place) -> Step:
    """Decide what a kubelet would do with a pod of its own now."""
    if "deletionTimestamp" in pod["metadata"]:
        return _stopping(pod, rule, now, place)
    if is_terminal(pod):
        return _NOTHING
    old = pod.get("status") or {}
    if "startTime" not in old:
        if rule.fail or rule.start_seconds > 0:
            again = None if rule.fail else rule.start_seconds
            return Step(_shown(pod, _starting(pod, rule), now, place), again=again)
        return _run(pod, rule, now, place, last={}, restarts=0)
    states = old.get("containerStatuses") or ()
    first = states[0] if states else {}
    state = first.get("state") or {}
    if "running" in state:
        return _running(pod, rule, now, place, first)
    if (first.get("lastState") or {}).get("terminated"):
        return _backing_off(pod, rule, now, place, first)
    return _pending(pod, rule, now, place, state)


def _pending(pod: Object, rule: Rule, now: datetime, place: Place, state: dict[str, Any]) -> Step:
    if rule.fail:
        scene = _starting(pod, rule)
        if scene.state != state:
            return Step(_shown(pod, scene, now, place))
        return _NOTHING
    wait = _until(pod["status"]["startTime"], rule.start_seconds, now)
    if wait > 0:
        return Step(again=wait)
    return _run(pod, rule, now, place, last={}, restarts=0)


def _running(pod: Object, rule: Rule, now: datetime, place: Place, first: dict[str, Any]) -> Step:
    began = first["state"]["running"]["startedAt"]
    wait = None if rule.run_seconds is None else _until(began, rule.run_seconds, now)
    if wait is not None and wait <= 0:
        return _end(pod, rule, now, place, first)
    if pod["metadata"].get("generation") != pod["status"].get("observedGeneration"):
        last, restarts = first.get("lastState") or {}, first.get("restartCount", 0)
        scene = Scene(
            stage="running", phase="Running", state=first["state"], last=last, restarts=restarts
        )
        return Step(_shown(pod, scene, now, place), again=wait)
    return Step(again=wait)


def _end(pod: Object, rule: Rule, now: datetime, place: Place, first: dict[str, Any]) -> Step:
    code, restarts = rule.exit_code, first.get("restartCount", 0)
    began = first["state"]["running"]["startedAt"]
    ended = terminated(code, began, now)
    policy = pod["spec"].get("restartPolicy", "Always")
    if policy == "Never" or (policy == "OnFailure" and code == 0):
        phase = "Failed" if code else "Succeeded"
        last = first.get("lastState") or {}
        scene = Scene(stage="ended", phase=phase, state=ended, last=last, restarts=restarts)
        return Step(_shown(pod, scene, now, place))
    wait = _backoff(restarts, began, now)
    if wait <= 0:
        return _run(pod, rule, now, place, last=ended, restarts=restarts + 1)
    meta = pod["metadata"]
    about = f"{meta['name']}_{meta.get('namespace', '')}({meta.get('uid', '')})"
    waiting = {
        "reason": "CrashLoopBackOff",
        "message": f"back-off {_duration(wait)} restarting failed "
        f"container={first['name']} pod={about}",
    }
    scene = Scene(
        stage="waiting", phase="Running", state={"waiting": waiting}, last=ended, restarts=restarts
    )
    return Step(_shown(pod, scene, now, place), again=wait)


def _backing_off(
    pod: Object, rule: Rule, now: datetime, place: Place, first: dict[str, Any]
) -> Step:
    ended, restarts = first["lastState"]["terminated"], first.get("restartCount", 0)
    began, finished = parse_time(ended["startedAt"]), parse_time(ended["finishedAt"])
    wait = _until(ended["finishedAt"], _backoff(restarts, format_time(began), finished), now)
    if wait > 0:
        return Step(again=wait)
    return _run(pod, rule, now, place, last=first["lastState"], restarts=restarts + 1)


def _run(
    pod: Object, rule: Rule, now: datetime, place: Place, *, last: dict[str, Any], restarts: int
) -> Step:
    state = {"running": {"startedAt": format_time(now)}}
    scene = Scene(stage="running", phase="Running", state=state, last=last, restarts=restarts)
    return Step(_shown(pod, scene, now, place), again=rule.run_seconds)


def _starting(pod: Object, rule: Rule) -> Scene:
    inits = bool(pod["spec"].get("initContainers"))
    reason = rule.fail or ("PodInitializing" if inits else "ContainerCreating")
    waiting = {"reason": reason}
    if rule.fail:
        waiting["message"] = "simulated failure"
    return Scene(
        stage="waiting",
        phase="Pending",
        state={"waiting": waiting},
        last={},
        restarts=0,
        initialized=not inits,
    )


def _stopping(pod: Object, rule: Rule, now: datetime, place: Place) -> Step:
    meta = pod["metadata"]
    grace = float(meta.get("deletionGracePeriodSeconds") or 0)
    stop = min(rule.stop_seconds, grace)
    wait = 0.0 if is_terminal(pod) else _until(meta["deletionTimestamp"], stop - grace, now)
    if wait > 0:
        return Step(again=wait)
    held, phase = bool(meta.get("finalizers")), (pod.get("status") or {}).get("phase")
    if is_terminal(pod) or not (held or phase == "Running"):
        return Step(delete=grace > 0 or not held)
    # Who waits for the pod to be no longer ready, or holds it, must see how its containers ended.
    return Step(_shown(pod, _killed(pod, now), now, place), delete=grace > 0 or not held)


def _killed(pod: Object, now: datetime) -> Scene:
    states = (pod.get("status") or {}).get("containerStatuses") or ()
    first = states[0] if states else {}
    began = ((first.get("state") or {}).get("running") or {}).get("startedAt")
    return Scene(
        stage="ended",
        phase="Failed",
        state=terminated(_KILLED, began, now),
        last=first.get("lastState") or {},
        restarts=first.get("restartCount", 0),
    )


def _shown(pod: Object, scene: Scene, now: datetime, place: Place) -> Object:
    return status(pod, scene, now, host_ip=place.host_ip, pod_ips=place.pod_ips)


def _backoff(restarts: int, began: str, ended: datetime) -> float:
    """Return the wait before the next start; the first restart comes at once."""
    if restarts == 0 or ended - parse_time(began) >= timedelta(seconds=FORGOTTEN_AFTER):
        return 0.0
    return float(min(FIRST_BACKOFF * 2.0 ** min(restarts - 1, 10), LONGEST_BACKOFF))


def _until(since: str, seconds: float, now: datetime) -> float:
    return (parse_time(since) + timedelta(seconds=seconds) - now).total_seconds()


def _duration(seconds: float) -> str:
    """Write whole seconds as Go prints a duration."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
