"""Looks at the runtime: which Pods changed (a relist), and all that is there of one Pod."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson

from pinnace.node.labels import (
    HASH,
    NODE,
    POD_NAME,
    POD_NAMESPACE,
    POD_UID,
    RESOURCES,
    RESTART_COUNT,
)
from pinnace.node.observed import PodRuntime, SeenContainer, SeenSandbox, pod_runtime
from pinnace.node.runtime import (
    Container,
    ContainerStatus,
    Runtime,
    RuntimeNotFound,
    Sandbox,
    SandboxStatus,
)

Fingerprint = frozenset[tuple[str, str]]
Message = Callable[[str, ContainerStatus], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class PodIdentity:
    """Who a sandbox or container belongs to, by its labels."""

    uid: str
    namespace: str
    name: str


class Observer:
    """Reads the runtime's state of this node's Pods, and remembers what cannot change."""

    def __init__(self, runtime: Runtime, node: str, message: Message) -> None:
        self._runtime = runtime
        self._node = node
        self._message = message
        self._seen: dict[PodIdentity, Fingerprint] = {}
        self._containers: dict[tuple[str, str], SeenContainer] = {}
        self._sandboxes: dict[tuple[str, str], SeenSandbox] = {}

    async def relist(self) -> set[str]:
        """Look at everything once and return the uids of the Pods that changed since."""
        found: dict[PodIdentity, set[tuple[str, str]]] = {}
        alive: set[tuple[str, str]] = set()
        labels = {NODE: self._node}
        both: list[Sandbox | Container] = [
            *await self._runtime.sandboxes(labels=labels),
            *await self._runtime.containers(labels=labels),
        ]
        for each in both:
            who = PodIdentity(
                each.labels.get(POD_UID, ""),
                each.labels.get(POD_NAMESPACE, ""),
                each.labels.get(POD_NAME, ""),
            )
            found.setdefault(who, set()).add((each.id, each.state))
            alive.add((each.id, each.state))
        fresh = {who: frozenset(states) for who, states in found.items()}
        changed = {
            who.uid
            for who in fresh.keys() | self._seen.keys()
            if fresh.get(who) != self._seen.get(who)
        }
        self._seen = fresh
        self._forget(alive)
        return changed

    def _forget(self, alive: set[tuple[str, str]]) -> None:
        for key in [key for key in self._containers if key not in alive]:
            del self._containers[key]
        for key in [key for key in self._sandboxes if key not in alive]:
            del self._sandboxes[key]

    def known_pods(self) -> list[PodIdentity]:
        """Return all Pods of which the last relist saw something."""
        return list(self._seen)

    async def observe(self, uid: str) -> PodRuntime:
        """Return all that is there now of one Pod."""
        labels = {POD_UID: uid, NODE: self._node}
        sandboxes: list[SeenSandbox] = []
        for sandbox in await self._runtime.sandboxes(labels=labels):
            seen_sandbox = await self._sandbox(sandbox)
            if seen_sandbox is not None:
                sandboxes.append(seen_sandbox)
        containers: list[SeenContainer] = []
        for container in await self._runtime.containers(labels=labels):
            seen_container = await self._container(uid, container)
            if seen_container is not None:
                containers.append(seen_container)
        return pod_runtime(sandboxes, containers)

    async def _sandbox(self, listed: Sandbox) -> SeenSandbox | None:
        key = (listed.id, listed.state)
        if key not in self._sandboxes:
            try:
                status = await self._runtime.sandbox_status(listed.id)
            except RuntimeNotFound:
                return None
            self._sandboxes[key] = _seen_sandbox(status)
        return self._sandboxes[key]

    async def _container(self, uid: str, listed: Container) -> SeenContainer | None:
        key = (listed.id, listed.state)
        found = self._containers.get(key)
        if found is None:
            try:
                status = await self._runtime.container_status(listed.id)
            except RuntimeNotFound:
                return None
            message = await self._message(uid, status) if status.state == "exited" else ""
            found = _seen_container(listed, status, message or status.message)
            if status.state == listed.state:
                self._containers[key] = found
        return found


def _seen_sandbox(status: SandboxStatus) -> SeenSandbox:
    ips = (status.ip, *status.additional_ips) if status.ip else ()
    return SeenSandbox(
        id=status.id,
        attempt=status.attempt,
        ready=status.state == "ready",
        created_at=status.created,
        ips=tuple(ips),
        host_network=status.network == "NODE",
    )


def _made_with(text: str) -> dict[str, Any] | None:
    try:
        return dict(orjson.loads(text)) if text else None
    except orjson.JSONDecodeError:
        return None


def _seen_container(listed: Container, status: ContainerStatus, message: str) -> SeenContainer:
    user = None
    if status.user is not None:
        uid, gid, groups = status.user
        user = {"linux": {"uid": uid, "gid": gid, "supplementalGroups": list(groups)}}
    return SeenContainer(
        id=status.id,
        name=status.name,
        sandbox_id=listed.sandbox_id,
        state=status.state,
        created_at=status.created,
        started_at=status.started,
        finished_at=status.finished,
        exit_code=status.exit_code,
        reason=status.reason,
        message=message,
        image=status.image,
        image_ref=status.image_ref,
        restart_count=int(status.annotations.get(RESTART_COUNT, status.attempt)),
        hash=status.annotations.get(HASH, ""),
        log_path=status.log_path,
        user=user,
        resources=_made_with(status.annotations.get(RESOURCES, "")),
    )
