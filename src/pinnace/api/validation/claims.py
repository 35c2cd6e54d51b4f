"""Rules of PersistentVolumeClaims and PersistentVolumes."""

from typing import Any

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.quantity import Quantity
from pinnace.api.validation.base import IMMUTABLE, NOT_POSITIVE, Report
from pinnace.api.validation.metadata import check_selector
from pinnace.api.validation.resources import amounts
from pinnace.api.validation.scheduling import check_node_selector
from pinnace.api.validation.volumes import NEEDS

ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
VOLUME_MODES = ("Block", "Filesystem")
ONE_POD = "may not use ReadWriteOncePod with other access modes"
CLAIM_IMMUTABLE = (
    "spec is immutable after creation except resources.requests and volumeAttributesClassName for "
    "bound claims"
)
NOT_SOURCES = (
    "capacity", "accessModes", "claimRef", "persistentVolumeReclaimPolicy", "storageClassName",
    "mountOptions", "volumeMode", "nodeAffinity", "volumeAttributesClassName",
)  # fmt: skip
MORE_THAN_ONE = "may not specify more than 1 volume type"


def _check_access_modes(report: Report, spec: Object, path: str, why: str) -> None:
    where = f"{path}.accessModes"
    modes = report.texts(spec, "accessModes", path)
    if not modes:
        report.required(where, why)
    for mode in modes:
        if mode not in ACCESS_MODES:
            report.not_supported(where, mode, ACCESS_MODES)
    known = {mode for mode in modes if mode in ACCESS_MODES}
    if "ReadWriteOncePod" in known and len(known) > 1:
        report.forbidden(where, ONE_POD)


def check_claim_spec(report: Report, spec: Object, path: str) -> None:
    """Check the spec of a claim, in a claim or in a template."""
    _check_access_modes(report, spec, path, "at least 1 access mode is required")
    check_selector(report, spec, "selector", path)
    resources = report.child(spec, "resources", path) or {}
    storage = amounts(report, resources, "requests", f"{path}.resources").get("storage")
    if storage is None:
        report.required(f"{path}.resources[storage]")
    elif storage.nano <= 0:
        report.invalid(f"{path}.resources[storage]", storage.canonical(), NOT_POSITIVE)
    for key in ("storageClassName", "volumeAttributesClassName"):
        name = report.text(spec, key, path)
        if name:
            report.said(f"{path}.{key}", name, names.dns1123_subdomain(name))
    if spec.get("volumeMode") is not None:
        mode = report.text(spec, "volumeMode", path)
        if mode not in VOLUME_MODES:
            report.not_supported(f"{path}.volumeMode", mode, VOLUME_MODES)
    for key in ("dataSource", "dataSourceRef"):
        source = report.child(spec, key, path)
        if source is not None:
            _check_source(report, source, f"{path}.{key}")


def _check_source(report: Report, source: Object, path: str) -> None:
    for key in ("name", "kind"):
        if not report.text(source, key, path):
            report.required(f"{path}.{key}")
    group, kind = report.text(source, "apiGroup", path), report.text(source, "kind", path)
    if not group and kind != "PersistentVolumeClaim":
        detail = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
        report.invalid(path, kind, detail)
    if group:
        report.said(f"{path}.apiGroup", group, names.dns1123_subdomain(group))


def check_claim(report: Report, claim: Object) -> None:
    """Check a PersistentVolumeClaim."""
    check_claim_spec(report, report.child(claim, "spec", "") or {}, "spec")


def check_claim_update(report: Report, claim: Object, old: Object) -> None:
    """Check a claim that is changed: only a bound one may grow."""
    check_claim(report, claim)
    if report.mistyped():
        return
    spec, before = _spec(claim), _spec(old)
    fixed, fixed_before = dict(spec), dict(before)
    if not before.get("volumeName"):
        fixed.pop("volumeName", None)
        fixed_before.pop("volumeName", None)
    if before.get("storageClassName") is None:
        fixed.pop("storageClassName", None)
    status = Report().child(claim, "status", "") or {}
    bound = status.get("phase") == "Bound"
    size, size_before = _storage(spec), _storage(before)
    if bound:
        for parts in (fixed, fixed_before):
            parts.pop("volumeAttributesClassName", None)
            parts["resources"] = _without_storage(parts.get("resources"))
    if fixed != fixed_before:
        report.forbidden("spec", CLAIM_IMMUTABLE)
    if size and size_before and size < size_before:
        granted = _storage({"resources": {"requests": (old.get("status") or {}).get("capacity")}})
        if granted is None or size <= granted:
            where = "spec.resources.requests.storage"
            report.forbidden(where, "field can not be less than status.capacity")


