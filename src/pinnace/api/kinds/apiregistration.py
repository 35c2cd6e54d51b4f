"""Rows of the apiregistration.k8s.io group."""

from pinnace.api.resources import Resource, status

APISERVICES = Resource(
    group="apiregistration.k8s.io",
    version="v1",
    kind="APIService",
    plural="apiservices",
    singular="apiservice",
    categories=("api-extensions",),
    namespaced=False,
    subresources=(status("APIService"),),
    prefix="/registry/apiregistration.k8s.io/apiservices",
    storage="apiregistration.k8s.io/v1",
)

ROWS = (APISERVICES,)
