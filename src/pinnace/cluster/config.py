"""What a cluster is told once, and remembers in its data directory."""

import hashlib
import ipaddress
import json
import os
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

from pinnace.cluster.apiserver_settings import FIELDS, ApiServerSettings, parsed, settings
from pinnace.store.etcd.settings import PREFIX, EtcdSettings

FORMAT = 1
CONFIG_FILE = "cluster.json"


class ConfigError(Exception):
    """Something that the user gave cannot be used; the message is one line for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterConfig:
    """The facts of one cluster.

    Ranges are CIDRs. `bind` is the address that the API server listens on, `advertise` the one that
    Pods and nodes use for it. `nodes` is auto, real, none or sim:N. With `etcd_servers` the objects
    are in etcd, and not in the data directory.
    """

    data_dir: Path
    bind: str = "0.0.0.0"
    port: int = 6443
    advertise: str = ""
    nodes: str = "auto"
    node_name: str = ""
    domain: str = "cluster.local"
    service_cidr: str = "10.96.0.0/16"
    pod_cidr: str = "10.244.0.0/16"
    node_port_range: tuple[int, int] = (30000, 32767)
    names: tuple[str, ...] = field(default=())
    etcd_servers: tuple[str, ...] = field(default=())
    etcd_prefix: str = PREFIX
    etcd_cafile: str = ""
    etcd_certfile: str = ""
    etcd_keyfile: str = ""
    flush_all: bool = False
    apiserver: ApiServerSettings = field(default_factory=ApiServerSettings)

    @property
    def store_file(self) -> Path:
        """Where the objects are, unless they are in etcd."""
        return self.data_dir / "store.db"

    @property
    def etcd(self) -> EtcdSettings | None:
        """How to reach the etcd that has the objects; None if the data directory has them."""
        if not self.etcd_servers:
            return None

        def path(text: str) -> Path | None:
            return Path(text) if text else None

        return EtcdSettings(
            servers=self.etcd_servers,
            prefix=self.etcd_prefix,
            ca_file=path(self.etcd_cafile),
            cert_file=path(self.etcd_certfile),
            key_file=path(self.etcd_keyfile),
        )

    @property
    def cluster_id(self) -> str:
        """Six hex digits that tell the clusters of one machine apart, from the data directory."""
        return hashlib.sha256(str(self.data_dir).encode()).hexdigest()[:6]

    @property
    def run_dir(self) -> Path:
        """Where sockets, pids and locks are."""
        return self.data_dir / "run"

    @property
    def log_dir(self) -> Path:
        """Where each process of the cluster writes its log."""
        return self.data_dir / "logs"

    @property
    def kubernetes_ip(self) -> str:
        """The cluster IP of default/kubernetes: the first of the range."""
        return str(ipaddress.ip_network(self.service_cidr)[1])

    @property
    def is_local(self) -> bool:
        """Whether the API server listens for this machine only."""
        return self.bind == "localhost" or self.bind.startswith("127.")

    @property
    def dns_ip(self) -> str:
        """The cluster IP of the DNS: the tenth of the range, as other installers have it."""
        return str(ipaddress.ip_network(self.service_cidr)[10])

    @property
    def local_url(self) -> str:
        """The API server's address for this machine."""
        host = self.bind
        if host in ("0.0.0.0", "", "::"):
            host = "127.0.0.1"
        return f"https://{host}:{self.port}"


def default_data_dir() -> Path:
    """Return where a cluster lives unless told: system-wide for root, the user's own otherwise."""
    if os.geteuid() == 0:
        return Path("/var/lib/pinnace")
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "pinnace"


def host_address() -> str:
    """Return the address by which others reach this machine; loopback when it has no other."""
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        # Connecting a datagram socket sends nothing; it only asks for the route.
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])
    except OSError:
        return "127.0.0.1"
    finally:
        probe.close()


def host_name() -> str:
    """Return the machine's name as a node name: lower case, as DNS allows it."""
    name = socket.gethostname().lower()
    return "".join(char if char.isalnum() or char in "-." else "-" for char in name).strip("-.")


def load(data_dir: Path) -> ClusterConfig | None:
    """Read the remembered facts, or None in a directory that has none.

    Raises ConfigError for a directory of a newer version or a damaged file.
    """
    path = data_dir / CONFIG_FILE
    try:
        raw = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    version = raw.get("format") if isinstance(raw, dict) else None
    if version != FORMAT:
        raise ConfigError(
            f"{data_dir} has format {version}, this version of Pinnace reads {FORMAT}: "
            "use the version that wrote it, or another --data-dir"
        )
    known = {entry.name for entry in fields(ClusterConfig)}
    values = {name: value for name, value in raw.items() if name in known}
    values["data_dir"] = data_dir
    try:
        values["node_port_range"] = tuple(values["node_port_range"])
        values["names"] = tuple(values["names"])
        values["etcd_servers"] = tuple(values.get("etcd_servers") or ())
        told = {k: v for k, v in (values.get("apiserver") or {}).items() if k in FIELDS}
        values["apiserver"] = settings(told)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {error} is missing or wrong") from error
    return ClusterConfig(**values)


