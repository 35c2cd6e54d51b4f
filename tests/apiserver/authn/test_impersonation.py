import pytest

from pinnace.api.errors import BadRequest, Forbidden
from pinnace.api.wire import User
from pinnace.apiserver.authn.impersonation import SEPARATOR, impersonate, joined

ADMIN = User("admin", ("system:authenticated",))


class Remembering:
    """Allows what is listed as (resource, namespace, name), and remembers what was asked."""

    def __init__(self, *allowed):
        self.allowed = allowed
        self.asked = []

    def authorize(self, user, attributes):
        self.asked.append(attributes)
        what = (attributes.resource, attributes.namespace, attributes.name)
        return not self.allowed or what in self.allowed, ""


def test_nobody_is_impersonated_without_headers():
    authorizer = Remembering()
    assert impersonate(ADMIN, {"accept": "x"}, authorizer) is ADMIN
    assert authorizer.asked == []


def test_everything_asked_for_is_authorized_by_itself():
    authorizer = Remembering()
    user = impersonate(
        ADMIN,
        {
            "impersonate-user": "jane",
            "impersonate-uid": "u1",
            "impersonate-group": SEPARATOR.join(("devs", "a,b")),
            "impersonate-extra-scopes%2fx": "view",
        },
        authorizer,
    )
    assert user == User(
        "jane", ("devs", "a,b", "system:authenticated"), "u1", {"scopes/x": ("view",)}
    )
    assert [(a.verb, a.group, a.resource, a.subresource, a.name) for a in authorizer.asked] == [
        ("impersonate", "", "users", "", "jane"),
        ("impersonate", "", "groups", "", "devs"),
        ("impersonate", "", "groups", "", "a,b"),
        ("impersonate", "authentication.k8s.io", "userextras", "scopes/x", "view"),
        ("impersonate", "authentication.k8s.io", "uids", "", "u1"),
    ]


def test_one_refused_group_refuses_the_whole():
    authorizer = Remembering(("users", "", "jane"))
    headers = {"impersonate-user": "jane", "impersonate-group": "system:masters"}
    with pytest.raises(Forbidden) as refused:
        impersonate(ADMIN, headers, authorizer)
    assert refused.value.message == (
        'groups "system:masters" is forbidden: User "admin" cannot impersonate resource "groups"'
        ' in API group "" at the cluster scope'
    )


def test_a_service_account_is_asked_for_as_one_and_gets_its_groups():
    authorizer = Remembering(("serviceaccounts", "ns", "robot"))
    user = impersonate(ADMIN, {"impersonate-user": "system:serviceaccount:ns:robot"}, authorizer)
    assert user.groups == (
        "system:serviceaccounts",
        "system:serviceaccounts:ns",
        "system:authenticated",
    )


@pytest.mark.parametrize(
    ("name", "group", "groups"),
    [
        ("system:anonymous", "", ("system:unauthenticated",)),
        ("jane", "system:unauthenticated", ("system:unauthenticated",)),
        ("jane", "system:authenticated", ("system:authenticated",)),
    ],
)
def test_the_group_of_the_authenticated_is_added_where_it_belongs(name, group, groups):
    headers = {"impersonate-user": name} | ({"impersonate-group": group} if group else {})
    assert impersonate(ADMIN, headers, Remembering()).groups == groups


def test_groups_without_a_user_are_a_bad_request():
    with pytest.raises(BadRequest):
        impersonate(ADMIN, {"impersonate-group": "devs"}, Remembering())


def test_repeated_headers_are_joined_without_loss():
    headers = joined(
        (
            ("Impersonate-User", "jane"),
            ("Impersonate-Group", "a,b"),
            ("impersonate-group", "c"),
            ("Accept", "x"),
            ("Accept", "y"),
        )
    )
    assert headers["accept"] == "x, y"
    assert impersonate(ADMIN, headers, Remembering()).groups == (
        "a,b",
        "c",
        "system:authenticated",
    )
