"""What a server is told when it starts: everything that the cluster decides for it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from ssl import SSLContext

from pinnace.api.kinds.table import RESOURCES
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.apiserver.admission.options import AdmissionOptions
from pinnace.apiserver.at_rest import EncryptionConfig
from pinnace.apiserver.audit.config import AuditConfig
from pinnace.apiserver.authn.table import AuthnConfig
from pinnace.apiserver.authz.configuration import ALLOW_ALL, AuthzConfig
from pinnace.apiserver.serviceaccounts.openid import OpenId
from pinnace.apiserver.serviceaccounts.tokens import TokenIssuer
from pinnace.kit.x509 import KeyPair


@dataclass(frozen=True, kw_only=True)
class ServerConfig:
    """The settings of one API server; the defaults are those of a server inside a test.

    `openid` is what others are told to check this cluster's tokens with. `objects` are ensured at
    the start, beside what every cluster has. `kubelet_tls` is how the server meets kubelets.
    `host_name` and `identity` name the server's Lease. `event_ttl` is for how many seconds Events
    are kept. `flush_all` flushes Leases and Events to the disk before they are answered, as all
    other kinds always are.
    `front_proxy_client` is the certificate by which extension servers know this one.
    `client_ca` has the authorities of client certificates in PEM, for others to know.
    """

    rows: Sequence[Resource] = RESOURCES
    # Of the rows, by group, version and plural: what is not served.
    unserved: frozenset[tuple[str, str, str]] = frozenset()
    audit: AuditConfig | None = None
    encryption: EncryptionConfig | None = None
    authentication: AuthnConfig = field(default_factory=AuthnConfig)
    authorization: AuthzConfig = ALLOW_ALL
    admission: bool = False
    admission_options: AdmissionOptions = field(default_factory=AdmissionOptions)
    token_issuer: TokenIssuer | None = None
    service_cidr: str = "10.96.0.0/16"
    node_ports: tuple[int, int] = (30000, 32767)
    advertise_address: str = "127.0.0.1"
    secure_port: int = 6443
    host_name: str = "localhost"
    identity: str = "kube-apiserver"
    client_ca: bytes = b""
    kubelet_tls: SSLContext | None = None
    front_proxy_client: KeyPair | None = None
    max_body: int = 3 * 1024 * 1024
    objects: Sequence[tuple[Resource, Object]] = ()
    openid: OpenId | None = None
    min_request_timeout: int = 1800
    event_ttl: int = 3600
    flush_all: bool = False
    # Seconds after which a request that is no watch is answered with 504.
    request_timeout: float = 60.0
    # How many requests are served at a time: the seats that priority and fairness divides, or two
    # plain limits (0 for none) without it.
    priority_and_fairness: bool = True
    max_requests_inflight: int = 400
    max_mutating_requests_inflight: int = 200
