"""The phase of a Pod, from its containers' statuses."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pinnace.node.podspec import Declared, declared
from pinnace.node.restarts import restarts_after

Statuses = Mapping[str, Mapping[str, Any]]


@dataclass(slots=True)
class _Tally:
    pending_init: int = 0
    pending_sidecar: int = 0
    failed_init: int = 0
    unknown: int = 0
    running: int = 0
    waiting: int = 0
    stopped: int = 0
    stopped_for_good: int = 0
    succeeded: int = 0


def _ended(status: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return how the container ended: its state, or the last one while it waits."""
    state = status.get("state") or {}
    if "terminated" in state:
        return dict(state["terminated"])
    last = (status.get("lastState") or {}).get("terminated")
    return dict(last) if last and "waiting" in state else None


def _count_init(tally: _Tally, one: Declared, status: Mapping[str, Any], spec: Any) -> None:
    ended = _ended(status)
    if ended is None:
        tally.pending_init += 1
    elif ended.get("exitCode") and not restarts_after(one, spec, int(ended["exitCode"])):
        tally.failed_init += 1


def _count_sidecar(tally: _Tally, status: Mapping[str, Any] | None) -> None:
    state = (status or {}).get("state") or {}
    if status is None or not state:
        tally.unknown += 1
        tally.pending_sidecar += 1 if status is not None else 0
    elif "running" in state:
        tally.running += 1
        tally.pending_sidecar += 0 if status.get("started") else 1
    elif "waiting" in state and _ended(status) is None:
        tally.pending_sidecar += 1
        tally.waiting += 1


def _count_app(tally: _Tally, one: Declared, status: Mapping[str, Any], pod: Any) -> None:
    state = status.get("state") or {}
    if "running" in state:
        tally.running += 1
        return
    ended = _ended(status)
    if ended is not None:
        code = int(ended.get("exitCode") or 0)
        tally.stopped += 1
        tally.stopped_for_good += 0 if restarts_after(one, pod, code) else 1
        tally.succeeded += 1 if code == 0 and "terminated" in state else 0
    elif "waiting" in state:
        tally.waiting += 1
    else:
        tally.unknown += 1


def _tally(pod: Mapping[str, Any], statuses: Statuses) -> _Tally:
    tally = _Tally()
    for one in declared(pod, "init"):
        status = statuses.get(one.name)
        if one.sidecar:
            _count_sidecar(tally, status)
        elif status is None:
            tally.pending_init += 1
        else:
            _count_init(tally, one, status, pod)
    for one in declared(pod, "app"):
        status = statuses.get(one.name)
        if status is None:
            tally.unknown += 1
        else:
            _count_app(tally, one, status, pod)
    return tally


def phase(
    pod: Mapping[str, Any],
    statuses: Iterable[Mapping[str, Any]],
    *,
    terminal: bool,
    initialized: bool,
) -> str:
    """Return the phase; `terminal` says that nothing of the Pod is started again.

    `initialized` says that an app container was started, after which restarting sidecars do not
    make the Pod Pending again.
    """
    tally = _tally(pod, {str(each["name"]): each for each in statuses})
    if tally.failed_init:
        return "Failed"
    if tally.pending_init or (tally.pending_sidecar and not initialized) or tally.waiting:
        return "Pending"
    if tally.unknown:
        return "Pending"
    if tally.running:
        return "Running"
    if not tally.stopped:
        return "Pending"
    if not terminal and tally.stopped != tally.stopped_for_good:
        return "Running"
    return "Succeeded" if tally.stopped == tally.succeeded else "Failed"
