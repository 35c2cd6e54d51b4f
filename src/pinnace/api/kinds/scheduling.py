"""Rows of the scheduling.k8s.io group."""

from pinnace.api.resources import Resource, status

PRIORITYCLASSES = Resource(
    group="scheduling.k8s.io",
    version="v1",
    kind="PriorityClass",
    plural="priorityclasses",
    singular="priorityclass",
    short=("pc",),
    namespaced=False,
    prefix="/registry/priorityclasses",
    storage="scheduling.k8s.io/v1",
)
PODGROUPS = Resource(
    group="scheduling.k8s.io",
    version="v1alpha2",
    kind="PodGroup",
    plural="podgroups",
    singular="podgroup",
    subresources=(status("PodGroup"),),
    prefix="/registry/podgroups",
    storage="scheduling.k8s.io/v1alpha2",
)
WORKLOADS = Resource(
    group="scheduling.k8s.io",
    version="v1alpha2",
    kind="Workload",
    plural="workloads",
    singular="workload",
    prefix="/registry/workloads",
    storage="scheduling.k8s.io/v1alpha2",
)

ROWS = (
    PRIORITYCLASSES,
    PODGROUPS,
    WORKLOADS,
)
