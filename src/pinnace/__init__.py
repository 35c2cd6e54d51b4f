"""Kubernetes as a Python package: `with pinnace.Cluster() as cluster:` is a whole one."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pinnace.cluster.embedded import Cluster

__version__ = "0.1.0"
__all__ = ["Cluster", "__version__"]


def __getattr__(name: str) -> object:
    # Only who asks for a cluster pays for importing one.
    if name == "Cluster":
        return importlib.import_module("pinnace.cluster.embedded").Cluster
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
