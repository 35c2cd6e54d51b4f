"""Attempts of users with few rights to get more; a real 1.36 answers each with the same code."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from pinnace.api.wire import Request, Response, User
from pinnace.cluster.embedded import Cluster

pytestmark = pytest.mark.asyncio(loop_scope="module")

Ask = Callable[..., Awaitable[tuple[int, Any]]]
NS = "/api/v1/namespaces/team"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
TEAM = f"{RBAC}/namespaces/team"
GROUP = "rbac.authorization.k8s.io"
MERGE, APPLY = "application/merge-patch+json", "application/apply-patch+yaml"
ROOT = User("root", ("system:masters", "system:authenticated"))


def rule(verbs: str, resources: str, group: str = "", names: str = "") -> dict[str, Any]:
    made: dict[str, Any] = {
        "verbs": verbs.split(),
        "apiGroups": [group],
        "resources": resources.split(),
    }
    return made | ({"resourceNames": names.split()} if names else {})


EVERYTHING = rule("*", "*", "*")


def role(name: str, *rules: Any, kind: str = "ClusterRole", **more: Any) -> dict[str, Any]:
    version = f"{GROUP}/v1"
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name},
        "rules": list(rules),
    } | (more)


def binding(name: str, to: str, user: str, kind: str = "ClusterRoleBinding") -> dict[str, Any]:
    of = "Role" if kind == "RoleBinding" else "ClusterRole"
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": kind,
        "metadata": {"name": name},
        "roleRef": {"apiGroup": GROUP, "kind": of, "name": to},
        "subjects": [{"apiGroup": GROUP, "kind": "User", "name": user}],
    }


def pod(name: str, **spec: Any) -> dict[str, Any]:
    containers = [{"name": "c", "image": "i"}]
    meta = {"name": name}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta,
        "spec": {"containers": containers, **spec},
    }


def config(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}


TOKEN = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
# What each user holds, in the namespace `team` or everywhere.
HELD: dict[str, tuple[bool, list[dict[str, Any]]]] = {
    "roles": (
        False,
        [
            rule(
                "create update patch get delete list",
                "roles clusterroles rolebindings clusterrolebindings",
                GROUP,
            ),
            rule("get list", "pods"),
        ],
    ),
    "namer": (
        False,
        [rule("create", "clusterroles", GROUP), rule("escalate", "clusterroles", GROUP, "mine")],
    ),
    "binder": (
        False,
        [
            rule("create", "clusterrolebindings", GROUP),
            rule("bind", "clusterroles", GROUP, "view"),
        ],
    ),
    "impersonator": (
        False,
        [rule("impersonate", "users", names="jane"), rule("impersonate", "groups", names="devs")],
    ),
    "pods": (True, [rule("get list create patch update delete", "pods")]),
    "named": (
        True,
        [
            rule(
                "get list watch delete patch update create deletecollection",
                "configmaps",
                names="mine",
            )
        ],
    ),
    "patcher": (True, [rule("patch get", "configmaps")]),
    "accounts": (True, [rule("create get", "serviceaccounts")]),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ask() -> AsyncIterator[Ask]:
    async with Cluster(nodes=0) as cluster:

        async def run(
            method: str,
            path: str,
            body: Any = None,
            *,
            user: str | User = ROOT,
            media: str = "application/json",
            **headers: str,
        ) -> tuple[int, Any]:
            path, _, query = path.partition("?")
            pairs = [pair.partition("=") for pair in query.split("&") if pair]
            who = User(user, ("system:authenticated",)) if isinstance(user, str) else user
            answer = await cluster.server.handle(
                Request(
                    method=method,
                    path=path,
                    query={name: [value] for name, _, value in pairs},
                    headers={"content-type": media}
                    | {name.replace("_", "-"): value for name, value in headers.items()},
                    body=json.dumps(body).encode() if body is not None else b"",
                    user=who,
                )
            )
            assert isinstance(answer, Response)
            return answer.status, json.loads(answer.body)

        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}}
        await run("POST", "/api/v1/namespaces", namespace)
        for name in ("default", "strong"):
            account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}
            await run("POST", f"{NS}/serviceaccounts", account)
        for user, (local, rules) in HELD.items():
            base, kinds = (TEAM, ("Role", "RoleBinding")) if local else (
                RBAC, ("ClusterRole", "ClusterRoleBinding")
            )  # fmt: skip
            for kind, made in (
                (kinds[0], role(user, *rules, kind=kinds[0])),
                (kinds[1], binding(user, user, user, kinds[1])),
            ):
                status, _ = await run("POST", f"{base}/{kind.lower()}s", made)
                assert status == 201
        await run("POST", f"{RBAC}/clusterroles", role("held", rule("get", "pods")))
        for name in ("mine", "other"):
            await run("POST", f"{NS}/configmaps", config(name))
        await run("POST", f"{NS}/pods", pod("p"))
        yield run


ROLES, BINDINGS = f"{RBAC}/clusterroles", f"{RBAC}/clusterrolebindings"
AGGREGATING = {
    "aggregationRule": {
        "clusterRoleSelectors": [{"matchLabels": {f"{GROUP}/aggregate-to-admin": "true"}}]
    }
}
MAPS = f"{NS}/configmaps"
ATTEMPTS: list[tuple[str, str, str, Any, str, int]] = [
    # Granting what one does not hold, by every way of writing.
    ("roles", "POST", ROLES, role("x", EVERYTHING), "", 403),
    ("roles", "POST", f"{ROLES}?dryRun=All", role("x", EVERYTHING), "", 403),
    ("roles", "POST", ROLES, role("x", rule("get", "pods/exec")), "", 403),
    ("roles", "POST", ROLES, role("x", {"verbs": ["get"], "nonResourceURLs": ["*"]}), "", 403),
    ("roles", "POST", f"{ROLES}?dryRun=All", role("x", rule("get", "pods")), "", 201),
    ("roles", "PUT", f"{ROLES}/held", role("held", rule("get delete", "pods")), "", 403),
    ("roles", "PATCH", f"{ROLES}/held", {"rules": [EVERYTHING]}, MERGE, 403),
    ("roles", "PATCH", f"{ROLES}/held?fieldManager=x&force=true",
     role("held", rule("get delete", "pods")), APPLY, 403),
    ("roles", "PATCH", f"{ROLES}/fresh?fieldManager=x", role("fresh", EVERYTHING), APPLY, 403),
    # Aggregation: the rule itself needs everything; the label gives no more than the rules do.
    ("roles", "POST", ROLES, role("agg", **AGGREGATING), "", 403),
    ("roles", "PATCH", f"{ROLES}/held", AGGREGATING, MERGE, 403),
    ("roles", "POST", BINDINGS, binding("b", "cluster-admin", "roles"), "", 403),
    ("roles", "POST", f"{TEAM}/rolebindings",
     {**binding("b", "admin", "roles"), "kind": "RoleBinding"}, "", 403),
    ("roles", "POST", f"{TEAM}/rolebindings",
     binding("b", "missing", "roles", "RoleBinding"), "", 404),
    ("roles", "PATCH", f"{BINDINGS}/cluster-admin",
     {"subjects": binding("b", "x", "roles")["subjects"]}, MERGE, 403),
    ("roles", "DELETE", BINDINGS, None, "", 403),
    ("root", "PUT", f"{BINDINGS}/roles", binding("roles", "cluster-admin", "roles"), "", 422),
    ("namer", "POST", ROLES, role("mine", EVERYTHING), "", 403),
    ("binder", "POST", f"{BINDINGS}?dryRun=All", binding("v", "view", "x"), "", 201),
    ("binder", "POST", BINDINGS, binding("e", "edit", "x"), "", 403),
    # Pods: what runs in them, and as whom, is for others to open.
    ("pods", "GET", f"{NS}/pods/p/exec?command=x", None, "", 403),
    ("pods", "POST", f"{NS}/pods/p/exec?command=x", None, "", 403),
    ("pods", "GET", f"{NS}/pods/p/attach", None, "", 403),
    ("pods", "GET", f"{NS}/pods/p/portforward", None, "", 403),
    ("pods", "GET", f"{NS}/pods/p/proxy/x", None, "", 403),
    ("pods", "GET", f"{NS}/pods/p/log", None, "", 403),
    ("pods", "PATCH", f"{NS}/pods/p/ephemeralcontainers", {}, MERGE, 403),
    ("pods", "PATCH", f"{NS}/pods/p",
     {"spec": {"ephemeralContainers": [{"name": "e", "image": "i"}]}}, MERGE, 422),
    ("pods", "PATCH", f"{NS}/pods/p/status", {"status": {"phase": "Failed"}}, MERGE, 403),
    ("pods", "POST", f"{NS}/pods/p/eviction", {}, "", 403),
    ("pods", "POST", f"{NS}/pods/p/binding", {}, "", 403),
    ("pods", "POST", f"{NS}/pods?dryRun=All", pod("q", serviceAccountName="none"), "", 403),
    ("pods", "DELETE", f"{NS}/pods", None, "", 403),
    ("pods", "GET", "/api/v1/nodes/n/proxy/pods", None, "", 403),
    ("pods", "POST", f"{NS}/serviceaccounts/strong/token", TOKEN, "", 403),
    ("accounts", "POST", f"{NS}/serviceaccounts/strong/token", TOKEN, "", 403),
    # Single names: a selector may narrow to them, and nothing may widen them.
    ("named", "GET", f"{MAPS}/mine", None, "", 200),
    ("named", "GET", f"{MAPS}/other", None, "", 403),
    ("named", "GET", MAPS, None, "", 403),
    ("named", "GET", f"{MAPS}?fieldSelector=metadata.name=mine", None, "", 200),
    ("named", "GET", f"{MAPS}?fieldSelector=metadata.name!=mine", None, "", 403),
    ("named", "GET", "/api/v1/watch/namespaces/team/configmaps?fieldSelector=metadata.name=mine",
     None, "", 403),
    ("named", "DELETE", f"{MAPS}?fieldSelector=metadata.name=mine", None, "", 403),
    ("named", "POST", MAPS, config("mine"), "", 403),
    ("named", "PUT", f"{MAPS}/mine", config("other"), "", 400),
    # Writing what is not there is creating it.
    ("patcher", "PATCH", f"{MAPS}/new?fieldManager=x", config("new"), APPLY, 403),
    ("patcher", "PATCH", f"{MAPS}/new?fieldManager=x&dryRun=All", config("new"), APPLY, 403),
    # Paths.
    ("pods", "GET", "/healthz/../api", None, "", 403),
    ("pods", "GET", "/API/v1/secrets", None, "", 403),
    ("pods", "GET", "/api/v1/Secrets", None, "", 403),
    ("pods", "GET", "/api/v1/secrets/", None, "", 403),
    ("pods", "GET", f"{NS}/pods/../secrets", None, "", 403),
    ("pods", "GET", "/api/v1/watch/secrets", None, "", 403),
    ("pods", "GET", "/metrics", None, "", 403),
    # What steers the whole cluster.
    *(
        ("pods", "POST", path, {}, "", 403)
        for path in (
            "/apis/apiregistration.k8s.io/v1/apiservices",
            "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
            "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
            "/api/v1/nodes",
            "/api/v1/namespaces",
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("user", "method", "path", "body", "media", "status"),
    ATTEMPTS,
    ids=lambda value: value if isinstance(value, str) else None,
)
async def test_nobody_gets_more_than_they_hold(
    ask: Ask, user: str, method: str, path: str, body: Any, media: str, status: int
) -> None:
    who: Any = ROOT if user == "root" else user
    found, answer = await ask(method, path, body, user=who, media=media or "application/json")
    assert found == status, answer


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"impersonate_user": "jane"}, 201),
        ({"impersonate_user": "jane", "impersonate_group": "devs"}, 201),
        ({"impersonate_user": "jane", "impersonate_group": "system:masters"}, 403),
        ({"impersonate_user": "JANE"}, 403),
        ({"impersonate_user": "jane", "impersonate_uid": "1"}, 403),
        ({"impersonate_user": "jane", "impersonate_extra_scopes": "x"}, 403),
        ({"impersonate_user": "system:serviceaccount:team:strong"}, 403),
        ({"impersonate_user": "system:node:n1"}, 403),
        ({"impersonate_user": "system:anonymous"}, 403),
        ({"impersonate_group": "devs"}, 400),
    ],
    ids=str,
)
async def test_nobody_acts_as_somebody_they_may_not(
    ask: Ask, headers: dict[str, str], status: int
) -> None:
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    found, answer = await ask("POST", path, body, user="impersonator", **headers)
    assert found == status, answer


NODE = User("system:node:n1", ("system:nodes", "system:authenticated"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def nodes(ask: Ask) -> Ask:
    for name in ("n1", "n2"):
        made = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}
        await ask("POST", "/api/v1/nodes", made)
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": f"of-{name}"}}
        await ask("POST", f"{NS}/secrets", secret)
        volumes = [{"name": "s", "secret": {"secretName": f"of-{name}"}}]
        status, _ = await ask(
            "POST", f"{NS}/pods", pod(f"on-{name}", nodeName=name, volumes=volumes)
        )
        assert status == 201
    return ask


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", f"{NS}/pods/on-n1", None, 200),
        ("GET", f"{NS}/pods/on-n2", None, 403),
        ("GET", f"{NS}/pods", None, 403),
        ("GET", f"{NS}/pods?fieldSelector=spec.nodeName=n2", None, 403),
        ("GET", f"{NS}/pods?fieldSelector=spec.nodeName!=n2", None, 403),
        ("GET", f"{NS}/secrets/of-n1", None, 200),
        ("GET", f"{NS}/secrets/of-n2", None, 403),
        ("GET", f"{NS}/secrets", None, 403),
        ("GET", "/api/v1/nodes/n2", None, 403),
        ("PATCH", "/api/v1/nodes/n2", {"metadata": {"labels": {"a": "b"}}}, 403),
        ("PATCH", "/api/v1/nodes/n1", {"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}},
         403),
        ("PATCH", "/api/v1/nodes/n1",
         {"metadata": {"labels": {"node-restriction.kubernetes.io/x": "y"}}}, 403),
        ("PATCH", "/api/v1/nodes/n1",
         {"metadata": {"ownerReferences": [
             {"apiVersion": "v1", "kind": "Node", "name": "n2", "uid": "x"}]}}, 403),
        ("DELETE", "/api/v1/nodes/n1", None, 403),
        ("POST", f"{NS}/pods", pod("direct", nodeName="n1"), 403),
        ("DELETE", f"{NS}/pods/on-n2", None, 403),
        ("PATCH", f"{NS}/pods/on-n2/status", {"status": {"phase": "Failed"}}, 403),
        ("PATCH", f"{NS}/pods/on-n1/status", {"metadata": {"labels": {"a": "b"}}}, 403),
        ("POST", f"{NS}/serviceaccounts/default/token", TOKEN, 403),
        ("POST", "/api/v1/namespaces/kube-system/serviceaccounts/a/token", TOKEN, 403),
        ("GET", "/apis/resource.k8s.io/v1/resourceslices", None, 403),
    ],
)  # fmt: skip
async def test_a_kubelet_reaches_its_own_node_only(
    nodes: Ask, method: str, path: str, body: Any, status: int
) -> None:
    media = MERGE if method == "PATCH" else "application/json"
    found, answer = await nodes(method, path, body, user=NODE, media=media)
    assert found == status, answer
