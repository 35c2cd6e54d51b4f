"""JSON web keys: public keys as documents that others read, and reading theirs."""

import base64
from collections.abc import Mapping

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from pinnace.kit.x509 import PublicKey, X509Error, base64url, key_id, load_public_key

# The curves of tokens: their names in JSON web keys, their algorithms, and the size of a number.
_CURVES: Mapping[str, tuple[str, str, int]] = {
    "secp256r1": ("P-256", "ES256", 32),
    "secp384r1": ("P-384", "ES384", 48),
    "secp521r1": ("P-521", "ES512", 66),
}
_BY_NAME: Mapping[str, type[ec.EllipticCurve]] = {
    "P-256": ec.SECP256R1,
    "P-384": ec.SECP384R1,
    "P-521": ec.SECP521R1,
}


def json_web_key(public: bytes) -> dict[str, str]:
    """Return a public key in PEM as a JSON web key; raises X509Error."""
    key = load_public_key(public)
    told = {"use": "sig", "kid": key_id(public)}
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        sizes = [(number.bit_length() + 7) // 8 for number in (numbers.n, numbers.e)]
        n, e = (_number(x, size) for x, size in zip((numbers.n, numbers.e), sizes, strict=True))
        return {**told, "kty": "RSA", "alg": "RS256", "n": n, "e": e}
    found = _CURVES.get(key.curve.name)
    if found is None:
        raise X509Error("unknown private key curve, must be 256, 384, or 521")
    curve, algorithm, size = found
    point = key.public_numbers()
    x, y = _number(point.x, size), _number(point.y, size)
    return {**told, "kty": "EC", "crv": curve, "alg": algorithm, "x": x, "y": y}


def read_json_web_key(key: Mapping[str, object]) -> PublicKey:
    """Return the public key that a JSON web key is; raises X509Error."""
    try:
        if key.get("kty") == "RSA":
            return rsa.RSAPublicNumbers(_integer(key["e"]), _integer(key["n"])).public_key()
        if key.get("kty") == "EC":
            curve = _BY_NAME[str(key.get("crv"))]()
            x, y = _integer(key["x"]), _integer(key["y"])
            return ec.EllipticCurvePublicNumbers(x, y, curve).public_key()
    except (KeyError, ValueError, UnsupportedAlgorithm) as error:
        raise X509Error(f"not a JSON web key: {error}") from error
    raise X509Error("the key is neither RSA nor ECDSA")


def _number(number: int, size: int) -> str:
    return base64url(number.to_bytes(size, "big"))


def _integer(text: object) -> int:
    if not isinstance(text, str):
        raise ValueError("a number is no string")
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")
