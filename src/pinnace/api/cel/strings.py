"""Functions on strings beyond the standard ones. Upstream: cel-go `ext/strings.go`, version 2."""

import re
from typing import Any

import re2

from pinnace.api.cel.formatting import formatted, quoted
from pinnace.api.cel.functions import Overload, member, plain
from pinnace.api.cel.standard import RE2
from pinnace.api.cel.types import DYN, INT, STRING, list_of
from pinnace.api.cel.values import CelError, check_size

_SPACE = "".join(
    map(chr, (*range(0x9, 0xE), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B)))
) + "".join(map(chr, (0x2028, 0x2029, 0x202F, 0x205F, 0x3000)))
_TEXTS = list_of(STRING)


def _out_of_range(index: int) -> CelError:
    return CelError(f"index out of range: {index}")


def _char_at(text: str, index: int) -> str:
    if not 0 <= index <= len(text):
        raise _out_of_range(index)
    return text[index : index + 1]


def _index_of(text: str, wanted: str, start: int = 0) -> int:
    if not wanted:
        return start
    if start < 0:
        raise _out_of_range(start)
    return text.find(wanted, start)


def _last_index_of(text: str, wanted: str) -> int:
    return text.rfind(wanted) if wanted else len(text)


def _last_index_before(text: str, wanted: str, start: int) -> int:
    if not wanted:
        return start
    if start < 0:
        raise _out_of_range(start)
    return -1 if start >= len(text) else text.rfind(wanted, 0, start + len(wanted))


def _lower(text: str) -> str:
    return "".join(char.lower() if char.isascii() else char for char in text)


def _upper(text: str) -> str:
    return "".join(char.upper() if char.isascii() else char for char in text)


def _split(text: str, separator: str, count: int = -1) -> list[str]:
    if count == 0:
        return []
    if count == 1:
        return [text]
    if separator:
        return text.split(separator, count - 1 if count > 0 else -1)
    if 0 < count < len(text):
        return [*text[: count - 1], text[count - 1 :]]
    return list(text)


def _substring(text: str, start: int) -> str:
    if not 0 <= start <= len(text):
        raise _out_of_range(start)
    return text[start:]


def _subrange(text: str, start: int, end: int) -> str:
    if start > end:
        raise CelError(f"invalid substring range. start: {start}, end: {end}")
    for index in (start, end):
        if not 0 <= index <= len(text):
            raise _out_of_range(index)
    return text[start:end]


def _join(texts: list[Any], separator: str = "") -> str:
    for text in texts:
        if not isinstance(text, str):
            raise CelError(f"join: invalid input: {text}")
    check_size(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


def _replace(text: str, old: str, new: str, limit: int = -1) -> str:
    count = text.count(old)
    count = count if limit < 0 else min(count, limit)
    check_size(len(text) + count * (len(new) - len(old)))
    return text.replace(old, new, limit)


def _compiled(pattern: str) -> Any:
    try:
        return re2.compile(pattern, RE2)
    except re2.error as error:
        raise CelError(f"Illegal regex: {error}") from None


def _find(text: str, pattern: str) -> str:
    found = _compiled(pattern).search(text)
    return found.group() if found else ""


def _find_all(text: str, pattern: str, limit: int = -1) -> list[str]:
    found = [match.group() for match in _compiled(pattern).finditer(text)]
    return found if limit < 0 else found[:limit]


_POINTER = re.compile("[~/]")


def _escape_key(text: str) -> str:
    return _POINTER.sub(lambda match: "~0" if match.group() == "~" else "~1", text)


_TWO, _THREE = (STRING, STRING), (STRING, STRING, INT)
OVERLOADS: tuple[Overload, ...] = (
    member("charAt", "string_char_at_int", (STRING, INT), STRING, _char_at),
    member("indexOf", "string_index_of_string", _TWO, INT, _index_of),
    member("indexOf", "string_index_of_string_int", _THREE, INT, _index_of),
    member("lastIndexOf", "string_last_index_of_string", _TWO, INT, _last_index_of),
    member("lastIndexOf", "string_last_index_of_string_int", _THREE, INT, _last_index_before),
    member("lowerAscii", "string_lower_ascii", (STRING,), STRING, _lower),
    member("upperAscii", "string_upper_ascii", (STRING,), STRING, _upper),
    member("replace", "string_replace_string_string", (STRING,) * 3, STRING, _replace),
    member("replace", "string_replace_string_string_int", (*(STRING,) * 3, INT), STRING, _replace),
    member("split", "string_split_string", _TWO, _TEXTS, _split),
    member("split", "string_split_string_int", _THREE, _TEXTS, _split),
    member("substring", "string_substring_int", (STRING, INT), STRING, _substring),
    member("substring", "string_substring_int_int", (STRING, INT, INT), STRING, _subrange),
    member("trim", "string_trim", (STRING,), STRING, lambda text: text.strip(_SPACE)),
    member("format", "string_format", (STRING, list_of(DYN)), STRING, formatted),
    plain("strings.quote", "strings_quote", (STRING,), STRING, quoted),
    member("join", "list_join", (_TEXTS,), STRING, _join),
    member("join", "list_join_string", (_TEXTS, STRING), STRING, _join),
    member("find", "string_find_string", _TWO, STRING, _find),
    member("findAll", "string_find_all_string", _TWO, _TEXTS, _find_all),
    member("findAll", "string_find_all_string_int", _THREE, _TEXTS, _find_all),
    plain(
        "jsonpatch.escapeKey", "string_jsonpatch_escapeKey_string", (STRING,), STRING, _escape_key
    ),
)
