"""How a Deployment moves from its old ReplicaSets to the new one: the deciding half.

Everything here is pure. ReplicaSets are called sets; a size is a wanted number of replicas.

A rolling update of 10 Pods with maxSurge 3 and maxUnavailable 2: the new set may grow as long as
all sets together want no more than 13; the old sets may shrink as long as 8 Pods stay available,
counting those of the new set that are not available yet as missing. So: 10+3, then 8 old as none
of the 3 is up, then new to 5 (8+5=13); 3 up: old to 5, new to 8; and so on. Old Pods that are not
available are given up first, for nobody misses them.
"""

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from pinnace.api.objects import Object, copied, format_time, parse_time
from pinnace.controllers.shared import conditions
from pinnace.controllers.shared.intstr import scaled
from pinnace.kit.uids import LETTERS

REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"
HASH = "pod-template-hash"
_NOT_COPIED = (
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    HISTORY,
    DESIRED,
    MAXIMUM,
    "deprecated.deployment.rollback.to",
)
_HISTORY_CHARACTERS = 2000
_NO_DEADLINE = 2**31 - 1

Sizes = list[tuple[Object, int]]


@dataclass(frozen=True, slots=True)
class Sets:
    """The ReplicaSets of a Deployment: the one with its template, and the others."""

    new: Object | None
    old: Sequence[Object]

    @property
    def all(self) -> list[Object]:
        """The old ones, then the new one if there is one."""
        return [*self.old, *([self.new] if self.new is not None else [])]


def size(obj: Object) -> int:
    """Return how many replicas are wanted."""
    return int(obj["spec"].get("replicas") or 0)


def counted(obj: Object, name: str) -> int:
    """Return a number of the status."""
    return int((obj.get("status") or {}).get(name) or 0)


def total(sets: Iterable[Object], name: str) -> int:
    """Return the sum of a number of the status."""
    return sum(counted(entry, name) for entry in sets)


def active(sets: Iterable[Object]) -> list[Object]:
    """Return the sets that want Pods."""
    return [entry for entry in sets if size(entry) > 0]


def age_order(entry: Object) -> tuple[str, str]:
    """Sort key: older first, then by name."""
    meta = entry["metadata"]
    return meta.get("creationTimestamp", ""), meta["name"]


def is_rolling(deployment: Object) -> bool:
    """Whether the strategy is RollingUpdate."""
    return bool(deployment["spec"]["strategy"].get("type") == "RollingUpdate")


def max_surge(deployment: Object) -> int:
    """Return by how many Pods the sum may be exceeded."""
    return _fenceposts(deployment)[0] if is_rolling(deployment) else 0


def max_unavailable(deployment: Object) -> int:
    """Return how many Pods may be missing."""
    if not is_rolling(deployment) or size(deployment) == 0:
        return 0
    return min(_fenceposts(deployment)[1], size(deployment))


def _fenceposts(deployment: Object) -> tuple[int, int]:
    rolling = deployment["spec"]["strategy"].get("rollingUpdate") or {}
    surge = scaled(rolling.get("maxSurge"), size(deployment), round_up=True)
    missing = scaled(rolling.get("maxUnavailable"), size(deployment), round_up=False)
    # Both may round to zero, and then nothing could move.
    return (surge, missing) if surge or missing else (0, 1)


def _without_hash(template: Object) -> Any:
    meta = dict(template.get("metadata") or {})
    labels = {name: v for name, v in (meta.get("labels") or {}).items() if name != HASH}
    return conditions.pruned({**template, "metadata": {**meta, "labels": labels}})


def sort_out(deployment: Object, sets: Iterable[Object]) -> Sets:
    """Tell the new set from the old ones: the oldest whose template is the Deployment's."""
    ordered = sorted(sets, key=age_order)
    wanted = _without_hash(deployment["spec"]["template"])
    new = next((e for e in ordered if _without_hash(e["spec"]["template"]) == wanted), None)
    return Sets(new, [entry for entry in ordered if entry is not new])


def revision(obj: Object) -> int:
    """Return the revision that an object is annotated with, or 0."""
    text = (obj["metadata"].get("annotations") or {}).get(REVISION, "0")
    return int(text) if text.isdigit() else 0


