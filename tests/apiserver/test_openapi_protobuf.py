"""The swagger document in protobuf."""

import pytest

from pinnace.apiserver.openapi.protobuf import encode


def test_a_schema_has_its_type_and_extensions_in_their_messages() -> None:
    document = {"definitions": {"a": {"type": "object", "x-kubernetes-map-type": "atomic"}}}
    kind = b"\xb2\x01\x08" + b"\x0a\x06object"
    value = b"\x12\x0b" + b"\x12\x09" + b'"atomic"\n'
    extension = b"\x0a\x15x-kubernetes-map-type" + value
    schema = kind + b"\xfa\x01" + bytes([len(extension)]) + extension
    entry = b"\x0a\x01a" + b"\x12" + bytes([len(schema)]) + schema
    named = b"\x0a" + bytes([len(entry)]) + entry
    assert encode(document) == b"\x4a" + bytes([len(named)]) + named


def test_parameters_say_where_they_stand() -> None:
    def parameter(**value: object) -> bytes:
        whole = encode({"paths": {"/": {"parameters": [value]}}})
        return whole[whole.index(b"/") + 5 :]

    reference = b"\x12\x03" + b"\x0a\x01#"
    assert parameter(**{"$ref": "#"}) == reference
    query = b"\x12\x05query" + b"\x22\x01q"
    inner = b"\x1a" + bytes([len(query)]) + query
    other = b"\x12" + bytes([len(inner)]) + inner
    assert parameter(**{"in": "query", "name": "q"}) == b"\x0a" + bytes([len(other)]) + other


def test_a_field_that_is_not_known_is_not_lost_silently() -> None:
    with pytest.raises(KeyError):
        encode({"definitions": {"a": {"novelty": 1}}})
