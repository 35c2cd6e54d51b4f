"""Defaults of volumes, in pods and as PersistentVolumes."""

from pinnace.api.defaults.base import child, entries, fill, fill_text, requirements
from pinnace.api.defaults.images import pull_policy
from pinnace.api.objects import Object

MODE = 0o644
TEXTS = {
    "iscsi": (("iscsiInterface", "default"),),
    "rbd": (("pool", "rbd"), ("user", "admin"), ("keyring", "/etc/ceph/keyring")),
    "scaleIO": (("storageMode", "ThinProvisioned"), ("fsType", "xfs")),
}


def default_volume(volume: Object) -> None:
    """Make a volume without a source an emptyDir, and fill in its source."""
    sources = [key for key, value in volume.items() if key != "name" and value is not None]
    if not sources:
        volume["emptyDir"] = {}
        return
    for key in ("secret", "configMap", "downwardAPI", "projected"):
        if key in volume:
            source = volume[key]
            if isinstance(source, dict):
                fill(source, "defaultMode", MODE)
                _default_field_refs(source)
    if "projected" in volume:
        for source in entries(child(volume, "projected"), "sources"):
            _default_field_refs(child(source, "downwardAPI"))
            token = source.get("serviceAccountToken")
            if isinstance(token, dict):
                fill(token, "expirationSeconds", 3600)
    image = volume.get("image")
    if isinstance(image, dict) and not image.get("pullPolicy"):
        image["pullPolicy"] = pull_policy(image.get("reference"))
    claim = child(child(volume, "ephemeral"), "volumeClaimTemplate").get("spec")
    if isinstance(claim, dict):
        default_claim_spec(claim)
    default_volume_source(volume)


def default_volume_source(volume: Object) -> None:
    """Fill in a source that pods and PersistentVolumes have in common."""
    path = volume.get("hostPath")
    if isinstance(path, dict):
        fill(path, "type", "")
    for key, texts in TEXTS.items():
        source = volume.get(key)
        if isinstance(source, dict):
            for name, value in texts:
                fill_text(source, name, value)
    disk = volume.get("azureDisk")
    if isinstance(disk, dict):
        fill(disk, "cachingMode", "ReadWrite")
        fill(disk, "fsType", "ext4")
        fill(disk, "readOnly", False)
        fill(disk, "kind", "Shared")


def default_claim_spec(spec: Object) -> None:
    """Fill in the spec of a PersistentVolumeClaim."""
    fill(spec, "volumeMode", "Filesystem")
    requirements(spec)


def _default_field_refs(source: Object) -> None:
    for item in entries(source, "items"):
        field = item.get("fieldRef")
        if isinstance(field, dict):
            fill_text(field, "apiVersion", "v1")
        resource = item.get("resourceFieldRef")
        if isinstance(resource, dict):
            fill(resource, "divisor", "0")
