"""Webhooks whose certificates other programs made."""

import base64
import ipaddress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pinnace.api.objects import Object
from pinnace.kit.x509 import KeyPair

CONFIGMAPS = "/api/v1/namespaces/ns/configmaps"
_NO_NAME = x509.Name([])
_UNKNOWN = "tls: failed to verify certificate: x509: certificate signed by unknown authority"


def _certificate(
    key: ec.EllipticCurvePrivateKey, by: ec.EllipticCurvePrivateKey, *, ca: bool, address: str = ""
) -> x509.Certificate:
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(_NO_NAME)
        .issuer_name(_NO_NAME)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=False)
    )
    if address:
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        made = made.add_extension(names, critical=False)
    return made.sign(by, hashes.SHA256())


def _nameless(*, ca: bool = True, address: str = "127.0.0.1") -> tuple[KeyPair, str]:
    """Return what a webhook shows, and the bundle that has its authority."""
    authority, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    leaf = _certificate(key, authority, ca=False, address=address)
    own = _certificate(authority, authority, ca=ca).public_bytes(Encoding.PEM)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return KeyPair(leaf.public_bytes(Encoding.PEM), secret), base64.b64encode(own).decode()


async def _asked(api: Any, webhook: Any, bundle: str) -> tuple[int, Object]:
    await api.hook(
        "Validating",
        {
            "name": "a.example.com",
            "clientConfig": webhook.client() | {"caBundle": bundle},
            "rules": [
                {
                    "operations": ["CREATE"],
                    "apiGroups": [""],
                    "apiVersions": ["v1"],
                    "resources": ["configmaps"],
                }
            ],
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
        },
    )
    answer: tuple[int, Object] = await api.do("POST", CONFIGMAPS, {"metadata": {"name": "a"}})
    return answer


async def _webhook(pair: KeyPair, make: Any) -> Any:
    made = make(trustme.CA())
    await made.start(pair)
    return made


@pytest.mark.parametrize(
    ("made", "other_bundle", "expected"),
    [
        ({}, False, ""),
        ({}, True, _UNKNOWN),
        ({"ca": False}, False, _UNKNOWN),
        ({"address": "127.0.0.2"}, False, "certificate is not valid for any names"),
    ],
    ids=["its-authority", "another-authority", "no-authority", "another-address"],
)
async def test_a_certificate_without_names_is_believed_by_its_signature(
    api: Any, webhook: Any, made: dict[str, Any], other_bundle: bool, expected: str
) -> None:
    # node-forge makes authorities without a subject (Pepr): OpenSSL takes what they sign for
    # signed by itself, as its issuer has the same empty name.
    pair, bundle = _nameless(**made)
    if other_bundle:
        _, bundle = _nameless()
    shown = await _webhook(pair, type(webhook))
    try:
        status, told = await _asked(api, shown, bundle)
    finally:
        await shown.close()
    if expected:
        assert (status, expected in told["message"]) == (500, True), told
    else:
        assert (status, len(shown.reviews)) == (201, 1), told
