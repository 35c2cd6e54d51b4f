from datetime import UTC, datetime, timedelta

import pytest

from pinnace.controllers.shared import autoscale, autoscale_limits
from pinnace.controllers.shared.autoscale import Measured, MetricError, Tolerances
from pinnace.controllers.shared.autoscale_limits import Bounds, Change, History, decide, rules

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)


def pod(name, phase="Running", ready=True, cpu="100m", age=3600, **meta):
    status = {
        "phase": phase,
        "startTime": (NOW - timedelta(seconds=age)).isoformat(),
        "conditions": [
            {
                "type": "Ready",
                "status": "True" if ready else "False",
                "lastTransitionTime": (NOW - timedelta(seconds=age)).isoformat(),
            }
        ],
    }
    resources = {"requests": {"cpu": cpu}} if cpu else {}
    return {
        "metadata": {"name": name, **meta},
        "spec": {"containers": [{"name": "c", "resources": resources}]},
        "status": status,
    }


def measured(**values):
    return {name: Measured(v, NOW, timedelta(minutes=1)) for name, v in values.items()}


def utilization(pods, metrics, current, target=50):
    return autoscale.by_utilization(
        metrics,
        pods,
        current,
        target,
        resource="cpu",
        container="",
        tolerances=Tolerances(),
        now=NOW,
    )


TWO = [pod("a"), pod("b")]


@pytest.mark.parametrize(
    ("pods", "metrics", "expected"),
    [
        pytest.param(TWO, measured(a=100, b=100), 4, id="twice-the-target"),
        pytest.param(TWO, measured(a=52, b=52), 2, id="within-the-tolerance"),
        pytest.param(TWO, measured(a=20, b=20), 1, id="less-than-half"),
        pytest.param(TWO, measured(a=100), 2, id="missing-counts-as-nothing-when-growing"),
        pytest.param(TWO, measured(a=10), 2, id="missing-counts-as-full-when-shrinking"),
        pytest.param(
            [*TWO, pod("c", "Pending")], measured(a=100, b=100), 4, id="pending-counts-as-nothing"
        ),
        pytest.param(
            [*TWO, pod("c", "Failed")], measured(a=100, b=100, c=900), 4, id="failed-is-ignored"
        ),
        pytest.param(
            [*TWO, pod("c", deletionTimestamp="x")], measured(a=100, b=100, c=9), 4, id="leaving"
        ),
        pytest.param(
            [*TWO, pod("c", ready=False, age=60)],
            measured(a=100, b=100, c=900),
            4,
            id="starting-counts-as-nothing",
        ),
    ],
)
def test_replicas_by_utilization(pods, metrics, expected):
    assert utilization(pods, metrics, 2).replicas == expected


def test_tells_the_average_and_the_percentage():
    found = utilization(TWO, measured(a=100, b=50), 2)
    assert (found.usage, found.utilization) == (75, 75)


@pytest.mark.parametrize(
    ("pods", "metrics", "says"),
    [
        ([], measured(a=1), "no pods returned by selector while calculating replica count"),
        (
            [pod("a", "Pending")],
            measured(a=1),
            r"did not receive metrics for targeted pods \(pods might be unready\)",
        ),
        (
            [pod("a", cpu="")],
            measured(a=1),
            "missing request for cpu in container c of Pod a",
        ),
        (TWO, measured(x=1), "no metrics returned matched known pods"),
    ],
)
def test_what_cannot_be_computed_is_told(pods, metrics, says):
    with pytest.raises(MetricError, match=says):
        utilization(pods, metrics, 2)


@pytest.mark.parametrize(
    ("usage", "current", "expected"), [(3000, 2, 6), (1050, 2, 2), (2500, 0, 3), (100, 2, 1)]
)
def test_replicas_by_one_value(usage, current, expected):
    assert autoscale.by_value(usage, 1000, TWO, current, Tolerances()).replicas == expected


@pytest.mark.parametrize(("usage", "expected"), [(2000, 2), (5100, 6), (100, 1)])
def test_replicas_by_share(usage, expected):
    assert autoscale.by_share(usage, 1000, 2, Tolerances()).replicas == expected


def scaler(**behavior):
    return {"spec": {"behavior": behavior} if behavior else {}}


def size(wanted, current, least=1, most=100, history=None, **behavior):
    found = decide(
        wanted, Bounds(least, most, current), rules(scaler(**behavior)), history or History(), NOW
    )
    return found.replicas, found.able.reason, found.limited.reason


