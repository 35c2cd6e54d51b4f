"""Rows of the node.k8s.io group."""

from pinnace.api.resources import Resource

RUNTIMECLASSES = Resource(
    group="node.k8s.io",
    version="v1",
    kind="RuntimeClass",
    plural="runtimeclasses",
    singular="runtimeclass",
    namespaced=False,
    prefix="/registry/runtimeclasses",
    storage="node.k8s.io/v1",
)

ROWS = (RUNTIMECLASSES,)
