"""The status of a Pod as the API shows it, from what is seen and known. Pure."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pinnace.api.objects import Object, format_time
from pinnace.api.pods import is_terminal
from pinnace.api.qos import qos_class
from pinnace.node.conditions import conditions
from pinnace.node.observed import Known, PodRuntime, SeenContainer
from pinnace.node.phase import phase
from pinnace.node.podspec import (
    Declared,
    Role,
    declared,
    generation_of,
    is_host_network,
)
from pinnace.node.resize import applied_to, unsettled
from pinnace.node.restarts import wants_start
from pinnace.node.state import sandbox_change

# What others write into the status.
_OTHERS = ("nominatedNodeName", "resize", "resourceClaimStatuses", "allocatedResources")
_LOST = "The container could not be located when the pod was terminated"


@dataclass(frozen=True, slots=True)
class _Sight:
    """What one container's status is made from."""

    pod: Object
    seen: PodRuntime
    known: Known
    waiting: str


def pod_status(
    pod: Object,
    seen: PodRuntime,
    known: Known,
    now: datetime,
    *,
    old: Mapping[str, Any] | None = None,
) -> Object:
    """Return the whole status to report; `old` is what was reported last."""
    before = dict(old if old is not None else pod.get("status") or {})
    sight = _Sight(
        pod, seen, known, "PodInitializing" if declared(pod, "init") else "ContainerCreating"
    )
    init = _statuses(sight, "init", before.get("initContainerStatuses"))
    apps = _statuses(sight, "app", before.get("containerStatuses"))
    ephemeral = _statuses(sight, "ephemeral", before.get("ephemeralContainerStatuses"))
    if known.terminated:
        _close(sight, init, apps)
    now_phase = _phase(sight, before, init + apps)
    status: Object = {"phase": now_phase}
    if generation_of(pod):
        status["observedGeneration"] = generation_of(pod)
    status["conditions"] = conditions(
        pod,
        init + apps,
        phase=now_phase,
        has_sandbox=not sandbox_change(pod, seen)[0],
        old=(before.get("conditions") or []),
        now=now,
        resize=_resize(sight),
    )
    if now_phase == before.get("phase"):
        status |= {key: before[key] for key in ("message", "reason") if before.get(key)}
    status |= _addresses(sight, before)
    status["startTime"] = before.get("startTime") or format_time(now)
    if init:
        status["initContainerStatuses"] = init
    status["containerStatuses"] = sorted(apps, key=lambda each: str(each["name"]))
    status["qosClass"] = before.get("qosClass") or qos_class(pod["spec"])
    if ephemeral:
        status["ephemeralContainerStatuses"] = ephemeral
    return status | {key: before[key] for key in _OTHERS if key in before}


def failed_status(
    pod: Object, status: Object, *, reason: str, message: str, now: datetime
) -> Object:
    """Return the status of a Pod that is ended from outside: a deadline, an eviction."""
    changed = copy.deepcopy(status)
    changed |= {"phase": "Failed", "reason": reason, "message": message}
    statuses = [*changed.get("initContainerStatuses", ()), *changed.get("containerStatuses", ())]
    ready = any(
        each["type"] == "PodReadyToStartContainers" and each["status"] == "True"
        for each in status["conditions"]
    )
    changed["conditions"] = conditions(
        pod, statuses, phase="Failed", has_sandbox=ready, old=status["conditions"], now=now
    )
    return changed


def rejected_status(pod: Object, *, reason: str, message: str, now: datetime) -> Object:
    """Return the status of a Pod that this node does not take."""
    before = pod.get("status") or {}
    status: Object = {
        "phase": "Failed",
        "reason": reason,
        "message": f"Pod was rejected: {message}",
        "startTime": format_time(now),
        "qosClass": before.get("qosClass") or qos_class(pod["spec"]),
    }
    if before.get("conditions"):
        status["conditions"] = before["conditions"]
    if generation_of(pod):
        status["observedGeneration"] = generation_of(pod)
    return status


def _phase(sight: _Sight, before: Mapping[str, Any], statuses: list[Object]) -> str:
    if is_terminal({"status": before}):
        return str(before["phase"])
    found = phase(
        sight.pod,
        statuses,
        terminal=sight.known.terminated,
        initialized=any(
            (last := sight.seen.latest(one.name)) is not None and last.state != "created"
            for one in declared(sight.pod, "app")
        ),
    )
    # A Pod that is over is never shown as anything else.
    return "Failed" if sight.known.terminated and found in ("Pending", "Running") else found


