"""One Pod as a state machine: what should be done next, given what is seen. No I/O, no clock.

`decide` is asked anew after every change, so its answer holds only the steps that can be taken
now. Worked example: a Pod with one init container and one app container. Nothing seen: create the
sandbox. Sandbox ready: start the init container. Init running: nothing. Init ended with 0: start
the app container. App ended with 1, restartPolicy Always: start it (first time at once), then wait
10, 20, 40 ... 300 s, during which the answer is `BackOff` with the time to ask again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pinnace.api.objects import parse_time
from pinnace.node.labels import container_hash
from pinnace.node.observed import Known, PodRuntime, SeenContainer
from pinnace.node.podspec import (
    Declared,
    declared,
    full_name,
    is_deleted,
    is_host_network,
)
from pinnace.node.resize import needs_restart, unsettled
from pinnace.node.restarts import Backoff, restarts_on_failure, wants_start


@dataclass(frozen=True, slots=True)
class KillPod:
    """Stop every container, then the sandboxes."""

    why: str


@dataclass(frozen=True, slots=True)
class CreateSandbox:
    """Make a sandbox; `replaces` names the one that was lost, if any."""

    attempt: int
    replaces: str = ""


@dataclass(frozen=True, slots=True)
class KillContainer:
    """Stop one container; `reason` says which probe failed, if one did."""

    container: SeenContainer
    message: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StartContainer:
    """Pull the image as needed, create and start."""

    container: Declared
    restart_count: int
    finished_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Resize:
    """Give a running container the resources that its spec has now."""

    one: Declared
    container: SeenContainer


@dataclass(frozen=True, slots=True)
class BackOff:
    """A container has to wait before it is started again."""

    container: Declared
    message: str


Action = KillPod | CreateSandbox | KillContainer | StartContainer | Resize | BackOff


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps to take now, in order, and in how many seconds to ask again at the latest."""

    actions: tuple[Action, ...] = ()
    wake_in: float | None = None


def sandbox_change(pod: Mapping[str, Any], seen: PodRuntime) -> tuple[bool, int, str]:
    """Return whether a new sandbox is needed, its attempt, and the one it replaces."""
    if not seen.sandboxes:
        return True, 0, ""
    last = seen.sandboxes[0]
    if sum(1 for each in seen.sandboxes if each.ready) > 1 or not last.ready:
        return True, last.attempt + 1, last.id
    if last.host_network != is_host_network(pod):
        return True, last.attempt + 1, ""
    if not is_host_network(pod) and not last.ips:
        return True, last.attempt + 1, last.id
    return False, last.attempt, last.id


def past_deadline(pod: Mapping[str, Any], started: str, now: datetime) -> float | None:
    """Return the seconds until activeDeadlineSeconds ends (0 or less: over), None without one."""
    limit = pod["spec"].get("activeDeadlineSeconds")
    if limit is None or not started:
        return None
    return float(limit - (now - parse_time(started)).total_seconds())


def decide(pod: Mapping[str, Any], seen: PodRuntime, known: Known, now: datetime) -> Plan:
    """Return the next steps for a Pod that should be running."""
    changed, attempt, lost = sandbox_change(pod, seen)
    if changed:
        return _without_sandbox(pod, seen, attempt, lost)
    scan = _Scan(pod, seen, known)
    starts = scan.ephemeral()
    if not scan.init():
        starts += scan.starts
    elif not scan.dead:
        starts += scan.starts + scan.apps()
        if scan.kept == 0 and not scan.app_starts:
            return Plan((KillPod("all containers are done"),) if scan.alive() else ())
    if scan.dead:
        return Plan((KillPod("initialization failed"),) if scan.alive() else ())
    resizes = _resizes(pod, seen, known, scan.kills)
    return _with_backoff(pod, seen, known, now, (*scan.kills, *resizes), starts)


