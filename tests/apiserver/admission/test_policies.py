"""Admission policies, asked through a server as every write asks them."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from pinnace.api.wire import Request, Response, User
from pinnace.apiserver.app import ApiServer
from pinnace.apiserver.config import ServerConfig
from pinnace.kit.clock import VirtualClock
from pinnace.store.memory import MemoryStore

ROOT = User("root", ("system:masters",))
GROUP = "/apis/admissionregistration.k8s.io/v1"
MAPS = "/api/v1/namespaces/space/configmaps"
RULE = {
    "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"],
    "resources": ["configmaps"],
}  # fmt: skip


class Api:
    def __init__(self, server: ApiServer) -> None:
        self.server = server

    async def send(self, method: str, path: str, body: Any) -> Response:
        answer = await self.server.handle(
            Request(
                method=method, path=path, body=orjson.dumps(body), user=ROOT,
                headers={"content-type": "application/json"},
            )
        )  # fmt: skip
        assert isinstance(answer, Response)
        return answer

    async def post(self, path: str, body: Any) -> tuple[int, Any]:
        answer = await self.send("POST", path, body)
        return answer.status, orjson.loads(answer.body)

    async def policy(self, sort: str, spec: Any, **binding: Any) -> None:
        match = {"resourceRules": [RULE]}
        made = {"metadata": {"name": "p"}, "spec": {"matchConstraints": match, **spec}}
        plural = f"{sort.lower()}admissionpolic"
        status, body = await self.post(f"{GROUP}/{plural}ies", made)
        assert status == 201, body
        actions = {"validationActions": ["Deny"]} if sort == "Validating" else {}
        bound = {"metadata": {"name": "b"}, "spec": {"policyName": "p", **actions, **binding}}
        status, body = await self.post(f"{GROUP}/{plural}ybindings", bound)
        assert status == 201, body


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    server = ApiServer(MemoryStore(), VirtualClock(), ServerConfig(admission=True))
    await server.start()
    made = Api(server)
    await made.post("/api/v1/namespaces", {"metadata": {"name": "space", "labels": {"n": "1"}}})
    yield made
    await server.close()


def config_map(name: str, **data: str) -> Any:
    return {"metadata": {"name": name}, "data": data}


def checks(expression: str, **more: Any) -> Any:
    return {"validations": [{"expression": expression, **more}]}


async def test_a_broken_rule_refuses_the_write_as_upstream_words_it(api: Api) -> None:
    await api.policy("Validating", checks("object.data.a == '1'"))
    assert (await api.post(MAPS, config_map("good", a="1")))[0] == 201
    status, body = await api.post(MAPS, config_map("bad", a="2"))
    why = (
        "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: failed expression: "
        "object.data.a == '1'"
    )
    assert (status, body["reason"]) == (422, "Invalid")
    assert body["message"] == f'configmaps "bad" is forbidden: {why}'
    assert body["details"]["causes"] == [{"message": why}]


@pytest.mark.parametrize(
    ("spec", "status", "told"),
    [
        (checks("false", reason="Forbidden", message=" no "), 403, "denied request: no"),
        (checks("false", messageExpression="'has ' + string(object.data.size())"), 422, "has 1"),
        (checks("object.nope == 1"), 422,
         "expression 'object.nope == 1' resulted in error: no such key: nope"),
        ({"variables": [{"name": "n", "expression": "object.data.size()"}],
          **checks("variables.n > 1")}, 422, "failed expression: variables.n > 1"),
        ({"variables": [{"name": "n", "expression": "object.nope"}],
          **checks("variables.n > 1")}, 422,
         'composited variable "n" fails to evaluate: no such key: nope'),
        (checks("request.userInfo.username == 'jane'"), 422, "failed expression"),
        (checks("namespaceObject.metadata.labels.n == '2'"), 422, "failed expression"),
        (checks("!authorizer.group('').resource('pods').check('get').allowed()"), 422,
         "failed expression"),
    ],
)  # fmt: skip
async def test_rules_see_the_write_and_say_what_is_wrong(
    api: Api, spec: Any, status: int, told: str
) -> None:
    await api.policy("Validating", spec)
    got, body = await api.post(MAPS, config_map("x", a="1"))
    assert got == status
    assert told in body["message"]


@pytest.mark.parametrize(
    "spec",
    [
        {"matchConditions": [{"name": "c", "expression": "object.metadata.name != 'x'"}],
         **checks("false")},
        {"failurePolicy": "Ignore", **checks("object.nope == 1")},
        checks("request.operation == 'CREATE' && request.resource.resource == 'configmaps'"),
        checks("authorizer.requestResource.check('create').allowed() && oldObject == null"),
    ],
)  # fmt: skip
async def test_what_no_rule_refuses_goes_on(api: Api, spec: Any) -> None:
    await api.policy("Validating", spec)
    assert (await api.post(MAPS, config_map("x", a="1")))[0] == 201


async def test_a_binding_may_merely_warn(api: Api) -> None:
    await api.policy("Validating", checks("false", message="no"), validationActions=["Warn"])
    answer = await api.send("POST", MAPS, config_map("x"))
    assert answer.status == 201
    warned = "Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': no"
    assert warned in answer.headers["warning"]


async def test_a_binding_applies_where_its_selectors_say(api: Api) -> None:
    match = {"namespaceSelector": {"matchLabels": {"n": "2"}}}
    await api.policy("Validating", checks("false"), matchResources=match)
    assert (await api.post(MAPS, config_map("x")))[0] == 201


async def test_rules_compare_with_parameters(api: Api) -> None:
    await api.post(MAPS, config_map("limits", most="2"))
    spec = {
        "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        **checks("object.data.size() <= int(params.data.most)"),
    }
    ref = {"name": "limits", "parameterNotFoundAction": "Deny"}
    await api.policy("Validating", spec, paramRef=ref)
    assert (await api.post(MAPS, config_map("x", a="1")))[0] == 201
    assert (await api.post(MAPS, config_map("y", a="1", b="2", c="3")))[0] == 422


async def test_parameters_that_are_missing_refuse_if_asked_to(api: Api) -> None:
    spec = {"paramKind": {"apiVersion": "v1", "kind": "ConfigMap"}, **checks("true")}
    ref = {"name": "nope", "parameterNotFoundAction": "Deny"}
    await api.policy("Validating", spec, paramRef=ref)
    status, body = await api.post(MAPS, config_map("x"))
    assert status == 422
    assert (
        "no params found for policy binding with `Deny` parameterNotFoundAction"
        in (body["message"])
    )


def mutates(kind: str, expression: str) -> Any:
    own = kind[0].lower() + kind[1:] if kind == "ApplyConfiguration" else "jsonPatch"
    mutation = {"patchType": kind, own: {"expression": expression}}
    return {"reinvocationPolicy": "Never", "failurePolicy": "Fail", "mutations": [mutation]}


async def test_what_is_written_is_merged_with_what_a_policy_makes(api: Api) -> None:
    made = "Object{metadata: Object.metadata{labels: {'by': request.userInfo.username}}}"
    await api.policy("Mutating", mutates("ApplyConfiguration", made))
    status, body = await api.post(MAPS, config_map("x", a="1"))
    assert (status, body["metadata"]["labels"], body["data"]) == (201, {"by": "root"}, {"a": "1"})


async def test_what_is_written_is_patched_as_a_policy_says(api: Api) -> None:
    made = "[JSONPatch{op: 'add', path: '/data/' + jsonpatch.escapeKey('x'), value: 'y'}]"
    await api.policy("Mutating", mutates("JSONPatch", made))
    status, body = await api.post(MAPS, config_map("x", a="1"))
    assert (status, body["data"]) == (201, {"a": "1", "x": "y"})


async def test_a_mutation_that_fails_refuses_the_write(api: Api) -> None:
    await api.policy("Mutating", mutates("JSONPatch", "[JSONPatch{op: object.nope, path: '/x'}]"))
    status, body = await api.post(MAPS, config_map("x"))
    assert (status, body["reason"]) == (403, "Invalid")
    assert body["message"].startswith("policy 'p' with binding 'b' denied request: expression")


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("1", "must evaluate to bool but got int"),
        ("request.foo == 1", "undefined field 'foo'"),
        ("params.x == 1", "undeclared reference to 'params' (in container '')"),
        ("variables.x == 1", "undeclared reference to 'variables' (in container '')"),
    ],
)
async def test_policies_whose_expressions_do_not_compile_are_refused(
    api: Api, expression: str, told: str
) -> None:
    spec = {"matchConstraints": {"resourceRules": [RULE]}, **checks(expression)}
    body = {"metadata": {"name": "p"}, "spec": spec}
    status, answer = await api.post(f"{GROUP}/validatingadmissionpolicies", body)
    assert status == 422
    assert told in answer["message"]


async def counted(api: Api, *names: str) -> list[str]:
    answer = await api.send("GET", "/metrics", None)
    found = [line for line in answer.body.decode().splitlines() if line.startswith(names)]
    return sorted(line for line in found if "_bucket{" not in line and "_sum{" not in line)


async def test_checks_of_rules_are_counted_by_what_came_of_them(api: Api) -> None:
    conditions = [{"name": "c", "expression": "object.data.a != '0'"}]
    spec = {"matchConditions": conditions, **checks("object.data.a == '1'")}
    await api.policy("Validating", spec, validationActions=["Deny", "Audit"])
    for name, data in (("a", {"a": "1"}), ("b", {"a": "2"}), ("c", {"a": "0"}), ("d", {})):
        await api.post(MAPS, config_map(name, **data))
    labels = 'policy="p",policy_binding="b"'
    assert await counted(api, "apiserver_validating_admission_policy_check_total") == [
        'apiserver_validating_admission_policy_check_total{enforcement_action="'
        f'{action}",error_type="invalid_error",{labels}}} 2.0'
        for action in ("audit", "deny")
    ]
    where = 'kind="policy",name="p",operation="CREATE",type="validate"'
    conditions_asked = "apiserver_admission_match_condition_evaluation_"
    assert await counted(api, conditions_asked) == [
        f"{conditions_asked}errors_total{{{where}}} 1.0",
        f"{conditions_asked}seconds_count{{{where}}} 2.0",
    ]


async def test_mutations_are_counted(api: Api) -> None:
    good = {"patchType": "ApplyConfiguration", "applyConfiguration": {
        "expression": "Object{data: {'b': '1'}}"}}  # fmt: skip
    bad = {"patchType": "ApplyConfiguration", "applyConfiguration": {
        "expression": "Object{data: {'b': object.data.nope}}"}}  # fmt: skip
    spec = {"failurePolicy": "Ignore", "reinvocationPolicy": "Never", "mutations": [good, bad]}
    await api.policy("Mutating", spec)
    assert (await api.post(MAPS, config_map("x")))[0] == 201
    assert await counted(api, "apiserver_mutating_admission_policy_check_total") == [
        f'apiserver_mutating_admission_policy_check_total{{error_type="{error}",policy="p",'
        'policy_binding="b"} 1.0'
        for error in ("invalid_error", "no_error")
    ]
