"""Warnings of PersistentVolumes and claims."""

from collections.abc import Iterator

from pinnace.api.objects import Object
from pinnace.apiserver.strategies.advice import claim_spec_advice, listed, node_term_advice

CLASS, OPTIONS = (
    "volume.beta.kubernetes.io/storage-class",
    "volume.beta.kubernetes.io/mount-options",
)
CLASS_WORDS = 'deprecated since v1.8; use "storageClassName" attribute instead'
OPTIONS_WORDS = 'deprecated since v1.31; use "mountOptions" attribute instead'
RECYCLE = (
    "The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic "
    "provisioning."
)
# In upstream's order, with the names that its paths have.
RETIRED = (
    ("cephfs", "cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    ("photonPersistentDisk", "photonPersistentDisk",
     "deprecated in v1.11, non-functional in v1.16+"),
    ("scaleIO", "scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    ("storageos", "storageOS", "deprecated in v1.22, non-functional in v1.25+"),
    ("glusterfs", "glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    ("rbd", "rbd", "deprecated in v1.28, non-functional in v1.31+"),
)  # fmt: skip


def volume_advice(volume: Object) -> Iterator[str]:
    """Warn of a PersistentVolume."""
    spec, annotations = volume.get("spec") or {}, volume["metadata"].get("annotations") or {}
    for key, words in ((CLASS, CLASS_WORDS), (OPTIONS, OPTIONS_WORDS)):
        if key in annotations:
            yield f"metadata.annotations[{key}]: {words}"
    if spec.get("persistentVolumeReclaimPolicy") == "Recycle":
        yield f"spec.persistentVolumeReclaimPolicy: {RECYCLE}"
    required = (spec.get("nodeAffinity") or {}).get("required")
    for at, term in listed(required, "nodeSelectorTerms", "spec.nodeAffinity.required"):
        yield from node_term_advice(term, at)
    for kind, shown, words in RETIRED:
        if spec.get(kind) is not None:
            yield f"spec.{shown}: {words}"


def claim_advice(claim: Object) -> Iterator[str]:
    """Warn of a PersistentVolumeClaim."""
    if CLASS in (claim["metadata"].get("annotations") or {}):
        yield f"metadata.annotations[{CLASS}]: {CLASS_WORDS}"
    yield from claim_spec_advice(claim.get("spec"), "spec")
