"""The public keys by which this cluster's own tokens are checked."""

from collections.abc import Iterable

from pinnace.kit.x509 import PublicKey, key_id, load_public_key


class KeyRing:
    """Keys by their ids; they can be exchanged while the server runs.

    `age` changes with the keys, so that whoever remembers what they have verified forgets it.
    """

    def __init__(self, public_keys: Iterable[bytes] = ()) -> None:
        self.age = 0
        self.pems: tuple[bytes, ...] = ()
        self._keys: dict[str, PublicKey] = {}
        self.replace(public_keys)

    def replace(self, public_keys: Iterable[bytes]) -> None:
        """Take other keys, in PEM, in place of these; raises X509Error and keeps these then."""
        pems = tuple(dict.fromkeys(public_keys))
        self._keys = {key_id(pem): load_public_key(pem) for pem in pems}
        self.pems = pems
        self.age += 1

    def named(self, kid: str) -> tuple[PublicKey, ...]:
        """Return the key of an id, if it is there; all keys for a token that names none."""
        if not kid:
            return tuple(self._keys.values())
        found = self._keys.get(kid)
        return (found,) if found is not None else ()
