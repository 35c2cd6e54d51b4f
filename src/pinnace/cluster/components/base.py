"""What a component is: a module with a coroutine that runs until it is cancelled."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from pinnace.cluster.config import ClusterConfig
from pinnace.cluster.pki import Pki
from pinnace.cluster.surroundings import Ready, Surroundings


@dataclass(frozen=True, slots=True)
class Place:
    """Where a component starts: the cluster, its certificates, and who else is in the process."""

    config: ClusterConfig
    pki: Pki
    names: tuple[str, ...]


Run = Callable[[Place, Surroundings, Ready], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Component:
    """One row: upstream's name without "kube-", and the module whose `run` runs it."""

    name: str
    module: str
