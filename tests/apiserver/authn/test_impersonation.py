import pytest

from pinnace.api.errors import BadRequest, Forbidden
from pinnace.api.wire import User
from pinnace.apiserver.authn.impersonating import Impersonation
from pinnace.apiserver.authn.impersonation import SEPARATOR, joined, wanted
from pinnace.apiserver.authz.base import ALLOWED, NO_OPINION, Attributes

ADMIN = User("admin", ("system:authenticated",))


LIST = Attributes(verb="list", resource="pods", namespace="ns")


async def impersonate(user, headers, authorizer):
    who = wanted(headers)
    return user if who is None else await Impersonation(authorizer).user(user, who, LIST)


class Remembering:
    """Allows what is listed as (resource, namespace, name), and remembers what was asked.

    Only in the old way, unless it allows everything.
    """

    def __init__(self, *allowed):
        self.allowed = allowed
        self.asked = []

    def authorize(self, user, attributes):
        self.asked.append(attributes)
        what = (attributes.resource, attributes.namespace, attributes.name)
        listed = attributes.verb == "impersonate" and what in self.allowed
        return ALLOWED if listed or not self.allowed else NO_OPINION


async def test_nobody_is_impersonated_without_headers():
    authorizer = Remembering()
    assert await impersonate(ADMIN, {"accept": "x"}, authorizer) is ADMIN
    assert authorizer.asked == []


async def test_everything_asked_for_is_authorized_by_itself():
    authorizer = Remembering()
    user = await impersonate(
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
        ("impersonate-on:user-info:list", "", "pods", "", ""),
        ("impersonate:user-info", "authentication.k8s.io", "users", "", "jane"),
        ("impersonate:user-info", "authentication.k8s.io", "uids", "", "u1"),
        ("impersonate:user-info", "authentication.k8s.io", "groups", "", "devs"),
        ("impersonate:user-info", "authentication.k8s.io", "groups", "", "a,b"),
        ("impersonate:user-info", "authentication.k8s.io", "userextras", "scopes/x", "view"),
    ]


async def test_one_refused_group_refuses_the_whole():
    authorizer = Remembering(("users", "", "jane"))
    headers = {"impersonate-user": "jane", "impersonate-group": "system:masters"}
    with pytest.raises(Forbidden) as refused:
        await impersonate(ADMIN, headers, authorizer)
    assert refused.value.message == (
        'pods is forbidden: User "admin" cannot impersonate-on:user-info:list resource "pods"'
        ' in API group "" in the namespace "ns"'
    )
    assert [(a.verb, a.resource, a.name) for a in authorizer.asked[1:]] == [
        ("impersonate", "users", "jane"),
        ("impersonate", "groups", "system:masters"),
    ]


async def test_masters_are_impersonated_in_the_old_way_only():
    authorizer = Remembering()
    headers = {"impersonate-user": "jane", "impersonate-group": "system:masters"}
    assert (await impersonate(ADMIN, headers, authorizer)).groups[0] == "system:masters"
    assert authorizer.asked[-1].verb == "impersonate"


async def test_a_node_that_is_asked_for_by_name_alone_is_in_the_group_of_nodes():
    authorizer = Remembering()
    user = await impersonate(ADMIN, {"impersonate-user": "system:node:n1"}, authorizer)
    assert user.groups == ("system:nodes", "system:authenticated")
    assert [(a.verb, a.resource, a.name) for a in authorizer.asked] == [
        ("impersonate-on:arbitrary-node:list", "pods", ""),
        ("impersonate:arbitrary-node", "nodes", "n1"),
    ]


async def test_a_service_account_may_be_let_act_as_the_node_it_runs_on():
    agent = User(
        "system:serviceaccount:ns:agent",
        (),
        "",
        {"authentication.kubernetes.io/node-name": ("n1",)},
    )
    authorizer = Remembering()
    await impersonate(agent, {"impersonate-user": "system:node:n1"}, authorizer)
    assert [(a.verb, a.resource, a.name) for a in authorizer.asked] == [
        ("impersonate-on:associated-node:list", "pods", ""),
        ("impersonate:associated-node", "nodes", "*"),
    ]


async def test_the_way_that_succeeded_last_is_tried_first():
    authorizer = Remembering(("users", "", "jane"))
    impersonation = Impersonation(authorizer)
    who = wanted({"impersonate-user": "jane"})
    await impersonation.user(ADMIN, who, LIST)
    assert [a.verb for a in authorizer.asked] == ["impersonate-on:user-info:list", "impersonate"]
    await impersonation.user(ADMIN, who, LIST)
    assert [a.verb for a in authorizer.asked[2:]] == ["impersonate"]


async def test_a_service_account_is_asked_for_as_one_and_gets_its_groups():
    authorizer = Remembering(("serviceaccounts", "ns", "robot"))
    user = await impersonate(
        ADMIN, {"impersonate-user": "system:serviceaccount:ns:robot"}, authorizer
    )
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
async def test_the_group_of_the_authenticated_is_added_where_it_belongs(name, group, groups):
    headers = {"impersonate-user": name} | ({"impersonate-group": group} if group else {})
    assert (await impersonate(ADMIN, headers, Remembering())).groups == groups


async def test_groups_without_a_user_are_a_bad_request():
    with pytest.raises(BadRequest):
        await impersonate(ADMIN, {"impersonate-group": "devs"}, Remembering())


async def test_repeated_headers_are_joined_without_loss():
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
    assert (await impersonate(ADMIN, headers, Remembering())).groups == (
        "a,b",
        "c",
        "system:authenticated",
    )
