"""Volumes, claims and their classes; CSI's own objects."""

from datetime import datetime
from typing import Any

from pinnace.api.objects import Object
from pinnace.apiserver.printers.base import (
    AGE,
    NAME,
    NONE,
    UNSET,
    Column,
    Printer,
    age,
    deleting,
    dig,
    name_of,
    quantity_text,
    wide,
)

_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
_DEFAULT_ANNOTATIONS = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)
_MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}


def _modes(found: Any) -> str:
    return ",".join(short for mode, short in _MODES.items() if mode in (found or ()))


def _class(obj: Object) -> str:
    annotated = dig(obj, "metadata", "annotations", _CLASS_ANNOTATION)
    return str(annotated if annotated is not None else _text(obj, "spec", "storageClassName"))


def _text(obj: Object, *path: str, default: str = "") -> str:
    return str(dig(obj, *path, default=default))


def _phase(obj: Object) -> str:
    return "Terminating" if deleting(obj) else _text(obj, "status", "phase")


def _volume(obj: Object, now: datetime) -> list[Any]:
    claim = dig(obj, "spec", "claimRef")
    return [
        name_of(obj),
        quantity_text(dig(obj, "spec", "capacity", "storage")),
        _modes(dig(obj, "spec", "accessModes")),
        _text(obj, "spec", "persistentVolumeReclaimPolicy"),
        _phase(obj),
        f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else "",
        _class(obj),
        _text(obj, "spec", "volumeAttributesClassName", default=UNSET),
        _text(obj, "status", "reason"),
        age(obj, now),
        _text(obj, "spec", "volumeMode", default=UNSET),
    ]


PERSISTENT_VOLUME = Printer(
    (
        NAME,
        Column("Capacity"),
        Column("Access Modes"),
        Column("Reclaim Policy"),
        Column("Status"),
        Column("Claim"),
        Column("StorageClass", description="StorageClass of the pv"),
        Column("VolumeAttributesClass", description="VolumeAttributesClass of the pv"),
        Column("Reason"),
        AGE,
        wide("VolumeMode"),
    ),
    _volume,
)


def _claim(obj: Object, now: datetime) -> list[Any]:
    volume = _text(obj, "spec", "volumeName")
    return [
        name_of(obj),
        _phase(obj),
        volume,
        quantity_text(dig(obj, "status", "capacity", "storage")) if volume else "",
        _modes(dig(obj, "status", "accessModes")) if volume else "",
        _class(obj),
        _text(obj, "spec", "volumeAttributesClassName", default=UNSET),
        age(obj, now),
        _text(obj, "spec", "volumeMode", default=UNSET),
    ]


PERSISTENT_VOLUME_CLAIM = Printer(
    (
        NAME,
        Column("Status"),
        Column("Volume"),
        Column("Capacity"),
        Column("Access Modes"),
        Column("StorageClass", description="StorageClass of the pvc"),
        Column("VolumeAttributesClass", description="VolumeAttributesClass of the pvc"),
        AGE,
        wide("VolumeMode"),
    ),
    _claim,
)


def _storage_class(obj: Object, now: datetime) -> list[Any]:
    name = name_of(obj)
    annotations = dig(obj, "metadata", "annotations", default={})
    if any(annotations.get(key) == "true" for key in _DEFAULT_ANNOTATIONS):
        name += " (default)"
    return [
        name,
        _text(obj, "provisioner"),
        _text(obj, "reclaimPolicy", default="Delete"),
        _text(obj, "volumeBindingMode", default="Immediate"),
        bool(obj.get("allowVolumeExpansion")),
        age(obj, now),
    ]


STORAGE_CLASS = Printer(
    (
        NAME,
        Column("Provisioner"),
        Column("ReclaimPolicy"),
        Column("VolumeBindingMode"),
        Column("AllowVolumeExpansion"),
        AGE,
    ),
    _storage_class,
)


def _attributes_class(obj: Object, now: datetime) -> list[Any]:
    return [name_of(obj), _text(obj, "driverName"), age(obj, now)]


VOLUME_ATTRIBUTES_CLASS = Printer((NAME, Column("DriverName"), AGE), _attributes_class)


def _attachment(obj: Object, now: datetime) -> list[Any]:
    return [
        name_of(obj),
        _text(obj, "spec", "attacher"),
        _text(obj, "spec", "source", "persistentVolumeName"),
        _text(obj, "spec", "nodeName"),
        bool(dig(obj, "status", "attached")),
        age(obj, now),
    ]


VOLUME_ATTACHMENT = Printer(
    (
        NAME,
        Column("Attacher", format="name"),
        Column("PV"),
        Column("Node"),
        Column("Attached", "boolean"),
        AGE,
    ),
    _attachment,
)


def _csi_node(obj: Object, now: datetime) -> list[Any]:
    return [name_of(obj), len(dig(obj, "spec", "drivers", default=())), age(obj, now)]


CSI_NODE = Printer(
    (
        NAME,
        Column(
            "Drivers",
            "integer",
            description="Drivers indicates the number of CSI drivers registered on the node",
        ),
        AGE,
    ),
    _csi_node,
)


def _csi_driver(obj: Object, now: datetime) -> list[Any]:
    spec = obj.get("spec") or {}
    tokens = spec.get("tokenRequests")
    audiences = UNSET if tokens is None else ",".join(t.get("audience", "") for t in tokens)
    return [
        name_of(obj),
        bool(spec.get("attachRequired", True)),
        bool(spec.get("podInfoOnMount")),
        bool(spec.get("storageCapacity")),
        audiences,
        bool(spec.get("requiresRepublish")),
        ",".join(spec.get("volumeLifecycleModes") or ()) or NONE,
        age(obj, now),
    ]


CSI_DRIVER = Printer(
    (
        NAME,
        Column("AttachRequired", "boolean"),
        Column("PodInfoOnMount", "boolean"),
        Column("StorageCapacity", "boolean"),
        Column("TokenRequests"),
        Column("RequiresRepublish", "boolean"),
        Column("Modes"),
        AGE,
    ),
    _csi_driver,
)
