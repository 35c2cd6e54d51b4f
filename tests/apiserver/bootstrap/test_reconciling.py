import json
from contextlib import asynccontextmanager

from pinnace.api.wire import Request
from pinnace.apiserver.app import ApiServer
from pinnace.apiserver.bootstrap.reconciling import AUTOUPDATE, reconciled
from pinnace.apiserver.config import ServerConfig
from pinnace.kit.clock import VirtualClock
from pinnace.store.memory import MemoryStore


def rule(verbs, resources, group=""):
    return {"verbs": verbs.split(), "apiGroups": [group], "resources": resources.split()}


def role(*rules, **more):
    return {"metadata": {"name": "r", "uid": "1", **more}, "rules": list(rules)}


def test_what_lacks_is_added_and_what_was_added_stays():
    found = reconciled(role(rule("get delete", "pods")), role(rule("get list", "pods nodes")))
    assert found is not None
    assert found["rules"] == [
        rule("get delete", "pods"),
        rule("list", "pods"),
        rule("get", "nodes"),
        rule("list", "nodes"),
    ]


def test_what_is_covered_is_left_alone():
    assert reconciled(role(rule("*", "*", "*")), role(rule("get", "pods"))) is None


def test_who_does_not_want_updates_gets_none():
    protected = role(annotations={AUTOUPDATE: "false"})
    assert reconciled(protected, role(rule("get", "pods"))) is None


def test_labels_that_lack_are_added_and_others_kept():
    found = reconciled(role(labels={"a": "mine"}), role(labels={"a": "theirs", "b": "c"}))
    assert found is not None
    assert found["metadata"]["labels"] == {"a": "mine", "b": "c"}


def binding(*subjects, to="r"):
    reference = {"kind": "ClusterRole", "name": to}
    return {"metadata": {"name": "b"}, "roleRef": reference, "subjects": list(subjects)}


def test_subjects_that_lack_are_added():
    one, two = {"kind": "User", "name": "a"}, {"kind": "User", "name": "b"}
    found = reconciled(binding(two), binding(one))
    assert found is not None
    assert found["subjects"] == [two, one]
    assert reconciled(binding(two, one), binding(one)) is None


def test_a_binding_to_another_role_is_made_anew():
    assert reconciled(binding(to="mine"), binding(to="theirs")) == binding(to="theirs")


def test_aggregation_rules_are_added_to_and_taken_away():
    label = {"matchLabels": {"a": "b"}}
    aggregating = role() | {"aggregationRule": {"clusterRoleSelectors": [label]}}
    found = reconciled(role(), aggregating)
    assert found is not None
    assert found["aggregationRule"] == {"clusterRoleSelectors": [label]}
    found = reconciled(aggregating, role())
    assert found is not None
    assert found["aggregationRule"] is None


@asynccontextmanager
async def started(store):
    """A server on a store, as a function that asks it."""
    server = ApiServer(store, VirtualClock(), ServerConfig())
    await server.start()

    async def ask(method, path, body=None):
        data = json.dumps(body).encode() if body is not None else b""
        headers = {"content-type": "application/json"}
        answer = await server.handle(Request(method=method, path=path, headers=headers, body=data))
        assert answer.status == 200
        return json.loads(answer.body)

    try:
        yield ask
    finally:
        await server.close()


async def test_a_start_mends_what_was_taken_away():
    store = MemoryStore()
    path = "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node-problem-detector"
    other = "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:basic-user"
    async with started(store) as ask:
        before = await ask("GET", path)
        await ask("PUT", path, {**before, "rules": before["rules"][:1]})
        kept = {**await ask("GET", other), "rules": []}
        kept["metadata"]["annotations"][AUTOUPDATE] = "false"
        await ask("PUT", other, kept)
    async with started(store) as ask:
        after = await ask("GET", path)
        assert after["metadata"]["uid"] == before["metadata"]["uid"]
        assert len(after["rules"]) > 1
        assert not (await ask("GET", other)).get("rules")
    async with started(store) as ask:
        again = await ask("GET", path)
        assert again["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"]
    await store.close()
