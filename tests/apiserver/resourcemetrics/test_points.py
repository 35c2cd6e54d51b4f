import pytest

from pinnace.apiserver.resourcemetrics.points import (
    SECOND,
    Batch,
    Point,
    Points,
    joined,
    read,
    used,
)

KEY = ("default", "web")
TEXT = """# HELP node_cpu_usage_seconds_total [STABLE] x
# TYPE node_cpu_usage_seconds_total counter
node_cpu_usage_seconds_total 100.5 1700000000500
node_memory_working_set_bytes 1.048576e+06 1700000000500
container_cpu_usage_seconds_total{container="main",namespace="default",pod="web"} 2.5 1700000000250
container_memory_working_set_bytes{container="main",namespace="default",pod="web"} 4096
container_start_time_seconds{container="main",namespace="default",pod="web"} 1.6999999995e+09
container_memory_working_set_bytes{container="main",namespace="default",pod="half"} 4096
container_cpu_usage_seconds_total{container="a",namespace="default",pod="zero"} 0
container_memory_working_set_bytes{container="a",namespace="default",pod="zero"} 5
pod_cpu_usage_seconds_total{namespace="default",pod="web"} 9
container_cpu_usage_seconds_totals{container="main",namespace="default",pod="web"} 77
"""


def at(seconds, cpu=1.0, memory=100, started=0.0):
    return Point(int(seconds * SECOND), int(cpu * SECOND), memory, int(started * SECOND))


def rounds(*points):
    known = Points()
    for point in points:
        batch = Batch(nodes={"n": point}, pods={KEY: {"main": point}})
        known.store(batch)
    return known


def test_kubelets_text_is_read_and_what_is_incomplete_left_out():
    found = read(TEXT, "n1", 5)
    assert found.nodes == {
        "n1": Point(1700000000500 * 10**6, int(100.5 * SECOND), 1048576),
    }
    # A sample without a time is from now.
    assert found.pods == {KEY: {"main": Point(5, int(2.5 * SECOND), 4096, 1699999999500000000)}}


@pytest.mark.parametrize("text", ["node_cpu_usage_seconds_total x", "node_cpu_usage_seconds_total"])
def test_what_is_no_metric_is_refused(text):
    with pytest.raises(ValueError, match=r"\S"):
        read(text, "n", 0)


def test_a_rate_is_over_the_last_two_points():
    found = rounds(at(100, cpu=1), at(115, cpu=2.5), at(130, cpu=10)).node("n")
    assert found is not None
    assert (found.cpu, found.at, found.window) == (SECOND // 2, 130 * SECOND, 15 * SECOND)


def test_one_point_is_not_enough():
    known = rounds(at(100))
    assert known.node("n") is None
    assert known.pod(KEY) is None


def test_the_same_point_again_changes_nothing():
    known = rounds(at(100, cpu=1), at(115, cpu=2.5), at(115, cpu=2.5))
    assert known.node("n").window == 15 * SECOND
    assert known.pod(KEY)["main"].cpu == SECOND // 10


def test_a_container_that_restarted_begins_anew():
    old = [at(100, cpu=50), at(115, cpu=51)]
    fresh = at(130, cpu=0.5, started=122)
    assert rounds(*old, fresh).pod(KEY) is None
    # Ten seconds after its start that counts as the first point.
    found = rounds(*old, at(134, cpu=6, started=122)).pod(KEY)
    assert (found["main"].cpu, found["main"].window) == (SECOND // 2, 12 * SECOND)


def test_of_a_pod_all_containers_must_be_known():
    known = Points()
    known.store(Batch(pods={KEY: {"a": at(100)}}))
    known.store(Batch(pods={KEY: {"a": at(115), "b": at(115)}}))
    assert known.pod(KEY) is None


def test_what_is_not_in_a_round_is_forgotten():
    known = rounds(at(100), at(115))
    known.store(Batch())
    assert known.node("n") is None


def test_counters_that_fall_give_nothing():
    assert used(at(115, cpu=1), at(100, cpu=2)) is None
    assert used(at(100), at(100)) is None


def test_the_first_who_tells_of_a_pod_is_believed():
    one, two = Batch(pods={KEY: {"a": at(1)}}), Batch(pods={KEY: {"a": at(2)}})
    assert joined([one, two]).pods[KEY] == {"a": at(1)}
