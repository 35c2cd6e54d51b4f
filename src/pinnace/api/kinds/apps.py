"""Rows of the apps group."""

from pinnace.api.resources import Resource, Subresource, status

CONTROLLERREVISIONS = Resource(
    group="apps",
    version="v1",
    kind="ControllerRevision",
    plural="controllerrevisions",
    singular="controllerrevision",
    prefix="/registry/controllerrevisions",
    storage="apps/v1",
)
DAEMONSETS = Resource(
    group="apps",
    version="v1",
    kind="DaemonSet",
    plural="daemonsets",
    singular="daemonset",
    short=("ds",),
    categories=("all",),
    subresources=(status("DaemonSet"),),
    prefix="/registry/daemonsets",
    storage="apps/v1",
)
DEPLOYMENTS = Resource(
    group="apps",
    version="v1",
    kind="Deployment",
    plural="deployments",
    singular="deployment",
    short=("deploy",),
    categories=("all",),
    subresources=(
        Subresource(name="scale", kind="Scale", group="autoscaling", version="v1"),
        Subresource(name="status", kind="Deployment"),
    ),
    prefix="/registry/deployments",
    storage="apps/v1",
)
REPLICASETS = Resource(
    group="apps",
    version="v1",
    kind="ReplicaSet",
    plural="replicasets",
    singular="replicaset",
    short=("rs",),
    categories=("all",),
    subresources=(
        Subresource(name="scale", kind="Scale", group="autoscaling", version="v1"),
        Subresource(name="status", kind="ReplicaSet"),
    ),
    prefix="/registry/replicasets",
    storage="apps/v1",
)
STATEFULSETS = Resource(
    group="apps",
    version="v1",
    kind="StatefulSet",
    plural="statefulsets",
    singular="statefulset",
    short=("sts",),
    categories=("all",),
    subresources=(
        Subresource(name="scale", kind="Scale", group="autoscaling", version="v1"),
        Subresource(name="status", kind="StatefulSet"),
    ),
    prefix="/registry/statefulsets",
    storage="apps/v1",
)

ROWS = (
    CONTROLLERREVISIONS,
    DAEMONSETS,
    DEPLOYMENTS,
    REPLICASETS,
    STATEFULSETS,
)
