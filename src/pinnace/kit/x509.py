"""Certificates and signing keys, as small values: the door to the `cryptography` package.

Certificates use ECDSA P-256, which takes well under a millisecond to make; the service account key
is RSA-2048, because every verifier of JSON web tokens reads RS256. Time is handed in.
"""

import base64
import hashlib
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey

_BLOCKS = re.compile(rb"-----BEGIN [A-Z0-9 ]+-----.*?-----END [A-Z0-9 ]+-----\n?", re.DOTALL)
_KIND = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----")
YEAR = timedelta(days=365)
# The attribute of a subject that Kubernetes reads a user's uid from.
_UID = x509.ObjectIdentifier("1.3.6.1.4.1.57683.2")
# Clocks differ between machines: certificates are valid from a little before they are made.
BACKDATE = timedelta(minutes=5)


class X509Error(Exception):
    """Something that is not the certificate, request or key that it should be."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Who a certificate names: common name, and organizations in order."""

    common_name: str
    organizations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """What a certificate or a request says."""

    subject: Subject
    dns: tuple[str, ...] = ()
    ips: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()
    not_before: datetime | None = None
    not_after: datetime | None = None
    uids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its private key, both as PEM."""

    certificate: bytes
    key: bytes


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority: what signs, and what others are given to check."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def pem(self) -> bytes:
        """The authority's own certificate, for those who check."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pair(self) -> KeyPair:
        """Certificate and key as PEM, to be kept."""
        return KeyPair(self.pem, key_pem(self.key))


def make_authority(
    common_name: str, *, now: datetime, lifetime: timedelta = 10 * YEAR
) -> Authority:
    """Make a self-signed authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(Subject(common_name))
    builder = (
        _builder(name, name, key.public_key(), now, lifetime)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_key_usage(ca=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return Authority(builder.sign(key, hashes.SHA256()), key)


def load_authority(pair: KeyPair) -> Authority:
    """Read an authority back; raises X509Error."""
    return Authority(_load_certificate(pair.certificate), load_private_key(pair.key))


def issue(
    authority: Authority,
    subject: Subject,
    *,
    now: datetime,
    dns: Iterable[str] = (),
    ips: Iterable[str] = (),
    server: bool = False,
    client: bool = False,
    lifetime: timedelta = YEAR,
) -> KeyPair:
    """Make a key and a certificate for it, for a server, a client, or both."""
    key = ec.generate_private_key(ec.SECP256R1())
    usages = [ExtendedKeyUsageOID.SERVER_AUTH] * server + [ExtendedKeyUsageOID.CLIENT_AUTH] * client
    alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in dns]
    alternatives += [x509.IPAddress(ipaddress.ip_address(ip)) for ip in ips]
    certificate = _sign(
        authority, _name(subject), key.public_key(), now=now, lifetime=lifetime,
        usages=usages, alternatives=alternatives,
    )  # fmt: skip
    return KeyPair(certificate, key_pem(key))


def make_request(key: bytes, subject: Subject, *, dns: Iterable[str] = (),
                 ips: Iterable[str] = ()) -> bytes:  # fmt: skip
    """Make a certificate signing request in PEM for a private key in PEM."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(_name(subject))
    alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in dns]
    alternatives += [x509.IPAddress(ipaddress.ip_address(ip)) for ip in ips]
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    request = builder.sign(load_private_key(key), hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM)


def read_request(pem: bytes) -> Facts:
    """Return what a signing request asks for; raises X509Error, also if it is not signed right."""
    return _facts(_load_request(pem))


