import pytest

from pinnace.api.cel.resolved import of_built_in, of_document
from pinnace.api.cel.typechecks import KindName, param_kind, wanted_resources, warnings
from pinnace.api.schema.load import load

DEPLOYMENT, POD = KindName("apps", "v1", "Deployment"), KindName("", "v1", "Pod")
TAB = KindName("tabs.dev", "v1", "Tab")
TAB_DOCUMENT = {
    "components": {
        "schemas": {
            "dev.tabs.v1.Tab": {
                "type": "object",
                "x-kubernetes-group-version-kind": [
                    {"group": "tabs.dev", "version": "v1", "kind": "Tab"}
                ],
                "properties": {
                    "metadata": {"allOf": [{"$ref": "#/components/schemas/Meta"}]},
                    "spec": {"type": "object", "properties": {"many": {"type": "integer"}}},
                    "again": {"$ref": "#/components/schemas/dev.tabs.v1.Tab"},
                },
            },
            "Meta": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "generateName": {"type": "string"}},
            },
        }
    }
}


def schema(kind):
    if kind == TAB:
        return of_document(TAB_DOCUMENT, *("tabs.dev", "v1", "Tab"))
    return of_built_in(load(), kind.group, kind.version, kind.kind)


def check(*expressions, kinds=(DEPLOYMENT,), **spec):
    validations = [{"expression": each} for each in expressions]
    policy = {"spec": {"validations": validations, **spec}}
    wanted = {*kinds, param_kind(policy)} - {None}
    return warnings(policy, list(kinds), {kind: schema(kind) for kind in wanted})


def test_what_fits_is_not_warned_of():
    assert check("object.spec.replicas > 1", "oldObject == null || true") == []


def test_a_confusion_of_types_is_told_with_its_kind_and_place():
    assert check("object.spec.replicas > '1'") == [
        {
            "fieldRef": "spec.validations[0].expression",
            "warning": (
                "apps/v1, Kind=Deployment: ERROR: <input>:1:22: found no matching overload for "
                "'_>_' applied to '(int, string)'\n"
                " | object.spec.replicas > '1'\n"
                " | .....................^\n"
            ),
        }
    ]


def test_message_expressions_are_checked_as_well():
    validation = {"expression": "true", "messageExpression": "'got ' + object.spec.replicas"}
    policy = {"spec": {"validations": [validation]}}
    found = warnings(policy, [DEPLOYMENT], {DEPLOYMENT: schema(DEPLOYMENT)})
    assert [each["fieldRef"] for each in found] == ["spec.validations[0].messageExpression"]
    assert "applied to '(string, int)'" in found[0]["warning"]


def test_every_kind_has_its_own_paragraph():
    found = check("object.spec.nope == 1", kinds=(POD, DEPLOYMENT))
    assert [part.split(":")[0] for part in found[0]["warning"].split("\n\n")] == [
        "/v1, Kind=Pod",
        "apps/v1, Kind=Deployment",
    ]


@pytest.mark.parametrize(
    "open_value",
    [
        "object.spec.strategy.rollingUpdate.maxSurge == 1",
        "object.metadata.labels['a'] == 'b'",
        "variables.wrong.anything == 1",
        "params.anything == 1",
    ],
)
def test_what_no_schema_closes_may_be_anything(open_value):
    kind = {"apiVersion": "none.dev/v1", "kind": "None"}
    wrong = {"name": "wrong", "expression": "object.spec.nope"}
    assert check(open_value, paramKind=kind, variables=[wrong]) == []


def test_variables_and_parameters_have_types():
    replicas = {"name": "replicas", "expression": "object.spec.replicas"}
    assert len(check("variables.replicas == 'x'", variables=[replicas])) == 1
    params = {"apiVersion": "v1", "kind": "ConfigMap"}
    assert len(check("params.data.x == 1", paramKind=params)) == 1


def test_custom_resources_are_checked_by_their_published_schema():
    assert check("object.spec.many > 1 && object.metadata.name == 'x'", kinds=(TAB,)) == []
    assert len(check("object.spec.less > 1", kinds=(TAB,))) == 1


def test_wildcards_and_subresources_are_not_checked():
    def wanted(**rule):
        rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["b", "a"], **rule}
        return wanted_resources({"spec": {"matchConstraints": {"resourceRules": [rule]}}})

    assert wanted() == [[("apps", "v1", "a"), ("apps", "v1", "b")]]
    assert wanted(apiGroups=["*", "apps"]) == wanted(apiVersions=["*"]) == [[]]
    assert wanted(resources=["*", "a/status", "c"]) == [[("apps", "v1", "c")]]
