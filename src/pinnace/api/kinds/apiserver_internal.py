"""Rows of the internal.apiserver.k8s.io group."""

from pinnace.api.resources import Resource, status

STORAGEVERSIONS = Resource(
    group="internal.apiserver.k8s.io",
    version="v1alpha1",
    kind="StorageVersion",
    plural="storageversions",
    singular="storageversion",
    namespaced=False,
    subresources=(status("StorageVersion"),),
    prefix="/registry/storageversions",
    storage="internal.apiserver.k8s.io/v1alpha1",
)

ROWS = (STORAGEVERSIONS,)
