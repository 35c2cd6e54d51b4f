"""The claims of a pod, and what they are bound to: what all volume plug-ins ask."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pinnace.api.objects import Object
from pinnace.scheduler.plugins.base import State
from pinnace.scheduler.podinfo import PodInfo

_BOUND = "pv.kubernetes.io/bind-completed"
_CLASS = "volume.beta.kubernetes.io/storage-class"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A claim that a pod names, or (`ephemeral`) that is made for it; `claim` None if missing."""

    name: str
    claim: Object | None
    ephemeral: bool = False


def wanted_claims(pod: PodInfo, state: State) -> Iterator[Wanted]:
    """Yield the claims of a pod's volumes."""
    for volume in pod.pod["spec"].get("volumes") or ():
        source: Mapping[str, Any] | None = volume.get("persistentVolumeClaim")
        if source is not None:
            name, ephemeral = source.get("claimName", ""), False
        elif volume.get("ephemeral") is not None:
            name, ephemeral = f"{pod.key.name}-{volume['name']}", True
        else:
            continue
        yield Wanted(name, state.storage.claim(pod.namespace, name), ephemeral)


def is_bound(claim: Object) -> bool:
    """Say whether a claim has its volume, agreed by both sides."""
    if not claim["spec"].get("volumeName"):
        return False
    noted = claim["metadata"].get("annotations") or {}
    return _BOUND in noted or (claim.get("status") or {}).get("phase") == "Bound"


def class_of(claim: Object) -> str:
    """Return the name of a claim's storage class, empty for none."""
    noted = claim["metadata"].get("annotations") or {}
    return str(noted.get(_CLASS) or claim["spec"].get("storageClassName") or "")


def waits_for_consumer(claim: Object, state: State) -> bool:
    """Say whether the claim's class leaves binding until a pod has a node."""
    found = state.storage.storage_class(class_of(claim)) if class_of(claim) else None
    return found is not None and found.get("volumeBindingMode") == "WaitForFirstConsumer"
