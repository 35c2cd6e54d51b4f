import pytest

from pinnace.node.podspec import Declared
from pinnace.node.resources.cgroups import Cgroups, weight
from pinnace.node.resources.limits import container_resources, cpu_quota, cpu_shares, pod_resources
from pinnace.node.resources.qos import pod_amount, qos_class
from pinnace.testing.kubelet_stage import make_container, make_pod


def pod(*resources, **more):
    containers = [make_container(f"c{i}", resources=each) for i, each in enumerate(resources)]
    return make_pod(containers=containers, **more)


BOTH = {"cpu": "1", "memory": "1Gi"}
CLASSES = {
    "nothing": (pod({}), "BestEffort"),
    "equal": (pod({"limits": BOTH, "requests": BOTH}), "Guaranteed"),
    "written differently": (
        pod({"limits": BOTH, "requests": {"cpu": "1000m", "memory": "1024Mi"}}),
        "Guaranteed",
    ),
    "one without": (pod({"limits": BOTH, "requests": BOTH}, {}), "Burstable"),
    "less": (pod({"limits": BOTH, "requests": {**BOTH, "cpu": "500m"}}), "Burstable"),
    "only cpu": (pod({"limits": {"cpu": "1"}, "requests": {"cpu": "1"}}), "Burstable"),
    "zero counts as nothing": (pod({"requests": {"cpu": "0"}}), "BestEffort"),
    "an extended resource alone": (pod({"requests": {"example.com/x": "1"}}), "BestEffort"),
}


@pytest.mark.parametrize(("given", "wanted"), CLASSES.values(), ids=CLASSES)
def test_class(given, wanted):
    assert qos_class(given) == wanted


def test_init_containers_count_by_their_peak():
    def init(name, cpu, **more):
        return make_container(name, resources={"requests": {"cpu": cpu}}, **more)

    given = pod(
        {"requests": {"cpu": "1"}},
        initContainers=[init("a", "3"), init("s", "1", restartPolicy="Always"), init("b", "2")],
        overhead={"cpu": "100m"},
    )
    assert pod_amount(given, "cpu") == 3100


def test_shares_and_quotas_have_upstreams_bounds():
    assert [cpu_shares(milli) for milli in (0, 1, 250, 1000, 10**9)] == [2, 2, 256, 1024, 262144]
    assert [cpu_quota(milli) for milli in (0, 5, 500)] == [0, 1000, 50000]
    assert (weight(2), weight(262144)) == (1, 10000)


@pytest.mark.parametrize(
    ("resources", "priority", "wanted"),
    [
        ({}, 0, 1000),
        ({"limits": BOTH, "requests": BOTH}, 0, -997),
        ({"requests": {"memory": "1Gi"}}, 0, 875),
        ({"requests": {"cpu": "1"}}, 0, 999),
        ({}, 2_000_001_000, -997),
    ],
)
def test_oom_score(resources, priority, wanted):
    given = pod(resources, priority=priority)
    one = Declared(given["spec"]["containers"][0], "app")
    found = container_resources(given, one, node_memory=8 << 30)
    assert found.oom_score_adj == wanted


def test_a_pod_is_limited_only_if_all_its_containers_are():
    limited = {"limits": {"memory": "64Mi", "cpu": "1"}}
    assert pod_resources(pod(limited, limited)).memory_limit == 128 << 20
    assert pod_resources(pod(limited, {})).memory_limit == 0
    assert pod_resources(pod(limited, {})).cpu_quota == 0


def test_groups_of_the_second_version_are_made_and_removed(tmp_path):
    (tmp_path / "cgroup.controllers").write_text("cpu memory\n")
    for level in ("", "x", "x/burstable"):
        (tmp_path / level).mkdir(exist_ok=True)
        (tmp_path / level / "cgroup.controllers").write_text("cpu memory\n")
        (tmp_path / level / "cgroup.subtree_control").write_text("")
    group = tmp_path / "x/burstable/poduid-web"
    group.mkdir()
    for name in ("cpu.weight", "memory.max", "cpu.max"):
        (group / name).write_text("")
    given = pod({"limits": {"memory": "64Mi", "cpu": "1"}, "requests": {"cpu": "500m"}})
    cgroups = Cgroups("/x", mount=tmp_path)
    cgroups.ensure(given)
    assert cgroups.parent(given) == "/x/burstable/poduid-web"
    assert (group / "memory.max").read_text() == str(64 << 20)
    assert (group / "cpu.max").read_text() == "100000 100000"


def test_groups_of_the_first_version_are_made_for_the_controllers_that_exist(tmp_path):
    for controller in ("cpu", "memory", "cpuset"):
        (tmp_path / controller).mkdir()
        (tmp_path / controller / "cpuset.cpus").write_text("0-1")
    cgroups = Cgroups("/x", mount=tmp_path)
    cgroups.ensure(pod({}))
    assert (tmp_path / "memory/x/besteffort/poduid-web").is_dir()
    assert (tmp_path / "cpuset/x/besteffort/poduid-web").is_dir()
    assert not (tmp_path / "pids").exists()
    cgroups.remove("uid-web")
    assert not (tmp_path / "memory/x/besteffort/poduid-web").exists()
