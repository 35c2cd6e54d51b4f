"""Names inside a Pod: its hostname, /etc/hosts and resolv.conf. Pure."""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pinnace.node.podspec import is_host_network, name_of, namespace_of
from pinnace.node.runtime import DNSConfig

_HEADER = "# Kubernetes-managed hosts file.\n"
_HOST_HEADER = "# Kubernetes-managed hosts file (host network).\n"
_FIXED = (
    "127.0.0.1\tlocalhost\n"
    "::1\tlocalhost ip6-localhost ip6-loopback\n"
    "fe00::0\tip6-localnet\n"
    "fe00::0\tip6-mcastprefix\n"
    "fe00::1\tip6-allnodes\n"
    "fe00::2\tip6-allrouters\n"
)
_HOSTNAME_LENGTH = 63
# What a resolver reads at most, by upstream's validation.
_MAX_SERVERS, _MAX_SEARCHES, _MAX_SEARCH_LENGTH = 3, 32, 2048


@dataclass(frozen=True, slots=True)
class ClusterNames:
    """The cluster's domain and the addresses of its DNS."""

    domain: str = "cluster.local"
    servers: tuple[str, ...] = ()


def hostname(pod: Mapping[str, Any], names: ClusterNames) -> tuple[str, str]:
    """Return the hostname and the domain of a Pod; the domain is empty without a subdomain."""
    spec = pod["spec"]
    own = str(spec.get("hostnameOverride") or spec.get("hostname") or name_of(pod))
    own = own[:_HOSTNAME_LENGTH].rstrip("-.") if len(own) > _HOSTNAME_LENGTH else own
    if spec.get("hostnameOverride") or not spec.get("subdomain"):
        return own, ""
    return own, f"{spec['subdomain']}.{namespace_of(pod)}.svc.{names.domain}"


def uts_hostname(pod: Mapping[str, Any], names: ClusterNames) -> str:
    """Return what `hostname` prints in the Pod: the full name if it asks for that."""
    own, domain = hostname(pod, names)
    if pod["spec"].get("setHostnameAsFQDN") and domain:
        return f"{own}.{domain}"
    return own


def _aliases(pod: Mapping[str, Any]) -> str:
    aliases = pod["spec"].get("hostAliases") or ()
    if not aliases:
        return ""
    lines = [f"{each['ip']}\t" + "\t".join(each.get("hostnames") or ()) for each in aliases]
    return "\n# Entries added by HostAliases.\n" + "".join(line + "\n" for line in lines)


def hosts_file(
    pod: Mapping[str, Any], ips: Sequence[str], names: ClusterNames, *, node_file: str = ""
) -> str:
    """Return the content of /etc/hosts; a Pod on the host's network gets the node's own file."""
    if is_host_network(pod):
        return _HOST_HEADER + node_file + _aliases(pod)
    own, domain = hostname(pod, names)
    called = f"{own}.{domain}\t{own}" if domain else own
    return _HEADER + _FIXED + "".join(f"{ip}\t{called}\n" for ip in ips) + _aliases(pod)


def parse_resolv(text: str) -> DNSConfig:
    """Read a resolv.conf."""
    servers: list[str] = []
    searches: list[str] = []
    options: list[str] = []
    for line in text.splitlines():
        fields = line.split("#", 1)[0].split()
        if len(fields) < 2:
            continue
        if fields[0] == "nameserver":
            servers.append(fields[1])
        elif fields[0] == "search":
            searches = [each.rstrip(".") or "." for each in fields[1:]]
        elif fields[0] == "options":
            options = fields[1:]
    return DNSConfig(servers=servers, searches=searches, options=options)


def usable_resolv(text: str) -> DNSConfig:
    """Read the node's resolv.conf, without servers that only the node itself can reach."""
    parsed = parse_resolv(text)
    servers = [each for each in parsed.servers if not _is_loopback(each)]
    return DNSConfig(servers=servers, searches=parsed.searches, options=parsed.options)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.split("%")[0]).is_loopback
    except ValueError:
        return False


def dns_config(pod: Mapping[str, Any], names: ClusterNames, node: DNSConfig) -> DNSConfig:
    """Return a Pod's resolv.conf by its dnsPolicy and dnsConfig."""
    policy = pod["spec"].get("dnsPolicy") or "ClusterFirst"
    clustered = policy == "ClusterFirstWithHostNet" or (
        policy == "ClusterFirst" and not is_host_network(pod)
    )
    if policy == "None":
        servers, searches, options = [], [], []
    elif clustered and names.servers:
        namespace = namespace_of(pod)
        servers, options = list(names.servers), ["ndots:5"]
        searches = [f"{namespace}.svc.{names.domain}", f"svc.{names.domain}", names.domain]
        searches += [each for each in node.searches if each not in searches]
    else:
        servers, searches, options = list(node.servers), list(node.searches), list(node.options)
    extra = pod["spec"].get("dnsConfig") or {}
    servers = list(dict.fromkeys([*servers, *(extra.get("nameservers") or ())]))
    searches = list(dict.fromkeys([*searches, *(extra.get("searches") or ())]))
    options = _merge_options(options, extra.get("options") or ())
    return DNSConfig(servers=servers[:_MAX_SERVERS], searches=_fitting(searches), options=options)


def _merge_options(options: list[str], extra: Sequence[Mapping[str, Any]]) -> list[str]:
    merged = {each.partition(":")[0]: each for each in options}
    for each in extra:
        value = each.get("value")
        merged[each["name"]] = f"{each['name']}:{value}" if value else each["name"]
    return list(merged.values())


def _fitting(searches: list[str]) -> list[str]:
    kept: list[str] = []
    for each in searches[:_MAX_SEARCHES]:
        if len(" ".join([*kept, each])) > _MAX_SEARCH_LENGTH:
            break
        kept.append(each)
    return kept
