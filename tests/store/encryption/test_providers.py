"""Providers: upstream's form of values, rotation, and what is said of what cannot be read."""

import base64

import pytest

from pinnace.store.encryption.aes import Cbc, DerivedGcm, Gcm
from pinnace.store.encryption.base import Identity, Prefixed, Prefixes, Transformer, TransformError
from pinnace.store.encryption.messages import (
    AES_GCM_KEY,
    Source,
    decode_object,
    encode_object,
    varint,
)
from pinnace.store.encryption.secretbox import Secretbox

KEY, OTHER = b"0123456789abcdef" * 2, b"fedcba9876543210" * 2
HERE, THERE = b"/registry/secrets/n/a", b"/registry/secrets/n/b"


@pytest.mark.parametrize("made", [Gcm, Cbc, DerivedGcm, Secretbox])
@pytest.mark.parametrize("size", [1, 15, 16, 17, 3000])
def test_what_is_written_is_read(made: type[Gcm], size: int) -> None:
    plain = bytes(range(256)) * 12
    transformer: Transformer = made(KEY)
    stored = transformer.write(plain[:size], HERE)
    assert plain[:16] not in stored or size < 16
    assert transformer.read(stored, HERE) == (plain[:size], False)
    assert transformer.write(plain[:size], HERE) != stored


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (Gcm, "cipher: message authentication failed"),
        (DerivedGcm, "cipher: message authentication failed"),
        (Secretbox, "output array was not large enough for encryption"),
    ],
)
def test_another_key_reads_nothing(made: type[Gcm], why: str) -> None:
    stored = made(KEY).write(b"plain", HERE)
    with pytest.raises(TransformError, match=why):
        made(OTHER).read(stored, HERE)


@pytest.mark.parametrize("made", [Gcm, DerivedGcm])
def test_a_value_that_is_copied_to_another_key_cannot_be_read(made: type[Gcm]) -> None:
    transformer = made(KEY)
    with pytest.raises(TransformError, match="authentication"):
        transformer.read(transformer.write(b"plain", HERE), THERE)


@pytest.mark.parametrize("made", [Gcm, Cbc, DerivedGcm, Secretbox])
def test_what_is_too_short_is_refused(made: type[Gcm]) -> None:
    with pytest.raises(TransformError, match="shorter than the required size"):
        made(KEY).read(b"short", HERE)


def test_cbc_refuses_broken_padding_and_broken_blocks() -> None:
    stored = Cbc(KEY).write(b"x" * 20, HERE)
    with pytest.raises(TransformError, match="not a multiple of the block size"):
        Cbc(KEY).read(stored[:-1], HERE)
    with pytest.raises(TransformError, match="PKCS7"):
        Cbc(KEY).read(stored[:16], HERE)


def test_the_first_provider_writes_and_all_read() -> None:
    old = Prefixes([Prefixed(b"1:", Gcm(OTHER))], "none")
    new = Prefixes([Prefixed(b"2:", Gcm(KEY)), Prefixed(b"1:", Gcm(OTHER))], "none")
    stored = old.write(b"plain", HERE)
    assert new.read(stored, HERE) == (b"plain", True)
    again = new.write(b"plain", HERE)
    assert again.startswith(b"2:")
    assert new.read(again, HERE) == (b"plain", False)


def test_identity_is_asked_about_every_value_and_refuses_encrypted_ones() -> None:
    both = Prefixes([Prefixed(b"", Identity()), Prefixed(b"k8s:enc:x:", Gcm(KEY))], "none")
    assert both.read(b"{}", HERE) == (b"{}", False)
    assert both.write(b"{}", HERE) == b"{}"
    stored = b"k8s:enc:x:" + Gcm(KEY).write(b"{}", HERE)
    assert both.read(stored, HERE) == (b"{}", True)
    with pytest.raises(TransformError, match=r"^none$"):
        both.read(b"k8s:enc:y:", HERE)


def test_the_stored_object_is_the_protobuf_of_upstream() -> None:
    source = Source("k", b"seed", {"b.c": b"2", "a.b": b"1"})
    data = encode_object(b"data", source)
    assert data == (
        b"\x0a\x04data\x12\x01k\x1a\x04seed"
        b"\x22\x08\x0a\x03a.b\x12\x011\x22\x08\x0a\x03b.c\x12\x012\x28\x01"
    )
    assert decode_object(data) == (b"data", source)
    plain = Source("k", b"seed", {}, AES_GCM_KEY)
    assert decode_object(encode_object(b"data", plain)) == (b"data", plain)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x0a", "cannot parse invalid wire-format data"),
        (b"", "encrypted data is empty"),
        (encode_object(b"d", Source("k", b"")), "encrypted DEK source is empty"),
        (encode_object(b"d", Source("", b"s")), "keyID is empty"),
        (encode_object(b"d", Source("k" * 1025, b"s")), "keyID is 1025 bytes"),
        (encode_object(b"d", Source("k", b"s" * 1025)), "exceeds the max size of 1024"),
        (encode_object(b"d", Source("k", b"s", {"plain": b""})), "failed to validate annotations"),
        (encode_object(b"d", Source("k", b"s", {}, 7)), "unknown encryptedDEKSourceType: 7"),
    ],
)
def test_a_stored_object_that_is_none_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(TransformError, match=why):
        decode_object(data)


def test_numbers_are_varints() -> None:
    assert [varint(number) for number in (0, 127, 128, 300)] == [
        b"\x00", b"\x7f", b"\x80\x01", b"\xac\x02",
    ]  # fmt: skip
    assert base64.b64encode(varint(2**32)) == b"gICAgBA="
