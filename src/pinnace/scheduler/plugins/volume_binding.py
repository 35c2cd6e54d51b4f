"""Lets a pod go only where its claims' volumes can be used."""

from collections.abc import Iterable

from pinnace.api.objects import Object
from pinnace.scheduler.columns import Mask
from pinnace.scheduler.nodeselector import any_term
from pinnace.scheduler.plugins.base import Ruled, State
from pinnace.scheduler.podinfo import PodInfo
from pinnace.scheduler.volumes import Wanted, is_bound, waits_for_consumer, wanted_claims

_CONFLICT = "node(s) didn't match PersistentVolume's node affinity"
_NO_MATCH = "node(s) didn't find available persistent volumes to bind"
_LOST = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"


class VolumeBinding:
    """Checks claims, and the node affinity of bound volumes.

    Claims of a class that waits for its first consumer are not bound here: as long as such a claim
    is unbound, no node is right for the pod.
    """

    name = "VolumeBinding"

    def refusal(self, pod: PodInfo, state: State) -> str:
        if not pod.pod["spec"].get("volumes"):
            return ""
        wanted = list(wanted_claims(pod, state))
        for each in wanted:
            reason = _missing(each, pod)
            if reason:
                return reason
        for each in wanted:
            if each.claim is not None and not is_bound(each.claim) and not _waits(each, state):
                return "pod has unbound immediate PersistentVolumeClaims"
        return ""

    def filter(self, pod: PodInfo, state: State) -> Iterable[Ruled]:
        if not pod.pod["spec"].get("volumes"):
            return
        everywhere = ~state.columns.rows_like()
        conflict, lost, unbound = state.columns.rows_like(), False, False
        for each in wanted_claims(pod, state):
            if each.claim is None or not is_bound(each.claim):
                unbound = True
                continue
            volume = state.storage.volume(each.claim["spec"]["volumeName"])
            if volume is None:
                lost = True
                break
            conflict |= ~_reachable(volume, state)
        if not lost:
            yield Ruled(_CONFLICT, conflict, True)
        if unbound:
            yield Ruled(_NO_MATCH, everywhere, True)
        if lost:
            yield Ruled(_LOST, everywhere, True)


def _missing(wanted: Wanted, pod: PodInfo) -> str:
    claim, name = wanted.claim, wanted.name
    if claim is None and wanted.ephemeral:
        return (
            f'waiting for ephemeral volume controller to create the persistentvolumeclaim "{name}"'
        )
    if claim is None:
        return f'persistentvolumeclaim "{name}" not found'
    if (claim.get("status") or {}).get("phase") == "Lost":
        volume = claim["spec"].get("volumeName", "")
        return f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{volume}"'
    if "deletionTimestamp" in claim["metadata"]:
        return f'persistentvolumeclaim "{name}" is being deleted'
    owners = claim["metadata"].get("ownerReferences") or ()
    if wanted.ephemeral and not any(
        owner.get("controller") and owner.get("uid") == pod.uid for owner in owners
    ):
        return f"PVC {pod.namespace}/{name} was not created for pod {pod.key} (pod is not owner)"
    return ""


def _waits(wanted: Wanted, state: State) -> bool:
    claim = wanted.claim
    return (
        claim is not None
        and not claim["spec"].get("volumeName")
        and waits_for_consumer(claim, state)
    )


def _reachable(volume: Object, state: State) -> Mask:
    required = (volume["spec"].get("nodeAffinity") or {}).get("required")
    if required is None:
        return ~state.columns.rows_like()
    return any_term(required.get("nodeSelectorTerms") or (), state.columns)
