"""What `pinnace doctor` says of a host: a list of checks, each with its remedy.

The judging is pure; `examine` reads and asks, and changes nothing.
"""

import errno
import os
import re
import shutil
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pinnace.node import cni, command, kernel
from pinnace.node.containerd import ContainerdError, cni_bin_dir, parse_version
from pinnace.node.images.elf import NotStatic, static_program
from pinnace.node.kernel import KernelSources

_LEAST_DISK = 2 << 30
_LEAST_INOTIFY = {"max_user_instances": 128, "max_user_watches": 8192}
_CONTROLLERS_V1: Sequence[str] = (
    "cpu",
    "cpuacct",
    "cpuset",
    "memory",
    "pids",
    "devices",
    "freezer",
)
_CONTROLLERS_V2: Sequence[str] = ("cpu", "cpuset", "memory", "pids")
_APT = "apt install "


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `required` False: something is missed, but a cluster runs."""

    name: str
    ok: bool
    text: str
    remedy: str = ""
    required: bool = True


async def examine(*, data: Path, ports: Iterable[int] = ()) -> list[Check]:
    """Return everything there is to say about running containers on this host."""
    plugins = _plugins()
    checks = [
        check_root(os.geteuid()),
        check_cgroups(Path("/sys/fs/cgroup"), _read("/proc/cgroups")),
        *check_programs(),
        await _check_containerd(),
        check_cni(plugins),
        check_host_ports(plugins, iptables=command.which("iptables") is not None),
        *check_static_programs(),
        *check_kernel(kernel.read_sources()),
        check_forwarding(_read("/proc/sys/net/ipv4/ip_forward")),
        check_bridge_calls(_read("/proc/sys/net/bridge/bridge-nf-call-iptables")),
        check_forward_policy(await _forward_rules()),
        *(check_inotify(name, _read(f"/proc/sys/fs/inotify/{name}")) for name in _LEAST_INOTIFY),
        check_disk(data),
    ]
    return checks + [check_port(port) for port in ports]


def check_root(uid: int) -> Check:
    """Judge who we are."""
    return Check(
        "root",
        uid == 0,
        "runs as root" if uid == 0 else f"runs as user {uid}",
        "containers need root: run with sudo, or use simulated nodes",
    )


def check_cgroups(root: Path, cgroups: str) -> Check:
    """Judge the control groups: their version, and whether all controllers are there."""
    unified = root / "cgroup.controllers"
    if unified.exists():
        version, wanted = 2, _CONTROLLERS_V2
        found = set(unified.read_text().split())
    else:
        version, wanted = 1, _CONTROLLERS_V1
        enabled = {line.split()[0] for line in cgroups.splitlines() if line.endswith("\t1")}
        found = {name for name in enabled if (root / name).is_dir()}
    missing = [name for name in wanted if name not in found]
    text = f"version {version}" + (f", without {', '.join(missing)}" if missing else "")
    return Check(
        "cgroups",
        not missing,
        text,
        "mount the controllers, or boot with systemd.unified_cgroup_hierarchy=1",
    )


def check_programs() -> list[Check]:
    """Judge which programs are installed."""
    checks = []
    for program, why, required in (
        ("runc", "starts containers", True),
        ("ctr", "imports images", True),
        ("nft", "makes Services and masquerading", True),
        ("ip", "removes the pods' bridge", True),
        ("conntrack", "forgets UDP connections of removed pods", False),
    ):
        found = command.which(program)
        text = found or f"not installed; it {why}"
        remedy = _APT + command.package_of(program)
        checks.append(Check(program, found is not None, text, remedy, required))
    return checks


def judge_containerd(said: str) -> Check:
    """Judge what `containerd --version` prints; empty means that it is not there."""
    version = parse_version(said)
    remedy = _APT + "containerd (1.6 or newer)"
    if version is None:
        return Check("containerd", False, "not installed", remedy)
    text = ".".join(map(str, version))
    return Check("containerd", version >= (1, 6, 0), text, remedy)


def check_cni(plugins: Path | None) -> Check:
    """Judge the CNI plug-ins."""
    wanted = ("bridge", "host-local", "loopback", "portmap")
    missing = [name for name in wanted if plugins is None or not (plugins / name).exists()]
    text = f"without {', '.join(missing)}" if missing else str(plugins)
    return Check("CNI plug-ins", not missing, text, _APT + "containernetworking-plugins")


def check_host_ports(plugins: Path | None, *, iptables: bool) -> Check:
    """Judge whether hostPort can work: by iptables, or by a plug-in that can do without."""
    backend = plugins and cni.host_ports_backend(plugins / "portmap", iptables=iptables)
    text = f"served by {backend}" if backend else "nothing serves it"
    remedy = _APT + "iptables containernetworking-plugins"
    return Check("hostPort", bool(backend), text, remedy, required=False)


def check_static_programs() -> list[Check]:
    """Judge the programs that the built-in images are made of."""
    checks = []
    for program, package in (("catatonit", "catatonit"), ("busybox", "busybox-static")):
        found = command.which(program)
        ok, text = found is not None, found or "not installed"
        if found:
            try:
                static_program(Path(found), package=package)
            except NotStatic as failure:
                ok, text = False, str(failure)
        # Only the pause image is needed by every pod.
        checks.append(Check(program, ok, text, _APT + package, required=program == "catatonit"))
    return checks


def check_kernel(sources: KernelSources) -> list[Check]:
    """Judge the kernel's features; one that nothing tells of is taken to be there."""
    checks = []
    for name in kernel.FEATURES:
        has = kernel.has_feature(name, sources)
        text = {True: "there", False: "missing", None: "cannot tell; taken to be there"}[has]
        required = name not in ("overlay", "br_netfilter")
        remedy = f"modprobe {name}, or a kernel with {kernel.FEATURES[name]}"
        checks.append(Check(f"kernel: {name}", has is not False, text, remedy, required))
    return checks


