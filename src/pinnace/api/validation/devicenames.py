"""Names, taints, tolerations and lists that the kinds of resource.k8s.io share."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.validation.base import Report, too_long, too_many
from pinnace.api.validation.storage import check_driver_name, size

POOL_LIMIT = 253
ID_LIMIT = 32
KEY_LIMIT = 63 + 1 + ID_LIMIT
CONDITIONS_LIMIT = 4
EFFECTS = ("NoExecute", "NoSchedule", "None")
OPERATORS = ("Equal", "Exists")
_IDENTIFIER = "[A-Za-z_][A-Za-z0-9_]*"
_IDENTIFIER_MESSAGE = names.regex_error(
    "a valid C identifier must start with alphabetic character or '_', followed by a string of "
    "alphanumeric characters or '_'",
    _IDENTIFIER, "my_name", "MY_NAME", "MyName",
)  # fmt: skip
NOT_QUALIFIED = "a fully qualified name must be a domain and a name separated by a slash"
OVERLAP = "bindingFailureConditions must not overlap with bindingConditions"


def check_label(report: Report, name: str, path: str) -> None:
    """Check the name of a device, a request or a counter."""
    report.said(path, name, names.dns1123_label(name))


def check_pool_name(report: Report, name: str, path: str) -> None:
    """Check the name of a pool, subdomains between slashes, which must be there."""
    if not name:
        report.required(path)
        return
    if size(name) > POOL_LIMIT:
        report.add(too_long(path, POOL_LIMIT))
    for part in name.split("/"):
        report.said(path, part, names.dns1123_subdomain(part))


def _check_identifier(report: Report, name: str, path: str) -> None:
    if size(name) > ID_LIMIT:
        report.add(too_long(path, ID_LIMIT))
    if not re.fullmatch(_IDENTIFIER, name, re.ASCII):
        report.invalid(path, name, _IDENTIFIER_MESSAGE)


def check_attribute_name(report: Report, name: str, path: str) -> None:
    """Check the name of an attribute or a capacity: an identifier, with or without a domain."""
    domain, slash, identifier = name.partition("/")
    if "/" in identifier:
        return
    if not slash:
        _check_identifier(report, name, path)
        return
    if not domain:
        report.invalid(path, "", "the domain must not be empty")
    else:
        check_driver_name(report, domain, path)
    if not identifier:
        report.invalid(path, "", "the name must not be empty")
    else:
        _check_identifier(report, identifier, path)


def check_full_name(report: Report, name: str, path: str) -> None:
    """Check the name of an attribute that must have a domain."""
    check_attribute_name(report, name, path)
    if "/" not in name:
        report.invalid(path, name, NOT_QUALIFIED)


def fits(report: Report, values: Sequence[Any], path: str, limit: int) -> bool:
    """Check how many values there are; whoever has too many is told of nothing else in them."""
    if len(values) > limit:
        report.add(too_many(path, len(values), limit))
        return False
    return True


def check_unique(report: Report, keys: Sequence[Any], path: str) -> None:
    """Check that no key comes twice."""
    for index, key in enumerate(keys):
        if key in keys[:index]:
            report.duplicate(f"{path}[{index}]", key)


def truncated(key: str, limit: int) -> str:
    """Return a key as it stands in a path: its middle is left out when it is too long."""
    if len(key) <= max(limit, 16):
        return key
    rest = max(limit, 16) - 3
    return key[: (rest + 1) // 2] + "..." + key[len(key) - rest // 2 :]


def check_map(
    report: Report, parent: Object, key: str, path: str, limit: int,
    name_rule: Callable[[Report, str, str], None],
) -> list[tuple[str, Object]]:  # fmt: skip
    """Check the keys of a map and return its values, each with its path."""
    where, found = f"{path}.{key}", []
    for name, value in sorted((report.child(parent, key, path) or {}).items()):
        name_rule(report, name, where)
        if isinstance(value, dict):
            found.append((f"{where}[{truncated(name, limit)}]", value))
    return found


def check_taint(report: Report, taint: Object, path: str, *, effect: bool = True) -> None:
    """Check the taint of a device; an effect that is stored already is not looked at."""
    key, value = report.text(taint, "key", path), report.text(taint, "value", path)
    report.said(f"{path}.key", key, names.qualified_name(key))
    if value:
        report.said(f"{path}.value", value, names.label_value(value))
    if effect:
        report.one_of(taint, "effect", path, EFFECTS)


def check_tolerations(report: Report, parent: Object, path: str) -> None:
    """Check which taints a request tolerates."""
    for at, toleration in report.objects(parent, "tolerations", path):
        key, value = report.text(toleration, "key", at), report.text(toleration, "value", at)
        if key:
            report.said(f"{at}.key", key, names.qualified_name(key))
        operator = report.text(toleration, "operator", at)
        if operator == "Exists":
            if value:
                report.invalid(f"{at}.value", value, "must be empty for operator `Exists`")
        elif operator == "Equal":
            report.said(f"{at}.value", value, names.label_value(value))
        else:
            report.one_of(toleration, "operator", at, OPERATORS)
        effect = report.text(toleration, "effect", at)
        if effect and effect not in EFFECTS:
            report.not_supported(f"{at}.effect", effect, EFFECTS)


def check_binding(report: Report, holder: Object, path: str) -> None:
    """Check the conditions under which a device is bound, and those under which it cannot be."""
    lists = {}
    for key in ("bindingConditions", "bindingFailureConditions"):
        lists[key] = report.texts(holder, key, path)
        if fits(report, lists[key], f"{path}.{key}", CONDITIONS_LIMIT):
            for index, name in enumerate(lists[key]):
                report.said(f"{path}.{key}[{index}]", name, names.qualified_name(name))
    good, bad = lists["bindingConditions"], lists["bindingFailureConditions"]
    where = f"{path}.bindingFailureConditions"
    check_unique(report, good, f"{path}.bindingConditions")
    for index, name in enumerate(bad):
        if name in bad[:index]:
            report.duplicate(f"{where}[{index}]", name)
        if name in good:
            report.invalid(f"{where}[{index}]", name, OVERLAP)
    if bad and not good:
        detail = "bindingConditions are required to use bindingFailureConditions"
        report.invalid(f"{path}.bindingConditions", holder.get("bindingConditions"), detail)
    if good and not bad:
        detail = "bindingFailureConditions are required to use bindingConditions"
        report.invalid(where, holder.get("bindingFailureConditions"), detail)
