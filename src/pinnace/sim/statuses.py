"""Pod statuses as a kubelet would report them, for containers that do not exist. Pure.

All containers of a simulated pod do the same at the same time. Sidecars run with them, other init
containers have ended before.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pinnace.api.gotext import slice_text
from pinnace.api.objects import Object, format_time

_SCHEME = "simulated://"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the containers of a pod do now.

    `state` is the state of the containers, `last` what they did before, if they were restarted.
    """

    stage: Literal["waiting", "running", "ended"]
    phase: str
    state: Mapping[str, Any]
    last: Mapping[str, Any]
    restarts: int
    initialized: bool = True


def status(
    pod: Object, scene: Scene, now: datetime, *, host_ip: str, pod_ips: Sequence[str]
) -> Object:
    """Return what to patch into the pod's status; conditions merge by their type."""
    meta, spec, old = pod["metadata"], pod["spec"], pod.get("status") or {}
    made: Object = {
        "phase": scene.phase,
        "conditions": _conditions(pod, scene, now),
        "hostIP": host_ip,
        "hostIPs": [{"ip": host_ip}],
        "startTime": old.get("startTime") or format_time(now),
        "containerStatuses": [
            _container(pod, each, scene)
            for each in sorted(spec["containers"], key=lambda one: str(one["name"]))
        ],
    }
    if meta.get("generation"):
        made["observedGeneration"] = meta["generation"]
    if pod_ips:
        made |= {"podIP": pod_ips[0], "podIPs": [{"ip": ip} for ip in pod_ips]}
    if spec.get("initContainers"):
        made["initContainerStatuses"] = [
            _container(pod, each, _init_scene(each, scene, now)) for each in spec["initContainers"]
        ]
    return made


def rejected(pod: Object, reason: str, message: str, now: datetime) -> Object:
    """Return the status of a pod that its node does not take."""
    made = {
        "phase": "Failed",
        "reason": reason,
        "message": f"Pod was rejected: {message}",
        "startTime": format_time(now),
    }
    generation = pod["metadata"].get("generation")
    return {**made, "observedGeneration": generation} if generation else made


def terminated(code: int, began: str | None, now: datetime) -> dict[str, Any]:
    """Return the state of containers that ended just now; each adds its identity."""
    return {
        "terminated": {
            "exitCode": code,
            "reason": "Error" if code else "Completed",
            "startedAt": began or format_time(now),
            "finishedAt": format_time(now),
        }
    }


def container_id(pod: Object, name: str, restarts: int) -> str:
    """Return an identity that says what it is, another for each restart."""
    text = f"{pod['metadata'].get('uid', '')}/{name}/{restarts}"
    return _SCHEME + hashlib.sha256(text.encode()).hexdigest()


def _init_scene(container: Mapping[str, Any], scene: Scene, now: datetime) -> Scene:
    if container.get("restartPolicy") == "Always" or scene.stage == "waiting":
        return scene
    stamp = format_time(now)
    ended = {
        "exitCode": 0,
        "reason": "Completed",
        "startedAt": stamp,
        "finishedAt": stamp,
    }
    return Scene(stage="ended", phase=scene.phase, state={"terminated": ended}, last={}, restarts=0)


def _container(pod: Object, container: Mapping[str, Any], scene: Scene) -> Object:
    name = container["name"]
    running, once = scene.stage == "running", bool(scene.restarts or scene.stage != "waiting")
    identity = container_id(pod, name, scene.restarts)
    before = scene.restarts - (0 if scene.stage == "waiting" else 1)
    completed = (scene.state.get("terminated") or {}).get("exitCode") == 0
    is_init = completed and scene.stage == "ended" and _is_plain_init(pod, name)
    made: Object = {
        "name": name,
        "image": container.get("image", ""),
        "imageID": _SCHEME + container.get("image", "") if once else "",
        "ready": running or is_init,
        "started": running,
        "restartCount": scene.restarts,
        "state": _named(scene.state, identity),
        "lastState": _named(scene.last, container_id(pod, name, before)),
    }
    if once:
        made["containerID"] = identity
    resources = container.get("resources")
    if resources and running:
        made["resources"] = resources
        if resources.get("requests"):
            made["allocatedResources"] = resources["requests"]
    mounts = container.get("volumeMounts")
    if mounts and once:
        made["volumeMounts"] = [_mount(each) for each in mounts]
    return made


