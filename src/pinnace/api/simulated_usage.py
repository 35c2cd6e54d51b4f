"""What the containers of simulated Pods are said to use: by annotations, or half of their requests.

The annotations are KWOK's, and count for each container of the Pod. Behind a dot a container may be
named, for which alone an annotation counts:

    kwok.x-k8s.io/usage-cpu: 250m
    kwok.x-k8s.io/usage-memory: 64Mi
    kwok.x-k8s.io/usage-cpu.sidecar: 10m
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

from pinnace.api.objects import Object, parse_time
from pinnace.api.quantity import parse

USAGE_CPU = "kwok.x-k8s.io/usage-cpu"
USAGE_MEMORY = "kwok.x-k8s.io/usage-memory"
_SHARE = Fraction(1, 2)
# As KWOK's: what a container uses that requests nothing.
_LEAST = {"cpu": "1m", "memory": "1Mi"}
_NAMES = {"cpu": USAGE_CPU, "memory": USAGE_MEMORY}


@dataclass(frozen=True, slots=True)
class SimulatedUse:
    """One container: billionths of a processor, bytes, and since when it runs."""

    name: str
    cpu: int
    memory: int
    started: datetime


def simulated_usage(pod: Object) -> Iterator[SimulatedUse]:
    """Yield what each container that runs is said to use."""
    spec, status = pod["spec"], pod.get("status") or {}
    declared = {
        each["name"]: each
        for each in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ()))
    }
    told = (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ()))
    notes = pod["metadata"].get("annotations") or {}
    for each in told:
        running = (each.get("state") or {}).get("running")
        container = declared.get(each["name"])
        if running and running.get("startedAt") and container is not None:
            yield SimulatedUse(
                each["name"],
                int(_amount(notes, container, "cpu") * 10**9),
                int(_amount(notes, container, "memory")),
                parse_time(running["startedAt"]),
            )


def _amount(notes: Mapping[str, str], container: Mapping[str, Any], resource: str) -> Fraction:
    name = _NAMES[resource]
    for key in (f"{name}.{container['name']}", name):
        if key in notes:
            # A typing error in an annotation must not hide the Pod.
            with suppress(ValueError):
                if (told := parse(notes[key])).nano >= 0:
                    return Fraction(told.nano, 10**9)
    asked = ((container.get("resources") or {}).get("requests") or {}).get(resource)
    if asked is None:
        return Fraction(parse(_LEAST[resource]).nano, 10**9)
    return Fraction(parse(asked).nano, 10**9) * _SHARE
