"""URLs, IP addresses and networks. Upstream: apiserver `library/urls.go`, `ip.go`, `cidr.go`."""

import ipaddress
import json
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import SplitResult, quote, unquote_plus, urlsplit

from pinnace.api.cel.functions import Overload, member, plain
from pinnace.api.cel.types import BOOL, INT, STRING, Type, list_of, map_of, opaque
from pinnace.api.cel.values import CelError, Special

IP_TYPE, CIDR_TYPE, URL_TYPE = opaque("net.IP"), opaque("net.CIDR"), opaque("kubernetes.URL")
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_HEX = frozenset("0123456789abcdefABCDEF")


@dataclass(frozen=True, slots=True)
class Ip(Special):
    """An IP address."""

    cel_type: ClassVar[Type] = IP_TYPE
    address: _Address


@dataclass(frozen=True, slots=True)
class Cidr(Special):
    """An address with the length of its network."""

    cel_type: ClassVar[Type] = CIDR_TYPE
    address: _Address
    bits: int

    @property
    def network(self) -> _Network:
        """The network that the address is in."""
        return ipaddress.ip_network(f"{self.address}/{self.bits}", strict=False)


@dataclass(frozen=True, slots=True)
class Url(Special):
    """A parsed URL."""

    cel_type: ClassVar[Type] = URL_TYPE
    parts: SplitResult


def _parse_ip(text: str) -> Ip:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        why = f'ParseAddr("{text}"): {_why_no_address(text)}'
        shown = f"IP Address {json.dumps(text)} parse error during conversion from string: {why}"
        raise CelError(shown) from None
    if "%" in text:
        raise CelError(f'IP address "{text}" with zone value is not allowed')
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        raise CelError(f'IPv4-mapped IPv6 address "{text}" is not allowed')
    return Ip(address)


def _why_no_address(text: str) -> str:
    for char in text:
        if char == ".":
            return _why_no_ipv4(text)
        if char == ":":
            return "unexpected character"
        if char == "%":
            return "missing IPv6 address"
    return "unable to parse IP"


def _why_no_ipv4(text: str) -> str:
    for char in text:
        if not char.isdigit() and char != ".":
            return f'unexpected character (at "{text[text.index(char) :]}")'
    for part in text.split("."):
        if not part:
            return "IPv4 field must have at least one digit"
        if len(part) > 1 and part[0] == "0":
            return "IPv4 field has octet with leading zero"
        if int(part) > 255:
            return "IPv4 field has value >255"
    return "IPv4 address too short" if text.count(".") < 3 else "IPv4 address too long"


def _parse_cidr(text: str) -> Cidr:
    where = "network address parse error during conversion from string: "
    address, slash, bits = text.rpartition("/")
    if not slash:
        raise CelError(f"{where}netip.ParsePrefix(\"{text}\"): no '/'")
    try:
        parsed = ipaddress.ip_address(address)
        if "%" in address:
            raise ValueError
    except ValueError:
        why = f'ParseAddr("{address}"): {_why_no_address(address)}'
        raise CelError(f'{where}netip.ParsePrefix("{text}"): {why}') from None
    if not bits.isdigit() or (len(bits) > 1 and bits[0] == "0"):
        raise CelError(f'{where}netip.ParsePrefix("{text}"): bad bits after slash: "{bits}"')
    if int(bits) > parsed.max_prefixlen:
        raise CelError(f'{where}netip.ParsePrefix("{text}"): prefix length out of range')
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        raise CelError(f'IPv4-mapped IPv6 address "{text}" is not allowed')
    return Cidr(parsed, int(bits))


def _url_error(text: str) -> str:
    """Return why Go's `url.ParseRequestURI` refuses a text, or nothing."""
    if not text:
        return f"parse {json.dumps(text)}: empty url"
    if any(ord(char) < 0x20 or ord(char) == 0x7F for char in text):
        return f"parse {json.dumps(text)}: net/url: invalid control character in URL"
    scheme, colon, _ = text.partition(":")
    has_scheme = bool(colon) and scheme[:1].isalpha() and scheme.isascii()
    has_scheme = has_scheme and all(char.isalnum() or char in "+-." for char in scheme)
    if not has_scheme and not text.startswith("/"):
        if text.startswith(":"):
            return f"parse {json.dumps(text)}: missing protocol scheme"
        return f"parse {json.dumps(text)}: invalid URI for request"
    for at, char in enumerate(text):
        if char == "%" and not (
            len(text[at + 1 : at + 3]) == 2 and set(text[at + 1 : at + 3]) <= _HEX
        ):
            return f'parse {json.dumps(text)}: invalid URL escape "{text[at : at + 3]}"'
    return _authority_error(text)


def _authority_error(text: str) -> str:
    try:
        parts = urlsplit(text)
        host = parts.netloc.rpartition("@")[2]
        port = host.rpartition(":")[2] if ":" in host.rpartition("]")[2] else ""
        if port and not port.isdigit():
            return f'parse {json.dumps(text)}: invalid port ":{port}" after host'
        if any(char in host for char in ' "<>\\^`{|}'):
            bad = next(char for char in host if char in ' "<>\\^`{|}')
            return f'parse {json.dumps(text)}: invalid character "{bad}" in host name'
    except ValueError:
        return f"parse {json.dumps(text)}: missing ']' in host"
    return ""


