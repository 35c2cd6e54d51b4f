"""Rows of the coordination.k8s.io group."""

from pinnace.api.resources import Resource

LEASES = Resource(
    group="coordination.k8s.io",
    version="v1",
    kind="Lease",
    plural="leases",
    singular="lease",
    prefix="/registry/leases",
    storage="coordination.k8s.io/v1",
)
LEASECANDIDATES = Resource(
    group="coordination.k8s.io",
    version="v1beta1",
    kind="LeaseCandidate",
    plural="leasecandidates",
    singular="leasecandidate",
    prefix="/registry/leasecandidates",
    storage="coordination.k8s.io/v1beta1",
)
LEASECANDIDATES_V1ALPHA2 = Resource(
    group="coordination.k8s.io",
    version="v1alpha2",
    kind="LeaseCandidate",
    plural="leasecandidates",
    singular="leasecandidate",
    prefix="/registry/leasecandidates",
    storage="coordination.k8s.io/v1beta1",
)

ROWS = (
    LEASES,
    LEASECANDIDATES,
    LEASECANDIDATES_V1ALPHA2,
)
