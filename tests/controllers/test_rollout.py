import pytest

from pinnace.controllers.shared import rollout
from pinnace.controllers.shared.rollout import Sets


def deployment(replicas, surge, unavailable):
    strategy = {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable},
    }
    return {"metadata": {"name": "d"}, "spec": {"replicas": replicas, "strategy": strategy}}


def entry(name, size, available):
    return {
        "metadata": {"name": name, "creationTimestamp": name},
        "spec": {"replicas": size},
        "status": {"availableReplicas": available},
    }


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "expected"),
    [
        (10, "25%", "25%", (3, 2)),
        (10, 3, 2, (3, 2)),
        (1, "25%", "25%", (1, 0)),
        (3, 0, "10%", (0, 1)),
        (3, "0%", 9, (0, 3)),
        (0, 1, 1, (1, 0)),
    ],
)
def test_how_far_a_rollout_may_go(replicas, surge, unavailable, expected):
    found = deployment(replicas, surge, unavailable)
    assert (rollout.max_surge(found), rollout.max_unavailable(found)) == expected


@pytest.mark.parametrize(
    ("old", "new", "grown", "shrunk"),
    [
        # The worked example: 10 Pods, 3 more and 2 fewer allowed.
        ((10, 10), (0, 0), 3, 8),
        ((10, 10), (3, 0), None, 8),
        ((8, 8), (3, 0), 5, None),
        ((8, 8), (5, 3), None, 5),
        # Old Pods that are not available go first and cost nothing.
        ((10, 4), (3, 0), None, 8),
        ((0, 0), (10, 10), None, None),
    ],
)
def test_one_step_of_a_rolling_update(old, new, grown, shrunk):
    found = deployment(10, 3, 2)
    sets = Sets(entry("new", *new), [entry("old", *old)])
    assert [size for _, size in rollout.grow(found, sets)] == ([grown] if grown else [])
    sizes = [size for _, size in rollout.shrink(found, sets)]
    assert sizes == ([shrunk] if shrunk is not None else [])


def test_the_name_of_a_template_changes_with_the_template_and_the_collisions():
    one, two = {"spec": {"a": 1}}, {"spec": {"a": 2}}
    names = {
        rollout.template_hash(one, None),
        rollout.template_hash(two, None),
        rollout.template_hash(one, 1),
    }
    assert len(names) == 3
    assert rollout.template_hash({"spec": {"a": 1, "b": None}}, None) in names


def test_a_long_history_forgets_its_oldest_revisions():
    text = ",".join(str(number) for number in range(1000, 1400))
    assert rollout._history(text, "1400").endswith(",1399,1400")
    assert len(rollout._history(text, "1400")) <= 2000