def _parse_url(text: str) -> Url:
    error = _url_error(text)
    if error:
        raise CelError(f"URL parse error during conversion from string: {error}")
    return Url(urlsplit(text, allow_fragments=False))


def _host(url: Url) -> str:
    return url.parts.netloc.rpartition("@")[2]


def _hostname(url: Url) -> str:
    host = _host(url)
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _port(url: Url) -> str:
    return _host(url).rpartition("]")[2].partition(":")[2]


def _query(url: Url) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for pair in url.parts.query.split("&"):
        if pair:
            key, _, value = pair.partition("=")
            found.setdefault(unquote_plus(key), []).append(unquote_plus(value))
    return found


def _path(url: Url) -> str:
    return quote(url.parts.path, safe="/%:@!$&'()*+,;=~-._[]")


def _is_global(ip: Ip) -> bool:
    a = ip.address
    broadcast = a == ipaddress.ip_address("255.255.255.255")
    odd = a.is_unspecified or a.is_loopback or a.is_multicast or a.is_link_local
    return not (broadcast or odd)


def _is_link_local_multicast(ip: Ip) -> bool:
    if ip.address.version == 4:
        return ip.address in ipaddress.ip_network("224.0.0.0/24")
    return ip.address.packed[0] == 0xFF and ip.address.packed[1] & 0x0F == 0x02


def _contains_ip(cidr: Cidr, ip: Ip) -> bool:
    return ip.address in cidr.network


def _contains_cidr(cidr: Cidr, other: Cidr) -> bool:
    same = cidr.address.version == other.address.version
    return same and cidr.bits <= other.bits and other.address in cidr.network


def _masked(cidr: Cidr) -> Cidr:
    return Cidr(cidr.network.network_address, cidr.bits)


def _parses(parse: Any) -> Any:
    def run(text: str) -> bool:
        try:
            parse(text)
        except CelError:
            return False
        return True

    return run


_S, _IP, _CIDR, _URL = (STRING,), (IP_TYPE,), (CIDR_TYPE,), (URL_TYPE,)
OVERLOADS: tuple[Overload, ...] = (
    plain("url", "string_to_url", _S, URL_TYPE, _parse_url),
    plain("isURL", "is_url_string", _S, BOOL, lambda text: not _url_error(text)),
    member("getScheme", "url_get_scheme", _URL, STRING, lambda url: url.parts.scheme),
    member("getHost", "url_get_host", _URL, STRING, _host),
    member("getHostname", "url_get_hostname", _URL, STRING, _hostname),
    member("getPort", "url_get_port", _URL, STRING, _port),
    member("getEscapedPath", "url_get_escaped_path", _URL, STRING, _path),
    member("getQuery", "url_get_query", _URL, map_of(STRING, list_of(STRING)), _query),
    plain("ip", "string_to_ip", _S, IP_TYPE, _parse_ip),
    plain("isIP", "is_ip", _S, BOOL, _parses(_parse_ip)),
    plain("ip.isCanonical", "ip_is_canonical", _S, BOOL, lambda a: str(_parse_ip(a).address) == a),
    plain("string", "ip_to_string", _IP, STRING, lambda ip: str(ip.address)),
    member("family", "ip_family", _IP, INT, lambda ip: ip.address.version),
    member("isUnspecified", "ip_is_unspecified", _IP, BOOL, lambda ip: ip.address.is_unspecified),
    member("isLoopback", "ip_is_loopback", _IP, BOOL, lambda ip: ip.address.is_loopback),
    member(
        "isLinkLocalMulticast", "ip_is_link_local_multicast", _IP, BOOL, _is_link_local_multicast
    ),
    member(
        "isLinkLocalUnicast",
        "ip_is_link_local_unicast",
        _IP,
        BOOL,
        lambda ip: ip.address.is_link_local,
    ),
    member("isGlobalUnicast", "ip_is_global_unicast", _IP, BOOL, _is_global),
    plain("cidr", "string_to_cidr", _S, CIDR_TYPE, _parse_cidr),
    plain("isCIDR", "is_cidr", _S, BOOL, _parses(_parse_cidr)),
    plain("string", "cidr_to_string", _CIDR, STRING, lambda cidr: f"{cidr.address}/{cidr.bits}"),
    member(
        "containsIP",
        "cidr_contains_ip_string",
        (CIDR_TYPE, STRING),
        BOOL,
        lambda cidr, text: _contains_ip(cidr, _parse_ip(text)),
    ),
    member("containsIP", "cidr_contains_ip_ip", (CIDR_TYPE, IP_TYPE), BOOL, _contains_ip),
    member(
        "containsCIDR",
        "cidr_contains_cidr_string",
        (CIDR_TYPE, STRING),
        BOOL,
        lambda cidr, text: _contains_cidr(cidr, _parse_cidr(text)),
    ),
    member("containsCIDR", "cidr_contains_cidr", (CIDR_TYPE, CIDR_TYPE), BOOL, _contains_cidr),
    member("ip", "cidr_ip", _CIDR, IP_TYPE, lambda cidr: Ip(cidr.address)),
    member("prefixLength", "cidr_prefix_length", _CIDR, INT, lambda cidr: cidr.bits),
    member("masked", "cidr_masked", _CIDR, CIDR_TYPE, _masked),
)
