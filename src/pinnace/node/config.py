"""What a kubelet is told when it starts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pinnace.kit.x509 import KeyPair

KUBELET_VERSION = "v1.36.0+pinnace"
KUBELET_PORT = 10250


@dataclass(frozen=True, slots=True)
class Taint:
    """A taint that the Node is registered with."""

    key: str
    effect: str
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeletConfig:
    """The facts of one node.

    `addresses` are the node's own, the first is the one that the API server dials. `tls` is the
    serving certificate and `client_ca` the authority (PEM) whose clients are let in; without them
    there is no server. `port` 0 means the usual one, or a free one when that is taken.
    """

    node_name: str
    root_dir: Path
    log_dir: Path
    addresses: tuple[str, ...]
    bind: str = "0.0.0.0"
    port: int = 0
    tls: KeyPair | None = None
    client_ca: bytes = b""
    cluster_domain: str = "cluster.local"
    cluster_dns: tuple[str, ...] = ()
    resolv_conf: Path = Path("/etc/resolv.conf")
    max_pods: int = 110
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    provider_id: str = ""
    cgroups: bool = True
    cgroup_root: str = "/pinnace"
