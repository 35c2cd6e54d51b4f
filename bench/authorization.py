"""What a decision costs: `python -m bench.authorization`.

A thousand ClusterRoleBindings and a thousand RoleBindings in a hundred namespaces, to users, groups
and service accounts, beside the roles that every cluster has. No server: the authorizer alone, as
the server puts it together.
"""

import time
from collections.abc import Callable, Iterator

from pinnace.api.kinds.rbac import CLUSTERROLEBINDINGS, CLUSTERROLES, ROLEBINDINGS, ROLES
from pinnace.api.objects import Object
from pinnace.api.wire import User
from pinnace.apiserver.authz.base import Attributes, Verdict
from pinnace.apiserver.authz.configuration import NODE_AND_RBAC
from pinnace.apiserver.authz.rbac import GROUP, Rbac
from pinnace.apiserver.authz.table import Authorizers
from pinnace.apiserver.bootstrap.rbac import bootstrap_rbac
from pinnace.kit.clock import SystemClock
from pinnace.testing.lookups import DictLookup

_ROWS = {
    "ClusterRole": CLUSTERROLES,
    "Role": ROLES,
    "ClusterRoleBinding": CLUSTERROLEBINDINGS,
    "RoleBinding": ROLEBINDINGS,
}
_MANY, _NAMESPACES, _ROUNDS = 1000, 100, 20_000


def objects() -> Iterator[Object]:
    """Yield the roles and bindings."""
    yield from bootstrap_rbac()
    for number in range(_MANY):
        yield _binding("ClusterRoleBinding", f"c{number}", "", number, ("view", "edit")[number % 2])
        namespace = f"ns{number % _NAMESPACES}"
        yield _binding("RoleBinding", f"r{number}", namespace, number, "admin")


def _binding(kind: str, name: str, namespace: str, number: int, role: str) -> Object:
    subjects = (
        {"kind": "User", "name": f"u{number}"},
        {"kind": "Group", "name": f"g{number}"},
        {"kind": "ServiceAccount", "name": f"s{number}", "namespace": f"ns{number % _NAMESPACES}"},
    )
    return {
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": role},
        "subjects": [subjects[number % 3]],
    }


def _micro(work: Callable[[], object], rounds: int) -> float:
    began = time.process_time()
    for _ in range(rounds):
        work()
    return (time.process_time() - began) / rounds * 1e6


def main() -> None:
    """Print what decisions cost, before and after changes."""
    lookup = DictLookup()
    for obj in objects():
        lookup.add(_ROWS[obj["kind"]], obj)
    rbac = Rbac(lookup)
    union = Authorizers(NODE_AND_RBAC, rbac, lookup, lambda node: (), SystemClock()).union
    every = ("system:authenticated",)
    groups = tuple(f"g{number}" for number in range(1, 31))
    account = User("system:serviceaccount:ns2:s2", ("system:serviceaccounts", *every))
    pods = Attributes(verb="list", version="v1", resource="pods", namespace="ns2")
    cases = {
        "a user, everywhere": (User("u0", every), pods),
        "a service account, in its namespace": (account, pods),
        "a user, refused": (User("nobody", every), pods),
        "a user of 30 groups, refused": (
            User("nobody", (*groups, *every)),
            Attributes(verb="get", resource="nodes", name="n"),
        ),
        "a path": (User("u0", every), Attributes(verb="get", path="/healthz")),
    }
    for what, (user, attempt) in cases.items():
        found = union.authorize(user, attempt)
        assert isinstance(found, Verdict)
        cost = _micro(lambda u=user, a=attempt: union.authorize(u, a), _ROUNDS)  # type: ignore[misc]
        print(f"{what:40} {found.decision.value:10} {cost:7.2f} us")
    user, attempt = cases["a user, everywhere"]
    for row, namespace in ((CLUSTERROLEBINDINGS, ""), (ROLEBINDINGS, "ns2"), (CLUSTERROLES, "")):

        def again(row: object = row, namespace: str = namespace) -> None:
            rbac.changed(row, namespace)  # type: ignore[arg-type]
            union.authorize(user, attempt)

        print(f"the first after a change of {row.plural:19} {_micro(again, 20):16.0f} us")


if __name__ == "__main__":
    main()
