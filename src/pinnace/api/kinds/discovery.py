"""Rows of the discovery.k8s.io group."""

from pinnace.api.resources import Resource

ENDPOINTSLICES = Resource(
    group="discovery.k8s.io",
    version="v1",
    kind="EndpointSlice",
    plural="endpointslices",
    singular="endpointslice",
    prefix="/registry/endpointslices",
    storage="discovery.k8s.io/v1",
)

ROWS = (ENDPOINTSLICES,)
