"""From a plan to nftables: chains, map elements, and the text between two states: pure.

The shape is upstream's nftables mode: verdict maps find a Service port in one lookup however many
there are. For a Service without affinity its chain picks an endpoint by one random number in one
rule; with affinity every endpoint has a chain and a set of the clients that it keeps. What has no
endpoint is rejected by filter chains, since NAT chains cannot.

Example, for default/hello at 10.96.0.7:80 with two endpoints:

    map service-ips { 10.96.0.7 . tcp . 80 : goto svc-9c1ab2 }
    chain svc-9c1ab2 {
        ip saddr != 10.244.0.0/16 jump mark-for-masquerade
        dnat ip to numgen random mod 2 map { 0 : 10.244.0.4 . 8080, 1 : 10.244.0.5 . 8080 }
    }
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pinnace.proxy.plan import Endpoint, ServicePort

MASQUERADE_MARK = 0x4000

# The maps and sets that elements go into.
_CONTAINERS = {
    "service-ips": "map {} {{ type ipv4_addr . inet_proto . inet_service : verdict; }}",
    "service-nodeports": "map {} {{ type inet_proto . inet_service : verdict; }}",
    "no-endpoint-services": "map {} {{ type ipv4_addr . inet_proto . inet_service : verdict; }}",
    "no-endpoint-nodeports": "map {} {{ type inet_proto . inet_service : verdict; }}",
    "cluster-ips": "set {} {{ type ipv4_addr; }}",
    "hairpin": "set {} {{ type ipv4_addr . ipv4_addr; }}",
}


@dataclass(frozen=True, slots=True)
class Ruleset:
    """What the table holds beyond its fixed part.

    `chains` are rules by chain; `affinities` timeouts of affinity sets by name; `elements` per
    container, key to verdict (empty in plain sets).
    """

    chains: dict[str, tuple[str, ...]] = field(default_factory=dict)
    affinities: dict[str, int] = field(default_factory=dict)
    elements: dict[str, dict[str, str]] = field(
        default_factory=lambda: {name: {} for name in _CONTAINERS}
    )


def ruleset(ports: Iterable[ServicePort], *, pod_cidr: str) -> Ruleset:
    """Render a plan."""
    rules = Ruleset()
    for port in ports:
        _add_port(rules, port, pod_cidr)
    return rules


def _add_port(rules: Ruleset, port: ServicePort, pod_cidr: str) -> None:
    suffix = hashlib.sha256(port.name.encode()).hexdigest()[:12]
    for ip in port.cluster_ips:
        rules.elements["cluster-ips"][ip] = ""
    for endpoint in {*port.internal, *port.external}:
        rules.elements["hairpin"][f"{endpoint.ip} . {endpoint.ip}"] = ""
    internal, external = f"svc-{suffix}", f"ext-{suffix}"
    if port.internal:
        outside = f"ip saddr != {pod_cidr} jump mark-for-masquerade"
        rules.chains[internal] = (outside, *_balance(rules, port, port.internal, f"i{suffix}"))
    reachable = port.external_ips or port.node_port
    if port.external and reachable:
        hidden = () if port.external_local else ("jump mark-for-masquerade",)
        rules.chains[external] = (*hidden, *_balance(rules, port, port.external, f"e{suffix}"))
    for ip in port.cluster_ips:
        key = f"{ip} . {port.protocol} . {port.port}"
        _aim(rules, "services", key, internal if port.internal else "")
    for ip in port.external_ips:
        key = f"{ip} . {port.protocol} . {port.port}"
        _aim(rules, "services", key, external if port.external else "")
    if port.node_port:
        key = f"{port.protocol} . {port.node_port}"
        _aim(rules, "nodeports", key, external if port.external else "")


def _aim(rules: Ruleset, kind: str, key: str, chain: str) -> None:
    if chain:
        name = "service-ips" if kind == "services" else "service-nodeports"
        rules.elements[name][key] = f"goto {chain}"
    else:
        rules.elements[f"no-endpoint-{kind}"][key] = "goto reject-chain"


def _balance(
    rules: Ruleset, port: ServicePort, endpoints: tuple[Endpoint, ...], suffix: str
) -> tuple[str, ...]:
    if not port.affinity:
        return (_spread(endpoints, port.protocol),)
    kept = []
    chains = []
    for endpoint in endpoints:
        identity = f"{suffix} {endpoint.ip} {endpoint.port}".encode()
        name = hashlib.sha256(identity).hexdigest()[:12]
        rules.affinities[f"aff-{name}"] = port.affinity
        rules.chains[f"ep-{name}"] = (
            f"update @aff-{name} {{ ip saddr }}",
            f"meta l4proto {port.protocol} dnat ip to {endpoint.ip}:{endpoint.port}",
        )
        kept.append(f"ip saddr @aff-{name} goto ep-{name}")
        chains.append(f"ep-{name}")
    choices = ", ".join(f"{at} : goto {chain}" for at, chain in enumerate(chains))
    return (*kept, f"numgen random mod {len(chains)} vmap {{ {choices} }}")


def _spread(endpoints: tuple[Endpoint, ...], protocol: str) -> str:
    """Return the rule that sends a connection to one of the endpoints by chance."""
    if len(endpoints) == 1:
        return f"meta l4proto {protocol} dnat ip to {endpoints[0].ip}:{endpoints[0].port}"
    choices = ", ".join(
        f"{at} : {endpoint.ip} . {endpoint.port}" for at, endpoint in enumerate(endpoints)
    )
    return (
        f"meta l4proto {protocol} dnat ip to numgen random mod {len(endpoints)} map {{ {choices} }}"
    )


def whole(table: str, rules: Ruleset, *, service_cidr: str, bridge: str) -> str:
    """Return the text that makes the table anew, whatever it held."""
    lines = [f"add table ip {table}", f"delete table ip {table}", f"add table ip {table}"]
    lines += [f"add {_container(table, name)}" for name in _CONTAINERS]
    lines += _fixed(table, service_cidr, bridge)
    lines += _changes(table, Ruleset(), rules)
    return "\n".join(lines) + "\n"


def change(table: str, before: Ruleset, after: Ruleset) -> str:
    """Return the text that turns one ruleset into another; empty if nothing differs."""
    lines = _changes(table, before, after)
    return "\n".join(lines) + "\n" if lines else ""


def remove(table: str) -> str:
    """Return the text that removes the table, also if it is not there."""
    return f"add table ip {table}\ndelete table ip {table}\n"


def _container(table: str, name: str) -> str:
    kind, rest = _CONTAINERS[name].split(" ", 1)
    return f"{kind} ip {table} {rest.format(name)}"


def _fixed(table: str, service_cidr: str, bridge: str) -> list[str]:
    """The hooks and the way from them to the maps."""
    mark = f"{MASQUERADE_MARK:#x}"
    chains: dict[str, tuple[str, tuple[str, ...]]] = {
        "mark-for-masquerade": ("", (f"mark set mark or {mark}",)),
        "reject-chain": ("", ("reject",)),
        "services": (
            "",
            (
                "ip daddr . meta l4proto . th dport vmap @service-ips",
                "fib daddr type local meta l4proto . th dport vmap @service-nodeports",
            ),
        ),
        "endpoints-check": (
            "",
            (
                "ip daddr . meta l4proto . th dport vmap @no-endpoint-services",
                "fib daddr type local meta l4proto . th dport vmap @no-endpoint-nodeports",
            ),
        ),
        "cluster-ips-check": (
            "",
            ("ip daddr @cluster-ips reject", f"ip daddr {service_cidr} drop"),
        ),
        "nat-prerouting": ("nat hook prerouting priority dstnat", ("jump services",)),
        "nat-output": ("nat hook output priority -100", ("jump services",)),
        "nat-postrouting": (
            "nat hook postrouting priority srcnat",
            (
                # A Pod that reaches itself through its Service must not see its own address.
                "ct status dnat ip saddr . ip daddr @hairpin masquerade",
                f"mark and {mark} == {mark} mark set mark xor {mark} masquerade fully-random",
            ),
        ),
        "filter-input": (
            "filter hook input priority -110",
            ("ct state new jump endpoints-check",),
        ),
        "filter-forward": (
            "filter hook forward priority -110",
            ("ct state new jump endpoints-check", "ct state new jump cluster-ips-check"),
        ),
        "filter-output": (
            "filter hook output priority -99",
            ("ct state new jump endpoints-check", "ct state new jump cluster-ips-check"),
        ),
        # route_localnet lets node ports answer on 127.0.0.1; Pods must not get in that way.
        "local-guard": (
            "filter hook prerouting priority raw",
            (f'iifname "{bridge}" ip daddr 127.0.0.0/8 drop',),
        ),
    }
    lines = []
    for name, (hook, _) in chains.items():
        body = f" {{ type {hook}; }}" if hook else ""
        lines.append(f"add chain ip {table} {name}{body}")
    for name, (_, rules) in chains.items():
        lines += [f"add rule ip {table} {name} {rule}" for rule in rules]
    return lines


def _changes(table: str, before: Ruleset, after: Ruleset) -> list[str]:
    gone_elements, new_elements = [], []
    for name in _CONTAINERS:
        old, new = before.elements[name], after.elements[name]
        drop = [key for key, verdict in old.items() if new.get(key) != verdict]
        add = [
            f"{key} : {verdict}" if verdict else key
            for key, verdict in new.items()
            if old.get(key) != verdict
        ]
        gone_elements += _elements("delete", table, name, drop)
        new_elements += _elements("add", table, name, add)
    lines = [
        f"add set ip {table} {name} "
        f"{{ type ipv4_addr; flags dynamic,timeout; timeout {seconds}s; }}"
        for name, seconds in after.affinities.items()
        if name not in before.affinities
    ]
    lines += [f"add chain ip {table} {name}" for name in after.chains if name not in before.chains]
    for name, rules in after.chains.items():
        old_rules = before.chains.get(name)
        if old_rules == rules:
            continue
        if old_rules is not None:
            lines.append(f"flush chain ip {table} {name}")
        lines += [f"add rule ip {table} {name} {rule}" for rule in rules]
    lines += gone_elements + new_elements
    lines += _removals(table, before, after)
    return lines


def _removals(table: str, before: Ruleset, after: Ruleset) -> list[str]:
    """Remove chains and sets last, when nothing refers to them any more."""
    gone = [name for name in before.chains if name not in after.chains]
    lines = [f"flush chain ip {table} {name}" for name in gone]
    lines += [f"delete chain ip {table} {name}" for name in gone]
    lines += [
        f"delete set ip {table} {name}"
        for name in before.affinities
        if name not in after.affinities
    ]
    return lines


def _elements(verb: str, table: str, name: str, entries: Iterable[str]) -> list[str]:
    joined = ", ".join(entries)
    return [f"{verb} element ip {table} {name} {{ {joined} }}"] if joined else []


def same_affinity(before: Mapping[str, int], after: Mapping[str, int]) -> bool:
    """Say whether no set changes its timeout, which nftables cannot do in place."""
    return all(before.get(name, seconds) == seconds for name, seconds in after.items())
