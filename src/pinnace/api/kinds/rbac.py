"""Rows of the rbac.authorization.k8s.io group."""

from pinnace.api.resources import Resource

CLUSTERROLEBINDINGS = Resource(
    group="rbac.authorization.k8s.io",
    version="v1",
    kind="ClusterRoleBinding",
    plural="clusterrolebindings",
    singular="clusterrolebinding",
    namespaced=False,
    prefix="/registry/clusterrolebindings",
    storage="rbac.authorization.k8s.io/v1",
)
CLUSTERROLES = Resource(
    group="rbac.authorization.k8s.io",
    version="v1",
    kind="ClusterRole",
    plural="clusterroles",
    singular="clusterrole",
    namespaced=False,
    prefix="/registry/clusterroles",
    storage="rbac.authorization.k8s.io/v1",
)
ROLEBINDINGS = Resource(
    group="rbac.authorization.k8s.io",
    version="v1",
    kind="RoleBinding",
    plural="rolebindings",
    singular="rolebinding",
    prefix="/registry/rolebindings",
    storage="rbac.authorization.k8s.io/v1",
)
ROLES = Resource(
    group="rbac.authorization.k8s.io",
    version="v1",
    kind="Role",
    plural="roles",
    singular="role",
    prefix="/registry/roles",
    storage="rbac.authorization.k8s.io/v1",
)

ROWS = (
    CLUSTERROLEBINDINGS,
    CLUSTERROLES,
    ROLEBINDINGS,
    ROLES,
)
