"""`up`: from a data directory to a cluster that is ready, step by step.

This runs in the process that stays, so it imports little: the API server's process makes the
certificates and writes the user's kubeconfig, and what the host can do is found out by a process
of its own, beside it.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pinnace.cluster import config as configs
from pinnace.cluster import hostnet, instance
from pinnace.cluster.config import ClusterConfig, ConfigError
from pinnace.cluster.supervisor import Process, StartFailed, Supervisor
from pinnace.kit.clock import SystemClock

# A new node may have to unpack its images first.
API_SECONDS, CONTROL_SECONDS, NODE_SECONDS = 30.0, 30.0, 120.0


@dataclass(frozen=True, slots=True)
class Plan:
    """Which nodes the cluster gets, and what is to be said about it."""

    real_node: bool
    simulated: int
    remark: str = ""


def plan(config: ClusterConfig, missing: list[str]) -> Plan:
    """Decide which nodes the cluster gets; `missing` is what the host lacks for a real one.

    Raises ConfigError when a real node was asked for and cannot be had.
    """
    simulated = configs.simulated_nodes(config.nodes)
    if config.nodes == "real" and missing:
        raise ConfigError(f"no real node here: {'; '.join(missing)} (see `pinnace doctor`)")
    if config.nodes == "auto" and missing:
        remark = (
            f"no real node here ({'; '.join(missing)}): one SIMULATED node instead, whose "
            "containers do not run (see `pinnace doctor`)"
        )
        return Plan(real_node=False, simulated=1, remark=remark)
    real = config.nodes in ("auto", "real")
    return Plan(real_node=real, simulated=simulated)


async def run(config: ClusterConfig, kubeconfig: Path, report: Callable[[str], None]) -> None:
    """Run the cluster until SIGINT or SIGTERM; raises ConfigError if it cannot start.

    `report` gets one line for each step, and last the one that says how to use the cluster.
    """
    lock = instance.claim(config.run_dir)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        hostnet.check_port(config.bind, config.port)
        configs.save(config)
        async with Supervisor(SystemClock(), report) as supervisor:
            starting = asyncio.create_task(_start(config, kubeconfig, supervisor, report))
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
            starting.cancel()
            [started] = await asyncio.gather(starting, return_exceptions=True)
            if isinstance(started, Exception):
                stopping.cancel()
                raise started
            await stopping
            report("stopping")
        pods = isinstance(started, Plan) and started.real_node
        report("stopped; its Pods keep running until `pinnace down`" if pods else "stopped")
    except StartFailed as error:
        raise ConfigError(str(error)) from error
    except OSError as error:
        raise ConfigError(f"cannot write {config.data_dir}: {error.strerror}") from error
    finally:
        lock.close()


async def _start(
    config: ClusterConfig, kubeconfig: Path, supervisor: Supervisor, report: Callable[[str], None]
) -> Plan:
    looking = asyncio.create_task(_missing(config))
    try:
        await supervisor.start(
            _process(config, "apiserver", kubeconfig=kubeconfig), within=API_SECONDS
        )
        report(f"API server ready on {config.local_url}")
        chosen = plan(config, await looking)
    finally:
        looking.cancel()
    if chosen.remark:
        report(chosen.remark)
    if chosen.real_node and config.is_local:
        report(f"Pods cannot reach the API server: it listens on {config.bind} only")
    control = ["controller-manager", "scheduler"]
    if chosen.simulated:
        control.append("sim")
    nodes = f"sim:{chosen.simulated}" if chosen.simulated else config.nodes
    await supervisor.start(_process(config, *control, nodes=nodes), within=CONTROL_SECONDS)
    report("controllers and scheduler ready")
    if chosen.simulated:
        many = "s" if chosen.simulated > 1 else ""
        report(f"{chosen.simulated} simulated node{many}: Pods are only said to run")
    if chosen.real_node:
        await supervisor.start(_process(config, "kubelet", "proxy", "dns"), within=NODE_SECONDS)
        report(f"node {config.node_name} ready, with Services and DNS")
    report(f"ready: export KUBECONFIG={kubeconfig}")
    return chosen


async def _missing(config: ClusterConfig) -> list[str]:
    """Ask a process of its own what this machine lacks for a real node."""
    if config.nodes not in ("auto", "real"):
        return []
    child = await asyncio.create_subprocess_exec(
        *_command("host-check", "--data-dir", str(config.data_dir)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        told, _ = await child.communicate()
    except asyncio.CancelledError:
        child.kill()
        await child.wait()
        raise
    if child.returncode != 0:
        return ["what this machine can do could not be found out"]
    return told.decode().splitlines()


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pinnace.cli.main", *arguments]


def _process(
    config: ClusterConfig, *components: str, nodes: str = "", kubeconfig: Path | None = None
) -> Process:
    name = components[0] if len(components) == 1 else "+".join(components)
    log = config.log_dir / f"{components[0]}.log"
    _rotate(log)
    arguments = ["components", "--data-dir", str(config.data_dir)]
    arguments += ["--nodes", nodes or config.nodes]
    if kubeconfig is not None:
        arguments += ["--kubeconfig", str(kubeconfig)]
    return Process(name, _command(*arguments, *components), frozenset(components), log)


def _rotate(log: Path, limit: int = 10 * 1024 * 1024) -> None:
    """Keep one older log of a process, so that restarts do not fill the disk."""
    if log.exists() and log.stat().st_size > limit:
        os.replace(log, log.with_suffix(".log.1"))
