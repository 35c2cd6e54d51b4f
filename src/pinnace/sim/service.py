"""Plays kubelet for thousands of nodes in one task group.

What should happen to a pod or a node is decided by pure functions (`life`, `nodes`); the workers
here carry that out, one patch a pod, so that no two handle the same object at a time. Nothing runs
on these nodes; the API server knows them by their label and refuses exec, logs and the like.
"""

import asyncio
import itertools
import logging
from collections.abc import Callable
from ipaddress import ip_network

from pinnace.api.errors import AlreadyExists, ApiError, Conflict, NotFound
from pinnace.api.kinds.core import NODES, PODS
from pinnace.api.objects import Key, Object, key_of
from pinnace.api.simulated import is_simulated
from pinnace.client.base import Client, Informer, Informers
from pinnace.kit.backoff import Backoffs
from pinnace.kit.clock import Clock
from pinnace.kit.queue import WorkQueue
from pinnace.sim.config import SimConfig
from pinnace.sim.heartbeat import Heartbeats
from pinnace.sim.inventory import PlayedNode, Range, reported_ips
from pinnace.sim.life import Place, Step, is_over, next_step
from pinnace.sim.nodes import host_ip, new_node, node_address, node_name, repair
from pinnace.sim.rules import rule_for
from pinnace.sim.statuses import rejected

log = logging.getLogger(__name__)

# What a worker may be asked to look at: a pod, a node, or a node that is to be made (by number).
_POD, _NODE, _MAKE = "pod", "node", "make"
_Work = tuple[str, Key]


async def run_sim(
    client: Client,
    informers: Informers,
    clock: Clock,
    config: SimConfig,
    *,
    ready: Callable[[], None] | None = None,
) -> None:
    """Play until cancelled; `ready` is called once all nodes of the configuration are there.

    The nodes stay in the API when this ends, as they would when kubelets stop.
    """
    nodes, pods = informers.informer(NODES), informers.informer(PODS)
    await nodes.wait_synced()
    await pods.wait_synced()
    sim = Simulation(client, clock, config, nodes, pods)
    removals = [nodes.add_handler(sim.node_event), pods.add_handler(sim.pod_event)]
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(sim.heartbeats.run(), name="sim leases")
            for _ in range(config.parallel):
                tasks.create_task(sim.work(), name="sim worker")
            await sim.make_nodes()
            if ready is not None:
                ready()
    finally:
        for remove in removals:
            remove()
        await sim.close()


