"""Carries out the actions that bring containers and Pods down."""

import asyncio

from pinnace.node.ground import Ground, PodState, about
from pinnace.node.lifecycle import HookFailed
from pinnace.node.observed import SeenContainer
from pinnace.node.podspec import Declared, declared, effective_grace, find_declared
from pinnace.node.runtime import RuntimeCallError, RuntimeNotFound
from pinnace.node.state import KillContainer

# However little time is left, a container gets this much between TERM and KILL.
_MINIMUM_GRACE = 2.0
_PROBES = {"liveness": "livenessProbe", "startup": "startupProbe"}


class Stopper:
    """Brings down one Pod, or containers of it."""

    def __init__(self, ground: Ground, state: PodState) -> None:
        self._ground = ground
        self._state = state

    async def kill(self, action: KillContainer) -> None:
        """Stop one container, with the grace that the failed probe or the Pod gives."""
        one = find_declared(self._state.pod, action.container.name)
        grace = float(effective_grace(self._state.pod))
        if one is not None and action.reason in _PROBES:
            own = (one.spec.get(_PROBES[action.reason]) or {}).get("terminationGracePeriodSeconds")
            grace = grace if own is None else float(own)
        await self._stop(action.container, one, action.message, grace)

    async def kill_pod(self, grace: float | None = None) -> None:
        """Stop all containers, sidecars last and in reverse order, then the sandboxes."""
        given = float(effective_grace(self._state.pod)) if grace is None else grace
        deadline = self._ground.clock.monotonic() + given
        sidecars = [one.name for one in declared(self._state.pod, "init") if one.sidecar]
        running = self._state.seen.running()
        await asyncio.gather(
            *(self._end(each, given) for each in running if each.name not in sidecars)
        )
        for name in reversed(sidecars):
            left = deadline - self._ground.clock.monotonic()
            for each in running:
                if each.name == name:
                    await self._end(each, max(left, 0.0))
        for sandbox in self._state.seen.sandboxes:
            await self._ground.runtime.stop_sandbox(sandbox.id)

    async def _end(self, container: SeenContainer, grace: float) -> None:
        one = find_declared(self._state.pod, container.name)
        await self._stop(container, one, f"Stopping container {container.name}", grace)

    async def _stop(
        self, container: SeenContainer, one: Declared | None, message: str, grace: float
    ) -> None:
        ground, pod = self._ground, self._state.pod
        ground.recorder.event(about(pod, one), type="Normal", reason="Killing", message=message)
        began = ground.clock.monotonic()
        if one is not None and grace > 0:
            await self._pre_stop(one, container.id, grace)
        left = grace - (ground.clock.monotonic() - began)
        try:
            await ground.runtime.stop_container(container.id, timeout=max(left, _MINIMUM_GRACE))
        except RuntimeNotFound:
            return

    async def _pre_stop(self, one: Declared, container_id: str, grace: float) -> None:
        """Run the preStop hook, for as long as the grace period lasts."""
        hook = (one.spec.get("lifecycle") or {}).get("preStop")
        if not hook:
            return
        ground, pod = self._ground, self._state.pod
        ips = self._state.ips(ground.host_ips)
        running = asyncio.ensure_future(
            ground.hooks.run(pod, one, hook, container_id=container_id, host=ips[0] if ips else "")
        )
        timer = asyncio.ensure_future(ground.clock.sleep(grace))
        try:
            await asyncio.wait({running, timer}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
        except (HookFailed, RuntimeCallError):
            ground.recorder.event(
                about(pod, one),
                type="Warning",
                reason="FailedPreStopHook",
                message="PreStopHook failed",
            )
        finally:
            running.cancel()
            timer.cancel()
            await asyncio.gather(running, timer, return_exceptions=True)
