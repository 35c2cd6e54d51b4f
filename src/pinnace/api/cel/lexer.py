"""Text into tokens, by the lexical rules of CEL."""

import re
from dataclasses import dataclass

from pinnace.api.cel.syntax import MOST_ISSUES, Issue

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n\f]+|//[^\n]*)
    |(?P<string>[bB]?[rR]?(?:\"\"\"(?s:.*?)\"\"\"|'''(?s:.*?)'''))
    |(?P<raw>[bB]?[rR](?:"[^"\n]*"|'[^'\n]*'))
    |(?P<quoted>[bB]?(?:"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
    |(?P<float>(?:\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?))
    |(?P<uint>(?:0x[0-9a-fA-F]+|\d+)[uU])
    |(?P<int>0x[0-9a-fA-F]+|\d+)
    |(?P<ident>[a-zA-Z_][a-zA-Z0-9_]*)
    |(?P<escaped>`[a-zA-Z0-9_.\-/ ]+`)
    |(?P<op>==|!=|<=|>=|&&|\|\||[<>\[\]{}().,\-!?:+*/%])""",
    re.VERBOSE,
)
_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\?\"'`])|[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})"
    r"|([0-3][0-7]{2})|(.?))",
    re.DOTALL,
)
_PLAIN = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text; `kind` is the operator or keyword itself where it is one."""

    kind: str
    text: str
    pos: int


def tokens(source: str) -> tuple[list[Token], list[Issue]]:
    """Return the tokens, ended by an `<EOF>`, and what could not be read.

    Reading ends when more is wrong than is told.
    """
    found, issues, pos = [], [], 0
    while pos < len(source):
        match = _TOKEN.match(source, pos)
        if match is None:
            char = source[pos]
            if char in "\"'":
                end = source.find("\n", pos)
                char = source[pos : end if end >= 0 else len(source)]
            issues.append(Issue(pos, f"Syntax error: token recognition error at: '{_shown(char)}'"))
            pos += len(char)
            if len(issues) > MOST_ISSUES:
                break
            continue
        kind, text = str(match.lastgroup), match.group()
        if kind in ("string", "raw", "quoted"):
            kind = "bytes" if text[0] in "bB" else "string"
        elif kind == "op" or (kind == "ident" and text in ("true", "false", "null", "in")):
            kind = text
        if kind != "space":
            found.append(Token(kind, text, pos))
        pos = match.end()
    found.append(Token("<EOF>", "<EOF>", len(source)))
    return found, issues


def _shown(text: str) -> str:
    return text.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")


def string_value(text: str) -> str:
    """Return what a string literal stands for; raises ValueError for a bad escape."""
    body, raw = _body(text)
    if raw:
        return body

    def one(match: re.Match[str]) -> str:
        plain, two, four, eight, octal, bad = match.groups()
        if plain is not None:
            return _PLAIN.get(plain, plain)
        if bad is not None:
            raise ValueError(f"unable to unescape: \\{bad}")
        number = int(octal, 8) if octal else int(two or four or eight, 16)
        if number > 0x10FFFF or 0xD800 <= number < 0xE000:
            raise ValueError("invalid unicode code point")
        return chr(number)

    return _ESCAPE.sub(one, body)


def bytes_value(text: str) -> bytes:
    """Return what a bytes literal stands for; raises ValueError for a bad escape."""
    body, raw = _body(text[1:])
    if raw:
        return body.encode()
    made, last = bytearray(), 0
    for match in _ESCAPE.finditer(body):
        made += body[last : match.start()].encode()
        last = match.end()
        plain, two, four, eight, octal, bad = match.groups()
        if bad is not None or four or eight:
            raise ValueError("unable to unescape string")
        if plain is not None:
            made += _PLAIN.get(plain, plain).encode()
        else:
            made.append(int(octal, 8) if octal else int(two, 16))
    return bytes(made + body[last:].encode())


def _body(text: str) -> tuple[str, bool]:
    raw = text[0] in "rR"
    text = text[1:] if raw else text
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    size = 3 if len(text) >= 6 and text[:3] in ('"""', "'''") else 1
    return text[size:-size], raw
