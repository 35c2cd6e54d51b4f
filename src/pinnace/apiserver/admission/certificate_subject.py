"""CertificateSubjectRestriction: no client certificate for the group that may do everything."""

import base64
import binascii

from pinnace.api.resources import Resource
from pinnace.apiserver.admission.base import Attributes, Operation
from pinnace.apiserver.authz.base import MASTERS
from pinnace.kit.x509 import Facts, X509Error, read_request

_SIGNER = "kubernetes.io/kube-apiserver-client"


class CertificateSubjectRestriction:
    """Guards new certificate requests."""

    name = "CertificateSubjectRestriction"

    def handles(self, operation: Operation, row: Resource, subresource: str) -> bool:
        is_request = row.plural == "certificatesigningrequests"
        return is_request and not subresource and operation == "CREATE"

    def validate(self, attributes: Attributes) -> None:
        """Refuse requests for system:masters."""
        spec = (attributes.obj or {}).get("spec") or {}
        if spec.get("signerName") != _SIGNER:
            return
        try:
            facts = requested(spec)
        except X509Error as error:
            raise attributes.refuse(f"failed to parse CSR: {error}") from error
        if MASTERS in facts.subject.organizations:
            raise attributes.refuse(f"use of {_SIGNER} signer with {MASTERS} group is not allowed")


def requested(spec: dict[str, object]) -> Facts:
    """Return what the request in a CertificateSigningRequest's spec asks for; raises X509Error."""
    try:
        return read_request(base64.b64decode(str(spec.get("request") or "")))
    except binascii.Error as error:
        raise X509Error("PEM block type must be CERTIFICATE REQUEST") from error
