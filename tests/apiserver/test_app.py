from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from pinnace.api.wire import Request, User
from pinnace.apiserver.app import ApiServer
from pinnace.apiserver.authz.configuration import NODE_AND_RBAC
from pinnace.apiserver.config import ServerConfig
from pinnace.kit.clock import VirtualClock
from pinnace.store.memory import MemoryStore

ADMIN = User("admin", ("system:masters",))
JANE = User("jane")


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    config = ServerConfig(authorization=NODE_AND_RBAC, admission=True)
    made = ApiServer(MemoryStore(), VirtualClock(), config)
    await made.start()
    yield made
    await made.close()


async def ask(
    server: ApiServer, user: User | None, method: str, path: str, body: Any = None
) -> Any:
    data = orjson.dumps(body) if body is not None else b""
    answer: Any = await server.handle(Request(method=method, path=path, user=user, body=data))
    return answer.status, orjson.loads(answer.body)


async def test_who_has_no_role_may_nothing_until_it_is_bound(server: ApiServer) -> None:
    code, status = await ask(server, JANE, "GET", "/api/v1/namespaces/default/configmaps")
    assert code == 403
    assert status["message"] == (
        'configmaps is forbidden: User "jane" cannot list resource "configmaps" in API group "" '
        'in the namespace "default"'
    )
    binding = {
        "metadata": {"name": "jane"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "User", "name": "jane", "apiGroup": "rbac.authorization.k8s.io"}],
    }
    url = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings"
    # The aggregated role is filled in by a controller; a plain one shows that changes are seen.
    role = {
        "metadata": {"name": "view-all"},
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}],
    }
    code, made = await ask(
        server, ADMIN, "POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles", role
    )
    assert code == 201, made
    binding["roleRef"]["name"] = "view-all"  # type: ignore[index]
    code, made = await ask(server, ADMIN, "POST", url, binding)
    assert code == 201, made
    code, _ = await ask(server, JANE, "GET", "/api/v1/namespaces/default/configmaps")
    assert code == 200


async def test_nothing_is_created_in_a_namespace_that_is_not_there(server: ApiServer) -> None:
    body = {"metadata": {"name": "a"}}
    code, status = await ask(server, ADMIN, "POST", "/api/v1/namespaces/nope/configmaps", body)
    assert (code, status["message"]) == (404, 'namespaces "nope" not found')


async def test_a_review_answers_as_the_server_would(server: ApiServer) -> None:
    attributes = {"verb": "list", "resource": "pods", "namespace": "default"}
    review = {"spec": {"user": "jane", "resourceAttributes": attributes}}
    url = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    code, answer = await ask(server, ADMIN, "POST", url, review)
    assert (code, answer["status"]["allowed"]) == (201, False)


async def test_every_cluster_begins_with_the_same_objects(server: ApiServer) -> None:
    _, found = await ask(server, ADMIN, "GET", "/api/v1/namespaces")
    names = [item["metadata"]["name"] for item in found["items"]]
    assert names == ["default", "kube-node-lease", "kube-public", "kube-system"]
    _, service = await ask(server, ADMIN, "GET", "/api/v1/namespaces/default/services/kubernetes")
    assert service["spec"]["clusterIP"] == "10.96.0.1"
    code, _ = await ask(server, ADMIN, "GET", "/apis/networking.k8s.io/v1/servicecidrs/kubernetes")
    assert code == 200
