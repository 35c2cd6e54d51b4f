"""Public keys that somebody asks a certificate for, and the proof that he has the private one."""

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

_CURVES = ("secp256r1", "secp384r1", "secp521r1")
# Another curve that can be read; certificates of the rest cannot, as with Go.
_READABLE = (*_CURVES, "secp224r1")
_MODULI = (3072, 4096)
_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion)
_Key = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey


class Unreadable(Exception):
    """These bytes are not what they should be."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key, or one of another sort than those that are supported: None."""

    key: _Key | None

    @property
    def curve(self) -> str:
        """The name of a curve that is not supported; empty for all else."""
        if isinstance(self.key, ec.EllipticCurvePublicKey) and self.key.curve.name not in _CURVES:
            return f"P-{self.key.curve.key_size}"
        return ""

    @property
    def modulus(self) -> int:
        """The bits of a modulus that is not supported; 0 for all else."""
        bits = (self.key.key_size + 7) // 8 * 8 if isinstance(self.key, rsa.RSAPublicKey) else 0
        return 0 if bits in _MODULI else bits

    def proves(self, message: bytes, signature: bytes) -> bool:
        """Say whether the private key signed a message."""
        try:
            if isinstance(self.key, ed25519.Ed25519PublicKey):
                self.key.verify(signature, message)
            elif isinstance(self.key, ec.EllipticCurvePublicKey):
                self.key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
            elif isinstance(self.key, rsa.RSAPublicKey):
                salted = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO)
                self.key.verify(signature, message, salted, hashes.SHA256())
        except InvalidSignature:
            return False
        return self.key is not None


@dataclass(frozen=True, slots=True)
class Leaf:
    """What the rules of an issued certificate look at."""

    key: PublicKey
    not_before: datetime
    not_after: datetime
    dns_names: tuple[str, ...]
    emails: tuple[str, ...]


def _public(key: object) -> PublicKey:
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name not in _READABLE:
        raise Unreadable
    return PublicKey(key if isinstance(key, _Key) else None)


def read_key(der: bytes) -> PublicKey:
    """Read a key in PKIX's form; raises Unreadable."""
    try:
        return _public(serialization.load_der_public_key(der))
    except _UNREADABLE as error:
        raise Unreadable from error


def read_request(der: bytes) -> tuple[PublicKey, bool]:
    """Return the key of a certificate request, and whether its signature holds."""
    try:
        request = x509.load_der_x509_csr(der)
        key = _public(request.public_key())
    except _UNREADABLE as error:
        raise Unreadable from error
    try:
        return key, request.is_signature_valid
    except (*_UNREADABLE, InvalidSignature):
        return key, False


def read_leaf(der: bytes) -> Leaf:
    """Read a certificate; raises Unreadable."""
    try:
        found = x509.load_der_x509_certificate(der)
        key = _public(found.public_key())
        names = _alternative_names(found)
    except _UNREADABLE as error:
        raise Unreadable from error
    return Leaf(
        key,
        found.not_valid_before_utc,
        found.not_valid_after_utc,
        tuple(names.get_values_for_type(x509.DNSName)) if names else (),
        tuple(names.get_values_for_type(x509.RFC822Name)) if names else (),
    )


def _alternative_names(found: x509.Certificate) -> x509.SubjectAlternativeName | None:
    try:
        return found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None
