"""Rules of PersistentVolumes."""

import posixpath
from collections.abc import Callable, Mapping

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.schema.internal import difference, internal, same
from pinnace.api.validation import volumesources as sources
from pinnace.api.validation.base import IMMUTABLE, NOT_POSITIVE, Report
from pinnace.api.validation.claims import CLASS_NAME, VOLUME_MODES, check_access_modes
from pinnace.api.validation.resources import amounts, check_basic
from pinnace.api.validation.scheduling import check_node_selector, has_invalid_label_value
from pinnace.api.validation.volumesources import MORE_THAN_ONE

NOT_SOURCES = (
    "capacity", "accessModes", "claimRef", "persistentVolumeReclaimPolicy", "storageClassName",
    "mountOptions", "volumeMode", "nodeAffinity", "volumeAttributesClassName",
)  # fmt: skip
MOUNT_OPTIONS = "volume.beta.kubernetes.io/mount-options"
MOUNTABLE = (
    "gcePersistentDisk", "awsElasticBlockStore", "glusterfs", "nfs", "rbd", "quobyte", "iscsi",
    "cinder", "cephfs", "azureFile", "vsphereVolume", "azureDisk", "photonPersistentDisk",
)  # fmt: skip
REQUIRED = "must specify required node constraints"
# Labels whose names once were other ones: an affinity may go from the old to the new.
RENAMED = {
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
    "beta.kubernetes.io/instance-type": "node.kubernetes.io/instance-type",
    "beta.kubernetes.io/os": "kubernetes.io/os",
    "beta.kubernetes.io/arch": "kubernetes.io/arch",
}
# In the order in which upstream looks.
SOURCES: Mapping[str, Callable[[Report, Object, str], None]] = {
    "hostPath": sources.check_host_path,
    "gcePersistentDisk": sources.check_gce_disk,
    "awsElasticBlockStore": sources.check_aws_disk,
    "glusterfs": sources.check_glusterfs,
    "flocker": sources.check_flocker,
    "nfs": sources.check_nfs,
    "rbd": sources.check_rbd,
    "quobyte": sources.check_quobyte,
    "cephfs": sources.check_cephfs,
    "iscsi": sources.check_iscsi,
    "cinder": sources.check_cinder_volume,
    "fc": sources.check_fc,
    "flexVolume": sources.check_flex,
    "azureFile": sources.check_azure_file,
    "vsphereVolume": sources.check_vsphere,
    "photonPersistentDisk": sources.check_photon,
    "portworxVolume": sources.check_portworx,
    "azureDisk": sources.check_azure_disk,
    "scaleIO": sources.check_scale_io,
    "local": sources.check_local,
    "storageos": sources.check_storage_os_volume,
    "csi": sources.check_csi_volume,
}


def check_volume(report: Report, volume: Object) -> None:
    """Check a new PersistentVolume."""
    _check(report, volume, any_value=False)
    _check_mount_options(report, volume)


def _check(report: Report, volume: Object, *, any_value: bool) -> None:
    spec = report.child(volume, "spec", "") or {}
    check_access_modes(report, spec, "spec", "")
    _check_capacity(report, spec)
    policy = report.text(spec, "persistentVolumeReclaimPolicy", "spec")
    supported = ("Delete", "Recycle", "Retain")
    if policy and policy not in supported:
        report.not_supported("spec.persistentVolumeReclaimPolicy", policy, supported)
    affinity = report.child(spec, "nodeAffinity", "spec")
    if affinity is not None:
        needed = report.child(affinity, "required", "spec.nodeAffinity")
        if needed is None:
            report.required("spec.nodeAffinity.required", REQUIRED)
        else:
            where = "spec.nodeAffinity.required"
            check_node_selector(report, needed, where, any_value=any_value)
    _check_source(report, volume, spec)
    host_path = spec.get("hostPath")
    target = host_path.get("path") if isinstance(host_path, dict) else ""
    if policy == "Recycle" and posixpath.normpath(target or "") in ("/", "//"):
        detail = "may not be 'recycle' for a hostPath mount of '/'"
        report.forbidden("spec.persistentVolumeReclaimPolicy", detail)
    _check_classes(report, spec)


def _check_capacity(report: Report, spec: Object) -> None:
    capacity = amounts(report, spec, "capacity", "spec")
    if not spec.get("capacity"):
        report.required("spec.capacity")
    if set(capacity) != {"storage"}:
        shown = internal("core.PersistentVolumeSpec", spec)["Capacity"]
        report.not_supported("spec.capacity", shown, ("storage",))
    for name, amount in sorted(capacity.items()):
        check_basic(report, amount, f"spec.capacity[{name}]")
        if amount.nano <= 0:
            report.invalid(f"spec.capacity[{name}]", amount.canonical(), NOT_POSITIVE)


