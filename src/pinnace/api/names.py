"""What counts as a name: predicates that return upstream's complaints, none if all is well.

Wording is that of apimachinery's `util/validation` and of its successor `api/validate/content`,
which counts in bytes where the older one says characters.
"""

import ipaddress
import re

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_LABEL_UNDERSCORE = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_SUBDOMAIN_UNDERSCORE = rf"{_LABEL_UNDERSCORE}(\.{_LABEL_UNDERSCORE})*"
_WILDCARD = rf"\*\.{_SUBDOMAIN}"
_LABEL_KEY = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE = f"({_LABEL_KEY})?"
_PERCENT = "[0-9]+%"
_HEADER = "[-A-Za-z0-9]+"
_CONFIG_KEY = "[-._a-zA-Z0-9]+"

_LABEL_MSG = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
    "and must start and end with an alphanumeric character"
)
_LABEL_1035_MSG = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
    "alphabetic character, and end with an alphanumeric character"
)
_SUBDOMAIN_MSG = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character"
)
_SUBDOMAIN_UNDERSCORE_MSG = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' "
    "or '.', and must start and end with an alphanumeric character"
)
_WILDCARD_MSG = (
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which "
    "must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric "
    "character"
)
_KEY_MSG = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character"
)
_VALUE_MSG = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character"
)
_RELAXED_ENV_MSG = (
    "a valid environment variable name must consist only of printable ASCII characters other "
    "than '='"
)
_CONFIG_KEY_MSG = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
_PERCENT_MSG = "a valid percent string must be a numeric string followed by an ending '%'"
_HEADER_MSG = "a valid HTTP header must consist of alphanumeric characters or '-'"
_IP_MSG = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
_CIDR_MSG = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"

_MATCHES = {
    pattern: re.compile(pattern, re.ASCII)
    for pattern in (
        _LABEL, _LABEL_1035,
        _SUBDOMAIN, _SUBDOMAIN_UNDERSCORE, _WILDCARD, _LABEL_KEY, _LABEL_VALUE, _PERCENT,
        _HEADER, _CONFIG_KEY,
    )
}  # fmt: skip
_PRINTABLE_RE = re.compile("[ -<>-~]*")


def _fits(pattern: str, value: str) -> bool:
    return _MATCHES[pattern].fullmatch(value) is not None


def _size(value: str) -> int:
    return len(value) if value.isascii() else len(value.encode("utf-8", "surrogatepass"))


def max_length_error(length: int) -> str:
    """Return the older wording for text that is too long."""
    return f"must be no more than {length} characters"


def max_bytes_error(length: int) -> str:
    """Return the newer wording for text that is too long."""
    return f"must be no more than {length} bytes"


def range_error(low: int, high: int) -> str:
    """Return the sentence for a number outside an inclusive range."""
    return f"must be between {low} and {high}, inclusive"


def regex_error(message: str, pattern: str, *examples: str) -> str:
    """Return the sentence for text that does not fit a pattern, with examples that do."""
    if not examples:
        return f"{message} (regex used for validation is '{pattern}')"
    shown = " or ".join(f"'{example}', " for example in examples)
    return f"{message} (e.g. {shown}regex used for validation is '{pattern}')"


def dns1123_label(value: str) -> list[str]:
    """Return what keeps a value from being an RFC 1123 label."""
    errors = [max_length_error(63)] if _size(value) > 63 else []
    if not _fits(_LABEL, value):
        if _fits(_SUBDOMAIN, value):
            errors.append("must not contain dots")
        else:
            errors.append(regex_error(_LABEL_MSG, _LABEL, "my-name", "123-abc"))
    return errors


def dns1035_label(value: str) -> list[str]:
    """Return what keeps a value from being an RFC 1035 label, which begins with a letter."""
    errors = [max_length_error(63)] if _size(value) > 63 else []
    if not _fits(_LABEL_1035, value):
        errors.append(regex_error(_LABEL_1035_MSG, _LABEL_1035, "my-name", "abc-123"))
    return errors


def dns1123_subdomain(value: str) -> list[str]:
    """Return what keeps a value from being a lowercase RFC 1123 subdomain."""
    errors = [max_length_error(253)] if _size(value) > 253 else []
    if not _fits(_SUBDOMAIN, value):
        errors.append(regex_error(_SUBDOMAIN_MSG, _SUBDOMAIN, "example.com"))
    return errors


