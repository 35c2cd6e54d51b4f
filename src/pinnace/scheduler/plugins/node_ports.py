"""Keeps two pods from wanting one port of one node."""

from collections.abc import Iterable

from pinnace.scheduler.plugins.base import Ruled, State
from pinnace.scheduler.podinfo import PodInfo

_ANY = "0.0.0.0"  # the wildcard of hostIP, nothing is listened on here


class NodePorts:
    """Checks hostPort, hostIP and protocol."""

    name = "NodePorts"

    def filter(self, pod: PodInfo, state: State) -> Iterable[Ruled]:
        if not pod.ports:
            return
        taken = state.columns.rows_like()
        for port in pod.ports:
            for row, ips in state.columns.ports.get((port.protocol, port.port), {}).items():
                if any(port.ip in (_ANY, ip) or ip == _ANY for ip in ips):
                    taken[row] = True
        yield Ruled("node(s) didn't have free ports for the requested pod ports", taken)