def _without_sandbox(pod: Mapping[str, Any], seen: PodRuntime, attempt: int, lost: str) -> Plan:
    leftovers: tuple[Action, ...] = ()
    if seen.running() or any(each.ready for each in seen.sandboxes):
        leftovers = (KillPod("the sandbox changed"),)
    if is_deleted(pod):
        return Plan(leftovers)
    if not restarts_on_failure(pod) and attempt and seen.containers:
        return Plan(leftovers)
    apps = declared(pod, "app")
    to_start = [each for each in apps if not _runs_once_and_did(each, pod, seen)]
    if not to_start and any(seen.latest(each.name) for each in apps):
        return Plan(leftovers)
    if seen.sandboxes:
        # Even a dead sandbox has an address to give back before the next one asks for its own.
        leftovers = (KillPod("the sandbox changed"),)
    return Plan((*leftovers, CreateSandbox(attempt, lost)))


def _runs_once_and_did(container: Declared, pod: Mapping[str, Any], seen: PodRuntime) -> bool:
    policy = container.spec.get("restartPolicy") or pod["spec"].get("restartPolicy")
    last = seen.latest(container.name)
    done = last is not None and last.state == "exited" and last.exit_code == 0
    return policy == "OnFailure" and done


@dataclass(slots=True)
class _Scan:
    """One walk over a Pod's containers; `dead` is set when the Pod can never run."""

    pod: Mapping[str, Any]
    seen: PodRuntime
    known: Known
    starts: list[Declared] = field(default_factory=list)
    app_starts: list[Declared] = field(default_factory=list)
    kills: list[KillContainer] = field(default_factory=list)
    kept: int = 0
    dead: bool = False

    def alive(self) -> bool:
        """Say whether anything of the Pod still runs."""
        return bool(self.seen.running()) or any(each.ready for each in self.seen.sandboxes)

    def probe(self, container: SeenContainer, kind: Any) -> bool | None:
        return self.known.probes.get((container.id, kind))

    def ephemeral(self) -> list[Declared]:
        """Ephemeral containers are started once, whatever else goes on."""
        return [
            each
            for each in declared(self.pod, "ephemeral")
            if self.seen.latest(each.name) is None and not is_deleted(self.pod)
        ]

    def init(self) -> bool:
        """Walk the init containers backwards and say whether the Pod is initialised.

        Backwards, because the runtime may have forgotten the early ones: the last that is known
        tells how far the Pod came.
        """
        containers = declared(self.pod, "init")
        if not containers:
            return True
        ready = any(
            (last := self.seen.latest(each.name)) and last.state in ("created", "running")
            for each in declared(self.pod, "app")
        )
        passed = ready
        for index in range(len(containers) - 1, -1, -1):
            one = containers[index]
            last = self.seen.latest(one.name)
            if last is None:
                if passed and one.sidecar:
                    self.starts.append(one)
                continue
            if passed and not one.sidecar:
                continue
            done = self._sidecar(one, last) if one.sidecar else self._plain_init(one, last)
            if self.dead:
                self.starts.clear()
                return False
            if done and index == len(containers) - 1:
                ready = True
            elif done and not passed:
                self.starts.append(containers[index + 1])
            passed = True
        if not passed:
            self.starts.append(containers[0])
        self.starts.reverse()
        return ready

    def _plain_init(self, one: Declared, last: SeenContainer) -> bool:
        """Handle a run-to-end init container; True when it is done."""
        if last.state == "running":
            return False
        if last.state == "exited" and last.exit_code == 0:
            return True
        if last.state == "exited" and not wants_start(one, self.pod, self.seen):
            self.dead = True
            return False
        if last.state == "unknown":
            self.kills.append(
                KillContainer(
                    last, 'Init container is in "unknown" state, try killing it before restart'
                )
            )
        self.starts.append(one)
        return False

    def _sidecar(self, one: Declared, last: SeenContainer) -> bool:
        """Handle a restartable init container; True when the next one may start."""
        if last.state != "running":
            self.starts.append(one)
            return False
        if one.spec.get("startupProbe"):
            started = self.probe(last, "startup")
            if started is False:
                message = f"Init container {one.name} failed startup probe"
                self._replace(one, last, message, "startup")
            if not started:
                return False
        if _changed(one, last):
            self._replace(one, last, f"Init container {one.name} definition changed")
        elif one.spec.get("livenessProbe") and self.probe(last, "liveness") is False:
            self._replace(one, last, f"Init container {one.name} failed liveness probe", "liveness")
        return True

    def _replace(self, one: Declared, last: SeenContainer, message: str, kind: str = "") -> None:
        self.kills.append(KillContainer(last, message, kind))
        self.starts.append(one)

    def apps(self) -> list[Declared]:
        """Decide about the app containers once the Pod is initialised."""
        for one in declared(self.pod, "app"):
            last = self.seen.latest(one.name)
            if last is None or last.state != "running":
                if wants_start(one, self.pod, self.seen):
                    self.app_starts.append(one)
                continue
            changed, failed = _changed(one, last), self._failed_probe(last)
            if not changed and not failed:
                self.kept += 1
                continue
            message = f"Container {one.name} definition changed"
            if not changed:
                message = f"Container {one.name} failed {failed} probe"
            if changed or restarts_on_failure(self.pod, one):
                message += ", will be restarted"
                self.app_starts.append(one)
            self.kills.append(KillContainer(last, message, "" if changed else failed))
        if self.kills and not self.app_starts and self.kept == 0:
            # The kill is all that is left to do; the next look finds the Pod finished.
            self.kept = 1
        return self.app_starts

    def _failed_probe(self, last: SeenContainer) -> str:
        for kind in ("liveness", "startup"):
            if self.probe(last, kind) is False:
                return kind
        return ""


