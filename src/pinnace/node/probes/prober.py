"""Probes the containers of one Pod: a task per container and kind of probe.

The startup probe goes first; the others of the same container begin when it has succeeded. A
liveness or startup probe that reached its threshold is silent until there is a new container.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any, Literal

from pinnace.api.objects import Object
from pinnace.kit.clock import Clock
from pinnace.node.observed import PodRuntime, ProbeKind, SeenContainer
from pinnace.node.podspec import Declared, all_declared, is_host_network
from pinnace.node.probes.base import Asked, Outcome, ProbeError, ProbeType
from pinnace.node.probes.thresholds import Run, counted, verdict
from pinnace.node.runtime import ExecResult, Runtime
from pinnace.node.stats.probes import ProbeTallies

_FIELDS: tuple[tuple[ProbeKind, str], ...] = (
    ("startup", "startupProbe"),
    ("liveness", "livenessProbe"),
    ("readiness", "readinessProbe"),
)
_RETRIES = 3
Tell = Callable[[Declared, Literal["Normal", "Warning"], str, str], None]


class Prober:
    """Runs the probes of one Pod; `changed` is called whenever a result does."""

    def __init__(
        self,
        runtime: Runtime,
        clock: Clock,
        kinds: Iterable[ProbeType],
        *,
        tell: Tell,
        changed: Callable[[], None],
        host_ip: str,
        tallies: ProbeTallies,
    ) -> None:
        self._runtime = runtime
        self.tallies = tallies
        self._clock = clock
        self._kinds = {kind.field: kind for kind in kinds}
        self._tell = tell
        self._changed = changed
        self._host_ip = host_ip
        self._tasks: dict[tuple[str, ProbeKind], asyncio.Task[None]] = {}
        self._started: dict[str, asyncio.Event] = {}
        self._ip = ""
        self.results: dict[tuple[str, ProbeKind], bool] = {}

    def update(
        self, pod: Object, seen: PodRuntime, status: Object, *, only_readiness: bool = False
    ) -> None:
        """Probe what runs now, and nothing else; `only_readiness` while the Pod is ending."""
        self._ip = self._host_ip if is_host_network(pod) else _pod_ip(seen)
        wanted: set[tuple[str, ProbeKind]] = set()
        started = _started_ids(status)
        for one in all_declared(pod):
            last = seen.latest(one.name)
            if last is None or last.state != "running" or one.role == "ephemeral":
                continue
            ready = self._started.setdefault(last.id, asyncio.Event())
            if last.id in started:
                ready.set()
            for kind, name in _FIELDS:
                spec = one.spec.get(name)
                if not spec or (only_readiness and kind != "readiness"):
                    continue
                wanted.add((last.id, kind))
                if (last.id, kind) not in self._tasks:
                    self._start(one, last, kind, spec, already=last.id in started)
        self._stop_all_but(wanted)

    def _start(
        self, one: Declared, last: SeenContainer, kind: ProbeKind, spec: Any, *, already: bool
    ) -> None:
        if kind == "startup" and already:
            # It succeeded before this kubelet started.
            self.results[(last.id, kind)] = True
            return
        self._tasks[(last.id, kind)] = asyncio.create_task(
            self._watch(one, last, kind, spec), name=f"probe {kind} {one.name}"
        )

    def _stop_all_but(self, wanted: set[tuple[str, ProbeKind]]) -> None:
        for key in [key for key in self._tasks if key not in wanted]:
            self._tasks.pop(key).cancel()
        alive = {container for container, _ in wanted}
        for gone in [key for key in self.results if key[0] not in alive]:
            del self.results[gone]
        for container in [each for each in self._started if each not in alive]:
            del self._started[container]

    async def close(self) -> None:
        """Stop all probing."""
        tasks = list(self._tasks.values())
        self._stop_all_but(set())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _watch(self, one: Declared, last: SeenContainer, kind: ProbeKind, spec: Any) -> None:
        began = last.started_at or last.created_at
        age = (self._clock.now() - began).total_seconds()
        await self._clock.sleep(float(spec.get("initialDelaySeconds") or 0) - age)
        if kind != "startup":
            await self._started.setdefault(last.id, asyncio.Event()).wait()
        run = Run()
        while True:
            # How long an answer takes is for people, and measured in their time.
            asked_at = time.monotonic()
            outcome = await self._ask(one, last, kind, spec)
            said = "unknown" if outcome is None else "successful" if outcome.ok else "failed"
            self.tallies.note(kind, one.name, said, time.monotonic() - asked_at)
            if outcome is not None:
                run = counted(run, outcome.ok)
                result = verdict(run, spec)
                if result is not None:
                    self._settle(last.id, kind, result)
                    if kind == "startup" or (kind == "liveness" and not result):
                        return
            await self._clock.sleep(float(spec.get("periodSeconds") or 10))

    def _settle(self, container: str, kind: ProbeKind, result: bool) -> None:
        if self.results.get((container, kind)) is not result:
            self.results[(container, kind)] = result
            self._changed()

    async def _ask(
        self, one: Declared, last: SeenContainer, kind: ProbeKind, spec: Any
    ) -> Outcome | None:
        """Ask once; None when the question itself failed."""
        said = kind.capitalize()
        error: ProbeError | None = None
        for _ in range(_RETRIES):
            try:
                outcome = await self._ask_kind(one, last, spec)
            except ProbeError as failed:
                error = failed
                continue
            if not outcome.ok:
                self._tell(one, "Warning", "Unhealthy", f"{said} probe failed: {outcome.output}")
            return outcome
        self._tell(
            one,
            "Warning",
            "Unhealthy",
            f"{said} probe errored and resulted in unknown state: {error}",
        )
        return None

    async def _ask_kind(self, one: Declared, last: SeenContainer, spec: Any) -> Outcome:
        field = next((name for name in self._kinds if name in spec), None)
        if field is None:
            raise ProbeError("missing probe handler")

        async def execute(command: list[str], *, timeout: float) -> ExecResult:
            return await self._runtime.exec_sync(last.id, command, timeout=timeout)

        return await self._kinds[field].ask(
            Asked(
                handler=spec[field],
                host=self._ip,
                ports=named_ports(one),
                timeout=float(spec.get("timeoutSeconds") or 1),
                execute=execute,
            )
        )


def named_ports(one: Declared) -> dict[str, int]:
    """Return the container's ports that have names."""
    ports = one.spec.get("ports") or ()
    return {str(each["name"]): int(each["containerPort"]) for each in ports if each.get("name")}


def _pod_ip(seen: PodRuntime) -> str:
    sandbox = seen.ready_sandbox()
    return sandbox.ips[0] if sandbox and sandbox.ips else ""


def _started_ids(status: Object) -> set[str]:
    listed = [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]
    return {
        str(each["containerID"]).removeprefix("containerd://")
        for each in listed
        if each.get("started") and each.get("containerID")
    }
