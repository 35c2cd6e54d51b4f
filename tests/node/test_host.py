import socket

import pytest

from pinnace.node import host
from pinnace.node.kernel import KernelSources, has_feature

PROC_CGROUPS = "#subsys_name\thierarchy\tnum_cgroups\tenabled\n" + "".join(
    f"{name}\t1\t1\t1\n"
    for name in ("cpu", "cpuacct", "cpuset", "memory", "pids", "devices", "freezer")
)


def test_version_two_wants_its_controllers(tmp_path):
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu io memory pids\n")
    assert host.check_cgroups(tmp_path, "").ok
    (tmp_path / "cgroup.controllers").write_text("cpu io pids\n")
    check = host.check_cgroups(tmp_path, "")
    assert not check.ok
    assert check.text == "version 2, without cpuset, memory"


def test_version_one_wants_controllers_that_are_mounted(tmp_path):
    for name in ("cpu", "cpuacct", "cpuset", "pids", "devices", "freezer"):
        (tmp_path / name).mkdir()
    check = host.check_cgroups(tmp_path, PROC_CGROUPS)
    assert (check.ok, check.text) == (False, "version 1, without memory")
    (tmp_path / "memory").mkdir()
    assert host.check_cgroups(tmp_path, PROC_CGROUPS).ok


@pytest.mark.parametrize(
    ("said", "ok"),
    [
        pytest.param("containerd github.com/containerd/containerd 1.6.20~ds1 x", True, id="debian"),
        pytest.param("containerd containerd.io 1.7.27 05044ec0", True, id="docker"),
        pytest.param("containerd github.com/containerd/containerd/v2 v2.1.0 x", True, id="two"),
        pytest.param("containerd github.com/containerd/containerd 1.4.13~ds1", False, id="old"),
        pytest.param("", False, id="missing"),
    ],
)
def test_containerd_must_be_1_6_or_newer(said, ok):
    assert host.judge_containerd(said).ok is ok


@pytest.mark.parametrize(
    ("sources", "has"),
    [
        pytest.param(KernelSources(frozenset({"veth"})), True, id="loaded"),
        pytest.param(
            KernelSources(frozenset(), modules="kernel/drivers/net/veth.ko.xz:\n"),
            True,
            id="module",
        ),
        pytest.param(KernelSources(frozenset(), config="CONFIG_VETH=y\n"), True, id="built in"),
        pytest.param(
            KernelSources(frozenset(), config="# CONFIG_VETH is not set\n"), False, id="left out"
        ),
        pytest.param(KernelSources(frozenset()), None, id="nothing tells"),
    ],
)
def test_a_kernel_feature_is_looked_up_in_three_places(sources, has):
    assert has_feature("veth", sources) is has


def test_what_nothing_tells_of_is_taken_to_be_there():
    assert all(check.ok for check in host.check_kernel(KernelSources(frozenset())))


def test_a_taken_port_is_told():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        check = host.check_port(port)
    assert (check.ok, check.text) == (False, "taken")


@pytest.mark.parametrize(
    ("check", "ok"),
    [
        pytest.param(host.check_root(0), True, id="root"),
        pytest.param(host.check_root(1000), False, id="user"),
        pytest.param(host.check_forwarding("0"), True, id="forwarding off"),
        pytest.param(host.check_bridge_calls(""), False, id="no br_netfilter"),
        pytest.param(host.check_forward_policy("-P FORWARD DROP\n"), False, id="docker"),
        pytest.param(host.check_forward_policy(""), True, id="no iptables"),
        pytest.param(host.check_inotify("max_user_instances", "64"), False, id="inotify"),
        pytest.param(host.check_cni(None), False, id="no plug-ins"),
        pytest.param(host.check_host_ports(None, iptables=False), False, id="no host ports"),
    ],
)
def test_checks_judge_what_they_are_given(check, ok):
    assert check.ok is ok
    assert check.remedy


def test_only_required_checks_keep_a_cluster_from_running():
    missing = host.Check("a", ok=False, text="")
    optional = host.Check("b", ok=False, text="", required=False)
    assert host.failed([missing, optional, host.Check("c", ok=True, text="")]) == [missing]


def test_disk_is_judged_where_the_directory_will_be(tmp_path):
    check = host.check_disk(tmp_path / "not" / "there")
    assert str(tmp_path) in check.text
