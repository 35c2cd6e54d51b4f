"""The front proxy: it has authenticated a user already, and says in headers who that is.

It is believed when its certificate is of an authority made for this alone. Such a certificate says
nothing else: who shows it and names no user is nobody.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from pinnace.api.errors import Unauthorized
from pinnace.api.wire import Request, User
from pinnace.kit.x509 import X509Error, is_issued_by, read_certificate

# Joins what stood in several headers of one name; it cannot occur in a header.
SEPARATOR = "\n"
USER_HEADER, UID_HEADER = "X-Remote-User", "X-Remote-Uid"
GROUP_HEADER, EXTRA_PREFIX = "X-Remote-Group", "X-Remote-Extra-"


@dataclass(frozen=True, slots=True)
class FrontProxy:
    """The authority of the proxy's certificate in PEM, and the common names that it may have."""

    authority: bytes
    names: tuple[str, ...] = ()


class RequestHeaders:
    """Knows callers by what the front proxy says of them."""

    def __init__(self, proxy: FrontProxy) -> None:
        self._proxy = proxy
        self._vouches = lru_cache(maxsize=256)(self._is_proxy)

    def authenticate(self, request: Request) -> User | None:
        certificate = request.peer_certificate
        if certificate is None or not self._vouches(certificate):
            return None
        user = _user(request.headers)
        if user is None or not self._is_allowed(certificate):
            raise Unauthorized("Unauthorized")
        return user

    def _is_proxy(self, certificate: bytes) -> bool:
        try:
            return is_issued_by(certificate, self._proxy.authority)
        except X509Error:
            return False

    def _is_allowed(self, certificate: bytes) -> bool:
        names = self._proxy.names
        return not names or read_certificate(certificate).subject.common_name in names


def _user(headers: Mapping[str, str]) -> User | None:
    name = headers.get(USER_HEADER.lower(), "")
    if not name:
        return None
    prefix, groups = EXTRA_PREFIX.lower(), headers.get(GROUP_HEADER.lower())
    extra = {
        unquote(header.removeprefix(prefix)): tuple(value.split(SEPARATOR))
        for header, value in headers.items()
        if header.startswith(prefix)
    }
    found = tuple(groups.split(SEPARATOR)) if groups else ()
    return User(name, found, headers.get(UID_HEADER.lower(), ""), extra)
