"""Keeps pods in the zone and region of their volumes."""

from collections.abc import Iterable

from pinnace.api.objects import Object
from pinnace.scheduler.columns import Mask
from pinnace.scheduler.plugins.base import Ruled, State
from pinnace.scheduler.podinfo import PodInfo
from pinnace.scheduler.volumes import is_bound, wanted_claims

_REASON = "node(s) had no available volume zone"
# The beta labels, and what they are called today.
_LABELS = {
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region": "topology.kubernetes.io/region",
}


class VolumeZone:
    """Compares the topology labels of bound volumes with those of nodes that have any."""

    name = "VolumeZone"

    def filter(self, pod: PodInfo, state: State) -> Iterable[Ruled]:
        if not pod.pod["spec"].get("volumes"):
            return
        wrong = state.columns.rows_like()
        for each in wanted_claims(pod, state):
            if each.claim is None or not is_bound(each.claim):
                continue
            volume = state.storage.volume(each.claim["spec"]["volumeName"])
            if volume is not None:
                wrong |= _elsewhere(volume, state)
        yield Ruled(_REASON, wrong, True)


def _elsewhere(volume: Object, state: State) -> Mask:
    columns = state.columns
    placed = columns.rows_like()
    for label in _LABELS:
        placed |= columns.domains(label) >= 0
    wrong = columns.rows_like()
    for label, value in (volume["metadata"].get("labels") or {}).items():
        if label not in _LABELS:
            continue
        values = value.split("__")
        own = columns.domains(label) >= 0
        right = columns.rows_with(label, values) | (
            ~own & columns.rows_with(_LABELS[label], values)
        )
        wrong |= ~right
    return placed & wrong