def _close(sight: _Sight, init: list[Object], apps: list[Object]) -> None:
    """Show the containers of an initialised Pod that is over as ended, whatever became of them."""
    passed = not init or any("terminated" in each["state"] for each in apps)
    last = init[-1]["state"].get("terminated") if init else None
    if not passed and not (last and last.get("exitCode") == 0):
        return
    for status in apps:
        if "terminated" not in status["state"]:
            status["state"] = {
                "terminated": {
                    "exitCode": 137,
                    "reason": "ContainerStatusUnknown",
                    "message": _LOST,
                    "startedAt": None,
                    "finishedAt": None,
                }
            }


def _addresses(sight: _Sight, before: Mapping[str, Any]) -> Object:
    host = sight.known.host_ips
    found: Object = {}
    if host:
        found = {"hostIP": host[0], "hostIPs": [{"ip": each} for each in host]}
    ips = tuple(str(each["ip"]) for each in before.get("podIPs") or ())
    if is_host_network(sight.pod):
        ips = ips or host
    elif sight.seen.sandboxes and sight.seen.sandboxes[0].ips:
        ips = sight.seen.sandboxes[0].ips
    if ips:
        found |= {"podIP": ips[0], "podIPs": [{"ip": each} for each in ips]}
    return found


def _statuses(sight: _Sight, role: Role, old: Any) -> list[Object]:
    before = {str(each["name"]): each for each in old or ()}
    return [_status(sight, one, before.get(one.name)) for one in declared(sight.pod, role)]


def _status(sight: _Sight, one: Declared, old: Mapping[str, Any] | None) -> Object:
    found = [each for each in sight.seen.containers if each.name == one.name]
    if found:
        status = _of_seen(sight, one, found[0])
        status["lastState"] = _ended(found[1]) if len(found) > 1 else _kept_last(found[0], old)
    else:
        status = _of_unseen(sight, one, old)
    _apply_failure(sight, one, status)
    _apply_probes(sight, one, status, old)
    return _ordered(status)


def _resize(sight: _Sight) -> tuple[str, str, str] | None:
    """Return the condition of a resize that is not done, if there is one."""
    if sight.known.terminated or not unsettled(sight.pod, sight.seen, sight.known.applied):
        return None
    if sight.known.resize_refused is not None:
        return ("PodResizePending", *sight.known.resize_refused)
    return ("PodResizeInProgress", "", "")


def _of_seen(sight: _Sight, one: Declared, last: SeenContainer) -> Object:
    held = applied_to(last, sight.known.applied) if last.state == "running" else None
    resources = copy.deepcopy(dict(one.spec.get("resources") or {} if held is None else held))
    status: Object = {
        "name": one.name,
        "restartCount": last.restart_count,
        "image": last.image or one.spec.get("image", ""),
        "imageID": last.image_ref,
        "containerID": f"containerd://{last.id}",
        "state": _state(last) or {"waiting": {"reason": sight.waiting}},
        "volumeMounts": _mounts(one),
        "resources": resources,
    }
    requests = resources.get("requests")
    if requests:
        status["allocatedResources"] = dict(requests)
    if last.user:
        status["user"] = dict(last.user)
    return status


def _state(last: SeenContainer) -> Object:
    if last.state == "running":
        return {"running": {"startedAt": format_time(last.started_at or last.created_at)}}
    return _ended(last)


def _ended(last: SeenContainer) -> Object:
    if last.state != "exited":
        return {}
    ended: Object = {"exitCode": last.exit_code}
    if last.reason:
        ended["reason"] = last.reason
    if last.message:
        ended["message"] = last.message
    # A container that never started has no start; upstream writes null for that.
    ended["startedAt"] = format_time(last.started_at) if last.started_at else None
    ended["finishedAt"] = format_time(last.finished_at) if last.finished_at else None
    ended["containerID"] = f"containerd://{last.id}"
    return {"terminated": ended}


