"""Rows of the core group."""

from pinnace.api.resources import Resource, Subresource, status

BINDINGS = Resource(
    group="", version="v1", kind="Binding", plural="bindings", singular="binding", verbs=("create",)
)
COMPONENTSTATUSES = Resource(
    group="",
    version="v1",
    kind="ComponentStatus",
    plural="componentstatuses",
    singular="componentstatus",
    short=("cs",),
    namespaced=False,
    verbs=("get", "list"),
)
CONFIGMAPS = Resource(
    group="",
    version="v1",
    kind="ConfigMap",
    plural="configmaps",
    singular="configmap",
    short=("cm",),
    prefix="/registry/configmaps",
    storage="v1",
)
ENDPOINTS = Resource(
    group="",
    version="v1",
    kind="Endpoints",
    plural="endpoints",
    singular="endpoints",
    short=("ep",),
    prefix="/registry/services/endpoints",
    storage="v1",
)
EVENTS = Resource(
    group="",
    version="v1",
    kind="Event",
    plural="events",
    singular="event",
    short=("ev",),
    prefix="/registry/events",
    storage="v1",
)
LIMITRANGES = Resource(
    group="",
    version="v1",
    kind="LimitRange",
    plural="limitranges",
    singular="limitrange",
    short=("limits",),
    prefix="/registry/limitranges",
    storage="v1",
)
NAMESPACES = Resource(
    group="",
    version="v1",
    kind="Namespace",
    plural="namespaces",
    singular="namespace",
    short=("ns",),
    namespaced=False,
    verbs=("create", "delete", "get", "list", "patch", "update", "watch"),
    subresources=(
        Subresource(name="finalize", kind="Namespace", verbs=("update",)),
        Subresource(name="status", kind="Namespace"),
    ),
    prefix="/registry/namespaces",
    storage="v1",
)
NODES = Resource(
    group="",
    version="v1",
    kind="Node",
    plural="nodes",
    singular="node",
    short=("no",),
    namespaced=False,
    subresources=(
        Subresource(
            name="proxy",
            kind="NodeProxyOptions",
            verbs=("create", "delete", "get", "patch", "update"),
        ),
        Subresource(name="status", kind="Node"),
    ),
    prefix="/registry/minions",
    storage="v1",
)
PERSISTENTVOLUMECLAIMS = Resource(
    group="",
    version="v1",
    kind="PersistentVolumeClaim",
    plural="persistentvolumeclaims",
    singular="persistentvolumeclaim",
    short=("pvc",),
    subresources=(status("PersistentVolumeClaim"),),
    prefix="/registry/persistentvolumeclaims",
    storage="v1",
)
PERSISTENTVOLUMES = Resource(
    group="",
    version="v1",
    kind="PersistentVolume",
    plural="persistentvolumes",
    singular="persistentvolume",
    short=("pv",),
    namespaced=False,
    subresources=(status("PersistentVolume"),),
    prefix="/registry/persistentvolumes",
    storage="v1",
)
PODS = Resource(
    group="",
    version="v1",
    kind="Pod",
    plural="pods",
    singular="pod",
    short=("po",),
    categories=("all",),
    subresources=(
        Subresource(name="attach", kind="PodAttachOptions", verbs=("create", "get")),
        Subresource(name="binding", kind="Binding", verbs=("create",)),
        Subresource(name="ephemeralcontainers", kind="Pod"),
        Subresource(
            name="eviction", kind="Eviction", group="policy", version="v1", verbs=("create",)
        ),
        Subresource(name="exec", kind="PodExecOptions", verbs=("create", "get")),
        Subresource(name="log", kind="Pod", verbs=("get",)),
        Subresource(name="portforward", kind="PodPortForwardOptions", verbs=("create", "get")),
        Subresource(
            name="proxy",
            kind="PodProxyOptions",
            verbs=("create", "delete", "get", "patch", "update"),
        ),
        Subresource(name="resize", kind="Pod"),
        Subresource(name="status", kind="Pod"),
    ),
    prefix="/registry/pods",
    storage="v1",
)
PODTEMPLATES = Resource(
    group="",
    version="v1",
    kind="PodTemplate",
    plural="podtemplates",
    singular="podtemplate",
    prefix="/registry/podtemplates",
    storage="v1",
)
REPLICATIONCONTROLLERS = Resource(
    group="",
    version="v1",
    kind="ReplicationController",
    plural="replicationcontrollers",
    singular="replicationcontroller",
    short=("rc",),
    categories=("all",),
    subresources=(
        Subresource(name="scale", kind="Scale", group="autoscaling", version="v1"),
        Subresource(name="status", kind="ReplicationController"),
    ),
    prefix="/registry/controllers",
    storage="v1",
)
RESOURCEQUOTAS = Resource(
    group="",
    version="v1",
    kind="ResourceQuota",
    plural="resourcequotas",
    singular="resourcequota",
    short=("quota",),
    subresources=(status("ResourceQuota"),),
    prefix="/registry/resourcequotas",
    storage="v1",
)
SECRETS = Resource(
    group="",
    version="v1",
    kind="Secret",
    plural="secrets",
    singular="secret",
    prefix="/registry/secrets",
    storage="v1",
)
SERVICEACCOUNTS = Resource(
    group="",
    version="v1",
    kind="ServiceAccount",
    plural="serviceaccounts",
    singular="serviceaccount",
    short=("sa",),
    subresources=(
        Subresource(
            name="token",
            kind="TokenRequest",
            group="authentication.k8s.io",
            version="v1",
            verbs=("create",),
        ),
    ),
    prefix="/registry/serviceaccounts",
    storage="v1",
)
SERVICES = Resource(
    group="",
    version="v1",
    kind="Service",
    plural="services",
    singular="service",
    short=("svc",),
    categories=("all",),
    subresources=(
        Subresource(
            name="proxy",
            kind="ServiceProxyOptions",
            verbs=("create", "delete", "get", "patch", "update"),
        ),
        Subresource(name="status", kind="Service"),
    ),
    prefix="/registry/services/specs",
    storage="v1",
)

ROWS = (
    BINDINGS,
    COMPONENTSTATUSES,
    CONFIGMAPS,
    ENDPOINTS,
    EVENTS,
    LIMITRANGES,
    NAMESPACES,
    NODES,
    PERSISTENTVOLUMECLAIMS,
    PERSISTENTVOLUMES,
    PODS,
    PODTEMPLATES,
    REPLICATIONCONTROLLERS,
    RESOURCEQUOTAS,
    SECRETS,
    SERVICEACCOUNTS,
    SERVICES,
)