def template_hash(template: Object, collisions: int | None) -> str:
    """Return a short name for a template; the number of collisions makes it another one."""
    packed = orjson.dumps(conditions.pruned(template), option=orjson.OPT_SORT_KEYS)
    number = int.from_bytes(hashlib.sha256(packed + str(collisions or "").encode()).digest()[:4])
    # As upstream's SafeEncodeString does.
    return "".join(LETTERS[ord(digit) % len(LETTERS)] for digit in str(number))


def annotations(deployment: Object, entry: Object, new_revision: int, *, exists: bool) -> Object:
    """Return the annotations that the new set is to have."""
    mine = deployment["metadata"].get("annotations") or {}
    found = dict(entry["metadata"].get("annotations") or {})
    found |= {name: value for name, value in mine.items() if name not in _NOT_COPIED}
    old = found.get(REVISION)
    if not (old or "0").isdigit():
        return found
    if int(old or 0) < new_revision:
        found[REVISION] = str(new_revision)
        if old is not None:
            found[HISTORY] = _history(found.get(HISTORY, ""), old)
    if not exists:
        found |= size_annotations(deployment)
    return found


def _history(text: str, old: str) -> str:
    revisions = [*filter(None, text.split(",")), old]
    while len(",".join(revisions)) > _HISTORY_CHARACTERS:
        revisions.pop(0)
    return ",".join(revisions)


def size_annotations(deployment: Object) -> dict[str, str]:
    """Return what each set remembers of the Deployment's size, to see when it is scaled."""
    wanted = size(deployment)
    return {DESIRED: str(wanted), MAXIMUM: str(wanted + max_surge(deployment))}


def is_scaled(deployment: Object, sets: Sets) -> bool:
    """Whether the Deployment's size has changed since its sets were sized."""
    for entry in active(sets.all):
        desired = (entry["metadata"].get("annotations") or {}).get(DESIRED, "")
        if desired.isdigit() and int(desired) != size(deployment):
            return True
    return False


def new_size(deployment: Object, sets: Sequence[Object], new: Object) -> int:
    """Return to what size the new set may grow."""
    if not is_rolling(deployment):
        return size(deployment)
    room = size(deployment) + max_surge_only(deployment) - sum(map(size, sets))
    if room <= 0:
        return size(new)
    return size(new) + min(room, size(deployment) - size(new))


def max_surge_only(deployment: Object) -> int:
    """Return maxSurge as written."""
    rolling = deployment["spec"]["strategy"].get("rollingUpdate") or {}
    return scaled(rolling.get("maxSurge"), size(deployment), round_up=True)


def grow(deployment: Object, sets: Sets) -> Sizes:
    """Return the new set's next size in a rolling update, if it is to change."""
    new = sets.new
    if new is None or size(new) == size(deployment):
        return []
    if size(new) > size(deployment):
        return [(new, size(deployment))]
    wanted = new_size(deployment, sets.all, new)
    return [(new, wanted)] if wanted != size(new) else []


def shrink(deployment: Object, sets: Sets) -> Sizes:
    """Return the old sets' next sizes in a rolling update, where they are to change."""
    new = sets.new
    old = sorted(active(sets.old), key=age_order)
    if not old or new is None:
        return []
    least = size(deployment) - max_unavailable(deployment)
    missing = size(new) - counted(new, "availableReplicas")
    allowance = sum(map(size, sets.all)) - least - missing
    if allowance <= 0:
        return []
    sizes = {entry["metadata"]["name"]: size(entry) for entry in old}
    for entry in old:
        gone = min(allowance, size(entry) - counted(entry, "availableReplicas"))
        if gone > 0:
            sizes[entry["metadata"]["name"]] -= gone
            allowance -= gone
    spare = total([*old, new], "availableReplicas") - least
    for entry in old:
        name = entry["metadata"]["name"]
        gone = max(min(sizes[name], spare), 0)
        sizes[name] -= gone
        spare -= gone
    return [
        (e, sizes[e["metadata"]["name"]]) for e in old if sizes[e["metadata"]["name"]] != size(e)
    ]


def scale(deployment: Object, sets: Sets) -> Sizes:
    """Return the sizes after the Deployment itself was scaled (or is paused).

    In the middle of a rolling update all sets share the change in proportion to their sizes, so
    that a broken template does not get all the new Pods.
    """
    single = _active_or_latest(sets)
    if single is not None:
        return [(single, size(deployment))] if size(single) != size(deployment) else []
    if sets.new is not None and _is_saturated(deployment, sets.new):
        return [(entry, 0) for entry in active(sets.old)]
    return _proportional(deployment, active(sets.all)) if is_rolling(deployment) else []


