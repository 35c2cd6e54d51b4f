import pytest

from pinnace.api.gotime import duration_of, duration_text
from pinnace.api.simulated_usage import simulated_usage

RUNNING = {"running": {"startedAt": "2030-01-01T00:00:00Z"}}


def pod(notes=None, state=RUNNING, requests=None):
    resources = {"resources": {"requests": requests}} if requests else {}
    return {
        "metadata": {"name": "p", "annotations": notes or {}},
        "spec": {"containers": [{"name": "a", **resources}, {"name": "b"}]},
        "status": {
            "containerStatuses": [{"name": "a", "state": state}, {"name": "b", "state": state}]
        },
    }


def use(*args, **more):
    return {each.name: (each.cpu, each.memory) for each in simulated_usage(pod(*args, **more))}


def test_without_annotations_half_of_the_requests_is_used():
    found = use(requests={"cpu": "100m", "memory": "10Mi"})
    assert found == {"a": (50_000_000, 5 << 20), "b": (1_000_000, 1 << 20)}


def test_annotations_count_for_each_container_or_for_one():
    found = use({"kwok.x-k8s.io/usage-cpu": "2", "kwok.x-k8s.io/usage-memory.b": "1Gi"})
    assert found == {"a": (2 * 10**9, 1 << 20), "b": (2 * 10**9, 1 << 30)}


@pytest.mark.parametrize("text", ["", "lots", "-1"])
def test_an_annotation_that_is_no_amount_is_passed_over(text):
    found = use({"kwok.x-k8s.io/usage-cpu": text}, requests={"cpu": "100m"})
    assert found["a"][0] == 50_000_000


def test_what_does_not_run_uses_nothing():
    assert use(state={"waiting": {"reason": "x"}}) == {}


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1_500, "1.5µs"),
        (2_000_000, "2ms"),
        (14_500_000_000, "14.5s"),
        (15_000_000_001, "15.000000001s"),
        (60_000_000_000, "1m0s"),
        (3_661_500_000_000, "1h1m1.5s"),
        (-15_000_000_000, "-15s"),
    ],
)
def test_lengths_of_time_are_gos(nanoseconds, text):
    assert duration_text(nanoseconds) == text
    assert duration_of(text) == nanoseconds


@pytest.mark.parametrize("text", ["", "5", "s", "1x", "1s2"])
def test_what_is_no_length_of_time_is_refused(text):
    with pytest.raises(ValueError, match="time: invalid duration"):
        duration_of(text)
