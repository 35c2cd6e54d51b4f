"""How defaults are written: small, in place, idempotent, and calm about wrong JSON types.

A default never replaces what a client said; a field of the wrong type is left for decoding or
validation to refuse. An empty string counts as unset, as it does in Go; for numbers and booleans
only absence and null do.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from pinnace.api import quantity
from pinnace.api.objects import Object

Defaulter = Callable[[Object], None]

# Texts that surely are canonical already: up to three digits and a usual suffix.
_CANONICAL = re.compile(r"0|[1-9][0-9]{0,2}(?:m|k|M|G|T|Ki|Mi|Gi|Ti)?")


def entries(parent: Object, key: str) -> Iterator[Object]:
    """Yield the objects of a list field."""
    value = parent.get(key)
    if isinstance(value, list):
        for entry in value:
            if isinstance(entry, dict):
                yield entry


def child(parent: Object, key: str) -> Object:
    """Return an object field, or an empty object that is not put in."""
    value = parent.get(key)
    return value if isinstance(value, dict) else {}


def ensured(parent: Object, key: str) -> Object:
    """Return an object field, putting an empty one in where there is none."""
    value = parent.get(key)
    if value is None:
        value = parent[key] = {}
    return value if isinstance(value, dict) else {}


def fill(parent: Object, key: str, value: Any) -> None:
    """Set a field that is absent or null."""
    if parent.get(key) is None:
        parent[key] = value


def fill_text(parent: Object, key: str, value: str) -> None:
    """Set a text field that is absent, null or empty."""
    if not parent.get(key):
        parent[key] = value


def canonical_resources(resources: Any) -> None:
    """Write each quantity of a resource list as a real server does, in whole thousandths."""
    if not isinstance(resources, dict):
        return
    for name, amount in resources.items():
        if isinstance(amount, str) and _CANONICAL.fullmatch(amount):
            continue
        if isinstance(amount, bool) or not isinstance(amount, str | int | float):
            continue
        try:
            parsed = quantity.parse(amount)
        except ValueError:
            continue  # validation says so
        if parsed.nano % 10**6:
            parsed = quantity.from_milli(parsed.milli_value(), parsed.format)
        resources[name] = parsed.canonical()


def requirements(parent: Object, key: str = "resources") -> None:
    """Write the limits and requests of a field canonically."""
    resources = parent.get(key)
    if isinstance(resources, dict):
        canonical_resources(resources.get("limits"))
        canonical_resources(resources.get("requests"))
