"""`up`: from a data directory to a cluster that is ready, step by step."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from pinnace.cluster import config as configs
from pinnace.cluster import credentials, hostnet, instance, pki
from pinnace.cluster.config import ClusterConfig, ConfigError
from pinnace.cluster.supervisor import Process, StartFailed, Supervisor
from pinnace.kit.clock import SystemClock

# A new node may have to unpack its images first.
API_SECONDS, CONTROL_SECONDS, NODE_SECONDS = 30.0, 30.0, 120.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be started, decided before anything is touched."""

    config: ClusterConfig
    kubeconfig: Path
    real_node: bool
    simulated: int
    remark: str = ""


def plan(config: ClusterConfig, kubeconfig: Path, missing: list[str]) -> Plan:
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
        return Plan(config, kubeconfig, real_node=False, simulated=1, remark=remark)
    real = config.nodes in ("auto", "real")
    return Plan(config, kubeconfig, real_node=real, simulated=simulated)


async def run(chosen: Plan, report: Callable[[str], None]) -> None:
    """Run the cluster until SIGINT or SIGTERM; raises ConfigError if it cannot start.

    `report` gets one line for each step, and last the one that says how to use the cluster.
    """
    config = chosen.config
    lock = instance.claim(config.run_dir)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        hostnet.check_port(config.bind, config.port)
        material = pki.ensure(config.data_dir / "pki", config, datetime.now(UTC))
        configs.save(config)
        credentials.write_for_user(chosen.kubeconfig, config, material)
        record = config.run_dir / "kubeconfig-path"
        record.write_text(str(chosen.kubeconfig.absolute()))
        async with Supervisor(SystemClock(), report) as supervisor:
            starting = asyncio.create_task(_start(chosen, supervisor, report))
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
            if stopping.done():
                starting.cancel()
                await asyncio.gather(starting, return_exceptions=True)
            else:
                await starting
                await stop.wait()
            stopping.cancel()
            report("stopping")
        kept = "; its Pods keep running until `pinnace down`" if chosen.real_node else ""
        report(f"stopped{kept}")
    except StartFailed as error:
        raise ConfigError(str(error)) from error
    except OSError as error:
        raise ConfigError(f"cannot write {config.data_dir}: {error.strerror}") from error
    finally:
        lock.close()


async def _start(chosen: Plan, supervisor: Supervisor, report: Callable[[str], None]) -> None:
    config = chosen.config
    if chosen.remark:
        report(chosen.remark)
    await supervisor.start(_process(config, "apiserver"), within=API_SECONDS)
    report(f"API server ready on {config.local_url}")
    control = ["controller-manager", "scheduler"]
    if chosen.simulated:
        control.append("sim")
    await supervisor.start(
        _process(replace(config, nodes=_nodes(chosen)), *control), within=CONTROL_SECONDS
    )
    report("controllers and scheduler ready")
    if chosen.simulated:
        report(f"{chosen.simulated} simulated node{'s' * (chosen.simulated > 1)} (nothing runs)")
    if chosen.real_node:
        await supervisor.start(_process(config, "kubelet", "proxy", "dns"), within=NODE_SECONDS)
        report(f"node {config.node_name} ready, with Services and DNS")
    report(f"ready: export KUBECONFIG={chosen.kubeconfig.absolute()}")


def _nodes(chosen: Plan) -> str:
    return f"sim:{chosen.simulated}" if chosen.simulated else chosen.config.nodes


def _process(config: ClusterConfig, *components: str) -> Process:
    name = components[0] if len(components) == 1 else "+".join(components)
    log = config.log_dir / f"{components[0]}.log"
    _rotate(log)
    arguments = [sys.executable, "-m", "pinnace.cli.main", "components"]
    arguments += ["--data-dir", str(config.data_dir), "--nodes", config.nodes, *components]
    return Process(name, arguments, frozenset(components), log)


def _rotate(log: Path, limit: int = 10 * 1024 * 1024) -> None:
    """Keep one older log of a process, so that restarts do not fill the disk."""
    if log.exists() and log.stat().st_size > limit:
        os.replace(log, log.with_suffix(".log.1"))
