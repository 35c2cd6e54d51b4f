"""The string formats that a structural schema may name, each as a check.

Upstream: kube-openapi `pkg/validation/strfmt` and the list of apiextensions-apiserver
`pkg/apiserver/validation/formats.go`. Formats that are not listed say nothing.
"""

import base64
import binascii
import ipaddress
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date
from email.utils import parseaddr
from types import MappingProxyType
from urllib.parse import urlsplit

Check = Callable[[str], bool]

# Hosts are checked in a shape of their own: a for a letter, d for a digit or symbol.
_HOST = re.compile(r"[ad](?:-?[ad]{0,62})?|(?:[ad](?:[ad-]{0,61}[ad])?\.)+a{2,63}")
_CARD = re.compile(
    r"(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}"
    r"|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35\d{3})\d{11})"
)
_CLOCK = re.compile(r"([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?(z|[+-][0-9]{2}:[0-9]{2})")
_GO_DURATION = re.compile(r"[+-]?(\d+\.?\d*(ns|us|µs|μs|ms|s|m|h)|\.\d+(ns|us|µs|μs|ms|s|m|h))+")
_DURATION_PART = re.compile(r"(\d+)\s*([A-Za-zµ]+)")
_SHORT_UNITS = frozenset(("ns", "us", "µs", "ms", "s", "m", "h", "hr", "d", "w", "wk"))
_LONG_UNITS = ("nano", "micro", "milli", "sec", "min", "hour", "day", "week")
_SHORT_NAME = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_COLOUR = r"(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])"
_PERCENT = r"(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])%"


def check_for(name: str) -> Check | None:
    """Return the check of a format, dashes in its name or not; None if it says nothing."""
    return _CHECKS.get(name.replace("-", ""))


def is_supported(name: str) -> bool:
    """Say whether a format of strings is one that is checked."""
    return name.replace("-", "") in _CHECKS


def _full(pattern: str) -> Check:
    compiled = re.compile(pattern)
    return lambda text: compiled.fullmatch(text) is not None


def _hostname(text: str) -> bool:
    if len(text.encode()) > 255 or _HOST.fullmatch("".join(map(_host_shape, text))) is None:
        return False
    return all(len(part.encode()) <= 63 for part in text.split("."))


def _host_shape(letter: str) -> str:
    if letter in "-.":
        return letter
    kind = unicodedata.category(letter)[0]
    if kind == "L":
        return "a"
    return "d" if kind == "S" or (letter.isascii() and letter.isdigit()) else "x"


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Read an address as Go's older parser does, which takes leading zeros."""
    if ":" not in text:
        text = ".".join(part.lstrip("0") or "0" if part else "" for part in text.split("."))
    try:
        return None if "%" in text else ipaddress.ip_address(text)
    except ValueError:
        return None


def _ipv4(text: str) -> bool:
    return "." in text and _address(text) is not None


def _ipv6(text: str) -> bool:
    return ":" in text and _address(text) is not None


def _cidr(text: str) -> bool:
    host, slash, length = text.partition("/")
    found = _address(host)
    if not slash or found is None or not re.fullmatch(r"\d{1,3}", length, re.ASCII):
        return False
    return int(length) <= found.max_prefixlen


def _mac(text: str) -> bool:
    octets = re.fullmatch(r"([0-9a-fA-F]{2}([:-]))(?:[0-9a-fA-F]{2}\2)*[0-9a-fA-F]{2}", text)
    if octets is not None:
        return (len(text) + 1) // 3 in (6, 8, 20)
    dotted = re.fullmatch(r"(?:[0-9a-fA-F]{4}\.)+[0-9a-fA-F]{4}", text) is not None
    return dotted and (len(text) + 1) // 5 in (3, 4, 10)


