"""Pods with an identity: the deciding half of StatefulSets.

A Pod's ordinal is the number at the end of its name. The replicas are the Pods whose ordinals are
wanted, with those that are missing filled in as they would be created; all others are condemned.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from pinnace.api.kinds.apps import STATEFULSETS
from pinnace.api.kinds.core import PODS
from pinnace.api.objects import Object, copied
from pinnace.api.pods import phase_of
from pinnace.api.resources import Resource
from pinnace.controllers.shared import pods
from pinnace.controllers.shared.intstr import scaled

POD_NAME = "statefulset.kubernetes.io/pod-name"
POD_HASH = "controller-revision-hash"
POD_INDEX = "apps.kubernetes.io/pod-index"
_NAME = re.compile(r"(.*)-([0-9]+)$")
_MAX_ORDINAL = 2**31 - 1


def parent(pod: Object) -> str:
    """Return the name of the StatefulSet that a Pod's name points to."""
    found = _NAME.match(pod["metadata"]["name"])
    return found.group(1) if found else ""


def ordinal(pod: Object) -> int:
    """Return the Pod's ordinal, or -1 if it has none."""
    found = _NAME.match(pod["metadata"]["name"])
    value = int(found.group(2)) if found else -1
    return value if value <= _MAX_ORDINAL else -1


def size(owner: Object) -> int:
    """Return how many Pods are wanted."""
    replicas = owner["spec"].get("replicas")
    return 1 if replicas is None else int(replicas)


def start(owner: Object) -> int:
    """Return the first ordinal."""
    return int((owner["spec"].get("ordinals") or {}).get("start") or 0)


def is_wanted(owner: Object, number: int) -> bool:
    """Whether a Pod of this ordinal is wanted."""
    first = start(owner)
    return first <= number < first + size(owner)


def is_parallel(owner: Object) -> bool:
    """Whether Pods need not wait for one another."""
    return bool(owner["spec"].get("podManagementPolicy") == "Parallel")


def is_created(pod: Object) -> bool:
    """Whether the API server has the Pod."""
    return bool(phase_of(pod))


def is_running_and_ready(pod: Object) -> bool:
    """Whether the Pod runs and is ready, terminating or not."""
    return phase_of(pod) == "Running" and pods.is_ready(pod)


def is_unavailable(pod: Object, min_ready: int, now: datetime) -> bool:
    """Whether the Pod does not serve, or will not for long."""
    return "deletionTimestamp" in pod["metadata"] or not pods.is_available(pod, min_ready, now)


def is_up(pod: Object, min_ready: int, now: datetime) -> bool:
    """Whether the next Pod in order may be worked on."""
    return is_running_and_ready(pod) and not is_unavailable(pod, min_ready, now)


def revision_of(pod: Object) -> str:
    """Return the name of the revision that a Pod was made by."""
    return str((pod["metadata"].get("labels") or {}).get(POD_HASH, ""))


def min_ready_seconds(owner: Object) -> int:
    """Return how long a Pod must be ready to be available."""
    return int(owner["spec"].get("minReadySeconds") or 0)


@dataclass(frozen=True, slots=True)
class Versions:
    """The names and templates of the current and the update revision."""

    current: str
    update: str
    current_template: Object
    update_template: Object


@dataclass(frozen=True, slots=True)
class Arranged:
    """The Pods by what is wanted of them; the condemned have the highest ordinal first."""

    replicas: list[Object]
    condemned: list[Object]


def arrange(owner: Object, found: Iterable[Object], versions: Versions) -> Arranged:
    """Sort the Pods into replicas and condemned, filling in those that are missing."""
    by_ordinal: dict[int, Object] = {}
    condemned = []
    for pod in found:
        number = ordinal(pod)
        if is_wanted(owner, number):
            by_ordinal[number] = pod
        elif number >= 0:
            condemned.append(pod)
    first = start(owner)
    replicas = [
        by_ordinal.get(number) or new_pod(owner, number, versions)
        for number in range(first, first + size(owner))
    ]
    return Arranged(replicas, sorted(condemned, key=ordinal, reverse=True))


def first_unavailable(owner: Object, arranged: Arranged, now: datetime) -> Object | None:
    """Return the Pod that all others wait for, or None."""
    min_ready = min_ready_seconds(owner)
    for pod in [*arranged.replicas, *reversed(arranged.condemned)]:
        if is_unavailable(pod, min_ready, now):
            return pod
    return None


