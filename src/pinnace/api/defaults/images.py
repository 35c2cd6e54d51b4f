"""What an image's reference says about how it is to be pulled."""

import re
from typing import Any

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_HOST = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = rf"(?:{_HOST}(?:\.{_HOST})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_REFERENCE = re.compile(
    rf"(?:{_DOMAIN}/)?{_COMPONENT}(?:/{_COMPONENT})*(?::(?P<tag>\w[\w.-]{{0,127}}))?"
    rf"(?P<digest>@{_DIGEST})?",
    re.ASCII,
)
_NAME_LIMIT = 255
_ID = re.compile(r"[a-f0-9]{64}")


def image_tag(reference: str) -> str:
    """Return the tag of an image reference, `latest` when it has neither tag nor digest.

    `host:5000/a` has no tag: a colon before the last slash is a port's. What is no reference has
    none either.
    """
    found = None if _ID.fullmatch(reference) else _REFERENCE.fullmatch(reference)
    if found is None or _upper_case(reference):
        return ""
    name = reference.partition("@")[0].removesuffix(f":{found['tag']}")
    if len(name if "/" in name else f"library/{name}") > _NAME_LIMIT:
        return ""
    return found["tag"] or ("" if found["digest"] else "latest")


def _upper_case(reference: str) -> bool:
    """Tell of a capital letter that is no part of a domain: images have no such names."""
    first, slash, rest = reference.partition("/")
    domain = slash and (set(first) & set(".:") or first == "localhost" or first.lower() != first)
    name = (rest if domain else reference).partition("@")[0].partition(":")[0]
    return name.lower() != name


def pull_policy(reference: Any) -> str:
    """Return Always for a moving tag, else IfNotPresent."""
    moving = isinstance(reference, str) and reference and image_tag(reference) == "latest"
    return "Always" if moving else "IfNotPresent"
