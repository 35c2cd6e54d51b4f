"""kube-proxy: watches Services and EndpointSlices, and keeps the kernel's rules like them.

Changes are gathered for a moment and applied as the difference to what was applied last. When the
kernel refuses a difference (somebody flushed the table), the whole table is made anew.
"""

import asyncio
import logging
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pinnace.api.errors import ServiceUnavailable
from pinnace.api.kinds.core import SERVICES
from pinnace.api.kinds.discovery import ENDPOINTSLICES
from pinnace.client.base import Informers
from pinnace.kit.backoff import Backoff
from pinnace.kit.clock import Clock
from pinnace.kit.waits import set_or_elapsed
from pinnace.proxy import ruleset as rulesets
from pinnace.proxy.nft import SEARCH_PATH, Nft
from pinnace.proxy.plan import ServicePort, plan, stale_udp
from pinnace.proxy.ruleset import Ruleset

log = logging.getLogger(__name__)

# How long changes gather; a rolling update touches slices many times in a row.
GATHER_SECONDS = 0.05
# Somebody may flush the tables: the whole is written again this often.
RESYNC_SECONDS = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyConfig:
    """What a node's proxy is told: the table is the cluster's own on this machine."""

    node: str
    table: str
    bridge: str
    pod_cidr: str
    service_cidr: str


@dataclass(slots=True)
class _Applied:
    ports: list[ServicePort] = field(default_factory=list)
    rules: Ruleset | None = None
    since: float = 0.0


async def run_proxy(
    informers: Informers,
    clock: Clock,
    config: ProxyConfig,
    nft: Nft,
    *,
    ready: Callable[[], None] | None = None,
) -> None:
    """Keep the rules until cancelled; they stay behind, so that Services outlive a restart."""
    services, slices = informers.informer(SERVICES), informers.informer(ENDPOINTSLICES)
    await services.wait_synced()
    await slices.wait_synced()
    changed = asyncio.Event()
    removals = [
        informer.add_handler(lambda _type, _old, _new: changed.set())
        for informer in (services, slices)
    ]
    applied = _Applied()
    backoff = Backoff(initial=0.5, maximum=30.0)
    try:
        while True:
            changed.clear()
            prepare_kernel(config.bridge)
            ports = plan(services.list(), slices.list(), node=config.node)
            try:
                await asyncio.to_thread(_apply, applied, ports, config, nft, clock.monotonic())
            except ServiceUnavailable as error:
                log.warning("Service rules were not applied: %s", error)
                applied.rules = None
                await clock.sleep(backoff.next())
                continue
            backoff.reset()
            if ready is not None:
                ready()
                ready = None
            # All is written anew now and then, changed or not.
            await set_or_elapsed(changed, clock, RESYNC_SECONDS)
            await clock.sleep(GATHER_SECONDS)
    finally:
        for remove in removals:
            remove()
        nft.close()


def _apply(
    applied: _Applied, ports: list[ServicePort], config: ProxyConfig, nft: Nft, now: float
) -> None:
    wanted = rulesets.ruleset(ports, pod_cidr=config.pod_cidr)
    before = applied.rules
    fresh = (
        before is None
        or now - applied.since >= RESYNC_SECONDS
        or not rulesets.same_affinity(before.affinities, wanted.affinities)
    )
    if fresh or before is None:
        text = rulesets.whole(
            config.table, wanted, service_cidr=config.service_cidr, bridge=config.bridge
        )
        applied.since = now
    else:
        text = rulesets.change(config.table, before, wanted)
    if text:
        nft.run(text)
    forget_flows(stale_udp(applied.ports, ports))
    applied.ports, applied.rules = ports, wanted


def prepare_kernel(bridge: str, settings: Path = Path("/proc/sys")) -> None:
    """Switch on forwarding, node ports on loopback, and rules for traffic within the bridge.

    The bridge comes with the first Pod, so this is looked after again whenever endpoints change.
    """
    names = ["net/ipv4/ip_forward", "net/bridge/bridge-nf-call-iptables"]
    if (settings / "net/ipv4/conf" / bridge).exists():
        names.append(f"net/ipv4/conf/{bridge}/route_localnet")
    value = "1"
    for name in names:
        path = settings / name
        try:
            if path.read_text().strip() != value:
                path.write_text(value)
        except OSError as error:
            log.warning("cannot set %s to %s: %s", name.replace("/", "."), value, error.strerror)


def forget_flows(pairs: list[tuple[str, int]]) -> None:
    """Drop the kernel's memory of UDP flows to addresses whose endpoints changed."""
    if not pairs:
        return
    program = shutil.which("conntrack", path=SEARCH_PATH)
    if program is None:
        log.warning("conntrack is not installed: old UDP flows keep their old endpoints")
        return
    for ip, port in pairs:
        command = [program, "-D", "-p", "udp", "--dport", str(port)]
        if ip:
            command += ["--orig-dst", ip]
        # It exits with 1 when there was nothing to drop.
        subprocess.run(command, capture_output=True, check=False)
