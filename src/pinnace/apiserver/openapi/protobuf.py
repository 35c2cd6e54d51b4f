"""The OpenAPI v2 document as protobuf: what kubectl reads to validate a `kind: List`.

Messages and field numbers are those of gnostic's `OpenAPIv2.proto`. Each message is a table from
the JSON name of a field to its number and writer; only what Pinnace's own document has is listed,
and an unlisted field is an error rather than a silent loss.
"""

import struct
from collections.abc import Callable
from typing import Any

import orjson

from pinnace.api.codec.protobuf_special import varint

CONTENT_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
# The second is not a proper media type, and is what clients still ask for.
ACCEPTED = (CONTENT_TYPE, "application/com.github.proto-openapi.spec.v2@v1.0+protobuf")

_Write = Callable[[int, Any], bytes]
_Fields = dict[str, tuple[int, _Write]]
_VARINT, _DOUBLE, _BYTES = 0, 1, 2


def encode(document: dict[str, Any]) -> bytes:
    """Return a swagger document as bytes; raises KeyError for a field that is not known here."""
    return _message(_DOCUMENT, document)


def _message(fields: _Fields, value: dict[str, Any]) -> bytes:
    """Write the fields in the order of the document; extensions go to the vendor's field."""
    parts = []
    for name, held in value.items():
        if name.startswith("x-"):
            number, _ = fields["x-"]
            parts.append(_sized(number, _text(1, name) + _sized(2, _any(held))))
        else:
            number, write = fields[name]
            parts.append(write(number, held))
    return b"".join(parts)


def _sized(number: int, body: bytes) -> bytes:
    return varint(number << 3 | _BYTES) + varint(len(body)) + body


def _text(number: int, value: str) -> bytes:
    return _sized(number, value.encode())


def _flag(number: int, value: bool) -> bytes:
    return varint(number << 3 | _VARINT) + varint(int(value))


def _whole(number: int, value: int) -> bytes:
    return varint(number << 3 | _VARINT) + varint(value)


def _double(number: int, value: float) -> bytes:
    return varint(number << 3 | _DOUBLE) + struct.pack("<d", value)


def _any(value: Any) -> bytes:
    """Return an Any: its text is YAML, of which JSON is a part."""
    return _text(2, orjson.dumps(value).decode() + "\n")


def _anything(number: int, value: Any) -> bytes:
    return _sized(number, _any(value))


def _each(write: _Write) -> _Write:
    return lambda number, values: b"".join([write(number, value) for value in values])


def _of(fields: _Fields) -> _Write:
    return lambda number, value: _sized(number, _message(fields, value))


def _boxed(*numbers: int, write: _Write) -> _Write:
    """Write a value inside of messages that have it as their only field, outermost first."""

    def boxed(number: int, value: Any) -> bytes:
        body = write(numbers[-1], value)
        for inner in reversed(numbers[:-1]):
            body = _sized(inner, body)
        return _sized(number, body)

    return boxed


def _named(at: int, write: _Write) -> _Write:
    """Write a map as a message that has its entries, each with a name and a value, in one field."""

    def named(number: int, value: dict[str, Any]) -> bytes:
        entries = [_sized(at, _text(1, name) + write(2, held)) for name, held in value.items()]
        return _sized(number, b"".join(entries))

    return named


def _types(number: int, value: str | list[str]) -> bytes:
    names = [value] if isinstance(value, str) else value
    return _sized(number, b"".join([_text(1, name) for name in names]))


def _additional(number: int, value: bool | dict[str, Any]) -> bytes:
    body = _flag(2, value) if isinstance(value, bool) else _schema(1, value)
    return _sized(number, body)


def _parameter(number: int, value: dict[str, Any]) -> bytes:
    if "$ref" in value:
        return _sized(number, _sized(2, _text(1, value["$ref"])))
    if value["in"] == "body":
        return _sized(number, _sized(1, _sized(1, _message(_BODY_PARAMETER, value))))
    kind, fields = _PARAMETERS[value["in"]]
    return _sized(number, _sized(1, _sized(2, _sized(kind, _message(fields, value)))))


def _requirement(number: int, value: dict[str, list[str]]) -> bytes:
    entries = [
        _sized(1, _text(1, name) + _sized(2, _each(_text)(1, scopes)))
        for name, scopes in value.items()
    ]
    return _sized(number, b"".join(entries))