def _check_source(report: Report, volume: Object, spec: Object) -> None:
    found = 0
    for kind, check in SOURCES.items():
        source = report.child(spec, kind, "spec") if kind in spec else None
        if source is None:
            continue
        found += 1
        where = f"spec.{'persistentDisk' if kind == 'gcePersistentDisk' else kind}"
        if found > 1 and kind != "flexVolume":
            report.forbidden(f"spec.{sources.SPELT.get(kind, kind)}", MORE_THAN_ONE)
            continue
        if kind == "iscsi":
            name = (volume.get("metadata") or {}).get("name") or ""
            sources.check_iscsi_volume(report, source, where, name)
        else:
            check(report, source, where)
        if kind == "local" and spec.get("nodeAffinity") is None:
            report.required("spec.nodeAffinity", "Local volume requires node affinity")
    if not found:
        report.required("spec", "must specify a volume type")


def _check_classes(report: Report, spec: Object) -> None:
    name = report.text(spec, "storageClassName", "spec")
    if name:
        report.said("spec.storageClassName", name, names.dns1123_subdomain(name))
    if spec.get("volumeMode") is not None:
        mode = report.text(spec, "volumeMode", "spec")
        if mode not in VOLUME_MODES:
            report.not_supported("spec.volumeMode", mode, VOLUME_MODES)
    if spec.get(CLASS_NAME) is not None:
        name = report.text(spec, CLASS_NAME, "spec")
        if not name:
            report.required(f"spec.{CLASS_NAME}", "an empty string is disallowed")
        else:
            report.said(f"spec.{CLASS_NAME}", name, names.dns1123_subdomain(name))
        if spec.get("csi") is None:
            detail = "has to be specified when using volumeAttributesClassName"
            report.required("spec.csi", detail)


def _check_mount_options(report: Report, volume: Object) -> None:
    spec = report.child(volume, "spec", "") or {}
    meta = volume.get("metadata")
    annotations = (meta.get("annotations") if isinstance(meta, dict) else None) or {}
    if MOUNT_OPTIONS in annotations and not any(spec.get(kind) for kind in MOUNTABLE):
        where = f"metadata.annotations.{MOUNT_OPTIONS}"
        report.forbidden(where, "may not specify mount options for this volume type")


def check_volume_update(report: Report, volume: Object, old: Object) -> None:
    """Check a PersistentVolume that is changed: its source stays."""
    before = old.get("spec") or {}
    needed = (before.get("nodeAffinity") or {}).get("required")
    loose = has_invalid_label_value(needed)
    _check(report, volume, any_value=loose)
    _check_mount_options(report, volume)
    if report.mistyped():
        return
    _check(report, volume, any_value=loose)  # upstream looks twice, and tells twice
    spec = report.child(volume, "spec", "") or {}
    new, was = (_source(parts) for parts in (spec, before))
    _allow_expand_secret(new, was)
    kind = "core.PersistentVolumeSource"
    if not same(kind, new, was):
        detail = "spec.persistentvolumesource is immutable after creation"
        report.forbidden("spec.persistentvolumesource", f"{detail}\n{difference(kind, was, new)}")
    report.immutable(spec.get("volumeMode"), before.get("volumeMode"), "volumeMode")
    _check_affinity(report, spec, before)
    if before.get(CLASS_NAME) is not None and spec.get(CLASS_NAME) is None:
        report.forbidden(f"spec.{CLASS_NAME}", "update from non-nil value to nil is forbidden")


def _source(spec: Object) -> Object:
    return {key: value for key, value in spec.items() if key not in NOT_SOURCES}


def _allow_expand_secret(new: Object, was: Object) -> None:
    key, csi, before = "controllerExpandSecretRef", new.get("csi"), was.get("csi")
    if isinstance(csi, dict) and isinstance(before, dict) and before.get(key) is None:
        new["csi"] = {name: value for name, value in csi.items() if name != key}


def _check_affinity(report: Report, spec: Object, before: Object) -> None:
    kind, old, new = "core.VolumeNodeAffinity", before.get("nodeAffinity"), spec.get("nodeAffinity")
    if old is None or (new is not None and same(kind, _renamed(new, old), _renamed(old, old))):
        return
    detail = f"{IMMUTABLE}, except for updating from beta label to GA"
    report.invalid("nodeAffinity", internal(f"*{kind}", new), detail)


def _renamed(affinity: Object, old: Object) -> Object:
    """Return an affinity with the labels of today's names, wherever the old one had others."""
    terms = []
    for term in (affinity.get("required") or {}).get("nodeSelectorTerms") or ():
        listed = term.get("matchExpressions")
        if listed:
            term = {**term, "matchExpressions": [
                {**e, "key": RENAMED.get(str(e.get("key")), e.get("key"))} for e in listed
            ]}  # fmt: skip
        terms.append(term)
    return {"required": {"nodeSelectorTerms": terms}} if affinity.get("required") else affinity
