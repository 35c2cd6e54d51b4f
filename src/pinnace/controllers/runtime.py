"""Runs controllers: informers to queue to workers, with retries; written once for all of them.

Events of the watched resources become keys in a work queue. Workers take a key, call the
controller's coroutine, and put the key back after the time that it returned, or after a growing
back-off if it raised. A controller starts when all its informers are synced.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

from pinnace.api.errors import ApiError, Conflict, NotFound
from pinnace.api.objects import Key, Object, key_of
from pinnace.client.base import Client, EventType, Handler, Informers
from pinnace.client.events import EventRecorder
from pinnace.client.leases import LeaderElector
from pinnace.controllers.base import MANAGER, Config, Context, Controller, Route
from pinnace.controllers.table import CONTROLLERS
from pinnace.kit.backoff import Backoff
from pinnace.kit.clock import Clock
from pinnace.kit.queue import WorkQueue

log = logging.getLogger(__name__)


def _own_key(obj: Object, ctx: Context) -> Sequence[Key]:
    return (key_of(obj),)


class Runner:
    """One controller at work."""

    def __init__(self, controller: Controller, ctx: Context) -> None:
        self._controller = controller
        self.queue: WorkQueue[Key] = WorkQueue(ctx.clock)
        ctx = replace(ctx, enqueue=self.queue.add)
        state = controller.prepare(ctx) if controller.prepare else None
        self._ctx = replace(ctx, state=state)

    async def run(self, ready: Callable[[], None] | None = None) -> None:
        """Work until cancelled; `ready` is called when the informers are synced."""
        watched = [*self._controller.also]
        if self._controller.on is not None:
            watched.append((self._controller.on, _own_key))
        informers = [self._ctx.informers.informer(resource) for resource, _ in watched]
        removers = []
        try:
            for informer in informers:
                await informer.wait_synced()
            # Handlers come after the sync: each is first told of all that is there.
            for informer, (_, route) in zip(informers, watched, strict=True):
                removers.append(informer.add_handler(self._handler(route)))
            if ready is not None:
                ready()
            async with asyncio.TaskGroup() as group:
                if self._controller.reconcile is not None:
                    for _ in range(self._controller.workers):
                        group.create_task(self._work(), name=self._controller.name)
                if self._controller.run is not None:
                    group.create_task(self._background(), name=self._controller.name)
        finally:
            for remove in removers:
                remove()
            await self.queue.close()

    def _handler(self, route: Route) -> Handler:
        def handle(type: EventType, old: Object | None, new: Object | None) -> None:
            for obj in (old, new):
                if obj is not None:
                    for key in route(obj, self._ctx):
                        self.queue.add(key)

        return handle

    async def _work(self) -> None:
        while True:
            key = await self.queue.get()
            try:
                await self.once(key)
            finally:
                self.queue.done(key)

    async def once(self, key: Key) -> None:
        """Reconcile one key now, and see to its next time."""
        assert self._controller.reconcile is not None
        try:
            after = await self._controller.reconcile(key, self._ctx)
        except ApiError as error:
            self._note(key, error)
            self.queue.add_rate_limited(key)
        except Exception:
            log.exception("%s: %s failed", self._controller.name, key)
            self.queue.add_rate_limited(key)
        else:
            self.queue.forget(key)
            if after is not None:
                self.queue.add_after(key, after / timedelta(seconds=1))

    def _note(self, key: Key, error: ApiError) -> None:
        # A lost race (a change, a deletion) is the everyday case, and a failure that repeats is
        # told once.
        quiet = isinstance(error, Conflict | NotFound) or self.queue.failures(key) > 0
        level = logging.DEBUG if quiet else logging.WARNING
        log.log(level, "%s: %s: %s", self._controller.name, key, error.message)

    async def _background(self) -> None:
        assert self._controller.run is not None
        backoff = Backoff(1.0, 60.0)
        while True:
            try:
                await self._controller.run(self._ctx)
            except ApiError as error:
                log.warning("%s: %s", self._controller.name, error.message)
            except Exception:
                log.exception("%s failed", self._controller.name)
            await self._ctx.clock.sleep(backoff.next())


async def run_controllers(
    client: Client,
    informers: Informers,
    clock: Clock,
    *,
    controllers: Sequence[Controller] = CONTROLLERS,
    leader_elect: bool = False,
    identity: str = "pinnace",
    config: Config | None = None,
    client_for: Callable[[str], Client] | None = None,
    ready: Callable[[], None] | None = None,
) -> None:
    """Run the controllers until cancelled, or until the leadership is lost.

    `client_for` gives the client of a service account of kube-system by its name: upstream's of
    each controller. Without it all share `client`.
    """
    config = config or Config()

    async def lead() -> None:
        waiting = {controller.name for controller in controllers}

        def started(name: str) -> None:
            waiting.discard(name)
            if not waiting and ready is not None:
                ready()

        async with asyncio.TaskGroup() as group:
            for controller in controllers:
                account = controller.account or controller.name
                own = client_for(account) if client_for and account != MANAGER else client
                events = EventRecorder(
                    own, clock, component=controller.component or controller.name
                )
                ctx = Context(own, informers, clock, events, config=config)
                group.create_task(events.run(), name=f"{controller.name} events")
                runner = Runner(controller, ctx)
                name = controller.name
                group.create_task(runner.run(partial(started, name)), name=name)

    if not leader_elect:
        await lead()
        return
    elector = LeaderElector(client, clock, name="kube-controller-manager", identity=identity)
    await elector.run(lead)