def _uri(text: str) -> bool:
    """Check for an absolute URI or an absolute path, as Go's ParseRequestURI."""
    if not text or re.search(r"[\x00-\x20\x7f]", text):
        return False
    if re.search(r"%(?![0-9a-fA-F]{2})", text.partition("?")[0]):
        return False
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    if text.startswith("/"):
        return True
    return re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:", text) is not None and "[" not in parts.path


def _email(text: str) -> bool:
    address = parseaddr(text, strict=True)[1] if _STRICT else parseaddr(text)[1]
    local, at, domain = address.rpartition("@")
    return bool(local and at and domain) and not re.search(r"\s", address)


_STRICT = "strict" in parseaddr.__code__.co_varnames


def _isbn10(text: str) -> bool:
    digits = re.sub(r"[\s-]+", "", text)
    if not re.fullmatch(r"[0-9]{9}[0-9X]", digits):
        return False
    values = [10 if letter == "X" else int(letter) for letter in digits]
    return sum((at + 1) * value for at, value in enumerate(values)) % 11 == 0


def _isbn13(text: str) -> bool:
    digits = re.sub(r"[\s-]+", "", text)
    if not re.fullmatch(r"[0-9]{13}", digits):
        return False
    total = sum(int(letter) * (3 if at % 2 else 1) for at, letter in enumerate(digits[:12]))
    return (10 - total % 10) % 10 == int(digits[12])


def _credit_card(text: str) -> bool:
    digits = re.sub(r"[^0-9]+", "", text)
    if not _CARD.fullmatch(digits):
        return False
    total = 0
    for at, letter in enumerate(reversed(digits)):
        value = int(letter) * (2 if at % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _base64(text: str) -> bool:
    try:
        return bool(text) and bool(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return False


def _date(text: str) -> bool:
    try:
        return re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII) is not None and bool(
            date.fromisoformat(text.replace("0000-", "0004-", 1))
        )
    except ValueError:
        return False


def _datetime(text: str) -> bool:
    day, t, clock = text.lower().partition("t")
    found = _CLOCK.fullmatch(clock.partition("t")[0]) if t else None
    if found is None or not _date(day):
        return False
    return found[1] <= "23" and found[2] <= "59" and found[3] <= "59"


def _duration(text: str) -> bool:
    if text in ("0", "+0", "-0") or _GO_DURATION.fullmatch(text):
        return True
    units = [unit.lower() for _, unit in _DURATION_PART.findall(text)]
    return any(unit in _SHORT_UNITS or unit.startswith(_LONG_UNITS) for unit in units)


def _short_name(text: str) -> bool:
    return len(text) <= 63 and re.fullmatch(_SHORT_NAME, text) is not None


def _long_name(text: str) -> bool:
    return len(text) <= 253 and re.fullmatch(rf"{_SHORT_NAME}(\.{_SHORT_NAME})*", text) is not None


_HEX = "[0-9a-fA-F]"
_CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        "bsonobjectid": _full(f"{_HEX}{{24}}"),
        "uri": _uri,
        "email": _email,
        "hostname": _hostname,
        "ipv4": _ipv4,
        "ipv6": _ipv6,
        "cidr": _cidr,
        "mac": _mac,
        "uuid": _full(f"{_HEX}{{8}}-?{_HEX}{{4}}-?{_HEX}{{4}}-?{_HEX}{{4}}-?{_HEX}{{12}}"),
        "uuid3": _full(f"{_HEX}{{8}}-?{_HEX}{{4}}-?3{_HEX}{{3}}-?{_HEX}{{4}}-?{_HEX}{{12}}"),
        "uuid4": _full(
            f"{_HEX}{{8}}-?{_HEX}{{4}}-?4{_HEX}{{3}}-?[89abAB]{_HEX}{{3}}-?{_HEX}{{12}}"
        ),
        "uuid5": _full(
            f"{_HEX}{{8}}-?{_HEX}{{4}}-?5{_HEX}{{3}}-?[89abAB]{_HEX}{{3}}-?{_HEX}{{12}}"
        ),
        "isbn": lambda text: _isbn10(text) or _isbn13(text),
        "isbn10": _isbn10,
        "isbn13": _isbn13,
        "creditcard": _credit_card,
        "ssn": _full(r"[0-9]{3}[- ]?[0-9]{2}[- ]?[0-9]{4}"),
        "hexcolor": _full(f"#?({_HEX}{{3}}|{_HEX}{{6}})"),
        "rgbcolor": _full(
            rf"rgb\(\s*{_COLOUR}\s*,\s*{_COLOUR}\s*,\s*{_COLOUR}\s*\)"
            rf"|rgb\(\s*{_PERCENT}\s*,\s*{_PERCENT}\s*,\s*{_PERCENT}\s*\)"
        ),
        "byte": _base64,
        "password": lambda text: True,
        "date": _date,
        "duration": _duration,
        "datetime": _datetime,
        "k8sshortname": _short_name,
        "k8slongname": _long_name,
    }
)