def _kept_last(last: SeenContainer, old: Mapping[str, Any] | None) -> Object:
    """Keep how the container ended before, when its predecessor is collected already."""
    if old is None:
        return {}
    state = old.get("state") or {}
    if "terminated" in state and old.get("containerID") != f"containerd://{last.id}":
        return {"terminated": state["terminated"]}
    return dict(old.get("lastState") or {})


def _of_unseen(sight: _Sight, one: Declared, old: Mapping[str, Any] | None) -> Object:
    if old and "terminated" in (old.get("state") or {}):
        return copy.deepcopy(dict(old))
    status: Object = {
        "name": one.name,
        "restartCount": int((old or {}).get("restartCount") or 0),
        "image": one.spec.get("image", ""),
        "imageID": "",
        "state": {"waiting": {"reason": sight.waiting}},
        "lastState": dict((old or {}).get("lastState") or {}),
        "volumeMounts": _mounts(one),
    }
    plain_init = one.role == "init" and not one.sidecar
    if plain_init and any(sight.seen.latest(app.name) for app in declared(sight.pod, "app")):
        status["state"] = {
            "terminated": {
                "exitCode": 0,
                "reason": "Completed",
                "message": "Unable to get init container status from container runtime and pod "
                "has been initialized, treat it as exited normally",
                "startedAt": None,
                "finishedAt": None,
            }
        }
        return status
    if old and "running" in (old.get("state") or {}) and not status["lastState"]:
        _mark_lost(sight, status)
    return status


def _mark_lost(sight: _Sight, status: Object) -> None:
    """Say of a container that ran, and is nowhere to be found, that it ended somehow."""
    gone = {
        "exitCode": 137,
        "reason": "ContainerStatusUnknown",
        "startedAt": None,
        "finishedAt": None,
    }
    if sight.known.terminated:
        status["state"] = {"terminated": gone | {"message": _LOST}}
    else:
        status["lastState"] = {
            "terminated": gone
            | {
                "message": "The container could not be located when the pod was deleted.  "
                "The container used to be Running"
            }
        }
    status["restartCount"] += 0 if sight.pod["metadata"].get("deletionTimestamp") else 1


def _apply_failure(sight: _Sight, one: Declared, status: Object) -> None:
    """Show a container that cannot be started now as waiting, with the reason."""
    failure = sight.known.failures.get(one.name)
    if failure is None or not wants_start(one, sight.pod, sight.seen):
        return
    if "terminated" in status["state"]:
        status["lastState"] = status["state"]
    waiting = {"reason": failure.reason}
    if failure.message:
        waiting["message"] = failure.message
    status["state"] = {"waiting": waiting}


def _apply_probes(
    sight: _Sight, one: Declared, status: Object, old: Mapping[str, Any] | None
) -> None:
    """Set `started` and `ready`; before a probe has answered, an earlier report of the same
    container stands, so that a restart of the kubelet changes nothing.
    """
    status["ready"] = False
    if one.role == "ephemeral":
        return
    status["started"] = False
    ended = status["state"].get("terminated")
    if one.role == "init" and not one.sidecar:
        status["ready"] = ended is not None and ended.get("exitCode") == 0
    if "running" not in status["state"]:
        return
    cid = str(status["containerID"]).removeprefix("containerd://")
    same = old if old and old.get("containerID") == status["containerID"] else {}
    probes = sight.known.probes
    started = probes.get((cid, "startup"))
    if started is None:
        started = not one.spec.get("startupProbe") or bool(same.get("started"))
    status["started"] = started
    if not started or (one.role == "init" and not one.sidecar):
        return
    ready = probes.get((cid, "readiness"))
    if ready is None:
        ready = not one.spec.get("readinessProbe") or bool(same.get("ready"))
    status["ready"] = ready


def _mounts(one: Declared) -> list[Object]:
    mounts = []
    for each in one.spec.get("volumeMounts") or ():
        made = {"name": each["name"], "mountPath": each["mountPath"]}
        if each.get("readOnly"):
            made |= {"readOnly": True, "recursiveReadOnly": "Disabled"}
        mounts.append(made)
    return mounts


_ORDER = (
    "name", "state", "lastState", "ready", "restartCount", "image", "imageID", "containerID",
    "started", "allocatedResources", "resources", "volumeMounts", "user",
)  # fmt: skip


def _ordered(status: Object) -> Object:
    return {key: status[key] for key in _ORDER if status.get(key) not in (None, [])}
