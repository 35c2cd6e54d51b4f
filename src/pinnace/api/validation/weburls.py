"""Where a webhook is: its URL or its Service, and how Go reads a URL."""

import re
from dataclasses import dataclass

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.validation.base import Report, quoted

FORM = "; desired format: https://host[/path]"
_SCHEME = re.compile("[A-Za-z][A-Za-z0-9+.-]*")
_HOST_BYTES = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,;=:\[\]<>\"%]|[^\x00-\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Url:
    """The parts of a URL."""

    scheme: str = ""
    user: str | None = None
    host: str = ""
    path: str = ""
    query: str = ""
    fragment: str = ""


def parse_url(text: str) -> Url:
    """Return the parts of a URL; raises ValueError in the words of Go's net/url."""
    try:
        return _parsed(text)
    except ValueError as error:
        raise ValueError(f"parse {quoted(text)}: {error}") from None


def _parsed(text: str) -> Url:
    if any(ord(letter) < 0x20 or ord(letter) == 0x7F for letter in text):
        raise ValueError("net/url: invalid control character in URL")
    rest, _, fragment = text.partition("#")
    scheme, rest = _scheme(rest)
    rest, _, query = rest.partition("?")
    user, host = None, ""
    if not rest.startswith("/"):
        if scheme:
            return Url(scheme=scheme, path=rest, query=query, fragment=fragment)
        if ":" in rest.split("/")[0]:
            raise ValueError("first path segment in URL cannot contain colon")
    if rest.startswith("//") and (scheme or not rest.startswith("///")):
        authority, slash, tail = rest[2:].partition("/")
        rest = slash + tail
        given, at, host = authority.rpartition("@")
        user = given if at else None
        _check_host(host)
    _check_escapes(rest)
    _check_escapes(fragment)
    return Url(scheme=scheme, user=user, host=host, path=rest, query=query, fragment=fragment)


def _scheme(text: str) -> tuple[str, str]:
    if text.startswith(":"):
        raise ValueError("missing protocol scheme")
    found = _SCHEME.match(text)
    if found and text[found.end() :].startswith(":"):
        return found.group().lower(), text[found.end() + 1 :]
    return "", text


def _check_escapes(text: str) -> None:
    for found in re.finditer("%", text):
        escape = text[found.start() : found.start() + 3]
        if not re.fullmatch("%[0-9A-Fa-f]{2}", escape):
            raise ValueError(f"invalid URL escape {quoted(escape)}")


def _check_host(host: str) -> None:
    if host.startswith("["):
        closing = host.rfind("]")
        if closing < 0:
            raise ValueError("missing ']' in host")
        port = host[closing + 1 :]
    else:
        colon = host.rfind(":")
        port = host[colon:] if colon >= 0 else ""
    if port and not re.fullmatch(":[0-9]*", port):
        raise ValueError(f"invalid port {quoted(port)} after host")
    _check_escapes(host)
    for letter in host:
        if not _HOST_BYTES.fullmatch(letter):
            raise ValueError(f"invalid character {quoted(letter)} in host name")


def check_url(report: Report, text: str, path: str) -> None:
    """Check the URL of a webhook, which must be https and bare."""
    try:
        url = parse_url(text)
    except ValueError as error:
        report.required(path, f"url must be a valid URL: {error}{FORM}")
        return
    if url.scheme != "https":
        report.invalid(path, url.scheme, f"'https' is the only allowed URL scheme{FORM}")
    if not url.host:
        report.invalid(path, url.host, f"host must be specified{FORM}")
    if url.user is not None:
        report.invalid(path, url.user, "user information is not permitted in the URL")
    if url.fragment:
        report.invalid(path, url.fragment, "fragments are not permitted in the URL")
    if url.query:
        report.invalid(path, url.query, "query parameters are not permitted in the URL")


def check_service(report: Report, service: Object, path: str) -> None:
    """Check the Service of a webhook.

    Upstream hands name and namespace over in the wrong order, and so a missing one is told of
    under the path of the other.
    """
    name, namespace = report.text(service, "name", path), report.text(service, "namespace", path)
    if not namespace:
        report.required(f"{path}.name")
    if not name:
        report.required(f"{path}.namespace")
    port = report.number(service, "port", path)
    if port is not None:
        said = names.port_number(port)
        if said:
            report.invalid(f"{path}.port", port, "port is not valid: " + ", ".join(said))
    if service.get("path") is not None:
        _check_path(report, report.text(service, "path", path), f"{path}.path")


def _check_path(report: Report, text: str, path: str) -> None:
    if text in ("", "/"):
        return
    if text == "//":
        report.invalid(path, text, "segment[0] may not be empty")
        return
    if not text.startswith("/"):
        report.invalid(path, text, "must start with a '/'")
    for index, step in enumerate(text[1:].removesuffix("/").split("/")):
        if not step:
            report.invalid(path, text, f"segment[{index}] may not be empty")
            continue
        for why in names.dns1123_subdomain(step):
            report.invalid(path, text, f"segment[{index}]: {why}")


def check_client(report: Report, config: Object, path: str) -> None:
    """Check that a client configuration names a URL or a Service, and the one that it names."""
    url, service = config.get("url"), report.child(config, "service", path)
    if (url is None) == (service is None):
        report.required(path, "exactly one of url or service is required")
    elif service is not None:
        check_service(report, service, f"{path}.service")
    else:
        check_url(report, report.text(config, "url", path), f"{path}.url")
