"""Rows of the authentication.k8s.io group."""

from pinnace.api.resources import Resource

SELFSUBJECTREVIEWS = Resource(
    group="authentication.k8s.io",
    version="v1",
    kind="SelfSubjectReview",
    plural="selfsubjectreviews",
    singular="selfsubjectreview",
    namespaced=False,
    verbs=("create",),
)
TOKENREVIEWS = Resource(
    group="authentication.k8s.io",
    version="v1",
    kind="TokenReview",
    plural="tokenreviews",
    singular="tokenreview",
    namespaced=False,
    verbs=("create",),
)

ROWS = (
    SELFSUBJECTREVIEWS,
    TOKENREVIEWS,
)
