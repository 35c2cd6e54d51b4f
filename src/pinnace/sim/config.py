"""What the simulated nodes are like."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pinnace.sim.rules import RULES, Rule

NOTE = "pinnace.dev/note"
SAYS = "This node is simulated: its pods change their status, but no container runs."

KUBELET_VERSION = "v1.36.0-pinnace-sim"


@dataclass(frozen=True, slots=True, kw_only=True)
class SimConfig:
    """How many nodes, how large, and by which rules their pods live.

    Every Node with the label `pinnace.dev/simulated: "true"` is played, whoever made it; `nodes`
    says how many are made at the start. `node_network` has the addresses of nodes; `pod_network`
    those of pods on a node that has no podCIDR (a cluster's range may be smaller than the sim).
    """

    nodes: int = 1
    prefix: str = "sim-"
    capacity: Mapping[str, str] = field(
        default_factory=lambda: {
            "cpu": "8",
            "memory": "32Gi",
            "ephemeral-storage": "100Gi",
            "pods": "110",
        }
    )
    labels: Mapping[str, str] = field(default_factory=dict)
    zones: Sequence[str] = ()
    node_network: str = "198.18.0.0/15"
    pod_network: str = "100.64.0.0/10"
    rules: Sequence[Rule] = RULES
    recreate: bool = False
    lease_seconds: int = 40
    renew_seconds: float = 10.0
    parallel: int = 128
