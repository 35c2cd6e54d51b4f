"""Why a webhook cannot be called, in the words of Go's HTTP client."""

import os
import ssl
from datetime import UTC, datetime

import orjson

from pinnace.api.objects import format_time
from pinnace.kit.deferred import aiohttp

_UNTRUSTED = (18, 19, 20, 21)
_SELF_SIGNED = 18
_EXPIRED = (9, 10)
_OTHER_NAME = (62, 64)
_SHOWN = 2048
_WORDS = {
    400: "the server rejected our request for an unknown reason",
    401: "the server has asked for the client to provide credentials",
    404: "the server could not find the requested resource",
    405: "the server does not allow this method on the requested resource",
    409: "the server reported a conflict",
    422: "the server rejected our request due to an error in our request",
    429: "the server has received too many requests and has asked us to try again later",
    503: "the server is currently unable to handle the request",
    504: "the server was unable to return a response in the time allotted, but may still be "
    "processing the request",
}
# What the backend said about these is more than could be said here.
_OWN_WORDS = (403, 406, 415)


class CallFailed(Exception):
    """A webhook could not be called, or its answer is none; `code` is what metrics say of it."""

    def __init__(self, why: str, code: int = 503) -> None:
        super().__init__(why)
        self.code = code


def dial_text(address: str, error: Exception, names: tuple[str, ...] = ()) -> str:
    """Say why a connection could not be made or broke; `names` is who the peer is by its papers."""
    cause: BaseException = error
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        cause = error.certificate_error
    elif isinstance(error, aiohttp.ClientConnectorError):
        cause = error.os_error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"tls: failed to verify certificate: x509: {_distrust(cause, names)}"
    if isinstance(cause, ssl.SSLError):
        if cause.reason == "WRONG_VERSION_NUMBER":
            return "http: server gave HTTP response to HTTPS client"
        return f"remote error: tls: {(cause.reason or str(cause)).lower().replace('_', ' ')}"
    if isinstance(cause, aiohttp.ServerDisconnectedError):
        return "EOF"
    if isinstance(cause, ConnectionResetError):
        return f"read tcp {address}: read: connection reset by peer"
    if isinstance(cause, OSError) and isinstance(error, aiohttp.ClientConnectorDNSError):
        host = address.rpartition(":")[0]
        return f"dial tcp: lookup {host}: no such host"
    if isinstance(cause, OSError) and cause.errno:
        return f"dial tcp {address}: connect: {os.strerror(cause.errno).lower()}"
    return str(cause) or "EOF"


def is_self_signed(error: Exception) -> bool:
    """Say whether a peer was refused because its certificate seems to be its own issuer's."""
    if not isinstance(error, aiohttp.ClientConnectorCertificateError):
        return False
    cause = error.certificate_error
    return isinstance(cause, ssl.SSLCertVerificationError) and cause.verify_code == _SELF_SIGNED


def _distrust(error: ssl.SSLCertVerificationError, names: tuple[str, ...]) -> str:
    code = error.verify_code
    if code in _UNTRUSTED:
        return "certificate signed by unknown authority"
    if code in _OTHER_NAME:
        wanted = error.verify_message.partition("'")[2].partition("'")[0]
        if not names:
            return f"certificate is not valid for any names, but wanted to match {wanted}"
        return f"certificate is valid for {', '.join(names)}, not {wanted}"
    if code in _EXPIRED:
        now = format_time(datetime.now(UTC))
        return f"certificate has expired or is not yet valid: current time {now}"
    return str(error.verify_message)


def answer_text(status: int, content_type: str, body: bytes) -> str:
    """Say what an answer means that is no success: what its Status says, or what the code means."""
    told = _status_message(body)
    if told:
        return told
    words = "unknown"
    if not content_type or content_type.startswith("text/"):
        words = body[:_SHOWN].decode(errors="replace").strip()
    if status in _OWN_WORDS:
        return words
    if status in _WORDS:
        return _WORDS[status]
    if status >= 500:
        quoted = orjson.dumps(words).decode()
        return f"an error on the server ({quoted}) has prevented the request from succeeding"
    return f"the server responded with the status code {status} but did not return more information"


def _status_message(body: bytes) -> str:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    if not isinstance(found, dict) or found.get("kind") != "Status":
        return ""
    return str(found.get("message") or "")
