"""Rows of the resource metrics API, which is made when it is read; an extension server may serve
it instead."""

from pinnace.api.resources import Resource

_READ = ("get", "list")
NODEMETRICS = Resource(
    group="metrics.k8s.io",
    version="v1beta1",
    kind="NodeMetrics",
    plural="nodes",
    namespaced=False,
    verbs=_READ,
)
PODMETRICS = Resource(
    group="metrics.k8s.io",
    version="v1beta1",
    kind="PodMetrics",
    plural="pods",
    verbs=_READ,
)

ROWS = (
    NODEMETRICS,
    PODMETRICS,
)
