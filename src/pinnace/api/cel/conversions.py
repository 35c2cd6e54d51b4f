"""Conversions from one type of value to another, in cel-go's words where they fail."""

import math

from pinnace.api.cel.functions import Overload, plain
from pinnace.api.cel.times import (
    checked_timestamp,
    duration_text,
    parse_duration,
    parse_timestamp,
    timestamp_text,
)
from pinnace.api.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    UINT,
    Type,
    param,
)
from pinnace.api.cel.values import (
    INT_MAX,
    INT_MIN,
    NANOS,
    UINT_MAX,
    CelError,
    Duration,
    Timestamp,
    UInt,
    checked_int,
    checked_uint,
    type_of,
)

_A = param("A")


def _to_int(value: float) -> int:
    if math.isnan(value) or not INT_MIN < value < float(INT_MAX):
        raise CelError("integer overflow")
    return int(value)


def _to_uint(value: float) -> UInt:
    if math.isnan(value) or not 0 <= value < float(UINT_MAX):
        raise CelError("unsigned integer overflow")
    return UInt(int(value))


def _text_to_int(text: str) -> int:
    try:
        if text.strip() != text or "_" in text:
            raise ValueError
        number = int(text)
    except ValueError:
        raise CelError(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None
    if not INT_MIN <= number <= INT_MAX:
        raise CelError(f'strconv.ParseInt: parsing "{text}": value out of range')
    return number


def _text_to_uint(text: str) -> UInt:
    if not text.isascii() or not text.isdigit():
        raise CelError(f'strconv.ParseUint: parsing "{text}": invalid syntax')
    if int(text) > UINT_MAX:
        raise CelError(f'strconv.ParseUint: parsing "{text}": value out of range')
    return UInt(int(text))


def _text_to_double(text: str) -> float:
    try:
        if text.strip() != text or "_" in text:
            raise ValueError
        return float(text)
    except ValueError:
        raise CelError(f'strconv.ParseFloat: parsing "{text}": invalid syntax') from None


def _text_to_bool(text: str) -> bool:
    if text in ("true", "TRUE", "True", "t", "T", "1"):
        return True
    if text in ("false", "FALSE", "False", "f", "F", "0"):
        return False
    raise CelError(f'strconv.ParseBool: parsing "{text}": invalid syntax')


def _text_to_bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _bytes_to_text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise CelError("invalid UTF-8 in bytes, cannot convert to string") from None


def double_text(value: float) -> str:
    """Return the shortest text of a double, as upstream writes it."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    shown = repr(value)
    mantissa, _, power = shown.partition("e")
    exponent = int(power) if power else _exponent(value)
    if value != 0 and (exponent < -4 or exponent >= 21):
        digits = f"{value!r}" if power else f"{value:.17e}"
        mantissa = digits.partition("e")[0].removesuffix(".0")
        return f"{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
    return f"{int(value)}" if value == int(value) and not power else _unpowered(value, power)


def _exponent(value: float) -> int:
    return math.floor(math.log10(abs(value))) if value else 0


def _unpowered(value: float, power: str) -> str:
    return f"{int(value)}" if power and value == int(value) else repr(value)


def _timestamp(text: str) -> Timestamp:
    try:
        return parse_timestamp(text)
    except ValueError:
        raise CelError("type conversion error from 'string' to 'timestamp'") from None


def _duration(text: str) -> Duration:
    try:
        return parse_duration(text)
    except ValueError:
        raise CelError("type conversion error from 'string' to 'duration'") from None


def _bool_text(value: bool) -> str:
    return "true" if value else "false"


_T, _D = "google.protobuf.Timestamp", "google.protobuf.Duration"
CONVERSIONS: tuple[Overload, ...] = (
    plain("bool", "bool_to_bool", (BOOL,), BOOL, lambda a: a),
    plain("bool", "string_to_bool", (STRING,), BOOL, _text_to_bool),
    plain("bytes", "bytes_to_bytes", (BYTES,), BYTES, lambda a: a),
    plain("bytes", "string_to_bytes", (STRING,), BYTES, _text_to_bytes),
    plain("double", "double_to_double", (DOUBLE,), DOUBLE, lambda a: a),
    plain("double", "int64_to_double", (INT,), DOUBLE, float),
    plain("double", "string_to_double", (STRING,), DOUBLE, _text_to_double),
    plain("double", "uint64_to_double", (UINT,), DOUBLE, float),
    plain("duration", "duration_to_duration", (DURATION,), DURATION, lambda a: a),
    plain("duration", "int64_to_duration", (INT,), DURATION, lambda a: Duration(a)),
    plain("duration", "string_to_duration", (STRING,), DURATION, _duration),
    plain("dyn", "to_dyn", (_A,), DYN, lambda a: a),
    plain("int", "int64_to_int64", (INT,), INT, lambda a: a),
    plain("int", "double_to_int64", (DOUBLE,), INT, _to_int),
    plain("int", "duration_to_int64", (DURATION,), INT, lambda a: a.nanos),
    plain("int", "string_to_int64", (STRING,), INT, _text_to_int),
    plain("int", "timestamp_to_int64", (TIMESTAMP,), INT, lambda a: a.nanos // NANOS),
    plain("int", "uint64_to_int64", (UINT,), INT, lambda a: checked_int(int(a))),
    plain("string", "string_to_string", (STRING,), STRING, lambda a: a),
    plain("string", "bool_to_string", (BOOL,), STRING, _bool_text),
    plain("string", "bytes_to_string", (BYTES,), STRING, _bytes_to_text),
    plain("string", "double_to_string", (DOUBLE,), STRING, double_text),
    plain("string", "duration_to_string", (DURATION,), STRING, duration_text),
    plain("string", "int64_to_string", (INT,), STRING, str),
    plain("string", "timestamp_to_string", (TIMESTAMP,), STRING, timestamp_text),
    plain("string", "uint64_to_string", (UINT,), STRING, lambda a: str(int(a))),
    plain("timestamp", "timestamp_to_timestamp", (TIMESTAMP,), TIMESTAMP, lambda a: a),
    plain(
        "timestamp",
        "int64_to_timestamp",
        (INT,),
        TIMESTAMP,
        lambda a: checked_timestamp(a * NANOS),
    ),
    plain("timestamp", "string_to_timestamp", (STRING,), TIMESTAMP, _timestamp),
    plain("type", "type", (_A,), Type("type", params=(_A,)), type_of),
    plain("uint", "uint64_to_uint64", (UINT,), UINT, lambda a: a),
    plain("uint", "double_to_uint64", (DOUBLE,), UINT, _to_uint),
    plain("uint", "int64_to_uint64", (INT,), UINT, checked_uint),
    plain("uint", "string_to_uint64", (STRING,), UINT, _text_to_uint),
)
