"""What a StatefulSet is to do next: the deciding half.

Ordered: one Pod at a time, from the first ordinal up, each only when all before it are available;
then, from the last down, what is too many; then, from the last down to the partition, what is of
an old revision. Parallel: the first two all at once.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pinnace.api.objects import Object, copied
from pinnace.controllers.shared import pods

REVISION = "controller-revision-hash"
POD_NAME = "statefulset.kubernetes.io/pod-name"
POD_INDEX = "apps.kubernetes.io/pod-index"
_NAME = re.compile(r"(.*)-([0-9]+)$")


@dataclass(slots=True)
class Plan:
    """Which ordinals to create, and which Pods to relabel, to delete and to count."""

    create: list[int] = field(default_factory=list)
    relabel: list[Object] = field(default_factory=list)
    delete: list[Object] = field(default_factory=list)


def parse_name(pod: Object) -> tuple[str, int]:
    """Return the set's name and the ordinal that a Pod's name says; -1 if it says none."""
    match = _NAME.fullmatch(pod["metadata"]["name"])
    return (match[1], int(match[2])) if match else ("", -1)


def start(owner: Object) -> int:
    """Return the first ordinal."""
    return int((owner["spec"].get("ordinals") or {}).get("start") or 0)


def ordinals(owner: Object) -> range:
    """Return the ordinals that are wanted."""
    first = start(owner)
    return range(first, first + int(owner["spec"].get("replicas") or 0))


def revision_of(pod: Object) -> str:
    """Return the revision that a Pod was made from."""
    return str((pod["metadata"].get("labels") or {}).get(REVISION, ""))


def partition(owner: Object) -> int | None:
    """Return from which ordinal on Pods are updated; None if none was given."""
    rolling = (owner["spec"].get("updateStrategy") or {}).get("rollingUpdate")
    return None if rolling is None else int(rolling.get("partition") or 0)


def is_rolling(owner: Object) -> bool:
    """Whether Pods of an old revision are replaced."""
    strategy = owner["spec"].get("updateStrategy") or {}
    return bool(strategy.get("type", "RollingUpdate") == "RollingUpdate")


def revision_for(owner: Object, ordinal: int, current: str, update: str) -> str:
    """Return the revision from which a missing Pod is made."""
    if not is_rolling(owner):
        return update
    limit = partition(owner)
    if limit is None:
        limit = int((owner.get("status") or {}).get("currentReplicas") or 0)
    return current if ordinal < start(owner) + limit else update


def _is_available(pod: Object, owner: Object, now: datetime) -> bool:
    ready = pods.phase(pod) == "Running" and "deletionTimestamp" not in pod["metadata"]
    return ready and pods.is_available(pod, owner["spec"].get("minReadySeconds") or 0, now)


def plan(owner: Object, found: Iterable[Object], update: str, now: datetime) -> Plan:
    """Return the next step."""
    result = Plan()
    by_ordinal = {parse_name(pod)[1]: pod for pod in found}
    wanted = ordinals(owner)
    ordered = owner["spec"].get("podManagementPolicy") != "Parallel"
    for ordinal in wanted:
        if _tend(result, owner, by_ordinal.get(ordinal), ordinal, now) and ordered:
            return result
    condemned = [by_ordinal[n] for n in sorted(by_ordinal, reverse=True) if n not in wanted]
    replicas = [by_ordinal[n] for n in wanted if n in by_ordinal]
    if _condemn(result, owner, condemned, replicas, ordered=ordered, now=now) and ordered:
        return result
    if is_rolling(owner):
        _roll(result, owner, replicas, update, now)
    return result


def _tend(result: Plan, owner: Object, pod: Object | None, ordinal: int, now: datetime) -> bool:
    """See to one wanted Pod; True if the next has to wait for it."""
    if pod is None:
        result.create.append(ordinal)
        return True
    if pods.is_terminal(pod):
        if "deletionTimestamp" not in pod["metadata"]:
            result.delete.append(pod)
        return True
    labels = pod["metadata"].get("labels") or {}
    if labels.get(POD_NAME) != pod["metadata"]["name"]:
        result.relabel.append(pod)
    return not _is_available(pod, owner, now)


def _condemn(
    result: Plan,
    owner: Object,
    condemned: Sequence[Object],
    replicas: Sequence[Object],
    *,
    ordered: bool,
    now: datetime,
) -> bool:
    """Delete what is too many, last first; True if there was something."""
    sick = [pod for pod in (*replicas, *reversed(condemned)) if not _is_available(pod, owner, now)]
    for pod in condemned:
        leaving = "deletionTimestamp" in pod["metadata"]
        if not ordered:
            if not leaving:
                result.delete.append(pod)
            continue
        # A sick Pod elsewhere is waited for, unless it is this very one that is sick.
        if not leaving and (_is_available(pod, owner, now) or pod is sick[0]):
            result.delete.append(pod)
        return True
    return False


def _roll(
    result: Plan, owner: Object, replicas: Sequence[Object], update: str, now: datetime
) -> None:
    """Delete the last Pod of an old revision, if all after it are available."""
    first = start(owner) + (partition(owner) or 0)
    for pod in reversed(replicas):
        leaving = "deletionTimestamp" in pod["metadata"]
        if parse_name(pod)[1] < first:
            return
        if revision_of(pod) != update and not leaving:
            if pod not in result.delete:
                result.delete.append(pod)
            return
        if not _is_available(pod, owner, now):
            return


def status(
    owner: Object, found: Sequence[Object], current: str, update: str, now: datetime
) -> Object:
    """Return the status; a finished update makes the update's revision the current one."""
    old = owner.get("status") or {}
    min_ready = owner["spec"].get("minReadySeconds") or 0
    ready = [pod for pod in found if pods.phase(pod) == "Running" and pods.is_ready(pod)]
    staying = [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]
    result: Object = {
        "observedGeneration": owner["metadata"].get("generation"),
        "replicas": len(found),
        "readyReplicas": len(ready),
        "availableReplicas": sum(pods.is_available(pod, min_ready, now) for pod in ready),
        "currentReplicas": sum(revision_of(pod) == current for pod in staying),
        "updatedReplicas": sum(revision_of(pod) == update for pod in staying),
        "currentRevision": current,
        "updateRevision": update,
        "collisionCount": old.get("collisionCount") or 0,
    }
    wanted = len(ordinals(owner))
    numbers = (result["updatedReplicas"], result["readyReplicas"], result["replicas"])
    if is_rolling(owner) and numbers == (wanted, wanted, wanted):
        result["currentReplicas"] = wanted
        result["currentRevision"] = update
    always = ("replicas", "availableReplicas", "collisionCount")
    return {name: value for name, value in result.items() if value or name in always}


