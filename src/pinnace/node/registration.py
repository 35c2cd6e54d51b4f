"""Makes the Node object, keeps its status fresh, and renews the node's Lease."""

import asyncio
import contextlib
import logging
import platform
from datetime import datetime
from pathlib import Path

from pinnace.api.errors import AlreadyExists, ApiError, Conflict, NotFound
from pinnace.api.kinds.coordination import LEASES
from pinnace.api.kinds.core import NODES
from pinnace.api.objects import Object, format_micro_time
from pinnace.client.base import Client
from pinnace.client.events import Recorder
from pinnace.kit.clock import Clock
from pinnace.node.config import KubeletConfig
from pinnace.node.facts.base import Host
from pinnace.node.facts.table import gather
from pinnace.node.mergediff import merge_diff
from pinnace.node.runtime import Runtime, RuntimeCallError, RuntimeVersion
from pinnace.node.status import Sight, node_status, same_but_heartbeat

_log = logging.getLogger(__name__)

_CHECK = 10.0
_REPORT = 300.0
_RENEW = 10.0
_LEASE_SECONDS = 40
_LEASE_NAMESPACE = "kube-node-lease"
_FIRST_WAIT, _MAX_WAIT = 0.2, 7.0
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def architecture() -> str:
    """Return this machine's architecture as Kubernetes calls it."""
    machine = platform.machine()
    return _ARCHITECTURES.get(machine, machine)


def node_object(config: KubeletConfig) -> Object:
    """Return the Node to register, without its status."""
    arch = architecture()
    labels = {
        "beta.kubernetes.io/arch": arch,
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": arch,
        "kubernetes.io/hostname": config.node_name,
        "kubernetes.io/os": "linux",
        **config.labels,
    }
    spec: Object = {}
    if config.provider_id:
        spec["providerID"] = config.provider_id
    if config.taints:
        spec["taints"] = [
            {
                "key": each.key,
                "effect": each.effect,
                **({"value": each.value} if each.value else {}),
            }
            for each in config.taints
        ]
    return {
        "kind": "Node",
        "apiVersion": "v1",
        "metadata": {
            "name": config.node_name,
            "labels": labels,
            "annotations": {"volumes.kubernetes.io/controller-managed-attach-detach": "true"},
        },
        "spec": spec,
    }