def dns1123_subdomain_with_underscore(value: str) -> list[str]:
    """Return what keeps a value from being an RFC 1123 subdomain that may have underscores."""
    errors = [max_length_error(253)] if _size(value) > 253 else []
    if not _fits(_SUBDOMAIN_UNDERSCORE, value):
        errors.append(regex_error(_SUBDOMAIN_UNDERSCORE_MSG, _SUBDOMAIN_UNDERSCORE, "example.com"))
    return errors


def wildcard_dns1123_subdomain(value: str) -> list[str]:
    """Return what keeps a value from being a wildcard subdomain such as `*.example.com`."""
    errors = [max_length_error(253)] if _size(value) > 253 else []
    if not _fits(_WILDCARD, value):
        errors.append(regex_error(_WILDCARD_MSG, _WILDCARD, "*.example.com"))
    return errors


def qualified_name(value: str) -> list[str]:
    """Return what keeps a value from being a label key: an optional prefix and a name."""
    parts = value.split("/")
    if len(parts) == 1 and len(value) <= 63 and _fits(_LABEL_KEY, value):
        return []
    key_error = regex_error(_KEY_MSG, _LABEL_KEY, "MyName", "my.name", "123-abc")
    if len(parts) > 2:
        tail = " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        return [f"a valid label key {key_error}{tail}"]
    errors = []
    name = parts[-1]
    if len(parts) == 2:
        prefix = parts[0]
        if not prefix:
            errors.append("prefix part must be non-empty")
        else:
            if _size(prefix) > 253:
                errors.append(f"prefix part {max_bytes_error(253)}")
            if not _fits(_SUBDOMAIN, prefix):
                said = regex_error(_SUBDOMAIN_MSG, _SUBDOMAIN, "example.com")
                errors.append(f"prefix part {said}")
    if not name:
        errors.append("name part must be non-empty")
    elif _size(name) > 63:
        errors.append(f"name part {max_bytes_error(63)}")
    if not _fits(_LABEL_KEY, name):
        errors.append(f"name part {key_error}")
    return errors


def label_value(value: str) -> list[str]:
    """Return what keeps a value from being the value of a label."""
    errors = [max_bytes_error(63)] if _size(value) > 63 else []
    if not _fits(_LABEL_VALUE, value):
        errors.append(regex_error(_VALUE_MSG, _LABEL_VALUE, "MyValue", "my_value", "12345"))
    return errors


def path_segment_name(value: str) -> list[str]:
    """Return what keeps a value from standing alone as a segment of a URL's path."""
    if value in (".", ".."):
        return [f"may not be '{value}'"]
    return path_segment_prefix(value)


def path_segment_prefix(value: str) -> list[str]:
    """Return what keeps a value from beginning a segment of a URL's path."""
    return [f"may not contain '{bad}'" for bad in "/%" if bad in value]


def port_number(value: int) -> list[str]:
    """Return what keeps a number from being a port."""
    return in_range(value, 1, 65535)


def in_range(value: int, low: int, high: int) -> list[str]:
    """Return what keeps a number from lying in an inclusive range."""
    return [] if low <= value <= high else [range_error(low, high)]


def user_id(value: int) -> list[str]:
    """Return what keeps a number from being a Unix user or group id."""
    return in_range(value, 0, 2**31 - 1)


def port_name(value: str) -> list[str]:
    """Return what keeps a value from being the name of a port."""
    errors = [max_length_error(15)] if _size(value) > 15 else []
    if not re.fullmatch("[-a-z0-9]+", value):
        errors.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", value):
        errors.append("must contain at least one letter (a-z)")
    if "--" in value:
        errors.append("must not contain consecutive hyphens")
    if value and (value[0] == "-" or value[-1] == "-"):
        errors.append("must not begin or end with a hyphen")
    return errors


def percent(value: str) -> list[str]:
    """Return what keeps a value from being a percentage such as `25%`."""
    return [] if _fits(_PERCENT, value) else [regex_error(_PERCENT_MSG, _PERCENT, "1%", "93%")]


def http_header_name(value: str) -> list[str]:
    """Return what keeps a value from being the name of an HTTP header."""
    return [] if _fits(_HEADER, value) else [regex_error(_HEADER_MSG, _HEADER, "X-Header-Name")]


def relaxed_env_var_name(value: str) -> list[str]:
    """Return what keeps a value from being the name of an environment variable."""
    errors = [] if value else ["environment variable name must be non-empty"]
    if not _PRINTABLE_RE.fullmatch(value):
        errors.append(_RELAXED_ENV_MSG)
    return errors


