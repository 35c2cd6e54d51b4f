"""Every fact about the host, and all of them together."""

from pinnace.node.facts import cpu, disk, hugepages, identity, memory, system
from pinnace.node.facts.base import Fact, Host, HostFacts

FACTS = (
    Fact("cpu", cpu.gather),
    Fact("memory", memory.gather),
    Fact("hugepages", hugepages.gather),
    Fact("disk", disk.gather),
    Fact("identity", identity.gather),
    Fact("system", system.gather),
)


def gather(host: Host, facts: tuple[Fact, ...] = FACTS) -> HostFacts:
    """Return everything that the table knows about a host."""
    found = [fact.gather(host) for fact in facts]
    return HostFacts(
        capacity={name: text for part in found for name, text in part.capacity.items()},
        node_info={name: value for part in found for name, value in part.node_info.items()},
    )