class Registration:
    """The node's own objects in the API."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        config: KubeletConfig,
        runtime: Runtime,
        recorder: Recorder,
        *,
        port: int,
    ) -> None:
        self._client = client
        self._clock = clock
        self._config = config
        self._runtime = runtime
        self._recorder = recorder
        self._port = port
        self._reported: float | None = None
        self._lease: Object | None = None
        self._version = RuntimeVersion(name="remote", version="Unknown", api_version="")
        self.node: Object = node_object(config)

    async def register(self) -> None:
        """Create the Node, or adopt the one that is there; waits for the API server."""
        wait = _FIRST_WAIT
        while True:
            try:
                await self._register_once()
            except (ApiError, RuntimeCallError) as error:
                _log.info("the node is not registered yet: %s", error)
                await self._clock.sleep(wait)
                wait = min(wait * 2, _MAX_WAIT)
            else:
                self._reported = self._clock.monotonic()
                self._tell("Starting", "Starting kubelet.")
                return

    def _tell(self, reason: str, message: str) -> None:
        name = self._config.node_name
        about = {"kind": "Node", "name": name, "uid": name, "apiVersion": "v1"}
        self._recorder.event(about, type="Normal", reason=reason, message=message)

    async def _register_once(self) -> None:
        wanted = node_object(self._config)
        wanted["status"] = await self._status({})
        try:
            self.node = await self._client.create(NODES, wanted)
        except AlreadyExists:
            found = await self._client.get(NODES, self._config.node_name)
            labels = {**(found["metadata"].get("labels") or {}), **wanted["metadata"]["labels"]}
            annotations = wanted["metadata"]["annotations"]
            patch = {"metadata": {"labels": labels, "annotations": annotations}}
            self.node = await self._client.patch(NODES, self._config.node_name, patch)
        with contextlib.suppress(Conflict):
            # Somebody labels or taints the new Node: the next report is soon enough.
            await self.report(force=True)

    async def _status(self, shown: Object) -> Object:
        host = Host(data=Path(self._config.root_dir))
        facts = await asyncio.to_thread(gather, host)
        try:
            self._version = await self._runtime.version()
            runtime = await self._runtime.status()
            images = await self._runtime.images()
        except RuntimeCallError:
            runtime, images = None, []
        sight = Sight(
            facts=facts,
            version=self._version,
            runtime=runtime,
            images=images,
            port=self._port,
            pressure={},
        )
        return node_status(self._config, sight, shown, self._clock.now())

    async def report(self, *, force: bool = False) -> None:
        """Write the status if it changed, or if the last report is old."""
        self.node = await self._client.get(NODES, self._config.node_name)
        shown = self.node.get("status") or {}
        status = await self._status(shown)
        age = self._clock.monotonic() - (self._reported or 0.0)
        if not force and age < _REPORT and same_but_heartbeat(shown, status):
            return
        meta = self.node["metadata"]
        patch = {
            "metadata": {"resourceVersion": meta.get("resourceVersion")},
            "status": merge_diff(shown, status),
        }
        self.node = await self._client.patch(
            NODES, self._config.node_name, patch, subresource="status"
        )
        self._reported = self._clock.monotonic()
        self._tell_readiness(shown, status)

    def _tell_readiness(self, before: Object, after: Object) -> None:
        """Record an Event when the node became ready, or ceased to be."""

        def verdict(status: Object) -> str:
            conditions = status.get("conditions") or ()
            return next((each["status"] for each in conditions if each["type"] == "Ready"), "")

        if verdict(after) and verdict(before) != verdict(after):
            reason = "NodeReady" if verdict(after) == "True" else "NodeNotReady"
            self._tell(reason, f"Node {self._config.node_name} status is now: {reason}")

    async def keep_reporting(self) -> None:
        """Keep the status fresh until cancelled."""
        while True:
            await self._clock.sleep(_CHECK)
            try:
                await self.report()
            except NotFound:
                await self.register()
            except Conflict:
                continue
            except (ApiError, RuntimeCallError) as error:
                _log.warning("the node's status is not written: %s", error)

    async def keep_lease(self) -> None:
        """Renew the node's Lease until cancelled."""
        while True:
            try:
                await self._renew()
            except Conflict:
                self._lease = None
                continue
            except ApiError as error:
                self._lease = None
                _log.warning("the node's lease is not renewed: %s", error)
            await self._clock.sleep(_RENEW)

    async def _renew(self) -> None:
        if self._lease is None:
            self._lease = await self._read_lease()
        if self._lease is None:
            lease = self._new_lease(self._clock.now())
            self._lease = await self._client.create(LEASES, lease, namespace=_LEASE_NAMESPACE)
            return
        spec = {**self._lease["spec"], "renewTime": format_micro_time(self._clock.now())}
        spec |= {"holderIdentity": self._config.node_name, "leaseDurationSeconds": _LEASE_SECONDS}
        self._lease = await self._client.update(LEASES, {**self._lease, "spec": spec})

    async def _read_lease(self) -> Object | None:
        try:
            return await self._client.get(
                LEASES, self._config.node_name, namespace=_LEASE_NAMESPACE
            )
        except NotFound:
            return None

    def _new_lease(self, now: datetime) -> Object:
        meta = self.node["metadata"]
        owner = {
            "apiVersion": "v1",
            "kind": "Node",
            "name": self._config.node_name,
            "uid": meta.get("uid", ""),
        }
        return {
            "kind": "Lease",
            "apiVersion": "coordination.k8s.io/v1",
            "metadata": {
                "name": self._config.node_name,
                "namespace": _LEASE_NAMESPACE,
                "ownerReferences": [owner],
            },
            "spec": {
                "holderIdentity": self._config.node_name,
                "leaseDurationSeconds": _LEASE_SECONDS,
                "renewTime": format_micro_time(now),
            },
        }
