"""What all Pods of a node stand on: handed to whatever carries out a Pod's actions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pinnace.api.objects import Object
from pinnace.client.base import Client, Informer
from pinnace.client.events import Recorder
from pinnace.kit.clock import Clock
from pinnace.node.downward import Facts
from pinnace.node.imagepull import ImagePuller
from pinnace.node.lifecycle import Hooks
from pinnace.node.lookups import Lookups
from pinnace.node.observed import Failure, PodRuntime
from pinnace.node.observer import Observer
from pinnace.node.podspec import Declared, is_host_network, name_of, namespace_of, uid_of
from pinnace.node.resources.cgroups import Cgroups
from pinnace.node.restarts import Backoff
from pinnace.node.runtime import Runtime, SandboxConfig
from pinnace.node.sandboxconfig import NodeSettings
from pinnace.node.volumes.base import Mounted
from pinnace.node.volumes.mounting import PodVolumes

EventType = Literal["Normal", "Warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The node's own means; the same for every Pod."""

    client: Client
    clock: Clock
    runtime: Runtime
    observer: Observer
    volumes: PodVolumes
    cgroups: Cgroups
    lookups: Lookups
    hooks: Hooks
    recorder: Recorder
    settings: NodeSettings
    host_ips: tuple[str, ...]
    services: Informer
    node: Callable[[], Object]


@dataclass(slots=True)
class PodState:
    """What is remembered of one Pod between two looks; its worker is the only writer."""

    pod: Object
    puller: ImagePuller
    seen: PodRuntime = field(default_factory=PodRuntime)
    failures: dict[str, Failure] = field(default_factory=dict)
    backoffs: dict[str, Backoff] = field(default_factory=dict)
    mounted: dict[str, Mounted] = field(default_factory=dict)
    applied: dict[str, Object] = field(default_factory=dict)
    prepared: bool = False
    sandbox: SandboxConfig | None = None

    def ips(self, host_ips: tuple[str, ...]) -> tuple[str, ...]:
        """Return the Pod's addresses, as far as it has any."""
        if is_host_network(self.pod):
            return host_ips
        sandbox = self.seen.ready_sandbox()
        return sandbox.ips if sandbox else ()


def pod_facts(ips: tuple[str, ...], host_ips: tuple[str, ...], node: Object) -> Facts:
    """Return what the downward API may tell of a Pod's place."""
    allocatable: Mapping[str, str] = (node.get("status") or {}).get("allocatable") or {}
    return Facts(pod_ips=ips, host_ips=host_ips, allocatable=allocatable)


def about(pod: Object, container: Declared | None = None) -> Object:
    """Return the reference that an Event about a Pod, or one of its containers, carries."""
    found = {
        "kind": "Pod",
        "namespace": namespace_of(pod),
        "name": name_of(pod),
        "uid": uid_of(pod),
        "apiVersion": "v1",
        "resourceVersion": str(pod["metadata"].get("resourceVersion") or ""),
    }
    if container is not None:
        found["fieldPath"] = container.field_path
    return found
