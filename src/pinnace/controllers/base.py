"""What a controller is: a row in the table and one coroutine."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pinnace.api.objects import Key, Object
from pinnace.api.resources import Resource
from pinnace.client.base import Client, Informers
from pinnace.client.events import Recorder
from pinnace.kit.clock import Clock


@dataclass(frozen=True, slots=True)
class Context:
    """Everything a reconciler may touch.

    `state` is whatever the row's `prepare` made when the controller started (an expectation
    cache, an ownership graph), private to that controller.
    """

    client: Client
    informers: Informers
    clock: Clock
    events: Recorder
    state: Any = None


Reconcile = Callable[[Key, Context], Awaitable[timedelta | None]]
# From an object of a watched resource (its old and new form) to the keys that want reconciling.
Route = Callable[[Object, Context], Iterable[Key]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller:
    """One row of the table; the name is upstream's, since RBAC depends on it."""

    name: str
    on: Resource
    reconcile: Reconcile
    also: tuple[tuple[Resource, Route], ...] = ()
    prepare: Callable[[Context], Any] | None = None
    workers: int = 5
