"""PodCertificateRequests ask with a proof, and get what they asked for."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from pinnace.api.kinds.certificates import PODCERTIFICATEREQUESTS
from pinnace.api.objects import format_time
from pinnace.api.validation.table import validate_create, validate_status_update

KEY, OTHER = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
SMALL = ec.generate_private_key(ec.SECP224R1())
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def text(content):
    return base64.b64encode(content).decode()


def stub(key, algorithm=None):
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    made = builder.sign(key, algorithm or hashes.SHA256())
    return text(made.public_bytes(serialization.Encoding.DER))


def public(key):
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return text(key.public_key().public_bytes(*form))


STUB = stub(KEY)


def request(**spec):
    spec = {
        "signerName": "x.io/s", "podName": "p", "podUID": "u", "serviceAccountName": "s",
        "serviceAccountUID": "su", "nodeName": "n", "nodeUID": "nu",
        "maxExpirationSeconds": 86400, "stubPKCS10Request": STUB, **spec,
    }  # fmt: skip
    kept = {key: value for key, value in spec.items() if value is not None}
    return {"metadata": {"name": "r", "namespace": "ns"}, "spec": kept}


def proven(key, signature):
    return {
        "stubPKCS10Request": None,
        "pkixPublicKey": public(key),
        "proofOfPossession": text(signature),
    }


GOOD = KEY.sign(b"u", ec.ECDSA(hashes.SHA256()))
BROKEN = text(base64.b64decode(STUB)[:-2] + b"\0\0")


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({}, ""),
        ({"signerName": None}, "spec.signerName: Required value"),
        ({"podName": "A"}, 'spec.podName: Invalid value: "A"'),
        ({"podUID": None}, 'spec.podUID: Invalid value: "": must not be empty'),
        ({"nodeUID": "x" * 129}, "spec.nodeUID: Too long: may not be more than 128 bytes"),
        ({"maxExpirationSeconds": None}, "spec.maxExpirationSeconds: Required value: must be set"),
        ({"maxExpirationSeconds": 3599}, "must be in the range [3600, 7862400]"),
        ({"signerName": "kubernetes.io/x", "maxExpirationSeconds": 86401}, "[3600, 86400]"),
        ({"stubPKCS10Request": None}, "spec: Invalid value: exactly one of (stubPKCS10Request)"),
        ({"stubPKCS10Request": text(b"x")}, "Invalid value: must be a valid PKCS#10 CSR"),
        ({"stubPKCS10Request": BROKEN}, "spec.stubPKCS10Request: Invalid value"),
        ({"stubPKCS10Request": stub(SMALL)}, '"curve P-224": elliptic public keys must use'),
        ({"stubPKCS10Request": stub(rsa.generate_private_key(65537, 2048))},
         '"2048-bit modulus": RSA keys must have modulus size 3072 or 4096'),
        (proven(KEY, GOOD), ""),
        (proven(KEY, b"x"), "spec.proofOfPossession: Invalid value: could not verify"),
        (proven(OTHER, GOOD), "could not verify proof-of-possession signature"),
        ({**proven(KEY, GOOD), "podUID": "v"}, "could not verify"),
        ({"unverifiedUserAnnotations": {"a": "1"}}, "must be a domain-prefixed key"),
        ({"unverifiedUserAnnotations": {"x.io/A": "1"}}, ""),
    ],
)  # fmt: skip
def test_a_request_names_a_pod_and_proves_its_key(spec, why):
    causes = validate_create(PODCERTIFICATEREQUESTS, request(**spec))
    told = "; ".join(f"{cause.field}: {cause.body()}" for cause in causes)
    assert (why in told) if why else told == ""


def test_an_ed25519_key_is_taken():
    key = ed25519.Ed25519PrivateKey.generate()
    assert not validate_create(PODCERTIFICATEREQUESTS, request(**proven(key, key.sign(b"u"))))


def certificate(key=KEY, lasting=timedelta(hours=2), dns=()):
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(x509.Name([]))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + lasting)
    )
    if dns:
        names = x509.SubjectAlternativeName([x509.DNSName(name) for name in dns])
        builder = builder.add_extension(names, critical=False)
    made = builder.sign(OTHER, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode()


def condition(kind, status="True"):
    return {
        "type": kind, "status": status, "reason": "R", "message": "m",
        "lastTransitionTime": format_time(NOW),
    }  # fmt: skip


def issued(chain=None, lasting=timedelta(hours=2), refresh=timedelta(hours=1), **more):
    return {
        "conditions": [condition("Issued")],
        "certificateChain": chain or certificate(lasting=lasting),
        "notBefore": format_time(NOW),
        "notAfter": format_time(NOW + lasting),
        "beginRefreshAt": format_time(NOW + refresh),
        **more,
    }


FOREIGN = "-----BEGIN X-----\nAAAA\n-----END X-----\n"


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (issued(), ""),
        ({"conditions": [condition("Denied")]}, ""),
        ({"conditions": [condition("Other")]}, "status.conditions.[0].type: Unsupported value"),
        ({"conditions": [condition("Denied"), condition("Failed")]}, "may be at most one"),
        ({"conditions": [condition("Denied", "False")]}, 'supported values: "True"'),
        (
            {"conditions": [condition("Failed")], "notBefore": "2026-01-01T00:00:00Z"},
            "non-condition status fields",
        ),
        ({"notBefore": "2026-01-01T00:00:00Z"}, "status is immutable unless transitioning"),
        (issued("junk"), "must contain at least one certificate"),
        (issued(FOREIGN), "must consist entirely of CERTIFICATE PEM blocks"),
        (issued(certificate() + FOREIGN), "must consist entirely of CERTFICATE PEM blocks"),
        (issued(certificate(OTHER)), "was not issued to the requested public key"),
        (issued(notAfter=format_time(NOW)), "must be set to the NotAfter time encoded"),
        (issued(lasting=timedelta(minutes=30)), "lifetime must be >= 1 hour"),
        (issued(lasting=timedelta(days=2)), "must be <= spec.maxExpirationSeconds (86400)"),
        (issued(refresh=timedelta(minutes=5)), "at least 10 minutes after status.notBefore"),
        (issued(refresh=timedelta(minutes=115)), "at least 10 minutes before status.notAfter"),
        (issued(certificate(dns=["a..b"])), "leaf certificate's DNSName should not contain '..'"),
    ],
)
def test_what_is_issued_is_what_was_asked_for(status, why):
    old = request()
    causes = validate_status_update(PODCERTIFICATEREQUESTS, {**old, "status": status}, old)
    told = "; ".join(f"{cause.field}: {cause.body()}" for cause in causes)
    assert (why in told) if why else told == ""


def test_a_verdict_stays():
    old = {**request(), "status": {"conditions": [condition("Denied")]}}
    [cause] = validate_status_update(PODCERTIFICATEREQUESTS, {**old, "status": issued()}, old)
    assert "immutable after PodCertificateRequest is issued, denied, or failed" in cause.body()
