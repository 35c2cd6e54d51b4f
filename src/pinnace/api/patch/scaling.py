"""Who owns the replicas of a workload, as the Scale of it and the workload itself tell it.

A Scale shows the managers that own the workload's replicas; who owns the Scale's replicas after a
write owns the workload's. Entries move between the two as upstream's scale handler moves them: an
updater's entry comes back beside what the updater owns otherwise, and without a time.
"""

from pinnace.api.patch.fields import Path
from pinnace.api.patch.managers import APPLY, Entry, Managed, Manager
from pinnace.api.resources import Resource

SCALE = Resource(group="autoscaling", version="v1", kind="Scale", plural="scales")
REPLICAS: Path = ("f:spec", "f:replicas")


def to_scale(parent: Managed, version: str, replicas: Path = REPLICAS) -> Managed:
    """Return the managers of a Scale; `version` is the only one whose replicas are known.

    `replicas` is where the workload has them.
    """
    made: Managed = {}
    for who, entry in parent.items():
        if entry.api_version == version and replicas in entry.fields:
            named = who if who.operation == APPLY else who._replace(api_version=SCALE.group_version)
            made[named] = Entry(frozenset({REPLICAS}), SCALE.group_version, entry.time)
    return made


def to_parent(parent: Managed, scale: Managed, version: str, replicas: Path = REPLICAS) -> Managed:
    """Return the managers of a workload after its Scale was written."""
    left = dict(scale)
    made: Managed = {}
    for who, entry in parent.items():
        if entry.api_version != version:
            continue
        if replicas not in entry.fields or left.pop(who, None) is not None:
            made[who] = entry
        elif entry.fields != {replicas}:
            made[who] = entry.owning(entry.fields - {replicas})
    for who, entry in left.items():
        if REPLICAS in entry.fields:
            made[who] = Entry(frozenset({replicas}), version, _time_of(parent, who))
    return made


def _time_of(parent: Managed, who: Manager) -> str:
    found = parent.get(who)
    return found.time if found is not None else ""