def sign_request(
    authority: Authority,
    pem: bytes,
    *,
    now: datetime,
    not_after: datetime,
    server: bool = False,
    client: bool = False,
) -> bytes:
    """Sign a request as it is, subject and names included; checking it is the caller's duty."""
    request = _load_request(pem)
    usages = [ExtendedKeyUsageOID.SERVER_AUTH] * server + [ExtendedKeyUsageOID.CLIENT_AUTH] * client
    try:
        extension = request.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        alternatives = list(extension.value)
    except x509.ExtensionNotFound:
        alternatives = []
    public = request.public_key()
    if not isinstance(public, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        raise X509Error("the key of the request is neither RSA nor ECDSA")
    return _sign(
        authority, request.subject, public, now=now, lifetime=not_after - now,
        usages=usages, alternatives=alternatives,
    )  # fmt: skip


def read_certificate(data: bytes) -> Facts:
    """Return what a certificate (DER, or the first of a PEM bundle) says; raises X509Error."""
    return _facts(_load_certificate(data))


def is_issued_by(data: bytes, authority: bytes) -> bool:
    """Say whether a certificate is one of an authority's own; both as PEM or DER."""
    certificate, issuer = _load_certificate(data), _load_certificate(authority)
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def may_issue(data: bytes) -> bool:
    """Say whether a certificate is one of an authority, by what it says of itself."""
    certificate = _load_certificate(data)
    if certificate.version is x509.Version.v1:
        return True
    try:
        extensions = certificate.extensions
        basic = extensions.get_extension_for_class(x509.BasicConstraints).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    usages = [one.value for one in extensions if isinstance(one.value, x509.KeyUsage)]
    return basic.ca and all(one.key_cert_sign for one in usages)


def needs_renewal(data: bytes, *, now: datetime, share: float = 0.8) -> bool:
    """Say whether that share of the certificate's life is over."""
    certificate = _load_certificate(data)
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return now >= start + (end - start) * share


def make_signing_key() -> bytes:
    """Make an RSA-2048 private key in PEM, for signing tokens."""
    return key_pem(rsa.generate_private_key(public_exponent=65537, key_size=2048))


def key_pem(key: PrivateKey) -> bytes:
    """Write a private key as unencrypted PKCS#8 PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def load_private_key(pem: bytes) -> PrivateKey:
    """Read an RSA or ECDSA private key from PEM; raises X509Error."""
    try:
        # Whoever could give us an unsound key has all our keys; looking for that takes 20 ms each.
        key = serialization.load_pem_private_key(
            pem, password=None, unsafe_skip_rsa_key_validation=True
        )
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise X509Error(f"not a private key: {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise X509Error("the key is neither RSA nor ECDSA")
    return key


def public_pem(private: bytes) -> bytes:
    """Return the public half of a private key, as PEM."""
    return _pem_of(load_private_key(private).public_key())


def _pem_of(public: PublicKey) -> bytes:
    return public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def key_id(public: bytes) -> str:
    """Return the `kid` of a public key in PEM: base64url of the SHA-256 of its DER form."""
    der = load_public_key(public).public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return base64url(hashlib.sha256(der).digest())


def public_keys(pem: bytes) -> list[bytes]:
    """Return the public keys of a file, in PEM: it may have public and private keys, and
    certificates. Raises X509Error if it has none.
    """
    found = []
    for block in _BLOCKS.findall(pem):
        kind = _KIND.findall(block)[0]
        if kind.endswith(b"PRIVATE KEY"):
            found.append(public_pem(block))
        elif kind in (b"PUBLIC KEY", b"RSA PUBLIC KEY"):
            found.append(_pem_of(load_public_key(block)))
        elif kind == b"CERTIFICATE":
            key = _load_certificate(block).public_key()
            if isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
                found.append(_pem_of(key))
    if not found:
        raise X509Error("data does not contain any valid RSA or ECDSA public keys")
    return found


def certificates(pem: bytes) -> list[bytes]:
    """Return the certificates of a bundle, each in PEM and unread; raises X509Error for none."""
    blocks = _BLOCKS.findall(pem)
    found = [block for block in blocks if _KIND.findall(block)[0] == b"CERTIFICATE"]
    if not found:
        raise X509Error("data does not contain any valid RSA or ECDSA certificates")
    return found


def base64url(data: bytes) -> str:
    """Write bytes as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def load_public_key(pem: bytes) -> PublicKey:
    """Read an RSA or ECDSA public key from PEM; raises X509Error."""
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise X509Error(f"not a public key: {error}") from error
    if not isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        raise X509Error("the key is neither RSA nor ECDSA")
    return key


def _load_certificate(data: bytes) -> x509.Certificate:
    try:
        if data.lstrip().startswith(b"-----BEGIN"):
            return x509.load_pem_x509_certificate(data)
        return x509.load_der_x509_certificate(data)
    except ValueError as error:
        raise X509Error(f"not a certificate: {error}") from error


def _load_request(pem: bytes) -> x509.CertificateSigningRequest:
    try:
        request = x509.load_pem_x509_csr(pem)
        valid = request.is_signature_valid
    except (ValueError, InvalidSignature, UnsupportedAlgorithm) as error:
        raise X509Error(f"not a certificate request: {error}") from error
    if not valid:
        raise X509Error("the certificate request is not signed by its own key")
    return request


def _facts(document: x509.Certificate | x509.CertificateSigningRequest) -> Facts:
    name = document.subject
    common = [str(a.value) for a in name.get_attributes_for_oid(NameOID.COMMON_NAME)]
    organizations = [str(a.value) for a in name.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    try:
        names = document.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = x509.SubjectAlternativeName([])
    except ValueError as error:
        raise X509Error(f"unreadable extensions: {error}") from error
    return Facts(
        Subject(common[-1] if common else "", tuple(organizations)),
        dns=tuple(names.get_values_for_type(x509.DNSName)),
        ips=tuple(str(ip) for ip in names.get_values_for_type(x509.IPAddress)),
        emails=tuple(names.get_values_for_type(x509.RFC822Name)),
        uris=tuple(names.get_values_for_type(x509.UniformResourceIdentifier)),
        not_before=_dates(document)[0],
        not_after=_dates(document)[1],
        uids=tuple(str(a.value) for a in name.get_attributes_for_oid(_UID)),
    )


def _dates(
    document: x509.Certificate | x509.CertificateSigningRequest,
) -> tuple[datetime | None, datetime | None]:
    if isinstance(document, x509.Certificate):
        return document.not_valid_before_utc, document.not_valid_after_utc
    return None, None


def _name(subject: Subject) -> x509.Name:
    attributes = [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)
        for organization in subject.organizations
    ]
    attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, subject.common_name))
    return x509.Name(attributes)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PublicKey, now: datetime, lifetime: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATE)
        .not_valid_after(now + lifetime)
    )


def _sign(
    authority: Authority,
    subject: x509.Name,
    key: PublicKey,
    *,
    now: datetime,
    lifetime: timedelta,
    usages: list[x509.ObjectIdentifier],
    alternatives: list[x509.GeneralName],
) -> bytes:
    issuer = authority.certificate
    # Nothing outlives what vouches for it.
    lifetime = min(lifetime, issuer.not_valid_after_utc - now)
    authority_key = authority.key.public_key()
    builder = (
        _builder(subject, issuer.subject, key, now, lifetime)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(ca=False), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key), critical=False
        )
    )
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    certificate = builder.sign(authority.key, hashes.SHA256())
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=True,
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
