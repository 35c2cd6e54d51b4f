"""The whole door: authentication, authorization and admission of a running server."""

import json
from datetime import UTC, datetime

import pytest

from pinnace.api.wire import Request, User
from pinnace.apiserver.app import ApiServer
from pinnace.apiserver.authn.table import AuthnConfig
from pinnace.apiserver.authz.configuration import NODE_AND_RBAC
from pinnace.apiserver.config import ServerConfig
from pinnace.apiserver.serviceaccounts.tokens import TokenIssuer
from pinnace.kit import x509
from pinnace.kit.clock import VirtualClock
from pinnace.store.memory import MemoryStore

ISSUER = "https://kubernetes.default.svc.cluster.local"
ROOT = User("root", ("system:masters",))
JANE = User("jane", ("system:authenticated",))
KUBELET = User("system:node:n1", ("system:nodes",))
PODS = "/api/v1/namespaces/default/pods"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
KEY = x509.make_signing_key()


@pytest.fixture
async def ask():
    clock = VirtualClock(datetime(2030, 1, 1, tzinfo=UTC))
    issuer = TokenIssuer(issuer=ISSUER, private_key=KEY, api_audiences=(ISSUER,), now=clock.now)
    config = ServerConfig(
        authentication=AuthnConfig(service_account_keys=(x509.public_pem(KEY),)),
        authorization=NODE_AND_RBAC,
        admission=True,
        token_issuer=issuer,
    )
    server = ApiServer(MemoryStore(), clock, config)
    await server.start()

    async def run(method, path, body=None, *, user=None, token="", media="json", **query):
        headers = {"content-type": f"application/{media}"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        answer = await server.handle(
            Request(
                method=method, path=path, user=user, headers=headers,
                query={key: [value] for key, value in query.items()},
                body=json.dumps(body).encode() if body is not None else b"",
            )
        )  # fmt: skip
        return answer.status, json.loads(answer.body)

    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
    await run("POST", "/api/v1/namespaces/default/serviceaccounts", account, user=ROOT)
    yield run
    await server.close()


def pod(name):
    spec = {"containers": [{"name": "c", "image": "i"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


async def test_a_binding_opens_the_namespace_at_once(ask):
    status, answer = await ask("POST", PODS, pod("p"), user=JANE)
    assert (status, answer["message"]) == (
        403,
        'pods is forbidden: User "jane" cannot create resource "pods" in API group "" in the'
        ' namespace "default"',
    )
    group = "rbac.authorization.k8s.io"
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "b"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "admin"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": "jane"}],
    }
    assert (await ask("POST", f"{RBAC}/namespaces/default/rolebindings", binding, user=ROOT))[
        0
    ] == 201
    status, answer = await ask("POST", PODS, pod("p"), user=JANE)
    assert status == 201
    assert answer["spec"]["serviceAccountName"] == "default"
    everything = {
        "apiVersion": f"{group}/v1",
        "kind": "Role",
        "metadata": {"name": "r"},
        "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
    }
    status, answer = await ask("POST", f"{RBAC}/namespaces/default/roles", everything, user=JANE)
    assert status == 403
    assert "is attempting to grant RBAC permissions not currently held" in answer["message"]


async def test_a_requested_token_opens_the_door_and_a_wrong_one_does_not(ask):
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    path = "/api/v1/namespaces/default/serviceaccounts/default/token"
    status, answer = await ask("POST", path, request, user=ROOT)
    assert status == 201
    token = answer["status"]["token"]
    status, answer = await ask("GET", PODS, token=token)
    assert status == 403
    assert 'User "system:serviceaccount:default:default"' in answer["message"]
    status, answer = await ask("GET", PODS, token=token[:-5])
    assert (status, answer["reason"]) == (401, "Unauthorized")


async def test_a_kubelet_lists_the_pods_of_its_own_node_only(ask):
    path = "/api/v1/pods"
    assert (await ask("GET", path, user=KUBELET, fieldSelector="spec.nodeName=n1"))[0] == 200
    for other in ("spec.nodeName=n2", "spec.nodeName!=n1", ""):
        assert (await ask("GET", path, user=KUBELET, fieldSelector=other))[0] == 403


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/namespaces/default/nodes"),
        ("GET", "/api/v1/namespaces/default/namespaces"),
        ("GET", "/api/v1/namespaces/default/namespaces/kube-system"),
        ("PUT", "/api/v1/namespaces/default/namespaces/kube-system/finalize"),
        ("POST", "/api/v1/namespaces/default/nodes"),
        ("GET", f"{RBAC}/namespaces/default/clusterroles/view"),
        ("DELETE", f"{RBAC}/namespaces/default/clusterroles/view"),
        ("POST", f"{RBAC}/namespaces/default/clusterrolebindings"),
        ("GET", f"{RBAC}/watch/namespaces/default/clusterroles"),
        ("GET", "/api/v1/pods/p"),
        ("DELETE", "/api/v1/pods/p"),
        ("GET", f"{PODS}/p/status/more"),
    ],
)
async def test_a_namespace_is_no_way_to_what_is_not_in_it(ask, method, path):
    status, answer = await ask(method, path, user=ROOT)
    assert (status, answer["message"]) == (
        404,
        "the server could not find the requested resource",
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/pods"),
        ("DELETE", "/api/v1/pods"),
        ("PUT", PODS),
        ("PATCH", PODS),
        ("POST", f"{PODS}/p"),
    ],
)
async def test_a_method_that_a_path_does_not_have_is_not_allowed(ask, method, path):
    assert (await ask(method, path, pod("p"), user=ROOT))[0] == 405


