"""The few messages of KMS v2 on the wire, and the object that is stored with each value.

They have strings, bytes, one enum and a map of bytes, so a dozen lines do.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pinnace.store.encryption.base import TransformError

# How the key of a value is found with what was encrypted: it is that, or is derived from it.
AES_GCM_KEY, DERIVED = 0, 1
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LONGEST_SOURCE = _LONGEST_KEY_ID = 1024
_LONGEST_ANNOTATIONS = 32 * 1024


def varint(number: int) -> bytes:
    """Write a number."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def sized(number: int, value: bytes | str) -> bytes:
    """Write a field of bytes or text; nothing for an empty one."""
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | _BYTES) + varint(len(data)) + data if data else b""


def mapped(number: int, values: Mapping[str, bytes]) -> bytes:
    """Write a field that is a map."""
    parts = []
    for key in sorted(values):
        entry = sized(1, key) + sized(2, values[key])
        parts.append(varint(number << 3 | _BYTES) + varint(len(entry)) + entry)
    return b"".join(parts)


def fields(data: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Yield the fields of a message; raises TransformError for what is none."""
    at = 0
    try:
        while at < len(data):
            tag, at = _number(data, at)
            number, kind = tag >> 3, tag & 7
            if kind == _VARINT:
                value, at = _number(data, at)
                yield number, value
                continue
            if kind == _BYTES:
                size, at = _number(data, at)
            else:
                size = {_FIXED64: 8, _FIXED32: 4}[kind]
            if at + size > len(data):
                raise IndexError
            yield number, data[at : at + size]
            at += size
    except (IndexError, KeyError) as error:
        raise TransformError("proto: cannot parse invalid wire-format data") from error


def _number(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7
        if shift > 63:
            raise IndexError


def texts(data: bytes, *names: str) -> dict[str, str]:
    """Read a message whose first fields are texts of these names."""
    found = dict.fromkeys(names, "")
    for number, value in fields(data):
        if 0 < number <= len(names) and isinstance(value, bytes):
            found[names[number - 1]] = value.decode(errors="replace")
    return found


def entry_of(data: bytes) -> tuple[str, bytes]:
    """Read one entry of a map."""
    key, value = "", b""
    for number, part in fields(data):
        if isinstance(part, bytes) and number == 1:
            key = part.decode(errors="replace")
        elif isinstance(part, bytes) and number == 2:
            value = part
    return key, value


@dataclass(frozen=True, slots=True)
class Status:
    """What a plug-in says of itself: `healthz` is "ok" if all is well."""

    version: str
    healthz: str
    key_id: str


@dataclass(frozen=True, slots=True)
class Source:
    """What the plug-in made of a seed: enough to ask it for that seed again."""

    key_id: str
    encrypted: bytes
    annotations: Mapping[str, bytes] = field(default_factory=dict)
    kind: int = DERIVED

    def key(self) -> tuple[object, ...]:
        """Return what tells sources apart."""
        return self.kind, self.encrypted, self.key_id, tuple(sorted(self.annotations.items()))

    def check(self) -> None:
        """Raise TransformError for a source that must not be stored."""
        if self.kind not in (AES_GCM_KEY, DERIVED):
            raise TransformError(f"unknown encryptedDEKSourceType: {self.kind}")
        size = len(self.encrypted)
        if not size or size > _LONGEST_SOURCE:
            why = (
                f"encrypted DEK source is {size} bytes, which exceeds the max size of "
                f"{_LONGEST_SOURCE}"
            )
            why = why if size else "encrypted DEK source is empty"
            raise TransformError(f"failed to validate encrypted DEK source: {why}")
        why = key_id_error(self.key_id)
        if why:
            raise TransformError(f"failed to validate key id: {why}")
        total = sum(len(key.encode()) + len(value) for key, value in self.annotations.items())
        wrong = [
            f'annotations: Invalid value: "{key}": should be a domain with at least two segments '
            "separated by dots"
            for key in self.annotations
            if "." not in key.strip(".")
        ]
        if total > _LONGEST_ANNOTATIONS:
            wrong.append(
                f"total size of annotations is {total}, which exceeds the max size of "
                f"{_LONGEST_ANNOTATIONS}"
            )
        if wrong:
            why = wrong[0] if len(wrong) == 1 else f"[{', '.join(wrong)}]"
            raise TransformError(f"failed to validate annotations: {why}")


def key_id_error(key_id: str) -> str:
    """Return why a key id cannot be used, empty if it can."""
    size = len(key_id.encode())
    if not size:
        return "keyID is empty"
    if size > _LONGEST_KEY_ID:
        return f"keyID is {size} bytes, which exceeds the max size of {_LONGEST_KEY_ID}"
    return ""


def encode_object(data: bytes, source: Source) -> bytes:
    """Write upstream's EncryptedObject."""
    kind = varint(5 << 3) + varint(source.kind) if source.kind else b""
    return b"".join(
        (
            sized(1, data),
            sized(2, source.key_id),
            sized(3, source.encrypted),
            mapped(4, source.annotations),
            kind,
        )
    )


def decode_object(data: bytes) -> tuple[bytes, Source]:
    """Read upstream's EncryptedObject; raises TransformError."""
    encrypted = key = b""
    key_id, kind, annotations = "", AES_GCM_KEY, {}
    for number, value in fields(data):
        if isinstance(value, int):
            kind = value if number == 5 else kind
        elif number == 1:
            encrypted = value
        elif number == 2:
            key_id = value.decode(errors="replace")
        elif number == 3:
            key = value
        elif number == 4:
            name, text = entry_of(value)
            annotations[name] = text
    source = Source(key_id, key, annotations, kind)
    if not encrypted:
        raise TransformError("encrypted data is empty")
    source.check()
    return encrypted, source
