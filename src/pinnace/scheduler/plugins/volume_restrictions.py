"""Keeps a claim that only one pod may use from being used by two."""

from collections.abc import Iterable

from pinnace.scheduler.plugins.base import Ruled, State
from pinnace.scheduler.podinfo import PodInfo
from pinnace.scheduler.volumes import wanted_claims

_IN_USE = (
    "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode "
    "already in-use by another pod"
)


class VolumeRestrictions:
    """Checks ReadWriteOncePod. The disks of cloud providers and iSCSI and RBD are not checked."""

    name = "VolumeRestrictions"

    def refusal(self, pod: PodInfo, state: State) -> str:
        if not pod.pod["spec"].get("volumes"):
            return ""
        for each in wanted_claims(pod, state):
            if each.claim is None and not each.ephemeral:
                return f'persistentvolumeclaim "{each.name}" not found'
        return ""

    def filter(self, pod: PodInfo, state: State) -> Iterable[Ruled]:
        if not pod.pod["spec"].get("volumes"):
            return
        exclusive = {
            each.name
            for each in wanted_claims(pod, state)
            if each.claim and "ReadWriteOncePod" in (each.claim["spec"].get("accessModes") or ())
        }
        if exclusive and any(
            placed.info.namespace == pod.namespace
            and placed.info.uid != pod.uid
            and exclusive & _named(placed.info)
            for placed in state.columns.placed.values()
        ):
            yield Ruled(_IN_USE, ~state.columns.rows_like())


def _named(pod: PodInfo) -> set[str]:
    volumes = pod.pod["spec"].get("volumes") or ()
    claims = (volume.get("persistentVolumeClaim") or {} for volume in volumes)
    return {claim["claimName"] for claim in claims if claim.get("claimName")}