def _makes_current(owner: Object, number: int) -> bool:
    """Whether a new Pod is still to be of the current revision in a rolling update."""
    strategy = owner["spec"].get("updateStrategy") or {}
    rolling = strategy.get("rollingUpdate")
    if rolling is None:
        if strategy.get("type") != "RollingUpdate":
            return False
        kept = (owner.get("status") or {}).get("currentReplicas") or 0
    else:
        kept = rolling.get("partition") or 0
    return number < start(owner) + int(kept)


def new_pod(owner: Object, number: int, versions: Versions) -> Object:
    """Return the Pod of an ordinal as it is to be created."""
    current = _makes_current(owner, number)
    template = versions.current_template if current else versions.update_template
    pod = pods.from_template(template, owner, STATEFULSETS)
    name = f"{owner['metadata']['name']}-{number}"
    pod["metadata"] = {"name": name, **pod["metadata"]}
    _identify(pod, number)
    pod["spec"]["hostname"] = name
    if owner["spec"].get("serviceName"):
        pod["spec"]["subdomain"] = owner["spec"]["serviceName"]
    pod["spec"]["volumes"] = volumes(owner, pod)
    if not pod["spec"]["volumes"]:
        del pod["spec"]["volumes"]
    pod["metadata"]["labels"][POD_HASH] = versions.current if current else versions.update
    return pod


def _identify(pod: Object, number: int) -> None:
    meta = pod["metadata"]
    labels = dict(meta.get("labels") or {})
    meta["labels"] = {**labels, POD_NAME: meta["name"], POD_INDEX: str(number)}


def claims(owner: Object, number: int) -> dict[str, Object]:
    """Return the claims of a Pod by the names of their templates."""
    found: dict[str, Object] = {}
    selected = (owner["spec"].get("selector") or {}).get("matchLabels") or {}
    for template in owner["spec"].get("volumeClaimTemplates") or ():
        claim = copied(template)
        meta = claim["metadata"]
        name = meta["name"]
        meta["name"] = f"{name}-{owner['metadata']['name']}-{number}"
        meta["namespace"] = owner["metadata"]["namespace"]
        meta["labels"] = {**(meta.get("labels") or {}), **selected}
        claim |= {"kind": "PersistentVolumeClaim", "apiVersion": "v1"}
        claim.pop("status", None)
        found[name] = claim
    return found


def volumes(owner: Object, pod: Object) -> list[Object]:
    """Return the Pod's volumes with those of its claims, which replace others of the name."""
    wanted = claims(owner, ordinal(pod))
    made = [
        {"name": name, "persistentVolumeClaim": {"claimName": claim["metadata"]["name"]}}
        for name, claim in wanted.items()
    ]
    others = [entry for entry in pod["spec"].get("volumes") or () if entry["name"] not in wanted]
    return [*made, *others]


def has_identity(pod: Object) -> bool:
    """Whether a Pod of the set is labelled with its name."""
    meta = pod["metadata"]
    return bool((meta.get("labels") or {}).get(POD_NAME) == meta["name"])


def has_storage(owner: Object, pod: Object) -> bool:
    """Whether the Pod's volumes are those of its claims."""
    mounted = {
        entry["name"]: (entry.get("persistentVolumeClaim") or {}).get("claimName")
        for entry in pod["spec"].get("volumes") or ()
    }
    wanted = claims(owner, ordinal(pod))
    return all(mounted.get(name) == c["metadata"]["name"] for name, c in wanted.items())


def corrected(owner: Object, pod: Object) -> Object:
    """Return the Pod with the identity and the storage that it should have."""
    fixed = copied(pod)
    _identify(fixed, ordinal(pod))
    if not has_storage(owner, fixed):
        fixed["spec"]["volumes"] = volumes(owner, fixed)
    return fixed