def save(config: ClusterConfig) -> None:
    """Remember the facts; raises ConfigError if the directory cannot be written."""
    path = config.data_dir / CONFIG_FILE
    values = {"format": FORMAT, **asdict(config)}
    del values["data_dir"]
    try:
        config.data_dir.mkdir(parents=True, exist_ok=True)
        for directory in (config.run_dir, config.log_dir):
            directory.mkdir(exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(values, indent=2) + "\n")
        fresh.replace(path)
    except OSError as error:
        raise ConfigError(f"cannot write {config.data_dir}: {error.strerror}") from error


def resolve(
    data_dir: Path,
    *,
    taken: frozenset[str] = frozenset(),
    apiserver: Mapping[str, object] | None = None,
    **given: object,
) -> ClusterConfig:
    """Return the facts of the cluster in a directory: remembered ones, changed by what is given.

    Given values of None count as not given. A new cluster takes the first pod and service ranges
    whose pod range overlaps none of the `taken` addresses. `apiserver` are the API server's
    settings that change. Raises ConfigError for what cannot be used, and for a change of a range
    that the cluster already uses.
    """
    told = {name: value for name, value in given.items() if value is not None}
    remembered = load(data_dir)
    if remembered is not None:
        for name in ("service_cidr", "pod_cidr", "domain"):
            if name in told and told[name] != getattr(remembered, name):
                raise ConfigError(
                    f"{data_dir} uses {getattr(remembered, name)} as {name.replace('_', ' ')}; "
                    "it cannot be changed: use another --data-dir"
                )
        config = replace(remembered, **told)  # type: ignore[arg-type]
        if config.etcd_servers and config.store_file.exists():
            raise ConfigError(
                f"{data_dir} has the objects of its cluster itself, not in etcd: "
                "use another --data-dir"
            )
    else:
        pods, services = _free_ranges(taken)
        defaults = {"pod_cidr": pods, "service_cidr": services, "node_name": host_name()}
        config = ClusterConfig(data_dir=data_dir, **{**defaults, **told})  # type: ignore[arg-type]
    if apiserver:
        config = replace(config, apiserver=_changed(config.apiserver, apiserver))
    if "advertise" not in told:
        config = replace(config, advertise=_advertised(config.bind))
    _check(config)
    return config


def _changed(remembered: ApiServerSettings, given: Mapping[str, object]) -> ApiServerSettings:
    try:
        return replace(remembered, **{name: parsed(name, value) for name, value in given.items()})
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _advertised(bind: str) -> str:
    """Return the address for Pods and nodes; one that is for this machine only is none for them."""
    local = bind in ("0.0.0.0", "", "::", "localhost") or bind.startswith("127.")
    return host_address() if local else bind


def _free_ranges(taken: frozenset[str]) -> tuple[str, str]:
    addresses = [ipaddress.ip_address(text) for text in taken]
    for number in range(10):
        pods = ipaddress.ip_network(f"10.{244 + number}.0.0/16")
        if not any(address in pods for address in addresses):
            return str(pods), f"10.{96 + number}.0.0/16"
    raise ConfigError(
        "ten pod ranges are taken on this machine: give --pod-cidr and --service-cidr"
    )


def _check(config: ClusterConfig) -> None:
    ranges = []
    for option, text in (("pod", config.pod_cidr), ("service", config.service_cidr)):
        try:
            ranges.append(ipaddress.ip_network(text))
        except ValueError as error:
            raise ConfigError(f"--{option}-cidr {text}: {error}") from error
    if ranges[0].overlaps(ranges[1]):
        raise ConfigError("--pod-cidr and --service-cidr overlap")
    if ranges[0].prefixlen > 24 or ranges[1].prefixlen > 28:
        raise ConfigError("--pod-cidr needs a /24 or more, --service-cidr a /28 or more")
    _check_etcd(config)
    if not 0 < config.port < 65536:
        raise ConfigError(f"--port {config.port} is not a port")
    simulated_nodes(config.nodes)


def _check_etcd(config: ClusterConfig) -> None:
    for url in config.etcd_servers:
        if not url.startswith(("http://", "https://")):
            raise ConfigError(f"--etcd-servers {url}: give a URL such as https://10.0.0.1:2379")
    if not config.etcd_prefix.startswith("/") or config.etcd_prefix == "/":
        raise ConfigError(f"--etcd-prefix {config.etcd_prefix}: give a path such as /registry")
    if bool(config.etcd_certfile) != bool(config.etcd_keyfile):
        raise ConfigError("--etcd-certfile and --etcd-keyfile are given together")


def simulated_nodes(nodes: str) -> int:
    """Return N of sim:N, and 0 for the other choices; raises ConfigError for anything else."""
    if nodes in ("auto", "real", "none"):
        return 0
    kind, _, count = nodes.partition(":")
    if kind == "sim" and count.isdecimal() and 0 < int(count) <= 20000:
        return int(count)
    raise ConfigError(f"--nodes {nodes}: choose auto, real, none or sim:N")
