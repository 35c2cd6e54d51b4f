from datetime import UTC, datetime, timedelta

import pytest
from tests.controllers.fake_cluster import running
from tests.controllers.test_policies import budget
from tests.controllers.test_replicaset import READY

from pinnace.api.kinds.core import EVENTS, PODS
from pinnace.api.kinds.policy import PODDISRUPTIONBUDGETS
from pinnace.controllers.disruption import DISRUPTION, stale_at

TOLD = "2030-01-01T00:00:00Z"
NOW = datetime(2030, 1, 1, tzinfo=UTC)


def pod(name="p", phase="Running", *, reason="EvictionByEvictionAPI", state="True", **meta):
    told = {"type": "DisruptionTarget", "status": state, "reason": reason}
    return {
        "metadata": {"name": name, "namespace": "n", "labels": {"app": "web"}, **meta},
        "spec": {},
        "status": {"phase": phase, "conditions": [{**told, "lastTransitionTime": TOLD}]},
    }


@pytest.mark.parametrize(
    ("found", "stale"),
    [
        (pod(), True),
        (pod(state="False"), False),
        (pod(phase="Failed"), False),
        (pod(reason="TerminationByKubelet"), False),
        (pod(deletionTimestamp=TOLD), False),
    ],
)
def test_which_pods_are_not_to_be_disrupted_after_a_while(found, stale):
    assert stale_at(found) == (NOW + timedelta(minutes=2) if stale else None)


async def test_a_pod_that_was_not_disrupted_is_said_not_to_be():
    async with running(DISRUPTION, setup=[(PODS, pod())]) as it:
        await it.settle(119)
        (found,) = it.cluster.all(PODS)
        assert found["status"]["conditions"][0]["status"] == "True"
        await it.settle(2)
        (found,) = it.cluster.all(PODS)
        assert found["status"]["conditions"] == [
            {
                "type": "DisruptionTarget",
                "status": "False",
                "lastTransitionTime": "2030-01-01T00:02:00Z",
            }
        ]


def events(it):
    return {e["reason"]: e["message"] for e in it.cluster.all(EVENTS)}


async def test_an_eviction_that_does_not_happen_is_told_and_counted_no_more():
    found = budget(minAvailable=1)
    found["status"] = {"disruptedPods": {"p0": TOLD}}
    setup = [(PODDISRUPTIONBUDGETS, found)]
    for number in range(2):
        made = {**pod(f"p{number}"), "status": READY}
        setup.append((PODS, made))
    async with running(DISRUPTION, setup=setup) as it:
        (told,) = it.cluster.all(PODDISRUPTIONBUDGETS)
        assert told["status"]["disruptedPods"] == {"p0": TOLD}
        assert (told["status"]["currentHealthy"], told["status"]["disruptionsAllowed"]) == (1, 0)
        await it.settle(122)
        (told,) = it.cluster.all(PODDISRUPTIONBUDGETS)
        assert told["status"]["currentHealthy"] == 2
        text = "Pod was expected by PDB n/n to be deleted but it wasn't"
        assert events(it)["NotDeleted"] == text


async def test_pods_without_a_controller_are_told_of_when_a_share_is_asked_for():
    setup = [(PODDISRUPTIONBUDGETS, budget(maxUnavailable="50%")), (PODS, pod())]
    async with running(DISRUPTION, setup=setup) as it:
        assert (
            "(selector: &LabelSelector{MatchLabels:map[string]string{app: web,},"
            "MatchExpressions:[]LabelSelectorRequirement{},})"
        ) in events(it)["UnmanagedPods"]
