"""The label by which a simulated node, and so everything on it, is known for one."""

from collections.abc import Mapping
from typing import Any

SIMULATED = "pinnace.dev/simulated"


def is_simulated(node: Mapping[str, Any]) -> bool:
    """Say whether a Node only plays that it runs something."""
    return (node["metadata"].get("labels") or {}).get(SIMULATED) == "true"
