"""The OpenAPI v2 document in Protocol Buffers, the only form in which Go clients ask for it.

Messages and numbers are those of the published `openapi.v2` package. A table says for each message
what becomes of each JSON key; keys of unknown names are extensions, whose values travel as YAML,
which JSON is. For example {"type": "string"} as a Schema is field 22 holding the strings of a
TypeItem.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Any

import orjson

CONTENT_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"

_Write = Callable[[Any], bytes]
_VARINT, _DOUBLE, _BYTES = 0, 1, 2


def encode(document: Mapping[str, Any]) -> bytes:
    """Return a Swagger 2.0 document as a `Document` message."""
    return _message("Document", document)


def _varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _tagged(number: int, body: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(body)) + body


def _text(number: int) -> _Write:
    return lambda value: _tagged(number, str(value).encode())


def _texts(number: int) -> _Write:
    return lambda values: b"".join(_tagged(number, value.encode()) for value in values)


def _flag(number: int) -> _Write:
    return lambda value: _varint(number << 3 | _VARINT) + _varint(1) if value else b""


def _integer(number: int) -> _Write:
    return lambda value: _varint(number << 3 | _VARINT) + _varint(int(value))


def _double(number: int) -> _Write:
    return lambda value: _varint(number << 3 | _DOUBLE) + struct.pack("<d", value)


def _one(number: int, message: str) -> _Write:
    return lambda value: _tagged(number, _message(message, value))


def _many(number: int, message: str) -> _Write:
    return lambda values: b"".join(_tagged(number, _message(message, one)) for one in values)


def _named(number: int, message: str, inside: int = 1) -> _Write:
    """A map becomes a message with one repeated field of names and values."""

    def write(values: Mapping[str, Any]) -> bytes:
        pairs = (
            _tagged(inside, _tagged(1, name.encode()) + _tagged(2, _message(message, value)))
            for name, value in values.items()
        )
        return _tagged(number, b"".join(pairs))

    return write


def _any(number: int) -> _Write:
    return lambda value: _tagged(number, _yaml(value))


def _anys(number: int) -> _Write:
    return lambda values: b"".join(_tagged(number, _yaml(value)) for value in values)


def _yaml(value: Any) -> bytes:
    return _tagged(2, orjson.dumps(value) + b"\n")


def _types(value: str | list[str]) -> bytes:
    names = [value] if isinstance(value, str) else value
    return _tagged(22, b"".join(_tagged(1, name.encode()) for name in names))


def _items(value: Mapping[str, Any]) -> bytes:
    return _tagged(23, _tagged(1, _message("Schema", value)))


def _additional(value: Any) -> bytes:
    if isinstance(value, bool):
        return _tagged(21, _flag(2)(value))
    return _tagged(21, _tagged(1, _message("Schema", value)))


def _parameters(number: int) -> _Write:
    def write(values: list[Mapping[str, Any]]) -> bytes:
        return b"".join(_tagged(number, _parameter(value)) for value in values)

    return write


# Which alternative of NonBodyParameter stands for which place.
_PLACES = {"header": 1, "formData": 2, "query": 3, "path": 4}


def _parameter(value: Mapping[str, Any]) -> bytes:
    if "$ref" in value:
        return _tagged(2, _tagged(1, value["$ref"].encode()))
    if value["in"] == "body":
        return _tagged(1, _tagged(1, _message("BodyParameter", value)))
    place = value["in"]
    message = "OpenParameter" if place in ("query", "formData") else "ClosedParameter"
    return _tagged(1, _tagged(2, _tagged(_PLACES[place], _message(message, value))))


def _responses(values: Mapping[str, Any]) -> bytes:
    pairs = (
        _tagged(1, _tagged(1, code.encode()) + _tagged(2, _tagged(1, _message("Response", value))))
        for code, value in values.items()
    )
    return _tagged(9, b"".join(pairs))


def _response_schema(value: Mapping[str, Any]) -> bytes:
    return _tagged(2, _tagged(1, _message("Schema", value)))


def _paths(values: Mapping[str, Any]) -> bytes:
    return _named(8, "PathItem", inside=2)(values)


def _security(values: list[Mapping[str, list[str]]]) -> bytes:
    out = b""
    for value in values:
        pairs = (
            _tagged(1, _tagged(1, name.encode()) + _tagged(2, _texts(1)(scopes)))
            for name, scopes in value.items()
        )
        out += _tagged(12, b"".join(pairs))
    return out


def _definitions(values: Mapping[str, Any]) -> bytes:
    pairs = (
        _tagged(1, _tagged(1, name.encode()) + _tagged(2, _tagged(2, _message("ApiKey", value))))
        for name, value in values.items()
    )
    return _tagged(13, b"".join(pairs))


def _limits(first: int) -> dict[str, _Write]:
    """The bounds of a value, which every message numbers in this order."""
    return {
        "maximum": _double(first),
        "exclusiveMaximum": _flag(first + 1),
        "minimum": _double(first + 2),
        "exclusiveMinimum": _flag(first + 3),
        "maxLength": _integer(first + 4),
        "minLength": _integer(first + 5),
        "pattern": _text(first + 6),
        "maxItems": _integer(first + 7),
        "minItems": _integer(first + 8),
        "uniqueItems": _flag(first + 9),
    }


def _parameter_fields(shift: int) -> dict[str, _Write]:
    """The fields of a parameter; those of query and form have one more, at 5."""
    return {
        "required": _flag(1),
        "in": _text(2),
        "description": _text(3),
        "name": _text(4),
        "type": _text(5 + shift),
        "format": _text(6 + shift),
        "collectionFormat": _text(8 + shift),
        "default": _any(9 + shift),
        **_limits(10 + shift),
        "enum": _anys(20 + shift),
        "multipleOf": _double(21 + shift),
    }


# For each message: its fields by JSON key, and the number of its extensions (0: it has none).
_MESSAGES: Mapping[str, tuple[Mapping[str, _Write], int]] = {
    "Document": (
        {
            "swagger": _text(1),
            "info": _one(2, "Info"),
            "host": _text(3),
            "basePath": _text(4),
            "schemes": _texts(5),
            "consumes": _texts(6),
            "produces": _texts(7),
            "paths": _paths,
            "definitions": _named(9, "Schema"),
            "security": _security,
            "securityDefinitions": _definitions,
        },
        16,
    ),
    "Info": ({"title": _text(1), "version": _text(2), "description": _text(3)}, 7),
    "ApiKey": (
        {"type": _text(1), "name": _text(2), "in": _text(3), "description": _text(4)},
        5,
    ),
    "PathItem": (
        {
            "$ref": _text(1),
            "get": _one(2, "Operation"),
            "put": _one(3, "Operation"),
            "post": _one(4, "Operation"),
            "delete": _one(5, "Operation"),
            "options": _one(6, "Operation"),
            "head": _one(7, "Operation"),
            "patch": _one(8, "Operation"),
            "parameters": _parameters(9),
        },
        10,
    ),
    "Operation": (
        {
            "tags": _texts(1),
            "summary": _text(2),
            "description": _text(3),
            "operationId": _text(5),
            "produces": _texts(6),
            "consumes": _texts(7),
            "parameters": _parameters(8),
            "responses": _responses,
            "schemes": _texts(10),
            "deprecated": _flag(11),
        },
        13,
    ),
    "BodyParameter": (
        {
            "description": _text(1),
            "name": _text(2),
            "in": _text(3),
            "required": _flag(4),
            "schema": _one(5, "Schema"),
        },
        6,
    ),
    "OpenParameter": ({**_parameter_fields(1), "allowEmptyValue": _flag(5)}, 23),
    "ClosedParameter": (_parameter_fields(0), 22),
    "Response": ({"description": _text(1), "schema": _response_schema}, 5),
    "Schema": (
        {
            "$ref": _text(1),
            "format": _text(2),
            "title": _text(3),
            "description": _text(4),
            "default": _any(5),
            "multipleOf": _double(6),
            **_limits(7),
            "maxProperties": _integer(17),
            "minProperties": _integer(18),
            "required": _texts(19),
            "enum": _anys(20),
            "additionalProperties": _additional,
            "type": _types,
            "items": _items,
            "allOf": _many(24, "Schema"),
            "properties": _named(25, "Schema"),
            "discriminator": _text(26),
            "readOnly": _flag(27),
            "example": _any(30),
        },
        31,
    ),
}


def _message(name: str, value: Mapping[str, Any]) -> bytes:
    fields, extensions = _MESSAGES[name]
    parts = []
    for key, inner in value.items():
        write = fields.get(key)
        if write is not None:
            parts.append(write(inner))
        elif extensions and key.startswith("x-"):
            parts.append(_tagged(extensions, _tagged(1, key.encode()) + _tagged(2, _yaml(inner))))
    return b"".join(parts)
