"""The front proxy: it has authenticated a user already, and says in headers who that is.

It is believed when its certificate is of an authority made for this. If that authority is no
user's, who shows such a certificate and names no user is nobody (`x509.py` sees to that).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from pinnace.api.wire import Request, User
from pinnace.apiserver.authn.base import InvalidToken
from pinnace.kit.x509 import X509Error, certificates, is_issued_by, read_certificate

# Joins what stood in several headers of one name; it cannot occur in a header.
SEPARATOR = "\n"
USER_HEADER, UID_HEADER = "X-Remote-User", "X-Remote-Uid"
GROUP_HEADER, EXTRA_PREFIX = "X-Remote-Group", "X-Remote-Extra-"


@dataclass(frozen=True, slots=True)
class FrontProxy:
    """The authorities of the proxy's certificate in PEM, the common names that it may have, and
    the headers that it uses.
    """

    authority: bytes
    names: tuple[str, ...] = ()
    user_headers: tuple[str, ...] = (USER_HEADER,)
    uid_headers: tuple[str, ...] = (UID_HEADER,)
    group_headers: tuple[str, ...] = (GROUP_HEADER,)
    extra_prefixes: tuple[str, ...] = (EXTRA_PREFIX,)


class RequestHeaders:
    """Knows callers by what the front proxy says of them."""

    def __init__(self, proxy: FrontProxy) -> None:
        self._proxy = proxy
        self._authorities = tuple(certificates(proxy.authority))
        self._vouches = lru_cache(maxsize=256)(self._is_proxy)
        self._user_headers = _lowered(proxy.user_headers)
        self._uid_headers = _lowered(proxy.uid_headers)
        self._group_headers = _lowered(proxy.group_headers)
        self._extra_prefixes = _lowered(proxy.extra_prefixes)

    def authenticate(self, request: Request) -> User | None:
        """Return whom the proxy speaks of, if of anybody; raises InvalidToken if it may not."""
        certificate = request.peer_certificate
        if certificate is None or not self._vouches(certificate):
            return None
        names = self._proxy.names
        if names:
            name = read_certificate(certificate).subject.common_name
            if name not in names:
                raise InvalidToken(f"x509: subject with cn={name} is not in the allowed list")
        return self._user(request.headers)

    def _is_proxy(self, certificate: bytes) -> bool:
        try:
            return any(is_issued_by(certificate, one) for one in self._authorities)
        except X509Error:
            return False

    def _user(self, headers: Mapping[str, str]) -> User | None:
        name = _first(headers, self._user_headers)
        if not name:
            return None
        groups: list[str] = []
        for header in self._group_headers:
            if headers.get(header):
                groups += headers[header].split(SEPARATOR)
        extra: dict[str, tuple[str, ...]] = {}
        for prefix in self._extra_prefixes:
            for header, value in headers.items():
                if header.startswith(prefix):
                    key = unquote(header.removeprefix(prefix))
                    extra[key] = (*extra.get(key, ()), *value.split(SEPARATOR))
        return User(name, tuple(groups), _first(headers, self._uid_headers), extra)


def _lowered(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name.strip().lower() for name in names)


def _first(headers: Mapping[str, str], names: Iterable[str]) -> str:
    return next((headers[name] for name in names if headers.get(name)), "")
