"""A whole cluster in the caller's own process: API server, controllers, scheduler, simulated nodes.

Nothing is written to disk but a kubeconfig, nothing is left behind. Components reach the API
server by a call and everybody else over TLS on a free port of 127.0.0.1, so kubectl and any client
library work against it, in this process or another.

    async with Cluster() as cluster:          # or: with Cluster() as cluster:
        os.environ["KUBECONFIG"] = str(cluster.kubeconfig)

Its Pods are SIMULATED: they change their status as a kubelet would report it, but nothing runs.
"""

import asyncio
import tempfile
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pinnace.api.wire import User
from pinnace.apiserver import http
from pinnace.apiserver.app import ApiServer
from pinnace.client.client import ApiClient
from pinnace.client.events import EventRecorder
from pinnace.client.informer import SharedInformers
from pinnace.client.transport import InProcess
from pinnace.cluster import credentials, pki
from pinnace.cluster.apiserver_settings import settings
from pinnace.cluster.config import ClusterConfig
from pinnace.cluster.server import server_config, serving_context
from pinnace.controllers.base import Config as ControllerConfig
from pinnace.controllers.runtime import run_controllers
from pinnace.kit import cycles
from pinnace.kit.clock import Clock, SystemClock
from pinnace.scheduler.service import SchedulerConfig, run_scheduler
from pinnace.sim.config import SimConfig
from pinnace.sim.service import run_sim
from pinnace.store.memory import MemoryStore

_MASTERS = "system:masters"


class Cluster:
    """A cluster that lives as long as its `with` block, asynchronous or not.

    `nodes` is how many simulated nodes there are (0 for none: Pods stay Pending). `clock` is what
    every component waits by; with a VirtualClock nothing that takes time happens until it is
    moved. `apiserver` are settings of the API server by name (`ApiServerSettings`); raises
    ValueError for one that is not known.
    """

    def __init__(
        self,
        *,
        nodes: int = 1,
        clock: Clock | None = None,
        apiserver: Mapping[str, object] | None = None,
    ) -> None:
        self._apiserver = settings(apiserver or {})
        self.clock: Clock = clock or SystemClock()
        self._nodes = nodes
        self._stack = AsyncExitStack()
        self._thread: _LoopThread | None = None
        self.url = ""
        self.kubeconfig = Path()
        self.client: ApiClient
        self.server: ApiServer

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    def __enter__(self) -> Self:
        self._thread = _LoopThread()
        try:
            self._thread.run(self.__aenter__)
        except BaseException:
            self._thread.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        assert self._thread is not None
        try:
            self._thread.run(self._stack.aclose)
        finally:
            self._thread.stop()

    async def _start(self) -> None:
        self._stack.enter_context(cycles.seldom())
        directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="pinnace-")))
        config = ClusterConfig(
            data_dir=directory,
            bind="127.0.0.1",
            advertise="127.0.0.1",
            node_name="sim",
            apiserver=self._apiserver,
        )
        # Making the signing key takes longest; a thread makes it beside the loop.
        material = await asyncio.to_thread(pki.make, config, datetime.now(UTC))
        store = MemoryStore()
        self._stack.push_async_callback(store.close)
        settings = server_config(config, material, self.clock, port=0)
        self.server = ApiServer(store, self.clock, settings)
        await self.server.start()
        self._stack.push_async_callback(self.server.close)
        listener = await http.serve(
            self.server.handle,
            host="127.0.0.1",
            port=0,
            ssl_context=serving_context(material, self.server),
            passes_on=self.server.passes_on,
        )
        self._stack.push_async_callback(listener.close, grace=0.0)
        config = replace(config, port=listener.port)
        await self.server.advertise("127.0.0.1", listener.port)
        self.url = config.local_url
        self.kubeconfig = directory / "kubeconfig"
        credentials.write_for_user(self.kubeconfig, config, material)
        self.client = self._client("kubernetes-admin", _MASTERS)
        await self._start_components(material, config)

    def _client(self, user: str, *groups: str) -> ApiClient:
        """Return a client that calls the server directly, as somebody."""
        who = User(user, (*groups, "system:authenticated"))
        return ApiClient(InProcess(self.server.handle, who))

    def _account(self, name: str) -> ApiClient:
        """Return a client that acts as a service account of kube-system."""
        groups = ("system:serviceaccounts", "system:serviceaccounts:kube-system")
        return self._client(f"system:serviceaccount:kube-system:{name}", *groups)

    async def _start_components(self, material: pki.Pki, config: ClusterConfig) -> None:
        manager = self._client("system:kube-controller-manager")
        informers = await self._stack.enter_async_context(SharedInformers(manager, self.clock))
        ready = _Readiness()
        works: list[Coroutine[Any, Any, None]] = [
            run_controllers(
                manager, informers, self.clock,
                config=ControllerConfig(
                    root_ca=material.ca.decode(),
                    signing_certificate=material.ca.decode(),
                    signing_key=material.authority.key_pair.key.decode(),
                    sign_token=material.signing_keys.sign,
                    cluster_cidrs=(config.pod_cidr,),
                ),
                client_for=self._account,
                ready=ready.expect(),
            ),
            self._schedule(informers, ready.expect()),
        ]  # fmt: skip
        if self._nodes:
            nodes = SimConfig(nodes=self._nodes)
            sim = self._client(pki.SIM)
            works.append(run_sim(sim, informers, self.clock, nodes, ready=ready.expect()))
        tasks = [asyncio.ensure_future(work) for work in works]
        self._stack.push_async_callback(_end, tasks)
        await ready.wait(tasks)

    async def _schedule(self, informers: SharedInformers, ready: Callable[[], None]) -> None:
        client = self._client("system:kube-scheduler")
        events = EventRecorder(client, self.clock, component="default-scheduler")
        async with asyncio.TaskGroup() as group:
            group.create_task(events.run())
            await run_scheduler(
                client, informers, self.clock, events, SchedulerConfig(), ready=ready
            )


async def _end(tasks: Sequence["asyncio.Future[None]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class _Readiness:
    """Counts down as components come up."""

    def __init__(self) -> None:
        self._missing = 0
        self._all = asyncio.Event()

    def expect(self) -> Callable[[], None]:
        """Return what one more component calls when it is up."""
        self._missing += 1
        return self._one

    def _one(self) -> None:
        self._missing -= 1
        if self._missing == 0:
            self._all.set()

    async def _wait_all(self) -> None:
        await self._all.wait()

    async def wait(self, tasks: Sequence["asyncio.Future[None]"]) -> None:
        """Return when all are up; raises what ended one of them before."""
        up = asyncio.ensure_future(self._wait_all())
        try:
            await asyncio.wait((up, *tasks), return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    task.result()
        finally:
            up.cancel()
            with suppress(asyncio.CancelledError):
                await up


class _LoopThread:
    """An event loop in a thread of its own, for callers that have none."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="pinnace-cluster")
        self._thread.start()

    def run(self, work: Callable[[], Awaitable[object]]) -> None:
        """Run a coroutine there and wait for its end."""

        async def whole() -> None:
            await work()

        asyncio.run_coroutine_threadsafe(whole(), self._loop).result()

    def stop(self) -> None:
        """End the thread, and those that its loop has used."""
        self.run(self._loop.shutdown_default_executor)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