class Simulation:
    """The nodes that are played, and the work that waits."""

    def __init__(
        self, client: Client, clock: Clock, config: SimConfig, nodes: Informer, pods: Informer
    ) -> None:
        self._client = client
        self._clock = clock
        self._config = config
        self._nodes = nodes
        self._pods = pods
        self._played: dict[str, PlayedNode] = {}
        self._spare = Range(ip_network(config.pod_network))
        self._numbers = itertools.count(config.nodes)
        # Pods of nodes that are not there (yet).
        self._homeless: dict[str, set[Key]] = {}
        # The revision that our last write made of a pod: what is older is not looked at.
        self._written: dict[str, int] = {}
        self._missing: set[int] = set()
        self._complete = asyncio.Event()
        self._queue: WorkQueue[_Work] = WorkQueue(clock, Backoffs(0.1, 30.0))
        self.heartbeats = Heartbeats(client, clock, config)

    async def make_nodes(self) -> None:
        """Make the nodes that are not there, and wait for them."""
        for number in range(self._config.nodes):
            if self._nodes.get(Key("", node_name(self._config, number))) is None:
                self._make(number)
        if self._missing:
            await self._complete.wait()

    def _make(self, number: int) -> None:
        self._missing.add(number)
        self._queue.add((_MAKE, Key("", str(number))))

    def node_event(self, _type: str, old: Object | None, new: Object | None) -> None:
        """Take over a change of a Node."""
        if new is not None and is_simulated(new):
            self._node_came(new)
        elif old is not None:
            self._node_went(old["metadata"]["name"])

    def _node_came(self, node: Object) -> None:
        name = node["metadata"]["name"]
        played = self._played.get(name)
        if played is None:
            played = self._played[name] = PlayedNode(node, self._spare)
            self.heartbeats.add(node)
        played.update(node)
        if not played.allocatable:
            self._queue.add((_NODE, Key("", name)))
            return
        if repair(node, self._config, "", self._clock.now()) is not None:
            self._queue.add((_NODE, Key("", name)))
        for key in self._homeless.pop(name, ()):
            self._queue.add((_POD, key))

    def _node_went(self, name: str) -> None:
        played = self._played.pop(name, None)
        if played is None:
            return
        self.heartbeats.remove(name)
        for uid in list(played.held):
            played.drop(uid)
        for pod in self._pods.list():
            if pod["spec"].get("nodeName") == name:
                self._homeless.setdefault(name, set()).add(key_of(pod))
        if self._config.recreate:
            for number in range(self._config.nodes):
                if node_name(self._config, number) == name:
                    self._make(number)

    def pod_event(self, _type: str, old: Object | None, new: Object | None) -> None:
        """Take over a change of a Pod."""
        pod = new or old
        assert pod is not None
        node = pod["spec"].get("nodeName")
        if not node:
            return
        key, played = key_of(pod), self._played.get(node)
        if new is None or is_over(new):
            uid = pod["metadata"].get("uid", "")
            if played is not None:
                played.drop(uid)
            if new is None:
                self._written.pop(uid, None)
                self._homeless.get(node, set()).discard(key)
                return
        if played is None or not played.allocatable:
            self._homeless.setdefault(node, set()).add(key)
            return
        if not is_over(pod) and "startTime" in (pod.get("status") or {}):
            played.hold(pod, reported_ips(pod["status"]))
        self._queue.add((_POD, key))

    async def work(self) -> None:
        """Look at one object after the other, for ever."""
        while True:
            work = await self._queue.get()
            try:
                await self._look(work)
            except NotFound as error:
                log.debug("%s %s is gone: %s", *work, error)
                self._queue.forget(work)
            except Conflict as error:
                log.debug("%s %s has changed meanwhile: %s", *work, error)
                self._queue.add_rate_limited(work)
            except ApiError as error:
                log.warning("%s %s will be tried again: %s", *work, error)
                self._queue.add_rate_limited(work)
            else:
                self._queue.forget(work)
            finally:
                self._queue.done(work)

    async def _look(self, work: _Work) -> None:
        kind, key = work
        if kind == _POD:
            await self._look_at_pod(work)
        elif kind == _NODE:
            await self._look_at_node(key)
        else:
            await self._make_node(int(key.name))

    async def _make_node(self, number: int) -> None:
        try:
            await self._client.create(NODES, new_node(self._config, number, self._clock.now()))
        except AlreadyExists:
            log.info("node %s is there already", node_name(self._config, number))
        self._missing.discard(number)
        if not self._missing:
            self._complete.set()

    async def _look_at_node(self, key: Key) -> None:
        node = self._nodes.get(key)
        if node is None or key.name not in self._played:
            return
        address = host_ip(node) or node_address(self._config, next(self._numbers))
        status = repair(node, self._config, address, self._clock.now())
        if status is not None:
            patch = {"metadata": {"uid": node["metadata"]["uid"]}, "status": status}
            await self._client.patch(NODES, key.name, patch, type="strategic", subresource="status")

    async def _look_at_pod(self, work: _Work) -> None:
        key = work[1]
        pod = self._pods.get(key)
        if pod is None:
            return
        meta = pod["metadata"]
        played = self._played.get(pod["spec"].get("nodeName", ""))
        if played is None or int(meta["resourceVersion"]) < self._written.get(meta["uid"], 0):
            return
        step = self._decide(pod, played)
        if step.status is not None:
            answer = await self._client.patch(
                PODS,
                key.name,
                {"metadata": {"uid": meta["uid"]}, "status": step.status},
                namespace=key.namespace,
                type="strategic",
                subresource="status",
            )
            self._written[meta["uid"]] = int(answer["metadata"]["resourceVersion"])
        if step.delete:
            await self._client.delete(
                PODS, key.name, namespace=key.namespace, uid=meta["uid"], grace_period=0
            )
        if step.again is not None:
            self._queue.add_after(work, step.again)

    def _decide(self, pod: Object, played: PlayedNode) -> Step:
        now, old = self._clock.now(), pod.get("status") or {}
        meta = pod["metadata"]
        is_new = "startTime" not in old and not is_over(pod)
        if is_new and meta["uid"] not in played.held and "deletionTimestamp" not in meta:
            refusal = played.refusal(pod)
            if refusal is not None:
                return Step(rejected(pod, *refusal, now))
        host = host_ip(played.node)
        if is_over(pod):
            ips = reported_ips(old)
        elif pod["spec"].get("hostNetwork"):
            played.hold(pod)
            ips = (host,)
        else:
            ips = played.hold(pod)
        return next_step(pod, rule_for(pod, self._config.rules), now, Place(host, ips))

    async def close(self) -> None:
        """End the timer of what is delayed."""
        await self._queue.close()
