"""The cluster's own certificates and keys: one authority, a certificate for each component."""

import ipaddress
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pinnace.cluster.config import ClusterConfig, ConfigError
from pinnace.cluster.signing_keys import SigningKeyFiles, write_private
from pinnace.kit import x509
from pinnace.kit.x509 import Authority, KeyPair, Subject

SIM = "system:pinnace-sim"
KUBELET_CLIENT = "apiserver-kubelet-client"
# Who each component is, in upstream's words: RBAC's bootstrap bindings name them.
IDENTITIES: dict[str, Subject] = {
    "admin": Subject("kubernetes-admin", ("system:masters",)),
    # Each controller acts as a service account of its own, whose tokens this one asks for.
    "controller-manager": Subject("system:kube-controller-manager"),
    "scheduler": Subject("system:kube-scheduler"),
    "proxy": Subject("system:kube-proxy"),
    "dns": Subject("system:serviceaccount:kube-system:coredns"),
    # Plays kubelets; no name of upstream's, which knows no such component.
    "sim": Subject(SIM),
    KUBELET_CLIENT: Subject("kube-apiserver-kubelet-client"),
}


# Who the API server is to servers behind it, and the authority that is for nothing else.
FRONT_PROXY = "front-proxy-client"
_FRONT_PROXY = "pinnace-front-proxy-ca"


@dataclass(frozen=True, slots=True)
class Pki:
    """All that the processes of one machine need."""

    authority: Authority
    front_proxy: Authority
    apiserver: KeyPair
    signing_keys: SigningKeyFiles
    clients: dict[str, KeyPair]

    @property
    def ca(self) -> bytes:
        """The authority's certificate in PEM."""
        return self.authority.pem


def server_names(config: ClusterConfig) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the DNS names and addresses by which clients reach the API server."""
    dns = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"]
    dns += [f"kubernetes.default.svc.{config.domain}", "localhost", socket.gethostname()]
    ips = ["127.0.0.1", config.kubernetes_ip, config.advertise]
    for name in (config.bind, *config.names):
        try:
            ips.append(str(ipaddress.ip_address(name)))
        except ValueError:
            dns.append(name)
    unspecified = {"0.0.0.0", "::", ""}
    return tuple(dict.fromkeys(dns)), tuple(
        ip for ip in dict.fromkeys(ips) if ip not in unspecified
    )


def make(config: ClusterConfig, now: datetime) -> Pki:
    """Make everything in memory."""
    authority = x509.make_authority("pinnace-ca", now=now)
    front_proxy = x509.make_authority(_FRONT_PROXY, now=now)
    clients = {name: issue_client(authority, name, now) for name in IDENTITIES}
    clients[FRONT_PROXY] = issue_front_proxy(front_proxy, now)
    server = issue_server(authority, config, now)
    return Pki(authority, front_proxy, server, SigningKeyFiles.in_memory(), clients)


def issue_server(authority: Authority, config: ClusterConfig, now: datetime) -> KeyPair:
    """Make the API server's serving certificate."""
    dns, ips = server_names(config)
    subject = Subject("kube-apiserver")
    return x509.issue(authority, subject, now=now, dns=dns, ips=ips, server=True)


def issue_client(authority: Authority, name: str, now: datetime) -> KeyPair:
    """Make the client certificate of a component of the table above."""
    return x509.issue(authority, IDENTITIES[name], now=now, client=True)


def issue_front_proxy(authority: Authority, now: datetime) -> KeyPair:
    """Make the certificate by which servers behind the API server know it."""
    return x509.issue(authority, Subject(FRONT_PROXY), now=now, client=True)


def issue_kubelet(
    authority: Authority, node: str, addresses: Iterable[str], now: datetime
) -> KeyPair:
    """Make a node's certificate: a client to the API server, and a server to it."""
    subject = Subject(f"system:node:{node}", ("system:nodes",))
    return x509.issue(
        authority, subject, now=now, dns=[node], ips=addresses, server=True, client=True
    )


def ensure(directory: Path, config: ClusterConfig, now: datetime) -> Pki:
    """Read the certificates of a data directory, making those that lack, age or do not fit."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        authority = _authority(directory, "ca", "pinnace-ca", now)
        front_proxy = _authority(directory, "front-proxy-ca", _FRONT_PROXY, now)
        keys = SigningKeyFiles(directory)
        keys.ensure()
        clients = {}
        for name in IDENTITIES:
            clients[name] = _fresh(
                directory,
                name,
                now,
                lambda name=name: issue_client(authority, name, now),  # type: ignore[misc]
                subject=IDENTITIES[name],
            )
        clients[FRONT_PROXY] = _fresh(
            directory, FRONT_PROXY, now, lambda: issue_front_proxy(front_proxy, now)
        )
        wanted = server_names(config)
        server = _fresh(
            directory, "apiserver", now, lambda: issue_server(authority, config, now), wanted
        )
        return Pki(authority, front_proxy, server, keys, clients)
    except OSError as error:
        raise ConfigError(f"cannot write {directory}: {error.strerror}") from error
    except x509.X509Error as error:
        raise ConfigError(f"{directory} has a damaged certificate: {error}") from error


def ensure_kubelet(
    directory: Path, authority: Authority, config: ClusterConfig, now: datetime
) -> KeyPair:
    """Read or make the certificate of this machine's node."""
    addresses = tuple(dict.fromkeys((config.advertise, "127.0.0.1")))
    names = ((config.node_name,), addresses)
    return _fresh(
        directory, "kubelet", now,
        lambda: issue_kubelet(authority, config.node_name, addresses, now), names,
    )  # fmt: skip


def _authority(directory: Path, name: str, common_name: str, now: datetime) -> Authority:
    pair = _load(directory, name) or _keep(
        directory, name, x509.make_authority(common_name, now=now).key_pair
    )
    return x509.load_authority(pair)


def _fresh(
    directory: Path,
    name: str,
    now: datetime,
    issue: Callable[[], KeyPair],
    names: tuple[tuple[str, ...], tuple[str, ...]] | None = None,
    *,
    subject: Subject | None = None,
) -> KeyPair:
    pair = _load(directory, name)
    if pair is not None and not x509.needs_renewal(pair.certificate, now=now):
        facts = x509.read_certificate(pair.certificate)
        fits = names is None or (set(facts.dns), set(facts.ips)) == (set(names[0]), set(names[1]))
        # Who a component is may have changed with the version.
        if fits and subject in (None, facts.subject):
            return pair
    return _keep(directory, name, issue())


def _load(directory: Path, name: str) -> KeyPair | None:
    try:
        certificate = (directory / f"{name}.crt").read_bytes()
        return KeyPair(certificate, (directory / f"{name}.key").read_bytes())
    except FileNotFoundError:
        return None


def _keep(directory: Path, name: str, pair: KeyPair) -> KeyPair:
    # The key first: a certificate without its key would be taken for a whole pair after a crash.
    write_private(directory / f"{name}.key", pair.key)
    write_private(directory / f"{name}.crt", pair.certificate)
    return pair