async def test_a_namespace_itself_may_be_read_by_who_is_at_home_in_it(ask):
    group = "rbac.authorization.k8s.io"
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "b"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": "jane"}],
    }
    await ask("POST", f"{RBAC}/namespaces/default/rolebindings", binding, user=ROOT)
    assert (await ask("GET", "/api/v1/namespaces/default", user=JANE))[0] == 200
    assert (await ask("GET", "/api/v1/namespaces/default/status", user=JANE))[0] == 200
    assert (await ask("GET", "/api/v1/namespaces/kube-system", user=JANE))[0] == 403
    one = {"fieldSelector": "metadata.name=default"}
    status, found = await ask("GET", "/api/v1/namespaces", user=ROOT, **one)
    assert (status, len(found["items"])) == (200, 1)
    assert (await ask("GET", f"{RBAC}/namespaces/default/clusterroles", user=JANE))[0] == 404


@pytest.mark.parametrize(("method", "media"), [("PUT", "json"), ("PATCH", "apply-patch+yaml")])
async def test_who_may_only_change_leases_creates_none_by_changing_it(ask, method, media):
    group = "rbac.authorization.k8s.io"
    role = {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "r"},
        "rules": [
            {
                "apiGroups": ["coordination.k8s.io"],
                "resources": ["leases"],
                "verbs": ["get", "update", "patch"],
            }
        ],
    }
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "b"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "r"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": "jane"}],
    }
    assert (await ask("POST", f"{RBAC}/clusterroles", role, user=ROOT))[0] == 201
    assert (await ask("POST", f"{RBAC}/clusterrolebindings", binding, user=ROOT))[0] == 201
    path = "/apis/coordination.k8s.io/v1/namespaces/default/leases/l"
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"}}

    async def write(user):
        return await ask(method, path, lease, user=user, media=media, fieldManager="m")

    status, answer = await write(JANE)
    assert (status, answer["message"]) == (
        403,
        'leases.coordination.k8s.io "l" is forbidden: User "jane" cannot create resource "leases"'
        ' in API group "coordination.k8s.io" in the namespace "default"',
    )
    assert (await write(ROOT))[0] == 201
    # A PUT without a resourceVersion is refused for that, and not for who sends it.
    assert (await write(JANE))[0] == {"PUT": 422, "PATCH": 200}[method]