def _active_or_latest(sets: Sets) -> Object | None:
    wanting = active(sets.all)
    if len(wanting) == 1:
        return wanting[0]
    if wanting or not sets.all:
        return None
    return sets.new if sets.new is not None else max(sets.old, key=age_order)


def _is_saturated(deployment: Object, new: Object) -> bool:
    wanted = size(deployment)
    desired = (new["metadata"].get("annotations") or {}).get(DESIRED)
    return (
        size(new) == wanted
        and desired == str(wanted)
        and counted(new, "availableReplicas") == wanted
    )


def _proportional(deployment: Object, sets: Sequence[Object]) -> Sizes:
    allowed = size(deployment) + max_surge(deployment) if size(deployment) > 0 else 0
    change = allowed - sum(map(size, sets))
    ordered = sorted(sets, key=age_order, reverse=change > 0)
    ordered.sort(key=size, reverse=True)
    sizes, added = [], 0
    for entry in ordered:
        part = _share(deployment, entry, change - added) if change else 0
        sizes.append(size(entry) + part)
        added += part
    if sizes and change:
        # What rounding left over goes to the largest.
        sizes[0] = max(sizes[0] + change - added, 0)
    return list(zip(ordered, sizes, strict=True))


def _share(deployment: Object, entry: Object, left: int) -> int:
    if size(entry) == 0 or left == 0:
        return 0
    if size(deployment) == 0:
        part = -size(entry)
    else:
        text = (entry["metadata"].get("annotations") or {}).get(MAXIMUM, "")
        before = int(text) if text.isdigit() else 0
        before = before or counted(deployment, "replicas")
        if before == 0:
            return 0
        wanted = size(entry) * (size(deployment) + max_surge(deployment)) / before
        part = math.floor(wanted + 0.5) - size(entry)
    return min(part, left) if left > 0 else max(part, left)


def surplus(deployment: Object, old: Iterable[Object]) -> list[Object]:
    """Return the old sets beyond the history limit, which are to be deleted."""
    limit = deployment["spec"].get("revisionHistoryLimit")
    if limit is None or limit == _NO_DEADLINE:
        return []
    alive = [entry for entry in old if "deletionTimestamp" not in entry["metadata"]]
    alive.sort(key=lambda entry: (revision(entry), age_order(entry)))
    return [
        entry
        for entry in alive[: max(len(alive) - limit, 0)]
        if not size(entry)
        and not counted(entry, "replicas")
        and entry["metadata"].get("generation", 0) <= counted(entry, "observedGeneration")
    ]


def has_deadline(deployment: Object) -> bool:
    """Whether progress is expected within some time."""
    return deployment["spec"].get("progressDeadlineSeconds") not in (None, _NO_DEADLINE)


def condition(kind: str, status: str, reason: str, message: str, now: datetime) -> Object:
    """Return a Deployment's condition."""
    stamp = format_time(now)
    return {
        "type": kind,
        "status": status,
        "lastUpdateTime": stamp,
        "lastTransitionTime": stamp,
        "reason": reason,
        "message": message,
    }


