"""Client certificates: common name is the user, organizations are the groups.

TLS has verified the certificate already; this only reads it. What a certificate says does not
change, so the answers are kept.
"""

import hashlib
from collections import OrderedDict

from pinnace.api.wire import Request, User
from pinnace.apiserver.authn.base import CREDENTIAL_ID
from pinnace.kit.x509 import X509Error, read_certificate

_KEPT = 1024


class ClientCertificates:
    """Knows callers by their verified client certificate."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, User | None] = OrderedDict()

    def authenticate(self, request: Request) -> User | None:
        certificate = request.peer_certificate
        if certificate is None:
            return None
        if certificate in self._known:
            self._known.move_to_end(certificate)
            return self._known[certificate]
        user = self._read(certificate)
        self._known[certificate] = user
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return user

    @staticmethod
    def _read(certificate: bytes) -> User | None:
        try:
            subject = read_certificate(certificate).subject
        except X509Error:
            return None
        if not subject.common_name:
            return None
        fingerprint = hashlib.sha256(certificate).hexdigest()
        extra = {CREDENTIAL_ID: (f"X509SHA256={fingerprint}",)}
        return User(subject.common_name, subject.organizations, extra=extra)
