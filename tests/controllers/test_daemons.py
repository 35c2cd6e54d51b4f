from datetime import UTC, datetime

import pytest
from tests.controllers.test_daemonset import daemonset, node

from pinnace.controllers.shared import daemons
from pinnace.controllers.shared.daemons import View

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def pod(name, on, *, up=True, digest="old", **labels):
    told = {"type": "Ready", "status": "True" if up else "False"}
    return {
        "metadata": {"name": name, "labels": {daemons.HASH: digest, **labels}},
        "spec": {"nodeName": on},
        "status": {"phase": "Running", "conditions": [told]},
    }


def view(pods, *, nodes="abc", refused="", annotations=None, **rolling):
    strategy = {"type": "RollingUpdate", "rollingUpdate": rolling}
    owner = daemonset(updateStrategy=strategy)
    owner["metadata"]["annotations"] = annotations or {}
    taint = [{"key": "k", "effect": "NoSchedule"}]
    found = {name: node(name, taints=taint if name in refused else []) for name in nodes}
    by_node = {}
    for entry in pods:
        by_node.setdefault(entry["spec"]["nodeName"], []).append(entry)
    return View(owner, found, by_node, "new", NOW)


def planned(found):
    plan = daemons.roll(found)
    return plan.create, [entry["metadata"]["name"] for entry in plan.delete]


OLD = [pod("pa", "a"), pod("pb", "b"), pod("pc", "c")]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(view(OLD, maxUnavailable=1), ([], ["pa"]), id="one-at-a-time"),
        pytest.param(view(OLD, maxUnavailable="50%"), ([], ["pa", "pb"]), id="rounded-up"),
        pytest.param(
            view([*OLD[:2], pod("pc", "c", up=False)], maxUnavailable=1),
            ([], ["pc"]),
            id="those-that-are-down-first",
        ),
        pytest.param(
            view([*OLD[:2], pod("pc", "c", up=False, digest="new")], maxUnavailable=1),
            ([], []),
            id="waits-for-the-new-one",
        ),
        pytest.param(view(OLD, maxUnavailable=0, maxSurge=2), (["a", "b"], []), id="surge"),
        pytest.param(
            view([*OLD, pod("na", "a", digest="new")], maxUnavailable=0, maxSurge=1),
            (["b"], ["pa"]),
            id="the-old-one-goes-when-the-new-one-is-up",
        ),
        pytest.param(
            view([*OLD, pod("na", "a", up=False, digest="new")], maxUnavailable=0, maxSurge=1),
            ([], []),
            id="surging-already",
        ),
        pytest.param(
            view(OLD, refused="c", maxUnavailable=0, maxSurge=1),
            (["a"], ["pc"]),
            id="where-it-is-not-wanted-it-goes",
        ),
        pytest.param(
            view([pod("pa", "a", up=False), *OLD[1:]], refused="c", maxUnavailable=0, maxSurge=1),
            (["a", "b"], []),
            id="but-not-if-it-is-missed",
        ),
    ],
)
def test_the_next_step_of_a_rollout(found, expected):
    assert planned(found) == expected


def test_a_pod_with_the_count_of_the_template_is_current():
    told = {"deprecated.daemonset.template.generation": "7"}
    found = view([], annotations=told)
    assert daemons.is_current(pod("p", "a", **{"pod-template-generation": "7"}), found)
    assert not daemons.is_current(pod("p", "a", **{"pod-template-generation": "6"}), found)


def test_a_new_pod_bears_hash_and_count():
    made = {"metadata": {"labels": {"app": "d"}}, "spec": {}}
    assert daemons.new_pod(made, "a", "x", "3")["metadata"]["labels"] == {
        "app": "d",
        "pod-template-generation": "3",
        "controller-revision-hash": "x",
    }


def test_a_time_limit_on_what_daemons_always_tolerate_is_lifted():
    own = {
        "key": "node.kubernetes.io/not-ready",
        "operator": "Exists",
        "effect": "NoExecute",
        "tolerationSeconds": 5,
    }
    found = daemons.tolerations({"tolerations": [own]})
    assert found[0] == {name: own[name] for name in ("key", "operator", "effect")}
    assert len(found) == 6
