from dataclasses import replace
from datetime import UTC, datetime

from tests.node.stats.test_usage import V1, V2, tree

from pinnace.kit.clock import VirtualClock
from pinnace.node.observed import SeenContainer, SeenSandbox, pod_runtime
from pinnace.node.runtime import ContainerStats
from pinnace.node.stats.disks import taken_by
from pinnace.node.stats.machine import interfaces_of, look
from pinnace.node.stats.sampler import Sampler, Wanted
from pinnace.node.stats.usage import Groups
from pinnace.testing.fake_runtime import FakeRuntime
from pinnace.testing.kubelet_stage import make_pod

BEGAN = datetime(2030, 1, 1, tzinfo=UTC)
NET = """Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo
    lo: 5 5 0 0 0 0 0 0 5 5 0 0 0 0 0 0
  eth0: 1000 10 1 2 0 0 0 0 2000 20 3 4 0 0 0 0
 veth12: 9 9 9 9 0 0 0 0 9 9 9 9 0 0 0 0
"""
PROC = {
    "proc/meminfo": "MemTotal: 1000 kB\nMemFree: 300 kB\nInactive(file): 100 kB\nSwapTotal: 8 kB\n"
    "SwapFree: 2 kB\nAnonPages: 50 kB\nCached: 20 kB\n",
    "proc/stat": "cpu  100 20 30 9999 50 1 2 0 0 0\nbtime 1000\n",
    "proc/loadavg": "0.1 0.2 0.3 2/345 999\n",
    "proc/sys/kernel/pid_max": "4000\n",
    "proc/net/dev": NET,
    "proc/41/net/dev": NET,
    "proc/pressure/cpu": "some avg10=1.00 avg60=0.00 avg300=0.00 total=9\n",
}


def moved(files, group):
    """Return the files of the group `pod` as those of another."""
    return {name.replace("pod/", f"{group}/"): text for name, text in files.items()}


def seen():
    sandbox = SeenSandbox(id="s1", attempt=0, ready=True, created_at=BEGAN)

    def container(id, state="running", name="main", count=0):
        return SeenContainer(
            id=id, name=name, sandbox_id="s1", state=state, created_at=BEGAN, restart_count=count
        )

    containers = [container("c1", count=1), container("c0", "exited"), container("d", name="a")]
    return pod_runtime([sandbox], containers)


def sampler(root, groups, clock, runtime=None):
    files = tree(root, PROC)
    del files
    return Sampler(
        "n1", root, "/pinnace", clock, runtime or FakeRuntime(clock.now), groups=groups, root=root
    )


async def test_a_look_finds_what_runs_in_its_groups(tmp_path):
    for name, files in (("2", V2), ("1", V1)):
        pod = "pinnace/besteffort/poduid-web"
        whole = {**moved(files, pod), **moved(files, f"{pod}/c1"), **moved(files, f"{pod}/s1")}
        groups = tree(tmp_path / name / "groups", {**whole, **moved(files, f"{pod}/d")})
        it = sampler(tmp_path / name, groups, VirtualClock())
        found, rates = await it.take([Wanted(make_pod(), seen(), f"/{pod}")])
        (use,) = found.pods
        assert [each.name for each in use.containers] == ["a", "main"]
        assert use.containers[1].id == "c1"
        assert use.containers[1].usage.working_set == 700
        assert use.total().cpu == 2_000_000_000
        assert [each.name for each in use.interfaces] == ["eth0"]
        assert use.sandbox is not None
        assert rates == {}


async def test_the_runtime_is_asked_for_groups_that_are_elsewhere(tmp_path):
    clock = VirtualClock()

    class Runtime(FakeRuntime):
        async def container_stats(self, *, sandbox_id=""):
            stats = ContainerStats(
                id="c1", name="main", attempt=0, cpu_nanoseconds=7, memory_working_set=8, when=BEGAN
            )
            return [stats, replace(stats, id="other")]

    it = sampler(tmp_path, Groups(tmp_path / "none"), clock, Runtime(clock.now))
    found, _ = await it.take([Wanted(make_pod(), seen(), "")])
    main = found.pods[0].containers[1]
    assert (main.usage.cpu, main.usage.working_set, main.at) == (7, 8, BEGAN)
    assert found.pods[0].total().working_set == 8


async def test_nothing_is_read_twice_in_a_second_and_rates_are_over_ten(tmp_path):
    clock = VirtualClock()
    groups = tree(tmp_path / "groups", moved(V2, "pinnace"))
    it = sampler(tmp_path, groups, clock)
    usage = tmp_path / "groups/pinnace/cpu.stat"
    first, _ = await it.take([])
    await clock.advance(0.5)
    again, _ = await it.take([])
    assert again is first
    await clock.advance(9.5)
    usage.write_text("usage_usec 7000000\n")
    _, rates = await it.take([])
    assert rates["group /pinnace"] == 500_000_000
    await clock.advance(2)
    usage.write_text("usage_usec 13000000\n")
    _, rates = await it.take([])
    assert rates["group /pinnace"] == 3_000_000_000
    await clock.advance(600)
    _, rates = await it.take([])
    assert rates == {}


def test_the_machine_is_read_where_its_group_does_not_tell(tmp_path):
    tree(tmp_path, PROC)
    found = look(Groups(tmp_path / "none"), tmp_path)
    assert found.usage.cpu == 153 * 10_000_000
    assert (found.usage.memory, found.usage.working_set) == (700 * 1024, 600 * 1024)
    assert (found.memory, found.swap, found.swap_free) == (1000 * 1024, 8 * 1024, 2 * 1024)
    assert (found.boot, found.processes, found.most_processes) == (1000.0, 345, 4000)
    assert [each.name for each in found.interfaces] == ["eth0"]
    assert found.usage.pressure["cpu"].some.total == 9


def test_an_empty_table_has_no_interfaces():
    assert interfaces_of("") == ()


def test_what_a_directory_takes_is_added_up(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/file").write_bytes(b"x" * 5000)
    found = taken_by(tmp_path)
    assert found.files == 2
    assert found.size >= 5000
    assert taken_by(tmp_path / "gone").files == 0
