"""The whole door: authentication, authorization and admission of a running server."""

import json
from datetime import UTC, datetime

import pytest

from pinnace.api.wire import Request, User
from pinnace.apiserver.app import ApiServer
from pinnace.apiserver.authn.table import AuthnConfig
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
        authorization="RBAC",
        admission=True,
        token_issuer=issuer,
    )
    server = ApiServer(MemoryStore(), clock, config)
    await server.start()

    async def run(method, path, body=None, *, user=None, token="", **query):
        headers = {"content-type": "application/json"}
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
