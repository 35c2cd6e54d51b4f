"""Rows of the apiextensions.k8s.io group."""

from pinnace.api.resources import Resource, status

CUSTOMRESOURCEDEFINITIONS = Resource(
    group="apiextensions.k8s.io",
    version="v1",
    kind="CustomResourceDefinition",
    plural="customresourcedefinitions",
    singular="customresourcedefinition",
    short=("crd", "crds"),
    categories=("api-extensions",),
    namespaced=False,
    subresources=(status("CustomResourceDefinition"),),
    prefix="/registry/apiextensions.k8s.io/customresourcedefinitions",
    storage="apiextensions.k8s.io/v1",
)

ROWS = (CUSTOMRESOURCEDEFINITIONS,)
