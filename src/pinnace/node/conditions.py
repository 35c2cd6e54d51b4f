"""The conditions that the kubelet keeps on a Pod, with upstream's reasons and messages."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pinnace.api.gotext import slice_text
from pinnace.api.objects import Object, format_time
from pinnace.node.podspec import declared, generation_of

KUBELET_OWNED = (
    "PodReadyToStartContainers",
    "Initialized",
    "Ready",
    "ContainersReady",
    "PodScheduled",
    "PodResizePending",
    "PodResizeInProgress",
)

Status = Mapping[str, Any]
_Verdict = tuple[bool, str, str]
_TRUE: _Verdict = (True, "", "")


def _terminal(phase: str) -> _Verdict:
    return (False, "PodFailed" if phase == "Failed" else "PodCompleted", "")


def containers_ready(pod: Object, statuses: Mapping[str, Status], phase: str) -> _Verdict:
    """Judge whether every sidecar and app container is ready."""
    judged = [one for one in declared(pod, "init") if one.sidecar] + declared(pod, "app")
    unknown = [one.name for one in judged if one.name not in statuses]
    unready = [
        one.name for one in judged if one.name in statuses and not statuses[one.name].get("ready")
    ]
    if phase == "Failed" or (phase == "Succeeded" and not unknown):
        return _terminal(phase)
    said = []
    if unknown:
        said.append(f"containers with unknown status: {slice_text(unknown)}")
    if unready:
        said.append(f"containers with unready status: {slice_text(unready)}")
    return (False, "ContainersNotReady", ", ".join(said)) if said else _TRUE


def pod_ready(
    pod: Object, others: Mapping[str, Status], statuses: Mapping[str, Status], phase: str
) -> _Verdict:
    """Judge readiness: all containers, and the readiness gates."""
    verdict = containers_ready(pod, statuses, phase)
    if not verdict[0]:
        return verdict
    said = []
    for gate in pod["spec"].get("readinessGates") or ():
        kind = gate["conditionType"]
        found = others.get(kind)
        if found is None:
            said.append(f'corresponding condition of pod readiness gate "{kind}" does not exist.')
        elif found.get("status") != "True":
            said.append(
                f'the status of pod readiness gate "{kind}" is not "True", '
                f"but {found.get('status')}"
            )
    return (False, "ReadinessGatesNotReady", ", ".join(said)) if said else _TRUE


def initialized(pod: Object, statuses: Mapping[str, Status], phase: str) -> _Verdict:
    """Judge whether the init containers have done their work."""
    unknown, incomplete = [], []
    for one in declared(pod, "init"):
        status = statuses.get(one.name)
        if status is None:
            unknown.append(one.name)
        elif not status.get("started" if one.sidecar else "ready"):
            incomplete.append(one.name)
    if phase == "Succeeded" and not unknown:
        return (True, "PodCompleted", "")
    if any(_has_started(statuses.get(one.name)) for one in declared(pod, "app")):
        return _TRUE
    said = []
    if unknown:
        said.append(f"containers with unknown status: {slice_text(unknown)}")
    if incomplete:
        said.append(f"containers with incomplete status: {slice_text(incomplete)}")
    return (False, "ContainersNotInitialized", ", ".join(said)) if said else _TRUE


def _has_started(status: Status | None) -> bool:
    if status is None:
        return False
    state, last = status.get("state") or {}, status.get("lastState") or {}
    return "running" in state or "terminated" in state or "terminated" in last


def conditions(
    pod: Object,
    statuses: Sequence[Status],
    *,
    phase: str,
    has_sandbox: bool,
    old: Sequence[Status],
    now: datetime,
    resize: tuple[str, str, str] | None = None,
) -> list[Object]:
    """Return all conditions: others' as they are, then the kubelet's own.

    The moment of the last transition is kept while the status stays the same. `resize` is the
    condition of a resize that waits or goes on: type, reason, message.
    """
    by_name = {str(each["name"]): each for each in statuses}
    others = {str(each["type"]): each for each in old if each["type"] not in KUBELET_OWNED}
    verdicts: dict[str, _Verdict] = {
        "PodReadyToStartContainers": (has_sandbox, "", ""),
        "Initialized": initialized(pod, by_name, phase),
        "Ready": pod_ready(pod, others, by_name, phase),
        "ContainersReady": containers_ready(pod, by_name, phase),
        "PodScheduled": _TRUE,
    }
    if resize is not None:
        kind, reason, message = resize
        verdicts[kind] = (True, reason, message)
    before = {str(each["type"]): each for each in old}
    owned = [
        _condition(kind, verdict, before.get(kind), generation_of(pod), now)
        for kind, verdict in verdicts.items()
    ]
    return [dict(each) for each in others.values()] + owned


def _condition(
    kind: str, verdict: _Verdict, before: Status | None, generation: int, now: datetime
) -> Object:
    holds, reason, message = verdict
    status = "True" if holds else "False"
    same = before is not None and before.get("status") == status
    moment = before.get("lastTransitionTime") if same and before else None
    made: Object = {"type": kind}
    if generation:
        made["observedGeneration"] = generation
    made |= {
        "status": status,
        "lastProbeTime": None,
        "lastTransitionTime": moment or format_time(now),
    }
    if reason:
        made["reason"] = reason
    if message:
        made["message"] = message
    return made
