"""The roles and bindings of a new cluster, put together from the tables beside this file."""

import copy

from pinnace.api.kinds.rbac import CLUSTERROLEBINDINGS, CLUSTERROLES, ROLEBINDINGS, ROLES
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.apiserver.authz.rbac import aggregate
from pinnace.apiserver.bootstrap.builders import Role, account, group, rule, user
from pinnace.apiserver.bootstrap.cluster_roles import CLUSTER_ROLES
from pinnace.apiserver.bootstrap.controller_roles import CONTROLLER_ROLES

_GROUP = "rbac.authorization.k8s.io"
_AGGREGATED = ("view", "edit", "admin")
_EVENTS = rule("create patch update", "|events.k8s.io", "events")
_ELECTION = (
    rule("create get list update watch", "coordination.k8s.io", "leases"),
    rule("create get list update watch", "coordination.k8s.io", "leasecandidates"),
)
_EVERYBODY = (group("system:authenticated"), group("system:unauthenticated"))

# ClusterRoleBindings are named as the role that they bind.
_CLUSTER_BINDINGS: tuple[tuple[str, tuple[Object, ...]], ...] = (
    ("cluster-admin", (group("system:masters"),)),
    ("system:monitoring", (group("system:monitoring"),)),
    ("system:discovery", (group("system:authenticated"),)),
    ("system:basic-user", (group("system:authenticated"),)),
    ("system:public-info-viewer", _EVERYBODY),
    ("system:node-proxier", (user("system:kube-proxy"),)),
    ("system:kube-controller-manager", (user("system:kube-controller-manager"),)),
    ("system:kube-dns", (account("kube-dns"),)),
    ("system:kube-scheduler", (user("system:kube-scheduler"),)),
    ("system:volume-scheduler", (user("system:kube-scheduler"),)),
    # Nodes are the Node authorizer's; the binding stays, without subjects, as upstream's does.
    ("system:node", ()),
    ("system:service-account-issuer-discovery", (group("system:serviceaccounts"),)),
)

_NAMESPACE_ROLES: tuple[tuple[str, Role], ...] = (
    (
        "kube-system",
        Role(
            "extension-apiserver-authentication-reader",
            rule("get list watch", "", "configmaps", names="extension-apiserver-authentication"),
        ),
    ),
    (
        "kube-system",
        Role("system:controller:bootstrap-signer", rule("get list watch", "", "secrets")),
    ),
    (
        "kube-system",
        Role("system:controller:cloud-provider", rule("create get list watch", "", "configmaps")),
    ),
    (
        "kube-system",
        Role(
            "system:controller:token-cleaner", rule("delete get list watch", "", "secrets"), _EVENTS
        ),
    ),
    ("kube-system", Role("system::leader-locking-kube-controller-manager", *_ELECTION)),
    ("kube-system", Role("system::leader-locking-kube-scheduler", *_ELECTION)),
    (
        "kube-public",
        Role(
            "system:controller:bootstrap-signer",
            rule("get list watch", "", "configmaps"),
            rule("update", "", "configmaps", names="cluster-info"),
            _EVENTS,
        ),
    ),
)

# Namespace, name, role, subjects.
_NAMESPACE_BINDINGS: tuple[tuple[str, str, str, tuple[Object, ...]], ...] = (
    (
        "kube-system",
        "system::extension-apiserver-authentication-reader",
        "extension-apiserver-authentication-reader",
        (user("system:kube-controller-manager"), user("system:kube-scheduler")),
    ),
    (
        "kube-system",
        "system::leader-locking-kube-controller-manager",
        "system::leader-locking-kube-controller-manager",
        (user("system:kube-controller-manager"), account("kube-controller-manager")),
    ),
    (
        "kube-system",
        "system::leader-locking-kube-scheduler",
        "system::leader-locking-kube-scheduler",
        (user("system:kube-scheduler"), account("kube-scheduler")),
    ),
    *(
        (namespace, f"system:controller:{name}", f"system:controller:{name}", (account(name),))
        for namespace, name in (
            ("kube-system", "bootstrap-signer"),
            ("kube-system", "cloud-provider"),
            ("kube-system", "token-cleaner"),
            ("kube-public", "bootstrap-signer"),
        )
    ),
)


def bootstrap_rbac() -> list[Object]:
    """Return every role and binding of a new cluster; aggregated roles have their rules already."""
    roles = [_cluster_role(role) for role in CLUSTER_ROLES]
    for name in _AGGREGATED:
        role = _aggregated_role(name)
        role["rules"] = copy.deepcopy(aggregate(role, roles))
        roles.append(role)
    bindings = [
        _binding(CLUSTERROLEBINDINGS, "", name, "ClusterRole", name, subjects)
        for name, subjects in _CLUSTER_BINDINGS
    ]
    for controller in CONTROLLER_ROLES:
        name = f"system:controller:{controller.name}"
        roles.append(_role(CLUSTERROLES, "", Role(name, *controller.rules)))
        subject = (account(controller.name),)
        bindings.append(_binding(CLUSTERROLEBINDINGS, "", name, "ClusterRole", name, subject))
    namespaced = [_role(ROLES, namespace, role) for namespace, role in _NAMESPACE_ROLES]
    namespaced += [
        _binding(ROLEBINDINGS, namespace, name, "Role", role, subjects)
        for namespace, name, role, subjects in _NAMESPACE_BINDINGS
    ]
    return roles + bindings + namespaced


def _cluster_role(role: Role) -> Object:
    made = _role(CLUSTERROLES, "", role)
    if role.name.startswith("system:aggregate-to-"):
        to = role.name.removeprefix("system:")
        made["metadata"]["labels"][f"{_GROUP}/{to}"] = "true"
    return made


def _aggregated_role(name: str) -> Object:
    made = _role(CLUSTERROLES, "", Role(name))
    above = {"view": "edit", "edit": "admin"}.get(name)
    if above:
        made["metadata"]["labels"][f"{_GROUP}/aggregate-to-{above}"] = "true"
    selector = {"matchLabels": {f"{_GROUP}/aggregate-to-{name}": "true"}}
    made["aggregationRule"] = {"clusterRoleSelectors": [selector]}
    return made


def _role(row: Resource, namespace: str, role: Role) -> Object:
    return {**_header(row, namespace, role.name), "rules": copy.deepcopy(list(role.rules))}


def _binding(
    row: Resource, namespace: str, name: str, kind: str, role: str, subjects: tuple[Object, ...]
) -> Object:
    made = _header(row, namespace, name)
    if subjects:
        made["subjects"] = [dict(subject) for subject in subjects]
    made["roleRef"] = {"apiGroup": _GROUP, "kind": kind, "name": role}
    return made


def _header(row: Resource, namespace: str, name: str) -> Object:
    meta: Object = {"name": name}
    if namespace:
        meta["namespace"] = namespace
    meta["labels"] = {"kubernetes.io/bootstrapping": "rbac-defaults"}
    meta["annotations"] = {"rbac.authorization.kubernetes.io/autoupdate": "true"}
    return {"kind": row.kind, "apiVersion": row.group_version, "metadata": meta}