@pytest.mark.parametrize(
    ("wanted", "current", "bounds", "expected"),
    [
        pytest.param(5, 4, {}, (5, "ReadyForNewScale", "DesiredWithinRange"), id="free"),
        pytest.param(9, 3, {}, (6, "ReadyForNewScale", "ScaleUpLimit"), id="at-most-double"),
        pytest.param(9, 1, {}, (4, "ReadyForNewScale", "ScaleUpLimit"), id="four-at-once"),
        pytest.param(9, 5, {"most": 7}, (7, "ReadyForNewScale", "TooManyReplicas"), id="most"),
        pytest.param(1, 5, {"least": 2}, (2, "ReadyForNewScale", "TooFewReplicas"), id="least"),
    ],
)
def test_bounds_without_a_behaviour(wanted, current, bounds, expected):
    assert size(wanted, current, **bounds) == expected


def test_the_highest_recommendation_of_five_minutes_counts():
    history = History(
        recommended=[Change(NOW - timedelta(seconds=s), n) for s, n in ((301, 9), (200, 7), (9, 6))]
    )
    assert size(3, 8, history=history) == (7, "ScaleDownStabilized", "DesiredWithinRange")
    assert [change.number for change in history.recommended] == [7, 6, 3]


PODS_2 = {"type": "Pods", "value": 2, "periodSeconds": 60}
PERCENT_10 = {"type": "Percent", "value": 10, "periodSeconds": 60}


@pytest.mark.parametrize(
    ("wanted", "current", "behavior", "expected"),
    [
        pytest.param(30, 10, {"scaleUp": {"policies": [PODS_2]}}, 12, id="pods-up"),
        pytest.param(30, 10, {"scaleUp": {"policies": [PODS_2, PERCENT_10]}}, 12, id="max-up"),
        pytest.param(
            30,
            10,
            {"scaleUp": {"policies": [PODS_2, PERCENT_10], "selectPolicy": "Min"}},
            11,
            id="min-up",
        ),
        pytest.param(30, 10, {"scaleUp": {"selectPolicy": "Disabled"}}, 10, id="never-up"),
        pytest.param(30, 10, {"scaleDown": {}}, 20, id="usual-up"),
        pytest.param(1, 30, {"scaleDown": {"policies": [PERCENT_10]}}, 27, id="percent-down"),
        pytest.param(
            1,
            30,
            {"scaleDown": {"policies": [PODS_2, PERCENT_10], "selectPolicy": "Min"}},
            28,
            id="min-down",
        ),
        pytest.param(1, 30, {"scaleDown": {"selectPolicy": "Disabled"}}, 30, id="never-down"),
    ],
)
def test_rates_of_a_behaviour(wanted, current, behavior, expected):
    assert size(wanted, current, **behavior)[0] == expected


def test_what_was_changed_within_the_period_counts_against_the_rate():
    history = History(added=[Change(NOW - timedelta(seconds=s), 1) for s in (90, 30)])
    behavior = {"scaleUp": {"policies": [PODS_2]}}
    assert size(30, 10, history=history, **behavior) == (11, "ReadyForNewScale", "ScaleUpLimit")


def test_the_lowest_recommendation_of_the_window_counts_upwards():
    history = History(recommended=[Change(NOW - timedelta(seconds=30), 6)])
    behavior = {"scaleUp": {"stabilizationWindowSeconds": 60}}
    assert size(8, 5, history=history, **behavior)[:2] == (6, "ScaleUpStabilized")


def test_a_tolerance_may_be_set_for_each_direction():
    found = autoscale.tolerances(scaler(scaleUp={"tolerance": "0.5"}, scaleDown={}))
    assert (found.up, found.down) == (0.5, 0.1)


def test_changes_are_remembered_only_as_long_as_a_policy_asks():
    found = rules(scaler(scaleUp={"policies": [PODS_2]}))
    history = History(added=[Change(NOW - timedelta(seconds=61), 1)])
    history.rescaled(1, 3, NOW, found)
    history.rescaled(3, 2, NOW, found)
    assert (history.added, history.removed) == ([Change(NOW, 2)], [Change(NOW, 1)])
    assert autoscale_limits.rules(scaler()) is None


def test_tolerances_are_as_fine_as_they_are_told():
    spec = {"behavior": {"scaleUp": {"tolerance": "100u"}}}
    found = autoscale.tolerances({"spec": spec})
    assert (found.down, found.up) == (0.1, 0.0001)
