"""NaCl's secretbox: XSalsa20 and Poly1305. The only file that knows PyNaCl.

Upstream: apiserver `pkg/storage/value/encrypt/secretbox`.
"""

import os

from nacl.bindings import crypto_secretbox, crypto_secretbox_open
from nacl.exceptions import CryptoError

from pinnace.store.encryption.base import TransformError

_NONCE, _OVERHEAD = 24, 16


class Secretbox:
    """Encrypts with a key of 32 bytes; the context is not authenticated, as upstream has it."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def read(self, data: bytes, context: bytes) -> tuple[bytes, bool]:
        if len(data) < _NONCE + _OVERHEAD:
            raise TransformError("the stored data was shorter than the required size")
        try:
            return crypto_secretbox_open(data[_NONCE:], data[:_NONCE], self._key), False
        except CryptoError as error:
            raise TransformError("output array was not large enough for encryption") from error

    def write(self, data: bytes, context: bytes) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + crypto_secretbox(data, nonce, self._key)
