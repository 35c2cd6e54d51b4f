"""What Nodes and Pods use: kubelets are asked every fifteen seconds while somebody wants to know.

Five minutes after the last question nothing is asked any more and all is forgotten, so a cluster
that nobody measures pays nothing. Whoever asks first after that waits for two rounds, two seconds
apart. Simulated nodes have no kubelet: what their Pods use stands in the Pods.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Protocol

from pinnace.api.objects import Object
from pinnace.api.simulated import is_simulated
from pinnace.api.simulated_usage import simulated_usage
from pinnace.apiserver.nodepods import NodePods
from pinnace.apiserver.resourcemetrics.points import (
    RESOLUTION,
    SECOND,
    Batch,
    Points,
    Used,
    joined,
    read,
)
from pinnace.apiserver.resourcemetrics.scraper import ScrapeError
from pinnace.kit.clock import Clock

_log = logging.getLogger(__name__)
_INTEREST = timedelta(minutes=5)
_FIRST_GAP = 2.0
_GAP = RESOLUTION / SECOND
_PATIENCE = 8.0
ListNodes = Callable[[], list[Object]]


class Source(Protocol):
    """Where metrics come from."""

    async def fetch(self, node: Object) -> str:
        """Return a node's resource metrics; raises ScrapeError."""
        ...

    async def close(self) -> None:
        """Let go of all connections."""
        ...


def nanoseconds(moment: datetime) -> int:
    """Return a time as nanoseconds since the epoch."""
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86400 + since.seconds) * SECOND + since.microseconds * 1000


class Provider:
    """Knows what is used, as far as somebody has asked lately; `run` must run meanwhile."""

    def __init__(self, clock: Clock, nodes: ListNodes, pods: NodePods, source: Source) -> None:
        self._clock = clock
        self._nodes = nodes
        self._pods = pods
        self._source = source
        self._points = Points()
        self._wanted = asyncio.Event()
        self._known = asyncio.Event()
        self._until = clock.now()

    async def ready(self) -> None:
        """Note that somebody asks; returns when there is something to tell, or soon anyway."""
        self._until = self._clock.now() + _INTEREST
        if self._known.is_set() or not self._real():
            return
        self._wanted.set()
        with suppress(TimeoutError):
            # Kubelets that do not answer must not keep whoever asks for long.
            async with asyncio.timeout(_PATIENCE):
                await self._known.wait()

    def node(self, node: Object) -> Used | None:
        """Return what a node uses; None if that is not known."""
        name = str(node["metadata"]["name"])
        if not is_simulated(node):
            return self._points.node(name)
        total = Used(0, 0, *self._simulated_window())
        for pod in self._pods.on(name):
            for each in (self.simulated(pod) or {}).values():
                total = Used(total.cpu + each.cpu, total.memory + each.memory, each.at, each.window)
        return total

    def pod(self, namespace: str, name: str) -> dict[str, Used] | None:
        """Return what the containers of a Pod on a real node use; None if that is not known."""
        found = self._points.pod((namespace, name))
        return dict(found) if found is not None else None

    def simulated(self, pod: Object) -> dict[str, Used] | None:
        """Return what the containers of a Pod on a simulated node use.

        As with real ones there is nothing to tell before a container has run for a whole window.
        """
        at, window = self._simulated_window()
        found = {
            each.name: Used(each.cpu, each.memory, at, window)
            for each in simulated_usage(pod)
            if nanoseconds(each.started) + window <= at
        }
        return found or None

    def simulated_nodes(self) -> set[str]:
        """Return the names of the simulated nodes."""
        return {each["metadata"]["name"] for each in self._nodes() if is_simulated(each)}

    def _simulated_window(self) -> tuple[int, int]:
        now = nanoseconds(self._clock.now())
        return now - now % RESOLUTION, RESOLUTION

    def _real(self) -> list[Object]:
        return [each for each in self._nodes() if not is_simulated(each)]

    async def run(self) -> None:
        """Ask kubelets while somebody wants to know, until cancelled."""
        while True:
            await self._wanted.wait()
            await self._round()
            gap = _FIRST_GAP
            while self._clock.now() < self._until and self._real():
                await self._clock.sleep(gap)
                await self._round()
                self._known.set()
                gap = _GAP
            self._wanted.clear()
            self._known.clear()
            self._points.clear()

    async def close(self) -> None:
        """Let go of the connections to kubelets."""
        await self._source.close()

    async def _round(self) -> None:
        batches = await asyncio.gather(*(self._ask(node) for node in self._real()))
        self._points.store(joined(batches))

    async def _ask(self, node: Object) -> Batch:
        name = node["metadata"]["name"]
        now = nanoseconds(self._clock.now())
        try:
            batch = read(await self._source.fetch(node), name, now)
        except (ScrapeError, ValueError) as error:
            _log.info("no metrics of node %s: %s", name, error)
            return Batch()
        # A node speaks for its own Pods only.
        own = set(self._own(name))
        batch.pods = {key: points for key, points in batch.pods.items() if key in own}
        return batch

    def _own(self, node: str) -> Iterator[tuple[str, str]]:
        for item in self._pods.items(node):
            yield item.namespace, item.name
