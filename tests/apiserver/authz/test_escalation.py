import pytest

from pinnace.api.kinds.rbac import CLUSTERROLEBINDINGS, CLUSTERROLES, ROLEBINDINGS, ROLES
from pinnace.api.wire import User
from pinnace.apiserver.authz.escalation import check_write
from pinnace.apiserver.authz.rbac import Rbac
from pinnace.apiserver.bootstrap.builders import rule, urls, user
from pinnace.testing.lookups import DictLookup

JANE = User("jane", ("devs",))


@pytest.fixture
def lookup():
    return DictLookup()


def hold(lookup, *rules):
    lookup.add(CLUSTERROLES, {"metadata": {"name": "held"}, "rules": list(rules)})
    lookup.add(
        CLUSTERROLEBINDINGS,
        {
            "metadata": {"name": "b"},
            "roleRef": {"kind": "ClusterRole", "name": "held"},
            "subjects": [user("jane")],
        },
    )


async def write(lookup, row, obj, *, who=JANE, old=None, namespace="", asked=""):
    rbac = Rbac(lookup)
    return await check_write(
        row, obj, old, namespace=namespace, asked=asked, user=who, rbac=rbac, authorizer=rbac
    )


def made(*rules, **more):
    return {"metadata": {"name": "new"}, "rules": list(rules), **more}


@pytest.mark.parametrize(
    ("held", "granted", "allowed"),
    [
        ([rule("get list", "", "pods")], rule("get", "", "pods"), True),
        ([rule("get", "", "pods"), rule("list", "", "pods")], rule("get list", "", "pods"), True),
        ([rule("get", "", "pods")], rule("get list", "", "pods"), False),
        ([rule("*", "", "pods")], rule("get", "", "pods"), True),
        ([rule("get", "", "pods")], rule("*", "", "pods"), False),
        ([rule("get", "", "pods", names="a")], rule("get", "", "pods"), False),
        ([rule("get", "", "pods")], rule("get", "", "pods", names="a"), True),
        ([rule("get", "*", "*/scale")], rule("get", "apps", "deployments/scale"), True),
        ([urls("get", "/a/*")], urls("get", "/a/b"), True),
        ([urls("get", "/a/*")], urls("get", "/a"), False),
        ([urls("get", "/a/*")], urls("get", "*"), False),
        (
            [rule("escalate", "rbac.authorization.k8s.io", "clusterroles")],
            rule("*", "*", "*"),
            True,
        ),
    ],
)
async def test_only_what_is_held_can_be_granted(lookup, held, granted, allowed):
    hold(lookup, *held)
    assert (await write(lookup, CLUSTERROLES, made(granted)) is None) is allowed


async def test_the_refusal_lists_what_is_missing(lookup):
    hold(lookup, rule("get", "", "pods"))
    wanted = made(rule("get list watch", "", "pods"), rule("get", "apps", "deployments"))
    refused = await write(lookup, CLUSTERROLES, wanted)
    assert refused.message == (
        'clusterroles.rbac.authorization.k8s.io "new" is forbidden: user "jane" (groups=["devs"])'
        " is attempting to grant RBAC permissions not currently held:\n"
        '{APIGroups:[""], Resources:["pods"], Verbs:["list" "watch"]}\n'
        '{APIGroups:["apps"], Resources:["deployments"], Verbs:["get"]}'
    )


async def test_masters_may_grant_everything(lookup):
    masters = User("root", ("system:masters",))
    assert await write(lookup, CLUSTERROLES, made(rule("*", "*", "*")), who=masters) is None


async def test_aggregation_needs_everything(lookup):
    hold(lookup, rule("get", "*", "*"))
    aggregating = made(aggregationRule={"clusterRoleSelectors": [{}]})
    refused = await write(lookup, CLUSTERROLES, aggregating)
    assert "must have cluster-admin privileges to use the aggregationRule" in refused.message
    hold(lookup, rule("*", "*", "*"), urls("*", "*"))
    assert await write(lookup, CLUSTERROLES, aggregating) is None


def bind(kind="Role", name="target"):
    return {"metadata": {"name": "new"}, "roleRef": {"kind": kind, "name": name}}


async def test_binding_needs_what_the_role_gives_or_the_verb_bind(lookup):
    target = {"metadata": {"name": "target", "namespace": "ns"}, "rules": [rule("*", "", "pods")]}
    lookup.add(ROLES, target)
    assert (await write(lookup, ROLEBINDINGS, bind(), namespace="ns")).code == 403
    hold(lookup, rule("*", "", "pods"))
    assert await write(lookup, ROLEBINDINGS, bind(), namespace="ns") is None
    hold(lookup, rule("bind", "rbac.authorization.k8s.io", "roles", names="target"))
    assert await write(lookup, ROLEBINDINGS, bind(), namespace="ns") is None


async def test_binding_a_role_that_is_not_there_is_refused(lookup):
    assert (await write(lookup, ROLEBINDINGS, bind(), namespace="ns")).code == 404


async def test_an_update_of_finalizers_alone_is_not_checked(lookup):
    old = made(rule("*", "*", "*"))
    new = {**old, "metadata": {"name": "new", "finalizers": ["x"]}}
    assert await write(lookup, CLUSTERROLES, new, old=old) is None
    assert await write(lookup, CLUSTERROLES, {**new, "rules": [rule("get", "", "x")]}, old=old)


async def test_escalating_by_name_does_not_allow_to_create(lookup):
    hold(lookup, rule("escalate", "rbac.authorization.k8s.io", "clusterroles", names="new"))
    wanted = made(rule("*", "*", "*"))
    assert (await write(lookup, CLUSTERROLES, wanted)).code == 403
    assert await write(lookup, CLUSTERROLES, wanted, asked="new") is None


async def test_a_reference_to_something_else_is_no_way_around(lookup):
    hold(lookup, rule("bind", "rbac.authorization.k8s.io", "roles"))
    refused = await write(lookup, ROLEBINDINGS, bind(kind="Pod"), namespace="ns")
    assert refused.message == 'unsupported role reference kind: "Pod"'
