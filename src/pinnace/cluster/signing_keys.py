"""The keys of service account tokens in a data directory, and exchanging the one that signs.

`pki/service-account.key` signs. What it has signed before stays good: the public halves of the keys
that signed once are in `pki/service-account-keys`, each under its id, until somebody removes them.
The API server reads all of this again every few seconds, so nothing has to be restarted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from pinnace.kit import x509
from pinnace.kit.jws import Signer

_PRIVATE, _FORMER = "service-account.key", "service-account-keys"


@dataclass(slots=True)
class SigningKeyFiles:
    """The keys of one cluster; without a directory there is one key, and it is in memory."""

    directory: Path | None
    _held: bytes = field(default=b"", repr=False)
    _signer: tuple[bytes, Signer] | None = field(default=None, repr=False)

    @classmethod
    def in_memory(cls) -> Self:
        """Make a key that is written nowhere."""
        return cls(None, x509.make_signing_key())

    def ensure(self) -> None:
        """Make the key that signs, if there is none."""
        if self.directory is not None and not self._private_file.exists():
            write_private(self._private_file, x509.make_signing_key())

    def private(self) -> bytes:
        """Return the key that signs."""
        return self._held if self.directory is None else self._private_file.read_bytes()

    def public(self) -> tuple[bytes, ...]:
        """Return the keys that tokens are checked with, the signing one's own first."""
        return (x509.public_pem(self.private()), *self.former().values())

    def former(self) -> dict[str, bytes]:
        """Return the public keys that signed once, by their ids; the oldest first."""
        if self.directory is None:
            return {}
        files = sorted(
            (self.directory / _FORMER).glob("*.pub"), key=lambda file: file.stat().st_mtime_ns
        )
        return {file.stem: file.read_bytes() for file in files}

    def rotate(self) -> str:
        """Sign with a new key, and keep the old one's public half; return the new key's id."""
        old, new = x509.public_pem(self.private()), x509.make_signing_key()
        folder = self._folder
        folder.mkdir(mode=0o700, exist_ok=True)
        # First what keeps the old tokens good: a crash in between leaves the old key signing.
        write_private(folder / f"{x509.key_id(old)}.pub", old)
        write_private(self._private_file, new)
        return x509.key_id(x509.public_pem(new))

    def remove(self, key_id: str) -> bool:
        """Believe a former key no more; say whether there was one of this id."""
        file = self._folder / f"{key_id}.pub"
        if key_id not in self.former():
            return False
        file.unlink()
        return True

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Sign claims with the key that signs now."""
        private = self.private()
        if self._signer is None or self._signer[0] != private:
            self._signer = private, Signer(private)
        return self._signer[1].sign(claims)

    @property
    def _private_file(self) -> Path:
        assert self.directory is not None
        return self.directory / _PRIVATE

    @property
    def _folder(self) -> Path:
        assert self.directory is not None
        return self.directory / _FORMER


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read, at once or not at all."""
    fresh = path.with_suffix(path.suffix + ".new")
    fresh.touch(mode=0o600)
    fresh.write_bytes(data)
    fresh.replace(path)
