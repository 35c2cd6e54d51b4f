"""What a Pod's status says of it as a whole."""

from collections.abc import Mapping
from typing import Any

_ENDED = ("Succeeded", "Failed")


def phase_of(pod: Mapping[str, Any]) -> str:
    """Return the Pod's phase, empty while it has none."""
    return str((pod.get("status") or {}).get("phase") or "")


def is_terminal(pod: Mapping[str, Any]) -> bool:
    """Say whether the Pod has ended for good, well or not, and holds nothing any more."""
    return phase_of(pod) in _ENDED