def _is_plain_init(pod: Object, name: str) -> bool:
    return any(
        each["name"] == name and each.get("restartPolicy") != "Always"
        for each in pod["spec"].get("initContainers") or ()
    )


def _named(state: Mapping[str, Any], identity: str) -> Object:
    """Return a state with the identity of this one container in it."""
    ended = state.get("terminated")
    return {"terminated": {**ended, "containerID": identity}} if ended else dict(state)


def _mount(mount: Mapping[str, Any]) -> Object:
    kept = {name: mount[name] for name in ("name", "mountPath") if name in mount}
    if mount.get("readOnly"):
        kept |= {"readOnly": True, "recursiveReadOnly": "Disabled"}
    return kept


def _conditions(pod: Object, scene: Scene, now: datetime) -> list[Object]:
    old = {each["type"]: each for each in (pod.get("status") or {}).get("conditions") or ()}
    ready, reason, message = _containers_ready(pod, scene)
    wanted = (
        ("PodReadyToStartContainers", scene.stage != "ended" or scene.phase == "Running", "", ""),
        ("Initialized", *_initialized(pod, scene)),
        ("Ready", *_gates(pod, old)) if ready else ("Ready", False, reason, message),
        ("ContainersReady", ready, reason, message),
        ("PodScheduled", True, "", ""),
    )
    generation = pod["metadata"].get("generation")
    return [_condition(each, old.get(each[0]), generation, now) for each in wanted]


def _initialized(pod: Object, scene: Scene) -> tuple[bool, str, str]:
    names = slice_text(each["name"] for each in pod["spec"].get("initContainers") or ())
    if scene.phase == "Succeeded":
        return True, "PodCompleted", ""
    if scene.initialized or names == "[]":
        return True, "", ""
    return False, "ContainersNotInitialized", f"containers with incomplete status: {names}"


def _containers_ready(pod: Object, scene: Scene) -> tuple[bool, str, str]:
    if scene.stage == "running":
        return True, "", ""
    if scene.phase in ("Succeeded", "Failed"):
        return False, "PodCompleted" if scene.phase == "Succeeded" else "PodFailed", ""
    spec = pod["spec"]
    sidecars = [
        each for each in spec.get("initContainers") or () if each.get("restartPolicy") == "Always"
    ]
    names = slice_text(each["name"] for each in [*sidecars, *spec["containers"]])
    return False, "ContainersNotReady", f"containers with unready status: {names}"


def _gates(pod: Object, old: Mapping[str, Mapping[str, Any]]) -> tuple[bool, str, str]:
    said = []
    for gate in pod["spec"].get("readinessGates") or ():
        kind = gate["conditionType"]
        found = old.get(kind)
        if found is None:
            said.append(f'corresponding condition of pod readiness gate "{kind}" does not exist.')
        elif found.get("status") != "True":
            said.append(
                f'the status of pod readiness gate "{kind}" is not "True", but {found["status"]}'
            )
    return (False, "ReadinessGatesNotReady", ", ".join(said)) if said else (True, "", "")


def _condition(
    wanted: tuple[str, bool, str, str],
    old: Mapping[str, Any] | None,
    generation: int | None,
    now: datetime,
) -> Object:
    kind, holds, reason, message = wanted
    verdict = "True" if holds else "False"
    since = old.get("lastTransitionTime") if old and old.get("status") == verdict else None
    made: Object = {
        "type": kind,
        "status": verdict,
        "lastProbeTime": None,
        "lastTransitionTime": since or format_time(now),
    }
    for name, value in (
        ("reason", reason),
        ("message", message),
        ("observedGeneration", generation),
    ):
        # A strategic patch merges a condition into the old one: null takes away what was there.
        if value or (old and name in old):
            made[name] = value or None
    return made
