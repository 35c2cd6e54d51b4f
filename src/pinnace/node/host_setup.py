"""Makes a host ready for pods: modules that are not loaded, and switches that are off.

Only what is wrong is touched. What cannot be changed (in a container, say) is told and not raised:
most of it is missed by some pods only.
"""

from pathlib import Path

from pinnace.node import command

# Traffic between pods of one node stays on the bridge; with these the rules of Services see it.
_MODULES = {"br_netfilter": "proc/sys/net/bridge", "nf_conntrack": "proc/sys/net/netfilter"}
_SWITCHES = {
    "net/ipv4/ip_forward": "1",
    "net/bridge/bridge-nf-call-iptables": "1",
    "net/bridge/bridge-nf-call-ip6tables": "1",
}
_SWITCHES_IPV6 = {"net/ipv6/conf/all/forwarding": "1"}


async def prepare(*, ipv6: bool = False, root: Path = Path("/")) -> list[str]:
    """Load the modules and turn the switches on; returns what could not be done, for people."""
    problems = []
    for module, sign in _MODULES.items():
        if not (root / sign).exists():
            try:
                await command.run("modprobe", [module])
            except command.CommandError as failure:
                problems.append(f"the module {module} is not loaded: {failure}")
    return problems + set_switches(_SWITCHES | (_SWITCHES_IPV6 if ipv6 else {}), root)


def set_switches(wanted: dict[str, str], root: Path) -> list[str]:
    """Write the sysctls that differ; returns what could not be written."""
    problems = []
    for name, value in wanted.items():
        path = root / "proc/sys" / name
        try:
            if path.read_text().strip() != value:
                path.write_text(value)
        except OSError as failure:
            problems.append(f"{name.replace('/', '.')} cannot be set: {failure.strerror}")
    return problems
