"""Changing the cpu and memory of running containers in place: what differs, and how. Pure."""

from collections.abc import Mapping
from typing import Any

from pinnace.api import quantity
from pinnace.node.observed import PodRuntime, SeenContainer
from pinnace.node.podspec import Declared, all_declared

_RESIZABLE = ("cpu", "memory")
Resources = Mapping[str, Any]


def _amounts(resources: Resources) -> dict[tuple[str, str], quantity.Quantity]:
    return {
        (kind, name): quantity.parse(amount)
        for kind in ("requests", "limits")
        for name, amount in (resources.get(kind) or {}).items()
        if name in _RESIZABLE
    }


def changed(applied: Resources, wanted: Resources) -> set[str]:
    """Return which of cpu and memory differ."""
    one, other = _amounts(applied), _amounts(wanted)
    return {key[1] for key in one.keys() | other.keys() if one.get(key) != other.get(key)}


def applied_to(last: SeenContainer, known: Mapping[str, Resources]) -> Resources | None:
    """Return what a container runs with: as last changed, else as it was made."""
    return known.get(last.id, last.resources)


def unsettled(
    pod: Mapping[str, Any], seen: PodRuntime, known: Mapping[str, Resources]
) -> list[tuple[Declared, SeenContainer, set[str]]]:
    """Return the running containers that have other resources than the spec wants."""
    found = []
    for one in all_declared(pod):
        last = seen.latest(one.name)
        if last is None or last.state != "running" or one.role == "ephemeral":
            continue
        now = applied_to(last, known)
        differs = changed(now, one.spec.get("resources") or {}) if now is not None else set()
        if differs and (one.role == "app" or one.sidecar):
            found.append((one, last, differs))
    return found


def needs_restart(one: Declared, differs: set[str]) -> bool:
    """Say whether the container wants to be restarted for such a change."""
    return any(
        policy.get("resourceName") in differs and policy.get("restartPolicy") == "RestartContainer"
        for policy in one.spec.get("resizePolicy") or ()
    )
