"""The ranges from which cluster IPs come: the server's own, and those of ServiceCIDR objects."""

import ipaddress
import random
from dataclasses import dataclass

from pinnace.api.kinds.networking import IPADDRESSES, SERVICECIDRS
from pinnace.api.objects import Object
from pinnace.apiserver.core import Core

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
MISMATCH = "the provided network does not match the current range"
# How many addresses of a huge range are looked at.
_MOST = 1 << 20


@dataclass(frozen=True, slots=True)
class Range:
    """A network, and the numbers of its first and last address that can be given out."""

    network: Network

    @property
    def first(self) -> int:
        return 1

    @property
    def last(self) -> int:
        last = self.network.num_addresses - 1
        return last - 1 if self.network.version == 4 else last

    @property
    def static(self) -> int:
        """How many addresses at the start are kept for those who ask for one by number."""
        size = self.network.num_addresses
        return min(max(16, size // 16), 256) if size > 32 else 0

    def refusal(self, ip: str) -> str:
        """Say why an address cannot be given out; empty if it can."""
        number = int(ipaddress.ip_address(ip)) - int(self.network.network_address)
        if self.first <= number <= self.last:
            return ""
        return (
            f"the provided IP ({ip}) is not in the valid range. The range of valid IPs is "
            f"{self.network}"
        )

    def free(self, core: Core) -> str:
        """Choose an address, from the upper part first; empty if all are taken."""
        last = min(self.last, _MOST)
        for low, high in ((self.first + self.static, last), (self.first, self.static)):
            if high < low:
                continue
            start = random.randint(low, high)
            for number in (*range(start, high + 1), *range(low, start)):
                ip = str(self.network.network_address + number)
                if core.lookup.get(IPADDRESSES, "", ip) is None:
                    return ip
        return ""


def usable(core: Core) -> list[Range]:
    """Return the ranges of the cluster's family that addresses may come from now."""
    default = ipaddress.ip_network(core.config.service_cidr)
    found: dict[Network, bool] = {}
    for entry in core.lookup.list(SERVICECIDRS):
        for text in (entry.get("spec") or {}).get("cidrs") or ():
            try:
                network = ipaddress.ip_network(text)
            except ValueError:
                continue
            if network.version == default.version:
                found[network] = found.get(network, False) or _is_ready(
                    entry, unsaid=network == default
                )
    # Before its object is there, the server's own range is what there is.
    found.setdefault(default, True)
    ready = sorted((n for n, good in found.items() if good), key=lambda n: (n != default, n))
    return [Range(network) for network in ready]


def _is_ready(entry: Object, *, unsaid: bool) -> bool:
    if entry["metadata"].get("deletionTimestamp"):
        return False
    for condition in (entry.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "Ready":
            return bool(condition.get("status") == "True")
    return unsaid


def containing(ranges: list[Range], ip: str) -> Range | None:
    """Return the first range that contains an address."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return None
    return next((one for one in ranges if address in one.network), None)
