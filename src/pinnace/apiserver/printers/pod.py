"""Pods: the one word that tells how a pod is doing, and the counts beside it.

Example: a pod whose second init container of three runs shows `Init:1/3`; once all are done its own
containers speak, last one first, so that the first container with something to say wins.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pinnace.api.objects import Object
from pinnace.apiserver.printers.base import (
    AGE,
    NAME,
    NONE,
    Column,
    Printer,
    age,
    deleting,
    dig,
    name_of,
    since,
    wide,
)

COLUMNS = (
    NAME,
    Column("Ready", description="The aggregate readiness state of this pod for accepting traffic."),
    Column("Status", description="The aggregate status of the containers in this pod."),
    Column(
        "Restarts",
        description="The number of times the containers in this pod have been restarted and when"
        " the last container in this pod has restarted.",
    ),
    AGE,
    wide("IP"),
    wide("Node"),
    wide("Nominated Node"),
    wide("Readiness Gates"),
)


@dataclass(slots=True)
class _Tally:
    """What is known so far while a pod's containers are gone through."""

    reason: str
    ready: int = 0
    restarts: int = 0
    last_restart: str = ""
    initializing: bool = False
    running: bool = False
    error: str = ""
    # Of restartable init containers alone: what counts once the pod is initialised.
    sidecar_restarts: int = 0
    sidecar_last_restart: str = field(default="")

    def count(self, status: Object) -> None:
        self.restarts += status.get("restartCount") or 0
        self.last_restart = max(self.last_restart, _finished(status))

    def count_sidecar(self, status: Object) -> None:
        self.sidecar_restarts += status.get("restartCount") or 0
        self.sidecar_last_restart = max(self.sidecar_last_restart, _finished(status))


def _finished(status: Object) -> str:
    return str(dig(status, "lastState", "terminated", "finishedAt", default=""))


def cells(pod: Object, now: datetime) -> list[Any]:
    """Return the cells of a pod."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    inits: list[Object] = spec.get("initContainers") or []
    sidecars = {init["name"] for init in inits if init.get("restartPolicy") == "Always"}
    tally = _Tally(_phase(status))
    _initialize(tally, status.get("initContainerStatuses") or [], sidecars, len(inits))
    if not tally.initializing or _is_true(status, "Initialized"):
        _run(tally, status)
    total = len(spec.get("containers") or ()) + len(sidecars)
    restarts = str(tally.restarts)
    if tally.restarts and tally.last_restart:
        restarts = f"{tally.restarts} ({since(tally.last_restart, now)} ago)"
    return [
        name_of(pod),
        f"{tally.ready}/{total}",
        _leaving(pod, status) or tally.reason,
        restarts,
        age(pod, now),
        (status.get("podIPs") or [{}])[0].get("ip") or NONE,
        spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE,
        _gates(spec, status),
    ]


def _phase(status: Object) -> str:
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition.get("reason") == "SchedulingGated":
            return "SchedulingGated"
    return status.get("reason") or status.get("phase") or ""


def _is_true(status: Object, condition: str) -> bool:
    return any(
        entry["type"] == condition and entry.get("status") == "True"
        for entry in status.get("conditions") or ()
    )


def _initialize(tally: _Tally, statuses: list[Object], sidecars: set[str], count: int) -> None:
    """Go through the init containers up to the first that is not done."""
    for index, status in enumerate(statuses):
        sidecar = status.get("name") in sidecars
        tally.count(status)
        if sidecar:
            tally.count_sidecar(status)
        state = status.get("state") or {}
        terminated = state.get("terminated")
        if terminated is not None and not terminated.get("exitCode"):
            continue
        if sidecar and status.get("started"):
            tally.ready += bool(status.get("ready"))
            continue
        waiting = dig(state, "waiting", "reason", default="")
        if terminated is not None:
            tally.reason = f"Init:{_ending(terminated)}"
        elif waiting and waiting != "PodInitializing":
            tally.reason = f"Init:{waiting}"
        else:
            tally.reason = f"Init:{index}/{count}"
        tally.initializing = True
        return


def _ending(terminated: Object) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode') or 0}"


def _run(tally: _Tally, status: Object) -> None:
    """Go through the pod's own containers, last one first."""
    tally.restarts, tally.last_restart = tally.sidecar_restarts, tally.sidecar_last_restart
    for container in reversed(status.get("containerStatuses") or []):
        tally.count(container)
        state = container.get("state") or {}
        waiting = dig(state, "waiting", "reason", default="")
        terminated = state.get("terminated")
        if waiting:
            tally.reason = waiting
        elif terminated is not None:
            tally.reason = _ending(terminated)
            if terminated.get("exitCode"):
                tally.error = tally.reason
        elif container.get("ready") and state.get("running") is not None:
            tally.running = True
            tally.ready += 1
    if tally.reason == "Completed":
        tally.reason = _after_completion(tally, status)


def _after_completion(tally: _Tally, status: Object) -> str:
    """A container that still runs, or one that failed, says more than one that completed."""
    if tally.running and _is_true(status, "Ready"):
        return "Running"
    return tally.error or ("NotReady" if tally.running else "Completed")


def _leaving(pod: Object, status: Object) -> str:
    if not deleting(pod):
        return ""
    if status.get("reason") == "NodeLost":
        return "Unknown"
    return "" if status.get("phase") in ("Succeeded", "Failed") else "Terminating"


def _gates(spec: Object, status: Object) -> str:
    gates = spec.get("readinessGates") or ()
    if not gates:
        return NONE
    met = sum(_is_true(status, gate["conditionType"]) for gate in gates)
    return f"{met}/{len(gates)}"


def conditions(pod: Object) -> list[Object]:
    """Say of a row that its pod is done, so that clients may dim it."""
    phase = dig(pod, "status", "phase")
    words = {
        "Succeeded": "The pod has completed successfully.",
        "Failed": "The pod failed.",
    }
    if phase not in words:
        return []
    return [{"type": "Completed", "status": "True", "reason": phase, "message": words[phase]}]


POD = Printer(COLUMNS, cells, conditions)
