import asyncio
import os
import tomllib
from pathlib import Path

import pytest

from pinnace.kit.clock import VirtualClock
from pinnace.node import containerd, processes
from pinnace.node.containerd_config import ContainerdConfig, render

CRI = "io.containerd.grpc.v1.cri"


def config(**more):
    fields = {
        "root": Path("/d/root"),
        "state": Path("/r/state"),
        "socket": Path("/r/containerd.sock"),
        "cni_conf_dir": Path("/d/cni"),
        "cni_bin_dir": Path("/opt/cni/bin"),
        "sandbox_image": "pinnace.local/pause:stable",
        **more,
    }
    return ContainerdConfig(**fields)


def test_everything_lies_in_our_own_directories():
    document = tomllib.loads(render(config()))
    assert (document["version"], document["root"], document["state"]) == (2, "/d/root", "/r/state")
    assert document["grpc"]["address"] == "/r/containerd.sock"
    cri = document["plugins"][CRI]
    assert cri["cni"]["conf_dir"] == "/d/cni"
    assert cri["netns_mounts_under_state_dir"] is True
    runc = cri["containerd"]["runtimes"]["runc"]
    assert runc["runtime_type"] == "io.containerd.runc.v2"
    assert runc["options"]["Root"] == "/r/state/runc"
    assert runc["options"]["SystemdCgroup"] is False


def test_commands_are_streamed_on_the_loopback_only():
    cri = tomllib.loads(render(config()))["plugins"][CRI]
    assert cri["stream_server_address"] == "127.0.0.1"
    assert cri["stream_server_port"] == "0"


@pytest.mark.parametrize("flag", [True, False])
def test_the_hosts_limits_are_passed_on(flag):
    given = config(restrict_oom_score_adj=flag, apparmor=flag, snapshotter="native")
    cri = tomllib.loads(render(given))["plugins"][CRI]
    assert cri["restrict_oom_score_adj"] is flag
    assert cri["disable_apparmor"] is not flag
    assert cri["containerd"]["snapshotter"] == "native"


def test_more_handlers_stand_beside_runc():
    document = tomllib.loads(render(config(handlers={"crun": "/usr/bin/crun"})))
    runtimes = document["plugins"][CRI]["containerd"]["runtimes"]
    assert set(runtimes) == {"runc", "crun"}
    assert runtimes["crun"]["options"]["BinaryName"] == "/usr/bin/crun"


def test_strange_paths_stay_one_string():
    strange = Path('/a "quoted"/\\path')
    assert tomllib.loads(render(config(root=strange)))["root"] == str(strange)


def test_reads_versions_and_capabilities():
    assert containerd.parse_version("containerd x 1.6.20~ds1 y") == (1, 6, 20)
    assert containerd.parse_version("nothing") is None
    assert containerd.has_capability("CapEff:\t000001fffeffffff\n", 25)
    assert not containerd.has_capability("CapEff:\t000001fffeffffff\n", 24)


async def test_a_socket_path_that_the_kernel_refuses_is_refused_by_name(tmp_path, monkeypatch):
    async def version(program, arguments):
        return b"containerd x 1.7.0"

    monkeypatch.setattr("pinnace.node.command.run", version)
    monkeypatch.setattr("pinnace.node.command.required", lambda program: program)
    paths = containerd.ContainerdPaths(data=tmp_path, run=tmp_path / ("x" * 120))
    with pytest.raises(containerd.ContainerdError, match="shorter run directory"):
        await containerd.Containerd(paths, sandbox_image="x").start()


async def test_a_containerd_that_ended_is_started_again(tmp_path, monkeypatch):
    paths = containerd.ContainerdPaths(data=tmp_path, run=tmp_path)
    own = containerd.Containerd(paths, sandbox_image="pause")
    clock, starts = VirtualClock(), []

    async def start():
        starts.append(clock.monotonic())
        if len(starts) < 3:
            raise containerd.ContainerdError("containerd ended at once")
        processes.save(processes.find(os.getpid()), paths.pid)

    monkeypatch.setattr(own, "start", start)
    keeper = asyncio.create_task(own.keep(clock))
    await asyncio.sleep(0)
    await clock.advance(20)
    keeper.cancel()
    # It waits longer from failure to failure, and no more once it runs.
    assert [round(at - starts[0]) for at in starts] == [0, 2, 5]
