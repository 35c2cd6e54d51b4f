"""What a controller is: a row in the table and one coroutine."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from pinnace.api.objects import Key, Object
from pinnace.api.resources import Resource
from pinnace.client.base import Client, Informers
from pinnace.client.events import Recorder
from pinnace.kit.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What an administrator may choose; the defaults are kube-controller-manager's."""

    # PEM of the CA that signed the API server's certificate, published to every namespace.
    root_ca: str = ""
    # PEM of the CA that signs approved certificate requests; without it none is signed.
    signing_certificate: str = ""
    signing_key: str = field(default="", repr=False)
    # Signs the tokens of service account token Secrets; without it none is filled in.
    sign_token: Callable[[Mapping[str, Any]], str] | None = field(default=None, repr=False)
    cluster_cidrs: tuple[str, ...] = ()
    node_cidr_mask_ipv4: int = 24
    node_cidr_mask_ipv6: int = 64
    # Seconds without a sign of life before a node's state is Unknown.
    node_monitor_grace_period: float = 50.0
    node_startup_grace_period: float = 60.0
    node_monitor_period: float = 5.0
    # How many terminated pods may exist before the oldest are deleted; 0 keeps all.
    terminated_pod_threshold: int = 12500


@dataclass(frozen=True, slots=True)
class Context:
    """Everything a reconciler may touch.

    `state` is whatever the row's `prepare` made when the controller started (an expectation
    cache, an ownership graph), private to that controller. `enqueue` has a key of this
    controller worked on, for the rare case that no event and no return value says so.
    """

    client: Client
    informers: Informers
    clock: Clock
    events: Recorder
    state: Any = None
    config: Config = field(default_factory=Config)
    enqueue: Callable[[Key], None] = lambda key: None


Reconcile = Callable[[Key, Context], Awaitable[timedelta | None]]
# From an object of a watched resource to the keys that want reconciling. It is asked about the
# old and the new form of a changed object.
Route = Callable[[Object, Context], Iterable[Key]]


# Who makes the tokens of service accounts cannot need one.
MANAGER = "system:kube-controller-manager"


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller:
    """One row of the table; the name is upstream's, since RBAC depends on it.

    `reconcile` is called with the key of every object of `on` that is new or has changed, and
    with what the routes of other resources lead to. `run` is for controllers that look at the
    whole (a graph, a period); it runs beside the workers until cancelled. `component` is the
    source of the Events, and `account` the service account, where it is not the name; MANAGER is
    none, but the user that all controllers are started as.
    """

    name: str
    on: Resource | None = None
    reconcile: Reconcile | None = None
    also: tuple[tuple[Resource, Route], ...] = ()
    prepare: Callable[[Context], Any] | None = None
    run: Callable[[Context], Awaitable[None]] | None = None
    component: str = ""
    account: str = ""
    workers: int = 5