def config_map_key(value: str) -> list[str]:
    """Return what keeps a value from being a key of a ConfigMap or Secret."""
    errors = [max_length_error(253)] if _size(value) > 253 else []
    if not _fits(_CONFIG_KEY, value):
        examples = ("key.name", "KEY_NAME", "key-name")
        errors.append(regex_error(_CONFIG_KEY_MSG, _CONFIG_KEY, *examples))
    return errors + _directory_errors(value)


def _directory_errors(value: str) -> list[str]:
    if value in (".", ".."):
        return [f"must not be '{value}'"]
    return ["must not start with '..'"] if value.startswith("..") else []


def fully_qualified_name(value: str) -> list[str]:
    """Return what keeps a non-empty value from being a domain of three segments."""
    errors = dns1123_subdomain(value)
    if errors:
        return [",".join(errors)]
    if value.count(".") < 2:
        return ["should be a domain with at least three segments separated by dots"]
    return []


def fully_qualified_domain_name(value: str) -> list[str]:
    """Return what keeps a non-empty value from being a domain of two segments."""
    value = value.removesuffix(".")
    errors = dns1123_subdomain(value)
    if errors:
        return [",".join(errors)]
    parts = value.split(".")
    if len(parts) < 2:
        return ["should be a domain with at least two segments separated by dots"]
    for part in parts:
        errors = dns1123_label(part)
        if errors:
            return [",".join(errors)]
    return []


def _without_zeros(value: str) -> str:
    """Drop leading zeros of octets, which upstream's sloppy parser reads as decimal."""
    return re.sub(r"(?<![0-9A-Fa-f:])0+(?=[0-9])", "", value) if "." in value else value


def _parse_ip(value: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(_without_zeros(value))
    except ValueError:
        return None
    zoned = isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None
    return None if zoned else address


def ip_sloppy(value: str, *, strict: bool = True) -> list[str]:
    """Return what keeps a value from being an IP address in a field that predates strictness."""
    address = _parse_ip(value)
    if address is None:
        return [_IP_MSG]
    if not strict:
        return []
    if _without_zeros(value) != value:
        return ["must not have leading 0s"]
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return ["must not be an IPv4-mapped IPv6 address"]
    return []


def ip(value: str) -> list[str]:
    """Return what keeps a value from being an IP address in canonical form."""
    errors = ip_sloppy(value)
    if errors:
        return errors
    canonical = str(_parse_ip(value))
    return [] if canonical == value else [f'must be in canonical form ("{canonical}")']


def is_ipv6(value: str) -> bool:
    """Tell whether a value is an IPv6 address."""
    return isinstance(_parse_ip(value), ipaddress.IPv6Address)


def cidr_sloppy(value: str, *, strict: bool = True) -> list[str]:
    """Return what keeps a value from being a CIDR in a field that predates strictness."""
    text, slash, bits = value.partition("/")
    address = _parse_ip(text)
    if address is None or not slash or not re.fullmatch("[0-9]+", bits):
        return [_CIDR_MSG]
    if int(bits[:9]) > address.max_prefixlen:
        return [_CIDR_MSG]
    if not strict:
        return []
    if _without_zeros(text) != text or (len(bits) > 1 and bits[0] == "0"):
        return ["must not have leading 0s in IP or prefix length"]
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return ["must not have an IPv4-mapped IPv6 address"]
    if ipaddress.ip_interface(f"{address}/{bits}").network.network_address != address:
        return ["must not have bits set beyond the prefix length"]
    return []


def cidr(value: str) -> list[str]:
    """Return what keeps a value from being a CIDR in canonical form."""
    errors = cidr_sloppy(value)
    if errors:
        return errors
    canonical = str(ipaddress.ip_network(value))
    return [] if canonical == value else [f'must be in canonical form ("{canonical}")']


def interface_address(value: str) -> list[str]:
    """Return what keeps a value from being the address of an interface, in canonical form."""
    if cidr_sloppy(value, strict=False):
        return ["must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)"]
    text, _, bits = value.partition("/")
    address, length = _parse_ip(text), int(bits)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address, length = address.ipv4_mapped, max(length - 96, 0) if length > 32 else length
    canonical = f"{address}/{length}"
    return [] if canonical == value else [f'must be in canonical form ("{canonical}")']
