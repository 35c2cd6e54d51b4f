"""Rules of VolumeAttachments."""

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.schema.internal import internal
from pinnace.api.validation.base import IMMUTABLE, Report, too_long
from pinnace.api.validation.claims import check_access_modes
from pinnace.api.validation.persistentvolumes import NOT_SOURCES
from pinnace.api.validation.storage import check_driver_name, size

METADATA_SIZE = 256 * 1024
MESSAGE_SIZE = 1024
ONE_SOURCE = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"
INLINE = "in the context of inline volumes"
SECRETS = (
    "controllerPublishSecretRef", "controllerExpandSecretRef", "nodePublishSecretRef",
    "nodeExpandSecretRef",
)  # fmt: skip


def check_attachment(report: Report, attachment: Object) -> None:
    """Check a new VolumeAttachment."""
    spec = report.child(attachment, "spec", "") or {}
    check_driver_name(report, report.text(spec, "attacher", "spec"), "spec.attacher")
    source = report.child(spec, "source", "spec") or {}
    _check_source(report, source, "spec.source")
    node = report.text(spec, "nodeName", "spec")
    report.said("spec.nodeName", node, names.dns1123_subdomain(node))
    _check_status(report, attachment)
    if source.get("persistentVolumeName") is not None:
        name, where = source["persistentVolumeName"], "spec.source.persistentVolumeName"
        if isinstance(name, str):
            report.said(where, name, names.dns1123_subdomain(name))


def _check_source(report: Report, source: Object, path: str) -> None:
    inline = report.child(source, "inlineVolumeSpec", path)
    named = source.get("persistentVolumeName") is not None
    if inline is None and not named:
        report.required(path, ONE_SOURCE)
    elif inline is not None and named:
        report.forbidden(path, ONE_SOURCE)
    elif named:
        if not report.text(source, "persistentVolumeName", path):
            detail = "must specify non empty persistentVolumeName"
            report.required(f"{path}.persistentVolumeName", detail)
    elif inline is not None:
        _check_inline(report, inline, f"{path}.inlineVolumeSpec")


def _check_inline(report: Report, spec: Object, path: str) -> None:
    for key in ("claimRef", "capacity"):
        if spec.get(key):
            report.forbidden(f"{path}.{key}", f"may not be specified {INLINE}")
    csi = report.child(spec, "csi", path)
    if csi is None:
        report.required(f"{path}.csi", f"has to be specified {INLINE}")
    check_access_modes(report, spec, path, "")
    policy = report.text(spec, "persistentVolumeReclaimPolicy", path)
    if policy and policy != "Retain":
        detail = f"may only be Retain {INLINE}"
        report.forbidden(f"{path}.persistentVolumeReclaimPolicy", detail)
    if spec.get("nodeAffinity") is not None:
        report.forbidden(f"{path}.nodeAffinity", f"may not be specified {INLINE}")
    if csi is not None:
        _check_csi(report, csi, f"{path}.csi")
    elif not any(spec.get(key) is not None for key in spec if key not in NOT_SOURCES):
        report.required(path, "must specify a volume type")
    if spec.get("storageClassName"):
        report.forbidden(f"{path}.storageClassName", f"may not be specified {INLINE}")
    if spec.get("volumeMode") not in (None, "Filesystem"):
        detail = f"may not specify volumeMode other than Filesystem {INLINE}"
        report.forbidden(f"{path}.volumeMode", detail)


def _check_csi(report: Report, csi: Object, path: str) -> None:
    check_driver_name(report, report.text(csi, "driver", path), f"{path}.driver")
    if not report.text(csi, "volumeHandle", path):
        report.required(f"{path}.volumeHandle")
    for key in SECRETS:
        ref = report.child(csi, key, path)
        if ref is None:
            continue
        for part, rule in (("name", names.dns1123_subdomain), ("namespace", names.dns1123_label)):
            value, where = report.text(ref, part, f"{path}.{key}"), f"{path}.{key}.{part}"
            if not value:
                report.required(where)
            else:
                report.said(where, value, rule(value))


def _check_status(report: Report, attachment: Object) -> None:
    status = report.child(attachment, "status", "") or {}
    metadata = report.mapping(status, "attachmentMetadata", "status")
    if sum(size(key) + size(value) for key, value in metadata.items()) > METADATA_SIZE:
        report.add(too_long("status.attachmentMetadata", METADATA_SIZE))
    for key in ("attachError", "detachError"):
        error = report.child(status, key, "status")
        if error is None:
            continue
        where = f"status.{key}"
        if size(report.text(error, "message", where)) > MESSAGE_SIZE:
            report.add(too_long(f"{where}.message", METADATA_SIZE))
        code = report.number(error, "errorCode", where)
        if code is not None and code < 0:
            report.invalid(f"{where}.errorCode", code, names.range_error(0, 2**31 - 1))


def check_attachment_update(report: Report, attachment: Object, old: Object) -> None:
    """Check a changed VolumeAttachment, by either door: its spec stays."""
    check_attachment(report, attachment)
    spec = report.child(attachment, "spec", "") or {}
    if spec != (old.get("spec") or {}):
        report.invalid("spec", internal("storage.VolumeAttachmentSpec", spec), IMMUTABLE)