def retention(owner: Object) -> tuple[str, str]:
    """Return what becomes of claims when the set is deleted, and when it is scaled down."""
    policy = owner["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    return policy.get("whenDeleted") or "Retain", policy.get("whenScaled") or "Retain"


def _is_ref_to(ref: Object, obj: Object, row: Resource) -> bool:
    named: tuple[str, str, str] = (ref["apiVersion"], ref["kind"], ref["name"])
    return named == (row.group_version, row.kind, obj["metadata"]["name"])


def is_stale(claim: Object, obj: Object, row: Resource) -> bool:
    """Whether a claim is owned by a former object of the same name."""
    for ref in claim["metadata"].get("ownerReferences") or ():
        if _is_ref_to(ref, obj, row):
            return bool(ref["uid"] != obj["metadata"].get("uid", ""))
    return False


def has_foreign_controller(claim: Object, owner: Object, pod: Object) -> bool:
    """Whether something else controls a claim that the policy would have the set delete."""
    if retention(owner) == ("Retain", "Retain"):
        return False
    for ref in claim["metadata"].get("ownerReferences") or ():
        for obj, row in ((owner, STATEFULSETS), (pod, PODS)):
            if _is_ref_to(ref, obj, row):
                if ref["uid"] != obj["metadata"].get("uid", ""):
                    return True
                break
        else:
            if ref.get("controller"):
                return True
    return False


def claim_owners(claim: Object, owner: Object, pod: Object) -> list[Object] | None:
    """Return the owners that a claim is to have for the policy; None if it has them.

    The set owns what goes with it, the Pod what goes when it is scaled away.
    """
    refs = claim["metadata"].get("ownerReferences") or []
    if is_stale(claim, owner, STATEFULSETS) or is_stale(claim, pod, PODS):
        return None
    uids = {owner["metadata"]["uid"]: STATEFULSETS, pod["metadata"].get("uid", ""): PODS}
    mine = [ref for ref in refs if ref["uid"] in uids]
    others = [
        ref
        for ref in refs
        if not _is_ref_to(ref, owner, STATEFULSETS) and not _is_ref_to(ref, pod, PODS)
    ]
    if has_foreign_controller(claim, owner, pod):
        return others if mine else None
    when_deleted, when_scaled = retention(owner)
    kept = is_wanted(owner, ordinal(pod))
    wanted = []
    if when_deleted == "Delete" and (kept or when_scaled == "Retain"):
        wanted.append(pods.controller_ref(owner, STATEFULSETS))
    if when_scaled == "Delete" and not kept:
        wanted.append(pods.controller_ref(pod, PODS))
    right = {ref["uid"] for ref in mine} == {ref["uid"] for ref in wanted}
    if right and all(ref.get("controller") for ref in mine):
        return None
    return [*others, *wanted]


def to_update(
    owner: Object, replicas: Sequence[Object], update: str, now: datetime
) -> list[Object]:
    """Return the Pods to delete so that they come back by the update revision.

    One at a time from the highest ordinal down to the partition, waiting for each to be available;
    with maxUnavailable, as many as that leaves.
    """
    strategy = owner["spec"].get("updateStrategy") or {}
    if strategy.get("type") == "OnDelete":
        return []
    rolling = strategy.get("rollingUpdate") or {}
    least = int(rolling.get("partition") or 0)
    min_ready = min_ready_seconds(owner)
    targets = list(reversed(replicas[least:]))
    old = [
        pod
        for pod in targets
        if revision_of(pod) != update and "deletionTimestamp" not in pod["metadata"]
    ]
    if rolling.get("maxUnavailable") is not None:
        allowed = max(scaled(rolling["maxUnavailable"], size(owner), round_up=False), 1)
        missing = sum(is_unavailable(pod, min_ready, now) for pod in replicas)
        return old[: max(allowed - missing, 0)]
    for pod in targets:
        if old and pod is old[0]:
            return [pod]
        if is_unavailable(pod, min_ready, now):
            break
    return []


def status(owner: Object, found: Iterable[Object], versions: Versions, now: datetime) -> Object:
    """Return the status for these Pods, before anything is done."""
    min_ready = min_ready_seconds(owner)
    replicas = ready = available = current = updated = 0
    for pod in found:
        replicas += is_created(pod)
        if is_running_and_ready(pod):
            ready += 1
            available += pods.is_available(pod, min_ready, now)
        if is_created(pod) and "deletionTimestamp" not in pod["metadata"]:
            current += revision_of(pod) == versions.current
            updated += revision_of(pod) == versions.update
    return {
        "observedGeneration": owner["metadata"].get("generation"),
        "replicas": replicas,
        "readyReplicas": ready,
        "currentReplicas": current,
        "updatedReplicas": updated,
        "currentRevision": versions.current,
        "updateRevision": versions.update,
        "collisionCount": (owner.get("status") or {}).get("collisionCount") or 0,
        "availableReplicas": available,
    }


def completed(owner: Object, found: Object) -> Object:
    """Return the status with the update revision as the current one if all Pods are of it."""
    strategy = owner["spec"].get("updateStrategy") or {}
    wanted = size(owner)
    if strategy.get("type") == "RollingUpdate" and all(
        found[name] == wanted for name in ("updatedReplicas", "readyReplicas", "replicas")
    ):
        updated = {
            "currentReplicas": found["updatedReplicas"],
            "currentRevision": found["updateRevision"],
        }
        found = {**found, **updated}
    always = ("replicas", "availableReplicas", "collisionCount")
    return {name: value for name, value in found.items() if value or name in always}
