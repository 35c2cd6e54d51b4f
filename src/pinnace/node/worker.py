"""Keeps one Pod as it should be: looks, decides, has it carried out, reports. A task per Pod.

A round looks at the runtime and reports the status; if steps are to be taken and none is under
way, they are carried out beside it (an image pull does not keep the status from being reported).
A Pod that is to end has whatever is under way cancelled first. The end comes in this order, which
is law: containers stopped, final status written, volumes and control group cleared, API object
deleted, remains removed from the runtime.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from pinnace.api.objects import Object
from pinnace.api.pods import is_terminal
from pinnace.kit.backoff import Backoff as RetryWait
from pinnace.kit.waits import set_or_elapsed
from pinnace.node.admission import Refusal, refusal
from pinnace.node.ground import EventType, Ground, PodState, about
from pinnace.node.imagepull import ImagePuller
from pinnace.node.observed import Failure, Known
from pinnace.node.podspec import (
    effective_grace,
    full_name,
    is_deleted,
    name_of,
    namespace_of,
    uid_of,
)
from pinnace.node.podstatus import failed_status, pod_status, rejected_status
from pinnace.node.probes.prober import Prober
from pinnace.node.probes.table import PROBES
from pinnace.node.remains import Remains
from pinnace.node.reporting import StatusReporter
from pinnace.node.resize import unsettled
from pinnace.node.runtime import RuntimeCallError
from pinnace.node.starting import NotNow, Starter
from pinnace.node.state import (
    Action,
    BackOff,
    CreateSandbox,
    KillContainer,
    KillPod,
    Plan,
    Resize,
    StartContainer,
    decide,
    past_deadline,
)
from pinnace.node.stats.probes import ProbeTallies
from pinnace.node.stopping import Stopper

log = logging.getLogger(__name__)

# How often a Pod is looked at when nothing happens; live volumes are refreshed as often.
RESYNC = 60.0
_VOLUME_REFRESH = 20.0
_RETRY_FAILED = 10.0
_RETRY_FIRST, _RETRY_MAX = 0.5, 30.0
_BACKOFF_EVENT = 10.0


class PodWorker:
    """The worker of one Pod; `run` ends when nothing of the Pod is left to do here."""

    def __init__(
        self, ground: Ground, pod: Object, *, admit: Callable[[Object], Refusal | None]
    ) -> None:
        self._ground = ground
        self._admit = admit
        self.state = PodState(pod, ImagePuller(ground.runtime, ground.clock.now))
        self._starter = Starter(ground, self.state)
        self._stopper = Stopper(ground, self.state)
        self._remains = Remains(ground, self.state)
        self._reporter = StatusReporter(ground.client, pod)
        self.probed = ProbeTallies(namespace_of(pod), name_of(pod), uid_of(pod))
        self._prober = Prober(
            ground.runtime,
            ground.clock,
            PROBES,
            tell=lambda one, kind, reason, message: ground.recorder.event(
                about(self.state.pod, one), type=kind, reason=reason, message=message
            ),
            changed=self.wake,
            host_ip=ground.host_ips[0] if ground.host_ips else "",
            tallies=self.probed,
        )
        self._woken = asyncio.Event()
        self._carrying: asyncio.Task[None] | None = None
        self._killing_grace: int | None = None
        self._retry = RetryWait(_RETRY_FIRST, _RETRY_MAX)
        self._retry_at: float | None = None
        self._refreshed = ground.clock.monotonic()
        self._told_backoff: dict[str, float] = {}
        self._not_before: dict[str, float] = {}
        self._ended: tuple[str, str] | None = None
        self._refused: Object | None = None
        self._gone = False
        self._admitted = False
        self._terminated = False
        self._cleared = False
        self.finished = False
        self.status: Object = dict(pod.get("status") or {})

    # What others tell.

    def wake(self) -> None:
        """Have the Pod looked at soon."""
        self._woken.set()

    def update(self, pod: Object) -> None:
        """Take the Pod as the API has it now."""
        self.state.pod = pod
        self._reporter.learn(pod)
        self.wake()

    def removed(self, pod: Object) -> None:
        """The Pod is gone from the API: end it, and report to nobody."""
        self.state.pod = pod
        self._gone = True
        self.wake()

    @property
    def counts(self) -> bool:
        """Whether the Pod takes resources of the node."""
        return self._admitted and not self._terminated and not is_terminal({"status": self.status})

    # The loop.

    async def run(self) -> None:
        """Look after the Pod until nothing is left of it."""
        try:
            while not self.finished:
                self._woken.clear()
                began = self._ground.clock.monotonic()
                try:
                    wait = await self._round()
                except RuntimeCallError as error:
                    log.warning("looking at %s failed: %s", full_name(self.state.pod), error)
                    wait = self._retry.next()
                if not self.finished:
                    # The wait counts from when the Pod was looked at: a round may take long.
                    spent = self._ground.clock.monotonic() - began
                    await set_or_elapsed(self._woken, self._ground.clock, max(wait - spent, 0.0))
        finally:
            await self._stop_carrying()
            await self._prober.close()

    async def _round(self) -> float:
        """Look, decide, report, and start what is to be done; returns when to look again."""
        self.state.seen = await self._ground.observer.observe(uid_of(self.state.pod))
        now = self._ground.clock.now()
        if not self._admitted and not self._ending():
            await self._ask_admission(now)
        if self._ending():
            return await self._end(now)
        return await self._keep(now)

    def _ending(self) -> bool:
        return (
            self._gone
            or self._ended is not None
            or is_deleted(self.state.pod)
            or is_terminal({"status": self.status})
        )

    async def _ask_admission(self, now: datetime) -> None:
        self._admitted = True
        refused = None if self.state.seen.sandboxes else self._admit(self.state.pod)
        if refused is None:
            return
        self._terminated = self._cleared = True
        self.status = self._refused = rejected_status(
            self.state.pod, reason=refused.reason, message=refused.message, now=now
        )
        self._tell("Warning", refused.reason, refused.message)

    def _tell(self, kind: EventType, reason: str, message: str) -> None:
        self._ground.recorder.event(
            about(self.state.pod), type=kind, reason=reason, message=message
        )

    def _known(self) -> Known:
        return Known(
            failures=self.state.failures,
            backoffs=self.state.backoffs,
            probes=self._prober.results,
            terminated=self._terminated,
            applied=self.state.applied,
            resize_refused=self._resize_refusal(),
            host_ips=self._ground.host_ips,
        )

    def _resize_refusal(self) -> tuple[str, str] | None:
        """Return why other resources that the spec wants by now cannot be had on this node."""
        if not unsettled(self.state.pod, self.state.seen, self.state.applied):
            return None
        never = refusal(self.state.pod, [], self._ground.node())
        if never is not None:
            return "Infeasible", never.message
        refused = self._admit(self.state.pod)
        return None if refused is None else ("Deferred", refused.message)

    def _compute(self, now: datetime) -> Object:
        return pod_status(
            self.state.pod, self.state.seen, self._known(), now, old=self._reporter.shown
        )

    async def _report(self, status: Object) -> bool:
        self.status = status
        return self._gone or await self._reporter.report(status)

    # A Pod that runs.

    async def _keep(self, now: datetime) -> float:
        pod, seen = self.state.pod, self.state.seen
        busy = self._carrying is not None
        plan = Plan() if busy else decide(pod, seen, self._known(), now)
        self._note_backoffs(plan)
        status = self._compute(now)
        left = past_deadline(pod, str(status["startTime"]), now)
        if left is not None and left <= 0:
            self._ended = (
                "DeadlineExceeded",
                "Pod was active on the node longer than the specified deadline",
            )
            self._tell("Normal", *self._ended)
            return 0.0
        written = await self._report(status)
        self._prober.update(pod, seen, status)
        if is_terminal({"status": status}):
            return 0.0
        waits = [RESYNC if written else 1.0, plan.wake_in, left]
        if not busy:
            waits += [self._begin(plan), await self._refresh_volumes()]
        return min(wait for wait in waits if wait is not None)

    def _note_backoffs(self, plan: Plan) -> None:
        """Show the containers that wait for their restart as such."""
        for action in plan.actions:
            if not isinstance(action, BackOff):
                continue
            one, now = action.container, self._ground.clock.monotonic()
            self.state.failures[one.name] = Failure("CrashLoopBackOff", action.message)
            if now - self._told_backoff.get(one.name, -_BACKOFF_EVENT) >= _BACKOFF_EVENT:
                self._told_backoff[one.name] = now
                text = (
                    f"Back-off restarting failed container {one.name} in pod "
                    f"{full_name(self.state.pod)}"
                )
                self._ground.recorder.event(
                    about(self.state.pod, one), type="Warning", reason="BackOff", message=text
                )

    def _begin(self, plan: Plan) -> float | None:
        """Start carrying out what may be done now; returns when more may be done."""
        now = self._ground.clock.monotonic()
        if self._retry_at is not None and now < self._retry_at:
            return self._retry_at - now
        ready: list[Action] = []
        later: list[float] = []
        for action in plan.actions:
            if isinstance(action, StartContainer):
                wait = self._not_before.get(action.container.name, now) - now
                if wait > 0:
                    later.append(wait)
                    continue
            if not isinstance(action, BackOff):
                ready.append(action)
        if ready:
            self._carrying = asyncio.create_task(
                self._carry(ready), name=f"pod {name_of(self.state.pod)}"
            )
        return min(later, default=None)

    async def _carry(self, actions: list[Action]) -> None:
        try:
            for action in actions:
                await self._do(action)
            await self._remains.collect()
            self._retry.reset()
            self._retry_at = None
        except (NotNow, RuntimeCallError) as error:
            self._retry_at = self._ground.clock.monotonic() + self._retry.next()
            log.info("%s has to wait: %s", full_name(self.state.pod), error)
        except Exception:
            # A fault of ours must show, and must not leave the Pod without anybody who tries.
            self._retry_at = self._ground.clock.monotonic() + _RETRY_MAX
            log.exception("an action for %s failed", full_name(self.state.pod))
        finally:
            self._carrying = None
            self.wake()

    async def _do(self, action: Action) -> None:
        match action:
            case KillPod():
                await self._stopper.kill_pod()
            case CreateSandbox():
                await self._starter.create_sandbox(action)
            case KillContainer():
                await self._stopper.kill(action)
            case StartContainer():
                await self._starter.start(action)
                self._space_out(action.container.name)
            case Resize():
                await self._starter.resize(action)
            case BackOff():
                pass

    def _space_out(self, name: str) -> None:
        """Leave a container that could not be started alone for a while."""
        failure = self.state.failures.get(name)
        if failure is None:
            self._not_before.pop(name, None)
            return
        # Soon after the failed pull the back-off shows; after that, its end is waited for.
        wait = 1.0 if failure.reason == "ErrImagePull" else _RETRY_FAILED
        if failure.reason == "ImagePullBackOff":
            wait = min(self.state.puller.retry_in() or wait, _RETRY_FAILED)
        self._not_before[name] = self._ground.clock.monotonic() + wait

    async def _refresh_volumes(self) -> float:
        now = self._ground.clock.monotonic()
        left = self._refreshed + _VOLUME_REFRESH - now
        if left <= 0 and self.state.prepared:
            self._refreshed = now
            await self._starter.refresh_volumes()
        return left if left > 0 else _VOLUME_REFRESH

    # A Pod that ends.

    async def _end(self, now: datetime) -> float:
        seen = self.state.seen
        if self._killing_grace is None and self._carrying is not None:
            await self._stop_carrying()
            return 0.0  # what came into being until then has to be seen
        if seen.running() or any(each.ready for each in seen.sandboxes):
            status = self._final(self._compute(now), now)
            await self._report(status)
            self._prober.update(self.state.pod, seen, status, only_readiness=True)
            await self._begin_kill()
            return RESYNC
        if self._carrying is not None:
            return RESYNC
        await self._prober.close()
        self._terminated = True
        if not await self._report(self._final(self._compute(now), now)):
            return 1.0
        if not self._cleared:
            await self._remains.release()
            self._cleared = True
        return await self._leave()

    def _final(self, status: Object, now: datetime) -> Object:
        """Add why the Pod was ended; a refused Pod stays as it was refused."""
        if self._refused is not None:
            return self._refused
        if self._ended is None:
            return status
        reason, message = self._ended
        return failed_status(self.state.pod, status, reason=reason, message=message, now=now)

    async def _begin_kill(self) -> None:
        """Start stopping everything, or start over with a grace period that was shortened."""
        grace = effective_grace(self.state.pod)
        if self._carrying is not None:
            if self._killing_grace is not None and grace >= self._killing_grace:
                return
            await self._stop_carrying()
        self._killing_grace = grace
        self._carrying = asyncio.create_task(
            self._kill(float(grace)), name=f"end {name_of(self.state.pod)}"
        )

    async def _kill(self, grace: float) -> None:
        try:
            await self._stopper.kill_pod(grace)
        except RuntimeCallError as error:
            self._tell("Warning", "FailedKillPod", f"error killing pod: {error}")
            await self._ground.clock.sleep(self._retry.next())
        except Exception:
            log.exception("ending %s failed", full_name(self.state.pod))
            await self._ground.clock.sleep(_RETRY_MAX)
        finally:
            self._carrying = None
            self.wake()

    async def _leave(self) -> float:
        """Delete the API object of a Pod that somebody deleted, then what is left of it here."""
        if not self._gone:
            if not is_deleted(self.state.pod):
                return RESYNC
            if not await self._reporter.delete():
                return 1.0
        await self._remains.remove_all()
        log.debug("%s/%s is gone", namespace_of(self.state.pod), name_of(self.state.pod))
        self.finished = True
        return 0.0

    async def _stop_carrying(self) -> None:
        task = self._carrying
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._carrying = None
