"""What a transformer is: a pair of functions between plain values and stored ones.

Upstream: apiserver `pkg/storage/value`. The context of a value is the key under which it lies, so
that a value which somebody copies to another key cannot be read there.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from pinnace.store.base import StoreError

ENCRYPTED = b"k8s:enc:"


class TransformError(StoreError):
    """A value that cannot be read or written; the text says why."""


class NotLearned(Exception):
    """A value for which something has to be asked first; `learn` asks, raising TransformError."""

    def __init__(self, learn: Callable[[], Awaitable[None]]) -> None:
        super().__init__("not learned yet")
        self.learn = learn


class Transformer(Protocol):
    """Turns plain values into stored ones and back; raises TransformError."""

    def read(self, data: bytes, context: bytes) -> tuple[bytes, bool]:
        """Return the plain value, and whether it would be stored in another form now.

        Raises NotLearned where somebody has to be asked first.
        """
        ...

    def write(self, data: bytes, context: bytes) -> bytes:
        """Return the value to store."""
        ...


class Identity:
    """Leaves values as they are, and refuses those that are encrypted."""

    def read(self, data: bytes, context: bytes) -> tuple[bytes, bool]:
        if data.startswith(ENCRYPTED):
            raise TransformError("identity transformer tried to read encrypted data")
        return data, False

    def write(self, data: bytes, context: bytes) -> bytes:
        return data


@dataclass(frozen=True, slots=True)
class Prefixed:
    """A transformer whose values begin with a prefix."""

    prefix: bytes
    transformer: Transformer


class Prefixes:
    """Several transformers: the first writes, and each reads what begins with its prefix."""

    def __init__(self, transformers: Sequence[Prefixed], otherwise: str) -> None:
        self._transformers = tuple(transformers)
        self._otherwise = otherwise

    def read(self, data: bytes, context: bytes) -> tuple[bytes, bool]:
        errors: list[str] = []
        for at, one in enumerate(self._transformers):
            if not data.startswith(one.prefix):
                continue
            try:
                plain, stale = one.transformer.read(data[len(one.prefix) :], context)
            except TransformError as error:
                # One that has no prefix is asked about every value.
                if one.prefix:
                    errors.append(str(error))
                continue
            return plain, stale or at > 0
        if not errors:
            raise TransformError(self._otherwise)
        unique = list(dict.fromkeys(errors))
        raise TransformError(unique[0] if len(unique) == 1 else f"[{', '.join(unique)}]")

    def write(self, data: bytes, context: bytes) -> bytes:
        first = self._transformers[0]
        return first.prefix + first.transformer.write(data, context)
