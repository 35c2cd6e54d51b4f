"""One line for each request, as upstream's httplog writes it.

The logger is this module's: at DEBUG every request is written, at INFO those that failed in the
server or took long.
"""

import json
import logging
from types import MappingProxyType
from urllib.parse import urlencode

from pinnace.api.wire import Request
from pinnace.apiserver.fairness.flow import Flow
from pinnace.apiserver.routes import RequestInfo

_log = logging.getLogger(__name__)
_SLOW_SECONDS = 1.0
# Verbs that upstream's log calls by their method.
_METHODS = MappingProxyType({"create": "POST", "update": "PUT"})


def log_request(
    request: Request,
    info: RequestInfo,
    *,
    audit: str,
    flow: Flow | None,
    code: int,
    seconds: float,
) -> None:
    """Write a request to the log, if its level asks for that; code 0 is a connection taken over."""
    told = code >= 500 or (seconds > _SLOW_SECONDS and info.verb != "watch")
    level = logging.INFO if told else logging.DEBUG
    if not _log.isEnabledFor(level):
        return
    pairs = {
        "verb": _METHODS.get(info.verb, info.verb.upper()),
        "URI": _uri(request),
        "latency": f"{seconds * 1000:.6f}ms",
        "userAgent": request.headers.get("user-agent", ""),
        "audit-ID": audit,
        "srcIP": request.remote,
    }
    if flow is not None:
        pairs |= {"apf_pl": flow.level, "apf_fs": flow.schema}
    text = " ".join(f"{name}={_quoted(value)}" for name, value in pairs.items())
    _log.log(level, '"HTTP" %s %s', text, f"resp={code}" if code else "hijacked=true")


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=True)


def _uri(request: Request) -> str:
    query = urlencode(request.query, doseq=True)
    return f"{request.path}?{query}" if query else request.path
