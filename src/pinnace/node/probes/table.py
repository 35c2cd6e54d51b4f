"""Every way to probe, by its field."""

from pinnace.node.probes.base import ProbeType
from pinnace.node.probes.exec import EXEC
from pinnace.node.probes.grpc import GRPC
from pinnace.node.probes.http import HTTP
from pinnace.node.probes.tcp import TCP

PROBES: tuple[ProbeType, ...] = (EXEC, HTTP, TCP, GRPC)