def check_forwarding(value: str) -> Check:
    """Judge IP forwarding; the bridge plug-in turns it on for the first pod."""
    text = "on" if value == "1" else "off; turned on with the first pod" if value else "unknown"
    return Check("ip_forward", bool(value), text, "sysctl -w net.ipv4.ip_forward=1")


def check_bridge_calls(value: str) -> Check:
    """Judge whether Services work between pods of one node, whose traffic stays on the bridge."""
    return Check(
        "bridge-nf-call-iptables",
        value == "1",
        {"1": "on", "0": "off"}.get(value, "br_netfilter is not loaded"),
        "modprobe br_netfilter && sysctl -w net.bridge.bridge-nf-call-iptables=1",
        required=False,
    )


def check_forward_policy(rules: str) -> Check:
    """Judge whether another firewall (Docker's, say) drops what pods send."""
    dropped = re.search(r"^-P FORWARD DROP", rules, re.MULTILINE) is not None
    return Check(
        "forwarding policy",
        not dropped,
        "iptables drops forwarded traffic" if dropped else "nothing drops forwarded traffic",
        "iptables -P FORWARD ACCEPT, or a rule that accepts the pods' range",
        required=False,
    )


def check_inotify(name: str, value: str) -> Check:
    """Judge the limits that `kubectl logs -f` and many programs in pods run into."""
    least = _LEAST_INOTIFY[name]
    ok = value.isdigit() and int(value) >= least
    remedy = f"sysctl -w fs.inotify.{name}={least * 4}"
    return Check(f"inotify {name}", ok, value or "unknown", remedy, required=False)


def check_disk(data: Path) -> Check:
    """Judge the room for images and containers, on the file system that will hold `data`."""
    place = next(path for path in (data, *data.absolute().parents) if path.exists())
    free = shutil.disk_usage(place).free
    text = f"{free / (1 << 30):.1f} GiB free at {place}"
    return Check("disk", free >= _LEAST_DISK, text, "free some space, or use another directory")


def check_port(port: int) -> Check:
    """Judge whether a TCP port can be listened on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError as failure:
            taken = failure.errno == errno.EADDRINUSE
            text = "taken" if taken else f"cannot be used: {failure.strerror}"
            return Check(f"port {port}", False, text, f"ss -ltnp 'sport = :{port}' shows by whom")
    return Check(f"port {port}", True, "free")


def failed(checks: Sequence[Check]) -> list[Check]:
    """Return the checks without which no container runs here."""
    return [check for check in checks if check.required and not check.ok]


async def _check_containerd() -> Check:
    try:
        return judge_containerd((await command.run("containerd", ["--version"])).decode())
    except command.CommandError:
        return judge_containerd("")


async def _forward_rules() -> str:
    if command.which("iptables") is None:
        return ""
    try:
        return (await command.run("iptables", ["-w", "5", "-S", "FORWARD"])).decode()
    except command.CommandError:
        return ""


def _plugins() -> Path | None:
    try:
        return cni_bin_dir()
    except ContainerdError:
        return None


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
