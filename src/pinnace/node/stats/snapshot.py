"""One look at all that the node runs: what the forms in which usage is told are made from."""

from dataclasses import dataclass, field
from datetime import datetime

from pinnace.node.stats.machine import Filesystem, Interface, Machine
from pinnace.node.stats.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerUse:
    """One container that runs; the sandbox of a Pod is one too, without a name."""

    id: str
    name: str
    image: str
    started: datetime
    group: str
    usage: Usage
    # When the figures are from; the runtime's own may be older than the snapshot.
    at: datetime
    log_path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodUse:
    """One Pod that has a sandbox."""

    namespace: str
    name: str
    uid: str
    started: datetime
    group: str
    containers: tuple[ContainerUse, ...]
    usage: Usage | None = None
    sandbox: ContainerUse | None = None
    host_network: bool = False
    interfaces: tuple[Interface, ...] = ()

    def total(self) -> Usage:
        """Return what the Pod uses: its group's figures, or the sum of its containers'."""
        if self.usage is not None:
            return self.usage
        used = [each.usage for each in self.containers]

        def sum_of(figures: list[int | None]) -> int | None:
            known = [one for one in figures if one is not None]
            return sum(known) if known else None

        return Usage(
            cpu=sum_of([one.cpu for one in used]),
            memory=sum_of([one.memory for one in used]),
            working_set=sum_of([one.working_set for one in used]),
            rss=sum_of([one.rss for one in used]),
            page_faults=sum_of([one.page_faults for one in used]),
            major_faults=sum_of([one.major_faults for one in used]),
            swap=sum_of([one.swap for one in used]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupUse:
    """A control group that is neither a Pod's nor a container's."""

    path: str
    usage: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The node at one moment."""

    node: str
    at: datetime
    machine: Machine
    pods: tuple[PodUse, ...]
    groups: tuple[GroupUse, ...] = ()
    kubelet: Usage = field(default_factory=Usage)
    kubelet_started: datetime | None = None
    filesystem: Filesystem | None = None

    def cpu_times(self) -> dict[str, tuple[datetime, int]]:
        """Return the processor time of everything that has a rate, by a name for it."""
        found: dict[str, tuple[datetime, int | None]] = {
            "node": (self.at, self.machine.usage.cpu),
            "kubelet": (self.at, self.kubelet.cpu),
        }
        found |= {f"group {each.path}": (self.at, each.usage.cpu) for each in self.groups}
        for pod in self.pods:
            found[f"pod {pod.uid}"] = (self.at, pod.total().cpu)
            found |= {each.id: (each.at, each.usage.cpu) for each in pod.containers}
        return {name: (at, cpu) for name, (at, cpu) in found.items() if cpu is not None}


Rates = dict[str, int]


def rates(new: Snapshot, old: Snapshot | None) -> Rates:
    """Return how many billionths of a processor each thing has used between two snapshots."""
    if old is None:
        return {}
    before = old.cpu_times()
    found = {}
    for name, (at, cpu) in new.cpu_times().items():
        then, used = before.get(name, (at, cpu))
        seconds = (at - then).total_seconds()
        if seconds > 0 and cpu >= used:
            found[name] = int((cpu - used) / seconds)
    return found
