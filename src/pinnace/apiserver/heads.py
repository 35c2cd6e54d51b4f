"""The text of HTTP/1.1: what a request's head asks for, and how an answer's head is written. Pure.

What is refused here is refused by Go's server too, and in its words.
"""

import re
from collections.abc import Iterable
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from urllib.parse import parse_qs, unquote

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
_ABSOLUTE = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
_BROKEN_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})")
# What may be in a Host header, as Go has it.
_HOST = re.compile(r"[A-Za-z0-9!$%&'()*+,\-.:;=\[\]_~]*")
# As many as Go reads.
_PARAMETERS = 10_000
_BODILESS = frozenset({204, 304})


class Refused(Exception):
    """What came is no proper request; the text is the whole answer, `bare` or with the code."""

    def __init__(self, status: HTTPStatus, why: str = "", *, bare: str = "") -> None:
        phrase = f"{status.value} {status.phrase}"
        # Go puts its reason into the first line as well.
        self.line = f"{phrase}: {why}" if why else phrase
        super().__init__(bare or self.line)
        self.status = status


def target(url: bytes) -> tuple[str, str]:
    """Return path (percent-decoded) and query of a request's target; raises Refused."""
    text = url.decode(errors="replace")
    if not text.startswith("/"):
        # A proxy's form; upstream looks at the path alone.
        absolute = _ABSOLUTE.match(text)
        if absolute is None:
            raise Refused(HTTPStatus.BAD_REQUEST)
        text = text[absolute.end() :]
        text = text if text.startswith("/") else "/" + text
    raw, _, query = text.partition("?")
    if query.count("&") >= _PARAMETERS:
        # Go reads none of so many, and acts as if nothing had been said.
        raise Refused(HTTPStatus.BAD_REQUEST, "too many query parameters")
    if "%" not in raw:
        return raw, query
    if _BROKEN_ESCAPE.search(raw):
        raise Refused(HTTPStatus.BAD_REQUEST)
    return unquote(raw), query


def parameters(query: str) -> dict[str, list[str]]:
    """Return what a query says, by name."""
    return parse_qs(query, keep_blank_values=True) if query else {}


def check_head(version: str, headers: Iterable[tuple[str, str]]) -> None:
    """Raise Refused for a head that a parser lets pass and Go's server does not."""
    hosts = encoded = sized = 0
    host, encoding = "", "chunked"
    for name, value in headers:
        key = name.lower()
        if key == "host":
            hosts, host = hosts + 1, value
        elif key == "transfer-encoding":
            encoded, encoding = encoded + 1, value
        elif key == "content-length":
            sized += 1
    if version == "1.1" and not hosts:
        raise Refused(HTTPStatus.BAD_REQUEST, "missing required Host header")
    if hosts > 1:
        raise Refused(HTTPStatus.BAD_REQUEST, "too many Host headers")
    if not _HOST.fullmatch(host):
        raise Refused(HTTPStatus.BAD_REQUEST, "malformed Host header")
    # Who of two in a row believes which of these is how requests are smuggled.
    if encoded > 1 or (encoded and sized) or sized > 1 or (encoded and version == "1.0"):
        raise Refused(HTTPStatus.BAD_REQUEST)
    if encoding.strip().lower() != "chunked":
        # The parser takes any list that ends in it, and undoes nothing but that.
        raise Refused(HTTPStatus.NOT_IMPLEMENTED, bare="Unsupported transfer encoding")


@lru_cache(maxsize=256)
def _canonical(name: str) -> str:
    """Return a header's name as Go writes it."""
    return "-".join(part[:1].upper() + part[1:] for part in name.split("-"))


@lru_cache(maxsize=64)
def _status_line(version: str, status: int) -> str:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = f"status code {status}"
    return f"HTTP/{version} {status} {phrase}\r\n"


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return f"Date: {formatdate(second, usegmt=True)}\r\n"


def answer_head(
    version: str,
    status: int,
    headers: Iterable[tuple[str, str]],
    *,
    now: float,
    length: int | None,
    keep: bool,
) -> bytes:
    """Return the head of an answer; without a length it is chunked, or ends with the connection."""
    parts = [_status_line(version, status)]
    for name, value in headers:
        if name in ("content-length", "transfer-encoding", "connection", "date"):
            continue
        if "\n" in value or "\r" in value:
            value = value.replace("\r", " ").replace("\n", " ")
        parts.append(f"{_canonical(name)}: {value}\r\n")
    parts.append(_date(int(now)))
    if length is not None and not is_bodiless(status):
        parts.append(f"Content-Length: {length}\r\n")
    elif length is None and version == "1.1":
        parts.append("Transfer-Encoding: chunked\r\n")
    if not keep:
        parts.append("Connection: close\r\n")
    elif version == "1.0":
        parts.append("Connection: keep-alive\r\n")
    parts.append("\r\n")
    return "".join(parts).encode(errors="replace")


def is_bodiless(status: int) -> bool:
    """Say whether an answer of this code has no body, whatever was asked."""
    return status in _BODILESS or status < 200


def refusal(refused: Refused) -> bytes:
    """Return the answer to what is no proper request; its connection ends with it."""
    text = str(refused)
    head = f"HTTP/1.1 {refused.line}\r\n"
    media = "Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
    return (head + media + text).encode()


def chunk(frame: bytes) -> bytes:
    """Return a frame in chunked encoding."""
    return b"%x\r\n%b\r\n" % (len(frame), frame)
