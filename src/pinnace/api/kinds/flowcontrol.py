"""Rows of the flowcontrol.apiserver.k8s.io group."""

from pinnace.api.resources import Resource, status

FLOWSCHEMAS = Resource(
    group="flowcontrol.apiserver.k8s.io",
    version="v1",
    kind="FlowSchema",
    plural="flowschemas",
    singular="flowschema",
    namespaced=False,
    subresources=(status("FlowSchema"),),
    prefix="/registry/flowschemas",
    storage="flowcontrol.apiserver.k8s.io/v1",
)
PRIORITYLEVELCONFIGURATIONS = Resource(
    group="flowcontrol.apiserver.k8s.io",
    version="v1",
    kind="PriorityLevelConfiguration",
    plural="prioritylevelconfigurations",
    singular="prioritylevelconfiguration",
    namespaced=False,
    subresources=(status("PriorityLevelConfiguration"),),
    prefix="/registry/prioritylevelconfigurations",
    storage="flowcontrol.apiserver.k8s.io/v1",
)

ROWS = (
    FLOWSCHEMAS,
    PRIORITYLEVELCONFIGURATIONS,
)