def _without_storage(resources: Any) -> Object:
    parts = dict(resources) if isinstance(resources, dict) else {}
    requests = parts.pop("requests", None)
    kept = {k: v for k, v in (requests or {}).items() if k != "storage"}
    return {**parts, "requests": kept}


def _storage(spec: Object) -> Quantity | None:
    quiet = Report()
    resources = quiet.child(spec, "resources", "") or {}
    return amounts(quiet, resources, "requests", "").get("storage")


def check_volume(report: Report, volume: Object) -> None:
    """Check a PersistentVolume."""
    spec = report.child(volume, "spec", "") or {}
    _check_access_modes(report, spec, "spec", "")
    capacity = amounts(report, spec, "capacity", "spec")
    if not spec.get("capacity"):
        report.required("spec.capacity")
    if set(capacity) != {"storage"}:
        report.not_supported("spec.capacity", spec.get("capacity"), ("storage",))
    for name, amount in capacity.items():
        if amount.nano <= 0:
            report.invalid(f"spec.capacity[{name}]", amount.canonical(), NOT_POSITIVE)
    policy = report.text(spec, "persistentVolumeReclaimPolicy", "spec")
    supported = ("Delete", "Recycle", "Retain")
    if policy and policy not in supported:
        report.not_supported("spec.persistentVolumeReclaimPolicy", policy, supported)
    affinity = report.child(spec, "nodeAffinity", "spec")
    if affinity is not None:
        needed = report.child(affinity, "required", "spec.nodeAffinity")
        if needed is None:
            report.required("spec.nodeAffinity.required", "must specify required node constraints")
        else:
            check_node_selector(report, needed, "spec.nodeAffinity.required")
    _check_volume_source(report, spec)
    name = report.text(spec, "storageClassName", "spec")
    if name:
        report.said("spec.storageClassName", name, names.dns1123_subdomain(name))
    if spec.get("volumeMode") is not None:
        mode = report.text(spec, "volumeMode", "spec")
        if mode not in VOLUME_MODES:
            report.not_supported("spec.volumeMode", mode, VOLUME_MODES)


def _check_volume_source(report: Report, spec: Object) -> None:
    kinds = [k for k in spec if k not in NOT_SOURCES and spec[k] is not None]
    if not kinds:
        report.required("spec", "must specify a volume type")
    for kind in kinds[1:]:
        report.forbidden(f"spec.{kind}", MORE_THAN_ONE)
    for kind in kinds[:1]:
        source = report.child(spec, kind, "spec") or {}
        needs = ("path",) if kind == "local" else NEEDS.get(kind, ())
        needs = ("driver", "volumeHandle") if kind == "csi" else needs
        for key in needs:
            if not source.get(key):
                report.required(f"spec.{kind}.{key}")
    if spec.get("local") is not None and spec.get("nodeAffinity") is None:
        report.required("spec.nodeAffinity", "Local volume requires node affinity")


def check_volume_update(report: Report, volume: Object, old: Object) -> None:
    """Check a PersistentVolume that is changed: its source stays."""
    check_volume(report, volume)
    if report.mistyped():
        return
    spec, before = _spec(volume), _spec(old)
    source = {k: v for k, v in spec.items() if k not in NOT_SOURCES}
    if source != {k: v for k, v in before.items() if k not in NOT_SOURCES}:
        detail = "spec.persistentvolumesource is immutable after creation"
        report.forbidden("spec.persistentvolumesource", detail)
    report.immutable(spec.get("volumeMode"), before.get("volumeMode"), "volumeMode")
    affinity = before.get("nodeAffinity")
    if affinity is not None and spec.get("nodeAffinity") != affinity:
        detail = f"{IMMUTABLE}, except for updating from beta label to GA"
        report.invalid("nodeAffinity", spec.get("nodeAffinity"), detail)


def _spec(obj: Object) -> Object:
    spec = obj.get("spec")
    return spec if isinstance(spec, dict) else {}
