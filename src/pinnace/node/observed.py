"""What is seen of one Pod in the runtime: the state machine's only view of the world."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

State = Literal["created", "running", "exited", "unknown"]
ProbeKind = Literal["startup", "liveness", "readiness"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenSandbox:
    """One sandbox; `ips` is empty while it has no network of its own."""

    id: str
    attempt: int
    ready: bool
    created_at: datetime
    ips: tuple[str, ...] = ()
    host_network: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenContainer:
    """One container, of whatever attempt."""

    id: str
    name: str
    sandbox_id: str
    state: State
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    exit_code: int = 0
    reason: str = ""
    message: str = ""
    image: str = ""
    image_ref: str = ""
    restart_count: int = 0
    hash: str = ""
    log_path: str = ""
    user: Mapping[str, Any] | None = None
    resources: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class PodRuntime:
    """All sandboxes and containers of one Pod, each newest first."""

    sandboxes: tuple[SeenSandbox, ...] = ()
    containers: tuple[SeenContainer, ...] = ()

    def latest(self, name: str) -> SeenContainer | None:
        """Return the newest container of that name, or None."""
        return next((each for each in self.containers if each.name == name), None)

    def running(self) -> tuple[SeenContainer, ...]:
        """Return the containers that run, or may run."""
        return tuple(each for each in self.containers if each.state in ("running", "unknown"))

    def ready_sandbox(self) -> SeenSandbox | None:
        """Return the newest sandbox if it is ready, or None."""
        return self.sandboxes[0] if self.sandboxes and self.sandboxes[0].ready else None


def pod_runtime(sandboxes: list[SeenSandbox], containers: list[SeenContainer]) -> PodRuntime:
    """Sort what was listed, newest first."""
    return PodRuntime(
        tuple(sorted(sandboxes, key=lambda one: (one.created_at, one.attempt), reverse=True)),
        tuple(
            sorted(containers, key=lambda one: (one.created_at, one.restart_count), reverse=True)
        ),
    )


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a container could not be started, as its waiting state shows it."""

    reason: str
    message: str


ProbeResults = Mapping[tuple[str, ProbeKind], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the kubelet knows of a Pod besides the runtime's answer.

    `failures` and `backoffs` go by container name, `probes` by container id and kind: absent means
    that the probe has not answered yet. `terminated` says that the Pod was asked to end and that
    all its containers did. `applied` has the resources of containers, by id, that were resized;
    `resize_refused` says why (reason, message) the spec's resources cannot be had here now.
    """

    failures: Mapping[str, Failure] = field(default_factory=dict)
    backoffs: Mapping[str, Any] = field(default_factory=dict)
    probes: ProbeResults = field(default_factory=dict)
    terminated: bool = False
    applied: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    resize_refused: tuple[str, str] | None = None
    host_ips: tuple[str, ...] = ()
