"""What an image's reference says about how it is to be pulled."""

from typing import Any


def image_tag(reference: str) -> str:
    """Return the tag of an image reference, `latest` when it has neither tag nor digest.

    `host:5000/a` has no tag: a colon before the last slash is a port's.
    """
    name, at, _ = reference.partition("@")
    last = name[name.rfind("/") + 1 :]
    _, colon, tag = last.partition(":")
    if colon:
        return tag
    return "" if at else "latest"


def pull_policy(reference: Any) -> str:
    """Return Always for a moving tag, else IfNotPresent."""
    moving = isinstance(reference, str) and reference and image_tag(reference) == "latest"
    return "Always" if moving else "IfNotPresent"
