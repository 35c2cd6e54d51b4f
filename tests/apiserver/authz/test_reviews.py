import pytest

from pinnace.api.errors import BadRequest, Invalid
from pinnace.api.kinds.rbac import CLUSTERROLEBINDINGS, CLUSTERROLES
from pinnace.api.wire import User
from pinnace.apiserver.authz.rbac import Rbac
from pinnace.apiserver.authz.reviews import answered, question, review_own_rules
from pinnace.apiserver.authz.union import Member, Union
from pinnace.apiserver.bootstrap.rbac import bootstrap_rbac
from pinnace.testing.lookups import DictLookup

JANE = User("jane", ("system:authenticated",))


@pytest.fixture(scope="module")
def rbac():
    lookup = DictLookup()
    for obj in bootstrap_rbac():
        rows = {"ClusterRole": CLUSTERROLES, "ClusterRoleBinding": CLUSTERROLEBINDINGS}
        if obj["kind"] in rows:
            lookup.add(rows[obj["kind"]], obj)
    return Rbac(lookup)


def review(**spec):
    return {"kind": "SubjectAccessReview", "metadata": {"creationTimestamp": None}, "spec": spec}


async def review_access(made, authorizer):
    return await answered(question(made, "SubjectAccessReview"), JANE, authorizer)


async def test_a_review_answers_for_the_named_subject(rbac):
    asked = {"verb": "get", "resource": "pods"}
    answer = await review_access(review(user="x", resourceAttributes=asked), rbac)
    assert answer["status"] == {"allowed": False}
    asked = {"verb": "get", "path": "/healthz"}
    answer = await review_access(
        review(groups=["system:unauthenticated"], nonResourceAttributes=asked), rbac
    )
    assert answer["status"]["allowed"] is True


async def test_masters_are_allowed_everything(rbac):
    root = User("root", ("system:masters",))
    asked = {"verb": "delete", "resource": "nodes"}
    answer = await answered(
        question(review(resourceAttributes=asked), "SelfSubjectAccessReview"),
        root,
        Union((Member("RBAC", "rbac", rbac),)),
    )
    assert answer["status"] == {"allowed": True}


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"user": "x"}, "exactly one of nonResourceAttributes or resourceAttributes must be"),
        ({"resourceAttributes": {}}, "at least one of user or group must be specified"),
        (
            {"user": "x", "resourceAttributes": {}, "nonResourceAttributes": {}},
            "cannot be specified in combination with resourceAttributes",
        ),
    ],
)
async def test_a_malformed_review_is_invalid(rbac, spec, says):
    with pytest.raises(Invalid, match=says):
        await review_access(review(**spec), rbac)


async def test_a_local_review_stays_in_its_namespace(rbac):
    made = review(user="x", resourceAttributes={"namespace": "ns", "verb": "get"})
    made["metadata"] = {"namespace": "ns"}
    asked = question(made, "LocalSubjectAccessReview", "ns")
    assert (await answered(asked, JANE, rbac))["status"] == {"allowed": False}
    with pytest.raises(BadRequest):
        question(made, "LocalSubjectAccessReview", "other")
    made["spec"]["resourceAttributes"]["namespace"] = "other"
    with pytest.raises(Invalid, match=r"must match metadata.namespace"):
        question(made, "LocalSubjectAccessReview", "ns")


def test_own_rules_are_listed(rbac):
    status = review_own_rules({"spec": {"namespace": "default"}}, JANE, rbac)["status"]
    assert status["incomplete"] is False
    assert {
        "verbs": ["create"],
        "apiGroups": ["authorization.k8s.io"],
        "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
    } in status["resourceRules"]
    assert any("/healthz" in rule["nonResourceURLs"] for rule in status["nonResourceRules"])
    with pytest.raises(BadRequest, match="no namespace on request"):
        review_own_rules({"spec": {}}, JANE, rbac)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"fieldSelector": {"rawSelector": "&&"}}, "fieldSelector ignored"),
        ({"labelSelector": {"rawSelector": "a in (b"}}, "labelSelector ignored"),
        (
            {
                "labelSelector": {
                    "requirements": [
                        {"key": "a", "operator": "Exists"},
                        {"key": "a", "operator": "Bogus", "values": ["b"]},
                    ]
                }
            },
            "labelSelector partially ignored",
        ),
    ],
)
async def test_selectors_that_cannot_be_read_are_ignored_and_told_of(rbac, asked, says):
    attributes = {"verb": "list", "resource": "pods", **asked}
    status = (await review_access(review(user="x", resourceAttributes=attributes), rbac))["status"]
    told = f"spec.resourceAttributes.{says} due to parse error"
    assert status == {"allowed": False, "evaluationError": told}
