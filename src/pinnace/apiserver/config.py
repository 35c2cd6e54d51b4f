"""What a server is told when it starts: everything that the cluster decides for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Protocol

from pinnace.api.kinds.table import RESOURCES
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.api.wire import ANONYMOUS, Request, Response, User
from pinnace.apiserver.admission.base import Chain
from pinnace.apiserver.authz.base import Attributes as Attempt
from pinnace.apiserver.authz.base import Authorizer


class Authenticator(Protocol):
    """Knows callers."""

    async def authenticate(self, request: Request) -> User | None:
        """Return the caller, None for nobody; raises Unauthorized for a bad credential."""
        ...


class Discovery(Protocol):
    """Answers /api, /apis, /apis/<group> and so on."""

    def answer(self, request: Request) -> Response | None:
        """Return the document of a path, or None if the path is not discovery's."""
        ...


class AllowAll:
    """Authorizes everybody for everything; for tests and for `--authorization none`."""

    def authorize(self, user: User, attributes: Attempt) -> tuple[bool, str]:
        return True, ""


class AnonymousOnly:
    """Knows nobody."""

    async def authenticate(self, request: Request) -> User | None:
        return ANONYMOUS


@dataclass(frozen=True, kw_only=True)
class ServerConfig:
    """The settings of one API server."""

    rows: Sequence[Resource] = RESOURCES
    authenticator: Authenticator = field(default_factory=AnonymousOnly)
    authorizer: Authorizer = field(default_factory=AllowAll)
    admission: Chain = field(default_factory=lambda: Chain(()))
    service_cidr: str = "10.96.0.0/16"
    node_ports: tuple[int, int] = (30000, 32767)
    advertise_address: str = "127.0.0.1"
    secure_port: int = 6443
    kubelet_tls: SSLContext | None = None
    max_body: int = 3 * 1024 * 1024
    objects: Sequence[tuple[Resource, Object]] = ()
    documents: Mapping[str, bytes] = field(default_factory=dict)
    min_request_timeout: int = 1800
