import pytest
from tests.controllers.fake_cluster import running
from tests.controllers.test_replicaset import READY, replicaset

from pinnace.api.kinds.apps import REPLICASETS
from pinnace.api.kinds.core import PODS
from pinnace.api.kinds.policy import PODDISRUPTIONBUDGETS
from pinnace.controllers.clusterrole_aggregation import aggregated
from pinnace.controllers.disruption import DISRUPTION, Expected, expected


def budget(**spec):
    selector = {"matchLabels": {"app": "web"}}
    return {"metadata": {"name": "b", "namespace": "n"}, "spec": {"selector": selector, **spec}}


@pytest.mark.parametrize(
    ("spec", "found", "scale", "result"),
    [
        ({"minAvailable": 2}, 5, 0, Expected(5, 2)),
        ({"minAvailable": "50%"}, 5, 5, Expected(5, 3)),
        ({"maxUnavailable": 1}, 4, 5, Expected(5, 4)),
        ({"maxUnavailable": "30%"}, 5, 10, Expected(10, 7)),
        ({"maxUnavailable": 9}, 5, 5, Expected(5, 0)),
        ({}, 5, 5, Expected(0, 0)),
    ],
)
def test_what_a_budget_expects(spec, found, scale, result):
    assert expected(budget(**spec), found, scale) == result


async def test_as_many_may_be_disrupted_as_are_healthy_beyond_the_least():
    setup = [(REPLICASETS, replicaset(3)), (PODDISRUPTIONBUDGETS, budget(maxUnavailable=1))]
    async with running(DISRUPTION, setup=setup) as it:
        owner = it.cluster.all(REPLICASETS)[0]["metadata"]
        ref = {"kind": "ReplicaSet", "apiVersion": "apps/v1", "name": "web", "uid": owner["uid"]}
        for number in range(3):
            meta = {
                "name": f"p{number}",
                "namespace": "n",
                "labels": {"app": "web"},
                "ownerReferences": [{**ref, "controller": True}],
            }
            pod = await it.cluster.create(PODS, {"metadata": meta, "spec": {}})
            await it.cluster.set_status(PODS, pod, **READY)
        await it.settle()
        (found,) = it.cluster.all(PODDISRUPTIONBUDGETS)
        numbers = ("currentHealthy", "desiredHealthy", "expectedPods", "disruptionsAllowed")
        assert [found["status"][name] for name in numbers] == [3, 2, 3, 1]
        assert found["status"]["conditions"][0]["reason"] == "SufficientPods"
        await it.cluster.delete(PODS, "p0", namespace="n")
        await it.settle()
        (found,) = it.cluster.all(PODDISRUPTIONBUDGETS)
        assert found["status"]["disruptionsAllowed"] == 0
        assert found["status"]["conditions"][0]["reason"] == "InsufficientPods"


def role(name, labels=None, rules=(), **rest):
    return {"metadata": {"name": name, "labels": labels or {}}, "rules": list(rules), **rest}


def test_a_role_is_the_sum_of_those_selected_each_rule_once():
    one, two = {"verbs": ["get"]}, {"verbs": ["list"]}
    rule = {"clusterRoleSelectors": [{"matchLabels": {"to": "admin"}}]}
    admin = role("admin", {"to": "admin"}, aggregationRule=rule)
    others = [role("b", {"to": "admin"}, [two, one]), role("a", {"to": "admin"}, [one]), role("c")]
    assert aggregated(admin, [admin, *others]) == [one, two]
