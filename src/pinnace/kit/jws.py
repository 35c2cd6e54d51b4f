"""Compact JSON web signatures: reading them without believing them, checking and making them.

Which algorithm a signature may have is decided by the key that it is checked with, and never by
the token: an RSA key checks RS and PS, an ECDSA key the ES of its own curve. `none` and what is
made with a shared secret do not exist here, and nothing in a header (`jwk`, `jku`, `x5u`) leads to
a key.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from pinnace.kit.x509 import PublicKey, base64url, key_id, load_private_key, public_pem

_BASE64 = re.compile(r"[A-Za-z0-9_-]*")
_HASHES: Mapping[str, type[hashes.HashAlgorithm]] = {
    "256": hashes.SHA256,
    "384": hashes.SHA384,
    "512": hashes.SHA512,
}
# The algorithm of each curve, and how many bytes each half of its signatures has.
_CURVES: Mapping[str, tuple[str, int]] = {
    "secp256r1": ("ES256", 32),
    "secp384r1": ("ES384", 48),
    "secp521r1": ("ES512", 66),
}
ALGORITHMS = tuple(f"{kind}{bits}" for kind in ("ES", "PS", "RS") for bits in _HASHES)


class JwsError(Exception):
    """A text that is no compact signature."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A token in its parts; nothing of it is to be believed before `is_signed_by` says so."""

    header: Mapping[str, Any]
    payload: bytes
    signed: bytes
    signature: bytes

    @property
    def algorithm(self) -> str:
        """The algorithm that the token claims, or nothing."""
        found = self.header.get("alg")
        return found if isinstance(found, str) else ""

    @property
    def key_id(self) -> str:
        """The key that the token names, or nothing."""
        found = self.header.get("kid")
        return found if isinstance(found, str) else ""

    def is_signed_by(self, key: PublicKey) -> bool:
        """Say whether the signature is good, and of a kind that the key is for."""
        if self.header.get("crit") or self.header.get("b64") is False:
            return False  # extensions that must be understood, and are not
        kind, digest = self.algorithm[:2], _HASHES.get(self.algorithm[2:])
        if digest is None:
            return False
        try:
            if isinstance(key, rsa.RSAPublicKey) and kind in ("RS", "PS"):
                key.verify(self.signature, self.signed, _padding(kind, digest), digest())
                return True
            if isinstance(key, ec.EllipticCurvePublicKey):
                return self._verified_by_curve(key, digest)
        except (InvalidSignature, UnsupportedAlgorithm, ValueError):
            return False
        return False

    def _verified_by_curve(
        self, key: ec.EllipticCurvePublicKey, digest: type[hashes.HashAlgorithm]
    ) -> bool:
        algorithm, half = _CURVES.get(key.curve.name, ("", 0))
        if self.algorithm != algorithm or len(self.signature) != 2 * half:
            return False
        numbers = (self.signature[:half], self.signature[half:])
        r, s = (int.from_bytes(number, "big") for number in numbers)
        key.verify(encode_dss_signature(r, s), self.signed, ec.ECDSA(digest()))
        return True


def parse(token: str) -> Signed:
    """Take a token apart; raises JwsError."""
    parts = token.split(".", 3)
    if len(parts) != 3:
        raise JwsError("compact JWS format must have three parts")
    header = _object(decoded(parts[0]))
    for name in ("alg", "kid"):
        if not isinstance(header.get(name, ""), str):
            raise JwsError(f"the header's {name} is no string")
    signed = f"{parts[0]}.{parts[1]}".encode()
    return Signed(header, decoded(parts[1]), signed, decoded(parts[2]))


def untrusted_claims(token: str) -> Mapping[str, Any]:
    """Return what a token claims, without looking at its signature; raises JwsError."""
    parts = token.split(".", 3)
    if len(parts) != 3:
        raise JwsError("malformed token")
    return _object(decoded(parts[1]))


def claims_of(signed: Signed) -> dict[str, Any]:
    """Return the payload as an object; raises JwsError."""
    return _object(signed.payload)


def algorithm_of(key: PublicKey) -> str:
    """Return the algorithm that a key's owner signs with; raises JwsError for other curves."""
    if isinstance(key, rsa.RSAPublicKey):
        return "RS256"
    found = _CURVES.get(key.curve.name)
    if found is None:
        raise JwsError("unknown private key curve, must be 256, 384, or 521")
    return found[0]


class Signer:
    """Signs claims with an RSA or ECDSA key in PEM; raises JwsError for other curves."""

    def __init__(self, private_key: bytes) -> None:
        self._key = load_private_key(private_key)
        self.key_id = key_id(public_pem(private_key))
        self.algorithm = algorithm_of(self._key.public_key())

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Return the token that makes these claims."""
        header = orjson.dumps({"alg": self.algorithm, "kid": self.key_id})
        payload = orjson.dumps(claims, option=orjson.OPT_SORT_KEYS)
        signed = f"{base64url(header)}.{base64url(payload)}"
        return f"{signed}.{base64url(self._signature(signed.encode()))}"

    def _signature(self, data: bytes) -> bytes:
        digest = _HASHES[self.algorithm[2:]]()
        if isinstance(self._key, rsa.RSAPrivateKey):
            return self._key.sign(data, padding.PKCS1v15(), digest)
        half = _CURVES[self._key.curve.name][1]
        r, s = decode_dss_signature(self._key.sign(data, ec.ECDSA(digest)))
        return r.to_bytes(half, "big") + s.to_bytes(half, "big")


def _padding(kind: str, digest: type[hashes.HashAlgorithm]) -> padding.AsymmetricPadding:
    if kind == "PS":
        return padding.PSS(padding.MGF1(digest()), padding.PSS.AUTO)
    return padding.PKCS1v15()


def decoded(text: str) -> bytes:
    """Read base64url without padding; raises JwsError for anything else."""
    # Python's decoder would skip what is not of the alphabet.
    if not _BASE64.fullmatch(text) or len(text) % 4 == 1:
        raise JwsError("illegal base64 data")
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise JwsError("illegal base64 data") from error


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise JwsError(f"not JSON: {error}") from error
    if not isinstance(found, dict):
        raise JwsError("not a JSON object")
    return found
