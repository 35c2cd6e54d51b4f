"""AES-GCM, AES-CBC, and AES-GCM with a key of its own for each value.

Upstream: apiserver `pkg/storage/value/encrypt/aes`.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from pinnace.store.encryption.base import TransformError

SEED_SIZE = 32
_NONCE, _BLOCK, _INFO = 12, 16, 32
_SHORT = "the stored data was shorter than the required size"


class Gcm:
    """AES-GCM with random nonces; the context is authenticated."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def read(self, data: bytes, context: bytes) -> tuple[bytes, bool]:
        if len(data) < _NONCE:
            raise TransformError(_SHORT)
        try:
            return self._cipher.decrypt(data[:_NONCE], data[_NONCE:], context), False
        except InvalidTag as error:
            raise TransformError("cipher: message authentication failed") from error

    def write(self, data: bytes, context: bytes) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, data, context)


class Cbc:
    """AES-CBC with PKCS#7 padding; nothing is authenticated, as upstream has it."""

    def __init__(self, key: bytes) -> None:
        self._key = AES(key)

    def read(self, data: bytes, context: bytes) -> tuple[bytes, bool]:
        if len(data) < _BLOCK:
            raise TransformError(_SHORT)
        vector, body = data[:_BLOCK], data[_BLOCK:]
        if len(body) % _BLOCK:
            raise TransformError("the stored data is not a multiple of the block size")
        if not body:
            raise TransformError("invalid PKCS7 data (empty or not padded)")
        decryptor = Cipher(self._key, CBC(vector)).decryptor()
        padded = decryptor.update(body) + decryptor.finalize()
        size = padded[-1]
        if not 0 < size <= len(padded):
            raise TransformError("invalid PKCS7 data (empty or not padded)")
        if padded[-size:] != bytes([size]) * size:
            raise TransformError("invalid padding on input")
        return padded[:-size], False

    def write(self, data: bytes, context: bytes) -> bytes:
        vector, size = os.urandom(_BLOCK), _BLOCK - len(data) % _BLOCK
        encryptor = Cipher(self._key, CBC(vector)).encryptor()
        padded = data + bytes([size]) * size
        return vector + encryptor.update(padded) + encryptor.finalize()


class DerivedGcm:
    """AES-GCM whose key is derived, for each value, from a seed and random bytes before the value.

    So no number of values wears the seed out.
    """

    def __init__(self, seed: bytes) -> None:
        if len(seed) < SEED_SIZE:
            raise TransformError(f"invalid seed length {len(seed)} used for key generation")
        self._seed = seed

    def read(self, data: bytes, context: bytes) -> tuple[bytes, bool]:
        if len(data) < _INFO:
            raise TransformError(_SHORT)
        return self._derived(data[:_INFO]).read(data[_INFO:], context)

    def write(self, data: bytes, context: bytes) -> bytes:
        info = os.urandom(_INFO)
        return info + self._derived(info).write(data, context)

    def _derived(self, info: bytes) -> Gcm:
        return Gcm(HKDFExpand(SHA256(), 32, info).derive(self._seed))