def status(deployment: Object, sets: Sets, now: datetime) -> Object:
    """Return the status: the sums over the sets, and whether enough Pods are available."""
    available = total(sets.all, "availableReplicas")
    old = deployment.get("status") or {}
    enough = available >= size(deployment) - max_unavailable(deployment)
    found: Object = {
        "observedGeneration": deployment["metadata"].get("generation"),
        "replicas": total(sets.all, "replicas"),
        "updatedReplicas": total([sets.new] if sets.new else [], "replicas"),
        "readyReplicas": total(sets.all, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(sum(map(size, sets.all)) - available, 0),
        "collisionCount": old.get("collisionCount"),
        "conditions": conditions.put(
            old.get("conditions"),
            condition(
                "Available",
                "True" if enough else "False",
                "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable",
                "Deployment has minimum availability."
                if enough
                else "Deployment does not have minimum availability.",
                now,
            ),
        ),
    }
    found = {name: value for name, value in found.items() if value}
    if all(
        "terminatingReplicas" in (e.get("status") or {})
        for e in sets.all
        if counted(e, "observedGeneration")
    ):
        found["terminatingReplicas"] = total(sets.all, "terminatingReplicas")
    return found


def is_complete(deployment: Object, status: Object) -> bool:
    """Whether all Pods are of the new template and available."""
    wanted = size(deployment)
    numbers = ("updatedReplicas", "replicas", "availableReplicas")
    return all(status.get(name, 0) == wanted for name in numbers) and status.get(
        "observedGeneration", 0
    ) >= deployment["metadata"].get("generation", 0)


def _has_progressed(deployment: Object, new: Object) -> bool:
    old = deployment.get("status") or {}

    def outdated(status: Object) -> int:
        return int(status.get("replicas", 0) - status.get("updatedReplicas", 0))

    return outdated(new) < outdated(old) or any(
        new.get(name, 0) > old.get(name, 0)
        for name in ("updatedReplicas", "readyReplicas", "availableReplicas")
    )


def _has_timed_out(deployment: Object, status: Object, now: datetime) -> bool:
    found = conditions.find(status.get("conditions"), "Progressing")
    if found is None or found["reason"] == "NewReplicaSetAvailable":
        return False
    if found["reason"] == "ProgressDeadlineExceeded":
        return True
    deadline = timedelta(seconds=deployment["spec"]["progressDeadlineSeconds"])
    return parse_time(found["lastUpdateTime"]) + deadline < now


def rollout_status(deployment: Object, sets: Sets, now: datetime) -> Object:
    """Return the status with what it says of progress and of failures to make Pods."""
    found = status(deployment, sets, now)
    current = conditions.find((deployment.get("status") or {}).get("conditions"), "Progressing")
    done = (
        found.get("replicas", 0) == found.get("updatedReplicas", 0)
        and current is not None
        and current["reason"] == "NewReplicaSetAvailable"
    )
    if not has_deadline(deployment):
        found["conditions"] = conditions.without(found["conditions"], "Progressing")
    elif not done:
        _tell_progress(deployment, sets.new, found, current, now)
    failures = [
        entry
        for source in ([sets.new] if sets.new else [], sets.all)
        for rs in source
        for entry in (rs.get("status") or {}).get("conditions") or ()
        if entry["type"] == "ReplicaFailure"
    ]
    if failures:
        told = {**copied(failures[0]), "lastUpdateTime": failures[0]["lastTransitionTime"]}
        found["conditions"] = conditions.put(found["conditions"], told)
    else:
        found["conditions"] = conditions.without(found["conditions"], "ReplicaFailure")
    return found


def _tell_progress(
    deployment: Object, new: Object | None, found: Object, current: Object | None, now: datetime
) -> None:
    who = f'Deployment "{deployment["metadata"]["name"]}"'
    if new is not None:
        who = f'ReplicaSet "{new["metadata"]["name"]}"'
    if is_complete(deployment, found):
        text, state = f"{who} has successfully progressed.", "True"
        told = condition("Progressing", state, "NewReplicaSetAvailable", text, now)
    elif _has_progressed(deployment, found):
        told = condition("Progressing", "True", "ReplicaSetUpdated", f"{who} is progressing.", now)
        if current is not None:
            if current["status"] == "True":
                told["lastTransitionTime"] = current["lastTransitionTime"]
            # Even with the same reason: the update time is what the deadline counts from.
            found["conditions"] = conditions.without(found["conditions"], "Progressing")
    elif _has_timed_out(deployment, found, now):
        text = f"{who} has timed out progressing."
        told = condition("Progressing", "False", "ProgressDeadlineExceeded", text, now)
    else:
        return
    found["conditions"] = conditions.put(found["conditions"], told)


def deadline_check(deployment: Object, status: Object, now: datetime) -> timedelta | None:
    """Return when to look again whether the progress deadline has passed."""
    found = conditions.find(status.get("conditions"), "Progressing")
    if not has_deadline(deployment) or found is None or is_complete(deployment, status):
        return None
    if found["reason"] in ("ProgressDeadlineExceeded", "NewReplicaSetAvailable"):
        return None
    due = parse_time(found["lastUpdateTime"]) + timedelta(
        seconds=deployment["spec"]["progressDeadlineSeconds"]
    )
    return max(due - now, timedelta(0)) + timedelta(seconds=1)
