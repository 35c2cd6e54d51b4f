"""Client certificates: common name is the user, organizations are the groups.

TLS has verified the certificate when the connection began; this reads it, once, and sees to it that
a connection does not outlive the certificate that opened it, nor the authority that signed it.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from pinnace.api.wire import Request, User
from pinnace.apiserver.authn.base import CREDENTIAL_ID, InvalidToken
from pinnace.apiserver.authn.counts import AuthnCounts
from pinnace.kit.x509 import X509Error, is_issued_by, read_certificate

_KEPT = 1024


def _now() -> datetime:
    """Return the world's time, as TLS checks certificates by it, and not the cluster's."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class _Known:
    """Who a certificate is, or why it is nobody; and until when."""

    user: User | None
    until: datetime | None = None
    fault: str = ""


class ClientCertificates:
    """Knows callers by their verified client certificate."""

    def __init__(
        self, counts: AuthnCounts | None = None, now: Callable[[], datetime] = _now
    ) -> None:
        self._counts = counts or AuthnCounts()
        self._now = now
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._disbelieved: set[bytes] = set()

    def disbelieve(self, authority: bytes) -> None:
        """Refuse from now on what an authority, in PEM, has signed."""
        self._disbelieved.add(authority)
        self._known.clear()

    def believe(self, authorities: Iterable[bytes]) -> None:
        """Refuse it no more what these authorities have signed."""
        self._disbelieved.difference_update(authorities)
        self._known.clear()

    def authenticate(self, request: Request) -> User | None:
        """Return whose the certificate is; raises InvalidToken for one that has ended."""
        certificate = request.peer_certificate
        if certificate is None:
            return None
        known = self._known.get(certificate)
        if known is None:
            known = self._known[certificate] = self._read(certificate)
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        if known.until is not None:
            left = (known.until - self._now()).total_seconds()
            self._counts.certificate_seconds.observe((), left)
            if left < 0:
                raise InvalidToken("x509: certificate has expired or is not yet valid")
        if known.fault:
            raise InvalidToken(known.fault)
        return known.user

    def _read(self, certificate: bytes) -> _Known:
        try:
            facts = read_certificate(certificate)
            gone = any(is_issued_by(certificate, authority) for authority in self._disbelieved)
        except X509Error as error:
            return _Known(None, fault=str(error))
        if gone:
            fault = "x509: certificate signed by unknown authority"
            return _Known(None, facts.not_after, fault)
        subject = facts.subject
        if not subject.common_name:
            return _Known(None, facts.not_after)
        fault = _unfit(facts.uids)
        if fault:
            return _Known(None, facts.not_after, fault)
        fingerprint = hashlib.sha256(certificate).hexdigest()
        extra = {CREDENTIAL_ID: (f"X509SHA256={fingerprint}",)}
        uid = facts.uids[0] if facts.uids else ""
        user = User(subject.common_name, subject.organizations, uid, extra)
        return _Known(user, facts.not_after)


def _unfit(uids: tuple[str, ...]) -> str:
    if len(uids) > 1:
        return f"expected 1 UID, but found multiple: [{' '.join(uids)}]"
    return "UID cannot be an empty string" if uids == ("",) else ""