def _schema(number: int, value: dict[str, Any]) -> bytes:
    return _sized(number, _message(_SCHEMA, value))


_EXTENSION: _Write = _anything
_SCHEMA: _Fields = {
    "$ref": (1, _text),
    "format": (2, _text),
    "title": (3, _text),
    "description": (4, _text),
    "default": (5, _anything),
    "multipleOf": (6, _double),
    "maximum": (7, _double),
    "exclusiveMaximum": (8, _flag),
    "minimum": (9, _double),
    "exclusiveMinimum": (10, _flag),
    "maxLength": (11, _whole),
    "minLength": (12, _whole),
    "pattern": (13, _text),
    "maxItems": (14, _whole),
    "minItems": (15, _whole),
    "uniqueItems": (16, _flag),
    "maxProperties": (17, _whole),
    "minProperties": (18, _whole),
    "required": (19, _each(_text)),
    "enum": (20, _each(_anything)),
    "additionalProperties": (21, _additional),
    "type": (22, _types),
    "items": (23, _boxed(1, write=_schema)),
    "allOf": (24, _each(_schema)),
    "properties": (25, _named(1, _schema)),
    "readOnly": (27, _flag),
    "example": (30, _anything),
    "x-": (31, _EXTENSION),
}
_BODY_PARAMETER: _Fields = {
    "description": (1, _text),
    "name": (2, _text),
    "in": (3, _text),
    "required": (4, _flag),
    "schema": (5, _schema),
    "x-": (6, _EXTENSION),
}
_PATH_PARAMETER: _Fields = {
    "required": (1, _flag),
    "in": (2, _text),
    "description": (3, _text),
    "name": (4, _text),
    "type": (5, _text),
    "format": (6, _text),
    "uniqueItems": (19, _flag),
    "x-": (22, _EXTENSION),
}
_QUERY_PARAMETER: _Fields = {
    "required": (1, _flag),
    "in": (2, _text),
    "description": (3, _text),
    "name": (4, _text),
    "type": (6, _text),
    "format": (7, _text),
    "uniqueItems": (20, _flag),
    "x-": (23, _EXTENSION),
}
# Where the kinds of parameters stand in NonBodyParameter.
_PARAMETERS = {
    "header": (1, _PATH_PARAMETER),
    "query": (3, _QUERY_PARAMETER),
    "path": (4, _PATH_PARAMETER),
}
_RESPONSE: _Fields = {
    "description": (1, _text),
    "schema": (2, _boxed(1, write=_schema)),
    "x-": (5, _EXTENSION),
}
_OPERATION: _Fields = {
    "tags": (1, _each(_text)),
    "summary": (2, _text),
    "description": (3, _text),
    "operationId": (5, _text),
    "produces": (6, _each(_text)),
    "consumes": (7, _each(_text)),
    "parameters": (8, _each(_parameter)),
    "responses": (9, _named(1, _boxed(1, write=_of(_RESPONSE)))),
    "schemes": (10, _each(_text)),
    "deprecated": (11, _flag),
    "security": (12, _each(_requirement)),
    "x-": (13, _EXTENSION),
}
_operation = _of(_OPERATION)
_PATH: _Fields = {
    "$ref": (1, _text),
    "get": (2, _operation),
    "put": (3, _operation),
    "post": (4, _operation),
    "delete": (5, _operation),
    "options": (6, _operation),
    "head": (7, _operation),
    "patch": (8, _operation),
    "parameters": (9, _each(_parameter)),
    "x-": (10, _EXTENSION),
}
_INFO: _Fields = {"title": (1, _text), "version": (2, _text), "description": (3, _text)}
_API_KEY: _Fields = {
    "type": (1, _text),
    "name": (2, _text),
    "in": (3, _text),
    "description": (4, _text),
}
_DOCUMENT: _Fields = {
    "swagger": (1, _text),
    "info": (2, _of(_INFO)),
    "paths": (8, _named(2, _of(_PATH))),
    "definitions": (9, _named(1, _schema)),
    "security": (12, _each(_requirement)),
    "securityDefinitions": (13, _named(1, _boxed(2, write=_of(_API_KEY)))),
}
