"""Rules of StorageClasses."""

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.validation.base import Report


def check_storage_class(report: Report, storage_class: Object) -> None:
    """Check a StorageClass."""
    provisioner = report.text(storage_class, "provisioner", "")
    if not provisioner:
        report.required("provisioner")
    else:
        report.said("provisioner", provisioner.lower(), names.qualified_name(provisioner.lower()))
    report.mapping(storage_class, "parameters", "")
    for key, supported in (
        ("reclaimPolicy", ("Delete", "Retain")),
        ("volumeBindingMode", ("Immediate", "WaitForFirstConsumer")),
    ):
        value = report.text(storage_class, key, "")
        if value and value not in supported:
            report.not_supported(key, value, supported)
    if storage_class.get("volumeBindingMode") is None:
        report.required("volumeBindingMode")


def check_storage_class_update(report: Report, storage_class: Object, old: Object) -> None:
    """Check a StorageClass that is changed: next to nothing may be."""
    for key in ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"):
        report.immutable(storage_class.get(key), old.get(key), key)