def claims(owner: Object, ordinal: int) -> dict[str, Object]:
    """Return the PersistentVolumeClaims of one Pod by the names of their volumes."""
    found = {}
    selected = (owner["spec"].get("selector") or {}).get("matchLabels") or {}
    for template in owner["spec"].get("volumeClaimTemplates") or ():
        claim = copied(template)
        claim.pop("status", None)
        meta = claim.setdefault("metadata", {})
        name = meta["name"]
        meta["name"] = f"{name}-{owner['metadata']['name']}-{ordinal}"
        meta["namespace"] = owner["metadata"]["namespace"]
        meta["labels"] = {**(meta.get("labels") or {}), **selected}
        found[name] = claim
    return found


def labels(owner: Object, ordinal: int) -> dict[str, str]:
    """Return the labels by which a Pod is known."""
    return {POD_NAME: f"{owner['metadata']['name']}-{ordinal}", POD_INDEX: str(ordinal)}


def complete_pod(pod: Object, owner: Object, ordinal: int, revision: str) -> Object:
    """Give a Pod made from a template its name, its place and its volumes."""
    meta, spec = pod["metadata"], pod["spec"]
    meta.pop("generateName", None)
    meta["name"] = f"{owner['metadata']['name']}-{ordinal}"
    meta["labels"] = {
        **(meta.get("labels") or {}),
        **labels(owner, ordinal),
        REVISION: revision,
    }
    spec["hostname"] = meta["name"]
    spec["subdomain"] = owner["spec"].get("serviceName", "")
    mine = claims(owner, ordinal)
    volumes = [
        {"name": name, "persistentVolumeClaim": {"claimName": claim["metadata"]["name"]}}
        for name, claim in mine.items()
    ]
    spec["volumes"] = volumes + [v for v in spec.get("volumes") or () if v["name"] not in mine]
    return pod


def claim_owner(owner: Object, *, condemned: bool) -> str:
    """Return whose a claim is to be by the retention policy: the `set`, the `pod` or nobody's."""
    policy = owner["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    if condemned and policy.get("whenScaled") == "Delete":
        return "pod"
    return "set" if policy.get("whenDeleted") == "Delete" else ""