def _resizes(
    pod: Mapping[str, Any], seen: PodRuntime, known: Known, kills: list[KillContainer]
) -> list[Action]:
    """Return the steps that bring running containers to the resources of the spec."""
    if known.resize_refused is not None or is_deleted(pod):
        return []
    killed = {kill.container.id for kill in kills}
    actions: list[Action] = []
    for one, last, differs in unsettled(pod, seen, known.applied):
        if last.id in killed:
            continue
        if needs_restart(one, differs):
            message = f"Container {one.name} resize requires restart"
            actions.append(KillContainer(last, message))
        else:
            actions.append(Resize(one, last))
    return actions


def _changed(one: Declared, last: SeenContainer) -> bool:
    return bool(last.hash) and last.hash != container_hash(one.spec)


def _with_backoff(
    pod: Mapping[str, Any],
    seen: PodRuntime,
    known: Known,
    now: datetime,
    kills: tuple[Action, ...],
    starts: list[Declared],
) -> Plan:
    """Turn wishes to start into starts and waits."""
    killed = {kill.container.name for kill in kills if isinstance(kill, KillContainer)}
    actions: list[Action] = list(kills)
    wakes: list[float] = []
    for one in starts:
        if one.name in killed:
            # Started in the next round, once it is seen to be gone.
            continue
        last = seen.latest(one.name)
        backoff: Backoff | None = known.backoffs.get(one.name)
        finished = last.finished_at if last and last.state == "exited" else None
        left = backoff.remaining(finished, now) if backoff and finished else 0.0
        if left > 0 and backoff:
            wakes.append(left)
            actions.append(
                BackOff(
                    one,
                    f"back-off {_go_seconds(backoff.delay)} restarting failed "
                    f"container={one.name} pod={full_name(pod)}",
                )
            )
            continue
        count = last.restart_count + 1 if last else 0
        actions.append(StartContainer(one, count, finished))
    return Plan(tuple(actions), min(wakes, default=None))


def _go_seconds(seconds: float) -> str:
    """Write a delay as Go's time.Duration does: 10s, 1m20s, 5m0s."""
    whole = int(seconds)
    return f"{whole}s" if whole < 60 else f"{whole // 60}m{whole % 60}s"
