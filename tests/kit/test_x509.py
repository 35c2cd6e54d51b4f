import base64
import hashlib
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization

from pinnace.kit import jwk, x509

NOW = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority():
    return x509.make_authority("kubernetes", now=NOW)


def test_a_certificate_says_what_it_was_issued_for(authority):
    pair = x509.issue(
        authority,
        x509.Subject("kube-apiserver", ("a", "b")),
        now=NOW,
        dns=("kubernetes", "localhost"),
        ips=("127.0.0.1", "::1"),
        server=True,
    )
    facts = x509.read_certificate(pair.certificate)
    assert facts.subject == x509.Subject("kube-apiserver", ("a", "b"))
    assert facts.dns == ("kubernetes", "localhost")
    assert facts.ips == ("127.0.0.1", "::1")
    assert facts.not_after == NOW + x509.YEAR


def test_a_certificate_does_not_outlive_its_authority(authority):
    pair = x509.issue(authority, x509.Subject("x"), now=NOW, lifetime=timedelta(days=36500))
    assert x509.read_certificate(pair.certificate).not_after == NOW + 10 * x509.YEAR


def test_an_authority_survives_being_written_and_read(authority):
    again = x509.load_authority(authority.key_pair)
    pair = x509.issue(again, x509.Subject("x"), now=NOW, client=True)
    assert x509.read_certificate(pair.certificate).subject.common_name == "x"
    assert again.pem == authority.pem


def test_tls_accepts_what_the_authority_issued(authority, tmp_path):
    pair = x509.issue(
        x509.make_authority("now", now=datetime.now(UTC)),
        x509.Subject("server"),
        now=datetime.now(UTC),
        dns=("localhost",),
        server=True,
    )
    (tmp_path / "c").write_bytes(pair.certificate)
    (tmp_path / "k").write_bytes(pair.key)
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
        tmp_path / "c", tmp_path / "k"
    )


def test_renewal_is_due_after_a_share_of_the_life(authority):
    pair = x509.issue(authority, x509.Subject("x"), now=NOW, lifetime=timedelta(days=100))
    assert not x509.needs_renewal(pair.certificate, now=NOW + timedelta(days=79))
    assert x509.needs_renewal(pair.certificate, now=NOW + timedelta(days=81))


def test_a_request_is_signed_as_it_is(authority):
    key = x509.issue(authority, x509.Subject("unused"), now=NOW).key
    request = x509.make_request(
        key, x509.Subject("system:node:a", ("system:nodes",)), dns=("a",), ips=("10.0.0.1",)
    )
    assert x509.read_request(request).subject.organizations == ("system:nodes",)
    signed = x509.sign_request(
        authority, request, now=NOW, not_after=NOW + timedelta(hours=1), server=True
    )
    facts = x509.read_certificate(signed)
    assert (facts.subject.common_name, facts.dns, facts.ips) == (
        "system:node:a",
        ("a",),
        ("10.0.0.1",),
    )
    assert facts.not_after == NOW + timedelta(hours=1)


@pytest.mark.parametrize("garbage", [b"", b"x", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_garbage_is_refused_by_name(garbage):
    for read in (x509.read_certificate, x509.read_request, x509.load_private_key, x509.key_id):
        with pytest.raises(x509.X509Error):
            read(garbage)


def test_the_key_id_is_the_hash_of_the_der_public_key():
    private = x509.make_signing_key()
    public = x509.public_pem(private)
    der = serialization.load_pem_public_key(public).public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    expected = base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()
    key = jwk.json_web_key(public)
    assert key["kid"] == expected
    assert (key["kty"], key["alg"], key["use"], key["e"]) == ("RSA", "RS256", "sig", "AQAB")
