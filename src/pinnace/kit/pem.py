"""PEM blocks as Go's encoding/pem finds them in a text, and what is wrong with what they hold."""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

_BLOCK = re.compile(
    rb"^-----BEGIN ([^\r\n]*?)-----[ \t\r]*\n(.*?)^-----END \1-----[ \t\r]*(?:\n|\Z)", re.S | re.M
)
_HEADER = re.compile(rb"^([^:\n]+):([^\n]*)\n", re.M)


@dataclass(frozen=True, slots=True)
class Block:
    """One block: what it calls itself, its bytes, and whether it has headers."""

    kind: str
    content: bytes
    has_headers: bool = False


def blocks(text: bytes) -> Iterator[Block]:
    """Yield the blocks of a text; whatever stands around them, and broken ones, are passed over."""
    for found in _BLOCK.finditer(text):
        body, has_headers = found.group(2), False
        while header := _HEADER.match(body):
            body, has_headers = body[header.end() :], True
        try:
            content = base64.b64decode(b"".join(body.split()), validate=True)
        except binascii.Error:
            continue
        yield Block(found.group(1).decode("utf-8", "replace"), content, has_headers)


def request_fault(text: bytes) -> str:
    """Return what is wrong with a certificate request in PEM, empty when nothing is."""
    first = next(blocks(text), None)
    if first is None or first.kind != "CERTIFICATE REQUEST":
        return "PEM block type must be CERTIFICATE REQUEST"
    try:
        request = x509.load_der_x509_csr(first.content)
        valid = request.is_signature_valid
    except (ValueError, x509.InvalidVersion, InvalidSignature, UnsupportedAlgorithm) as error:
        return f"asn1: structure error: {error}"
    return "" if valid else "x509: signature verification failed"


def certificates_fault(text: bytes) -> str:
    """Return what is wrong with a text that must be nothing but certificates in PEM."""
    found = list(blocks(text))
    for block in found:
        if block.kind != "CERTIFICATE":
            return f'only CERTIFICATE PEM blocks are allowed, found "{block.kind}"'
        if block.has_headers:
            return "no PEM block headers are permitted"
        try:
            x509.load_der_x509_certificate(block.content)
        except (ValueError, x509.InvalidVersion):
            return "x509: malformed certificate"
    return "" if found else "must contain at least one CERTIFICATE PEM block"


def anchor_fault(block: Block) -> str:
    """Return what keeps a block from being a trust anchor: the end of a sentence about it."""
    if block.kind != "CERTIFICATE":
        return f"has bad block type: {block.kind}"
    if block.has_headers:
        return "has PEM block headers"
    try:
        certificate = x509.load_der_x509_certificate(block.content)
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        return "does not have the CA bit set"
    except (ValueError, x509.InvalidVersion):
        return "does not parse as X.509"
    return "" if constraints.value.ca else "does not have the CA bit set"
