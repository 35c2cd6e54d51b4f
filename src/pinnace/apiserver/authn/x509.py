"""Client certificates: common name is the user, organizations are the groups.

TLS has verified the certificate when the connection began; this reads it, once, and sees to it that
a connection does not outlive the certificate that opened it.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from pinnace.api.errors import Unauthorized
from pinnace.api.wire import Request, User
from pinnace.apiserver.authn.base import CREDENTIAL_ID
from pinnace.kit.x509 import X509Error, read_certificate

_KEPT = 1024


def _now() -> datetime:
    """Return the world's time, as TLS checks certificates by it, and not the cluster's."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class _Known:
    """Who a certificate is, and until when."""

    user: User | None
    until: datetime | None


class ClientCertificates:
    """Knows callers by their verified client certificate."""

    def __init__(self, now: Callable[[], datetime] = _now) -> None:
        self._now = now
        self._known: OrderedDict[bytes, _Known] = OrderedDict()

    def authenticate(self, request: Request) -> User | None:
        certificate = request.peer_certificate
        if certificate is None:
            return None
        known = self._known.get(certificate)
        if known is None:
            known = self._known[certificate] = _read(certificate)
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        if known.until is not None and self._now() > known.until:
            raise Unauthorized("Unauthorized")
        return known.user


def _read(certificate: bytes) -> _Known:
    try:
        facts = read_certificate(certificate)
    except X509Error:
        return _Known(None, None)
    subject = facts.subject
    if not subject.common_name:
        return _Known(None, None)
    fingerprint = hashlib.sha256(certificate).hexdigest()
    extra = {CREDENTIAL_ID: (f"X509SHA256={fingerprint}",)}
    user = User(subject.common_name, subject.organizations, extra=extra)
    return _Known(user, facts.not_after)
