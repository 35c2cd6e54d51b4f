from datetime import UTC, datetime

import pytest

from pinnace.api.errors import MethodNotAllowed
from pinnace.api.kinds.authentication import SELFSUBJECTREVIEWS, TOKENREVIEWS
from pinnace.api.kinds.authorization import (
    LOCALSUBJECTACCESSREVIEWS,
    SELFSUBJECTACCESSREVIEWS,
    SELFSUBJECTRULESREVIEWS,
    SUBJECTACCESSREVIEWS,
)
from pinnace.api.kinds.core import PODS, SERVICEACCOUNTS
from pinnace.api.kinds.rbac import CLUSTERROLEBINDINGS, CLUSTERROLES, ROLEBINDINGS
from pinnace.api.wire import Request, User
from pinnace.apiserver.authn.table import AuthnConfig
from pinnace.apiserver.authz.base import Attributes
from pinnace.apiserver.bootstrap.builders import rule, user
from pinnace.apiserver.security import LOOKED_UP, SecurityConfig, build
from pinnace.kit import x509
from pinnace.testing.lookups import DictLookup

NOW = datetime(2030, 1, 1, tzinfo=UTC)
JANE = User("jane", ("system:authenticated",))
KEY = x509.make_signing_key()


class Revisions(DictLookup):
    """Counts changes by kind, as the server's caches do."""

    def __init__(self, objects=None):
        self.changed = {}
        super().__init__(objects)

    def add(self, row, obj):
        self.changed[row.plural] = self.changed.get(row.plural, 0) + 1
        super().add(row, obj)

    def revision_of(self, row):
        return self.changed.get(row.plural, 0)


@pytest.fixture
def lookup():
    meta = {"name": "robot", "namespace": "ns", "uid": "u"}
    return Revisions({SERVICEACCOUNTS: [{"metadata": meta}]})


@pytest.fixture
def security(lookup):
    authn = AuthnConfig(
        issuers=("https://here",),
        service_account_keys=(x509.public_pem(KEY),),
        api_audiences=("https://here",),
    )
    config = SecurityConfig(authn=authn, signing_key=KEY, keys_uri="https://here/openid/v1/jwks")
    return build(
        config,
        lookup,
        pods_on=lambda node: (),
        revision_of=lookup.revision_of,
        now=lambda: NOW,
    )


async def test_a_token_that_is_issued_is_believed(security, lookup):
    answer = security.tokens.request({}, namespace="ns", name="robot", lookup=lookup, warnings=[])
    token = answer["status"]["token"]
    request = Request(method="GET", path="/", headers={"authorization": f"Bearer {token}"})
    found = await security.authenticator.authenticate(request)
    assert found.name == "system:serviceaccount:ns:robot"
    review = security.review(TOKENREVIEWS, {"spec": {"token": token}}, namespace="", user=JANE)
    assert review["status"]["authenticated"] is True


def test_a_changed_binding_counts_at_once(security, lookup):
    attempt = Attributes(verb="get", resource="pods", namespace="ns")
    reference = {"kind": "ClusterRole", "name": "r"}
    assert not security.authorizer.authorize(JANE, attempt)[0]
    lookup.add(CLUSTERROLES, {"metadata": {"name": "r"}, "rules": [rule("get", "", "pods")]})
    made = {"name": "b", "namespace": "ns"}
    binding = {"metadata": made, "roleRef": reference, "subjects": [user("jane")]}
    lookup.add(ROLEBINDINGS, binding)
    assert security.authorizer.authorize(JANE, attempt)[0]
    lookup.add(ROLEBINDINGS, {**binding, "subjects": []})
    assert not security.authorizer.authorize(JANE, attempt)[0]
    lookup.add(CLUSTERROLEBINDINGS, {**binding, "metadata": {"name": "b"}})
    assert security.authorizer.authorize(JANE, attempt)[0]
    lookup.add(CLUSTERROLES, {"metadata": {"name": "r"}, "rules": []})
    assert not security.authorizer.authorize(JANE, attempt)[0]


@pytest.mark.parametrize(
    ("row", "spec", "status"),
    [
        (SELFSUBJECTREVIEWS, {}, "userInfo"),
        (SELFSUBJECTACCESSREVIEWS, {"resourceAttributes": {"verb": "get"}}, "allowed"),
        (SUBJECTACCESSREVIEWS, {"user": "x", "resourceAttributes": {"verb": "get"}}, "allowed"),
        (
            LOCALSUBJECTACCESSREVIEWS,
            {"user": "x", "resourceAttributes": {"verb": "get", "namespace": "ns"}},
            "allowed",
        ),
        (SELFSUBJECTRULESREVIEWS, {"namespace": "ns"}, "resourceRules"),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_every_review_is_answered(security, row, spec, status):
    metadata = {"namespace": "ns"} if row.namespaced else {}
    body = {"kind": row.kind, "metadata": metadata, "spec": spec}
    assert status in security.review(row, body, namespace="ns", user=JANE)["status"]


def test_what_is_no_review_is_refused(security):
    with pytest.raises(MethodNotAllowed):
        security.review(PODS, {}, namespace="ns", user=JANE)


def test_the_issuers_documents_belong_together(security):
    document = security.openid_configuration()
    assert document["issuer"] == "https://here"
    assert document["jwks_uri"] == "https://here/openid/v1/jwks"
    (key,) = security.openid_keys()["keys"]
    assert key["kid"] == x509.key_id(x509.public_pem(KEY))


def test_only_stored_kinds_are_looked_up():
    assert all(row.prefix for row in LOOKED_UP)


def test_a_server_may_go_without_rbac(lookup):
    security = build(
        SecurityConfig(rbac=False),
        lookup,
        pods_on=lambda node: (),
        revision_of=lookup.revision_of,
        now=lambda: NOW,
    )
    assert security.authorizer.authorize(JANE, Attributes(verb="get", resource="pods"))[0]
    assert security.tokens is None
