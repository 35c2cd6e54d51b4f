"""Renews the Leases of all simulated nodes, spread evenly over the interval."""

import asyncio
import itertools
import logging

from pinnace.api.errors import AlreadyExists, ApiError, NotFound
from pinnace.api.kinds.coordination import LEASES
from pinnace.api.objects import Object
from pinnace.client.base import Client
from pinnace.kit.clock import Clock
from pinnace.sim.config import SimConfig
from pinnace.sim.nodes import new_lease, renewal

log = logging.getLogger(__name__)

NAMESPACE = "kube-node-lease"
# Into how many turns an interval is divided, and how many renewals are under way at once.
_TURNS, _PARALLEL = 40, 32


class Heartbeats:
    """One Lease per node; a node's first one is written at its first turn."""

    def __init__(self, client: Client, clock: Clock, config: SimConfig) -> None:
        self._client = client
        self._clock = clock
        self._config = config
        self._turns: list[dict[str, Object]] = [{} for _ in range(_TURNS)]
        self._next = itertools.cycle(range(_TURNS))
        self._turn_of: dict[str, int] = {}
        self._leased: set[str] = set()

    def add(self, node: Object) -> None:
        """Keep a node alive from its turn on."""
        name = node["metadata"]["name"]
        turn = self._turn_of[name] = next(self._next)
        self._turns[turn][name] = node

    def remove(self, name: str) -> None:
        """Let a node's Lease run out; the garbage collector takes it."""
        turn = self._turn_of.pop(name, None)
        if turn is not None:
            del self._turns[turn][name]
        self._leased.discard(name)

    async def run(self) -> None:
        """Renew until cancelled."""
        each = self._config.renew_seconds / _TURNS
        due = self._clock.monotonic()
        for turn in itertools.cycle(self._turns):
            await self._renew_all(list(turn.values()))
            due += each
            late = self._clock.monotonic() - due
            if late > self._config.renew_seconds:
                due += late  # time has jumped, or the API server is too slow: do not chase it
            await self._clock.sleep(max(due - self._clock.monotonic(), 0.0))

    async def _renew_all(self, nodes: list[Object]) -> None:
        for at in range(0, len(nodes), _PARALLEL):
            async with asyncio.TaskGroup() as tasks:
                for node in nodes[at : at + _PARALLEL]:
                    tasks.create_task(self._renew(node))

    async def _renew(self, node: Object) -> None:
        name = node["metadata"]["name"]
        try:
            if name not in self._leased:
                await self._create(node)
            else:
                patch = renewal(self._clock.now())
                await self._client.patch(LEASES, name, patch, namespace=NAMESPACE)
        except NotFound:
            # The lease was deleted, or its namespace is not there yet: again at the next turn.
            self._leased.discard(name)
        except ApiError as error:
            log.warning("the lease of %s was not renewed: %s", name, error)

    async def _create(self, node: Object) -> None:
        name, now = node["metadata"]["name"], self._clock.now()
        try:
            await self._client.create(LEASES, new_lease(node, self._config, now))
        except AlreadyExists:
            await self._client.patch(LEASES, name, renewal(now), namespace=NAMESPACE)
        if name in self._turn_of:
            self._leased.add(name)
