"""Rules of PersistentVolumeClaims and of templates that become such."""

from typing import Any

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.schema.internal import difference, same
from pinnace.api.validation.base import IMMUTABLE, NOT_POSITIVE, Report
from pinnace.api.validation.metadata import check_annotations, check_labels, check_selector
from pinnace.api.validation.resources import amounts, check_amount, check_basic, is_native

ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
VOLUME_MODES = ("Block", "Filesystem")
ONE_POD = "may not use ReadWriteOncePod with other access modes"
CLAIM_IMMUTABLE = (
    "spec is immutable after creation except resources.requests and volumeAttributesClassName for "
    "bound claims"
)
CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
CLASS_NAME = "volumeAttributesClassName"
RESIZES = (
    "ControllerResizeInProgress", "ControllerResizeInfeasible", "NodeResizeInProgress",
    "NodeResizeInfeasible", "NodeResizePending",
)  # fmt: skip
# In Go's order of the fields, spelt as upstream makes paths of them.
NOT_IN_TEMPLATES = (
    ("name", "name"), ("generateName", "generateName"), ("namespace", "namespace"),
    ("selfLink", "selfLink"), ("uid", "uID"), ("resourceVersion", "resourceVersion"),
    ("generation", "generation"), ("creationTimestamp", "creationTimestamp"),
    ("deletionTimestamp", "deletionTimestamp"),
    ("deletionGracePeriodSeconds", "deletionGracePeriodSeconds"),
    ("ownerReferences", "ownerReferences"), ("finalizers", "finalizers"),
    ("managedFields", "managedFields"),
)  # fmt: skip


def check_access_modes(report: Report, spec: Object, path: str, why: str) -> None:
    """Check in which ways a volume may be mounted."""
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


def check_claim_template(report: Report, template: Object, path: str) -> None:
    """Check the template of an ephemeral volume's claim: labels, annotations and a spec."""
    meta, where = report.child(template, "metadata", path) or {}, f"{path}.metadata"
    check_annotations(report, meta, where)
    check_labels(report, meta, "labels", where)
    for key, shown in NOT_IN_TEMPLATES:
        if meta.get(key) not in (None, "", 0):
            report.forbidden(f"{where}.{shown}", "cannot be set")
    check_claim_spec(report, report.child(template, "spec", path) or {}, f"{path}.spec")


def check_claim_spec(
    report: Report, spec: Object, path: str, *, loose_groups: bool = False, loose: bool = False
) -> None:
    """Check the spec of a claim, in a claim or in a template.

    `loose_groups` and `loose` let groups of data sources and label values of the selector be
    wrong, for a claim that always was.
    """
    _check_modes_and_size(report, spec, path, loose=loose)
    name = report.text(spec, "storageClassName", path)
    if name:
        report.said(f"{path}.storageClassName", name, names.dns1123_subdomain(name))
    if spec.get("volumeMode") is not None:
        mode = report.text(spec, "volumeMode", path)
        if mode not in VOLUME_MODES:
            report.not_supported(f"{path}.volumeMode", mode, VOLUME_MODES)
    _check_sources(report, spec, path, loose_groups=loose_groups)
    name = report.text(spec, CLASS_NAME, path)
    if name:
        report.said(f"{path}.{CLASS_NAME}", name, names.dns1123_subdomain(name))


def _check_modes_and_size(report: Report, spec: Object, path: str, *, loose: bool) -> None:
    if not report.texts(spec, "accessModes", path):
        report.required(f"{path}.accessModes", "at least 1 access mode is required")
    check_selector(report, spec, "selector", path, any_value=loose)
    if spec.get("accessModes"):
        check_access_modes(report, spec, path, "")
    resources = report.child(spec, "resources", path) or {}
    storage = amounts(report, resources, "requests", f"{path}.resources").get("storage")
    where = f"{path}.resources[storage]"
    if storage is None:
        report.required(where)
    elif storage.nano <= 0:
        report.invalid(where, storage.canonical(), NOT_POSITIVE)
    else:
        check_amount(report, "storage", storage, where)


def _check_sources(report: Report, spec: Object, path: str, *, loose_groups: bool) -> None:
    for key in ("dataSource", "dataSourceRef"):
        source = report.child(spec, key, path)
        if source is not None:
            _check_source(report, source, f"{path}.{key}", loose_groups=loose_groups)
    source, ref = spec.get("dataSource"), spec.get("dataSourceRef")
    if isinstance(ref, dict) and ref.get("namespace"):
        if source is not None:
            detail = "may not be specified when dataSourceRef.namespace is specified"
            report.invalid(path, {}, detail)
    elif (
        isinstance(source, dict)
        and isinstance(ref, dict)
        and any(source.get(key) != ref.get(key) for key in ("apiGroup", "kind", "name"))
    ):
        report.invalid(path, {}, "must match dataSourceRef")


def _check_source(report: Report, source: Object, path: str, *, loose_groups: bool) -> None:
    for key in ("name", "kind"):
        if not report.text(source, key, path):
            report.required(f"{path}.{key}")
    group, kind = report.text(source, "apiGroup", path), report.text(source, "kind", path)
    if not group and kind != "PersistentVolumeClaim":
        detail = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
        report.invalid(path, kind, detail)
    if group and not loose_groups:
        report.said(f"{path}.apiGroup", group, names.dns1123_subdomain(group))
    namespace = report.text(source, "namespace", path)
    if namespace:
        report.said(f"{path}.namespace", namespace, names.dns1123_label(namespace))


def check_claim(report: Report, claim: Object) -> None:
    """Check a PersistentVolumeClaim."""
    check_claim_spec(report, report.child(claim, "spec", "") or {}, "spec")


def check_claim_update(report: Report, claim: Object, old: Object) -> None:
    """Check a claim that is changed: only a bound one may grow."""
    spec, before = report.child(claim, "spec", "") or {}, _spec(old)
    _check_as_before(report, spec, before)
    if report.mistyped():
        return
    fixed, fixed_before = dict(spec), dict(before)
    if not before.get("volumeName"):
        fixed_before["volumeName"] = spec.get("volumeName")
    _check_class(report, claim, old, fixed)
    if (Report().child(claim, "status", "") or {}).get("phase") == "Bound":
        fixed["resources"] = _with_old_storage(spec, before)
        fixed[CLASS_NAME] = before.get(CLASS_NAME)
    kind = "core.PersistentVolumeClaimSpec"
    if not same(kind, fixed, fixed_before):
        changes = difference(kind, fixed_before, fixed)
        report.forbidden("spec", f"{CLAIM_IMMUTABLE}\n{changes}")
    _check_size(report, spec, before, old)
    report.immutable(spec.get("volumeMode"), before.get("volumeMode"), "volumeMode")
    _check_attributes(report, spec, before, old)


def _check_as_before(report: Report, spec: Object, before: Object) -> None:
    selector = Report()
    check_selector(selector, before, "selector", "spec")
    loose = bool(selector.causes)
    grouped = any(
        (selector.child(before, key, "") or {}).get("apiGroup")
        for key in ("dataSource", "dataSourceRef")
    )
    check_claim_spec(report, spec, "spec", loose_groups=grouped, loose=loose)


def _check_class(report: Report, claim: Object, old: Object, fixed: Object) -> None:
    """Let a class be named where there was none, or only in the annotation of old."""
    now, was = _annotations(claim).get(CLASS_ANNOTATION), _annotations(old).get(CLASS_ANNOTATION)
    new, before = fixed.get("storageClassName"), _spec(old).get("storageClassName")
    if was is not None and before is None and new == was and now in (None, was):
        fixed["storageClassName"] = None
        return
    if (now or "") != (was or ""):
        where = f"metadata.annotations.{CLASS_ANNOTATION}"
        report.invalid(where, now or "", IMMUTABLE)
    if new is not None and before is None and was in (None, new):
        fixed["storageClassName"] = None


def _with_old_storage(spec: Object, before: Object) -> Any:
    resources = spec.get("resources")
    if not isinstance(resources, dict) or not isinstance(resources.get("requests"), dict):
        return resources
    quiet = Report()
    requests = quiet.child(quiet.child(before, "resources", "") or {}, "requests", "") or {}
    old = requests.get("storage", "0")
    return {**resources, "requests": {**resources["requests"], "storage": old}}


def _check_size(report: Report, spec: Object, before: Object, old: Object) -> None:
    size, size_before = _storage(spec), _storage(before)
    granted = _storage(
        {"resources": {"requests": (Report().child(old, "status", "") or {}).get("capacity")}}
    )
    if size < size_before and size <= granted:
        where = "spec.resources.requests.storage"
        report.forbidden(where, "field can not be less than status.capacity")


def _check_attributes(report: Report, spec: Object, before: Object, old: Object) -> None:
    name = spec.get(CLASS_NAME)
    current = (Report().child(old, "status", "") or {}).get("currentVolumeAttributesClassName")
    if name == before.get(CLASS_NAME) or current is None:
        return
    tail = "is forbidden when status.currentVolumeAttributesClassName is not nil"
    if name is None:
        report.forbidden(f"spec.{CLASS_NAME}", f"update to nil {tail}")
    elif name == "":
        report.forbidden(f"spec.{CLASS_NAME}", f"update to empty string {tail}")


def _storage(spec: Object) -> int:
    quiet = Report()
    resources = quiet.child(spec, "resources", "") or {}
    amount = amounts(quiet, resources, "requests", "").get("storage")
    return amount.nano if amount else 0


def check_claim_status(report: Report, claim: Object, old: Object) -> None:
    """Check what is said of a claim: what it got, and how its growth goes on."""
    if not _spec(claim).get("accessModes"):
        report.required("Spec.accessModes")
    status = report.child(claim, "status", "") or {}
    for name, amount in sorted(amounts(report, status, "capacity", "status").items()):
        check_basic(report, amount, f"status.capacity[{name}]")
    where = "status.allocatedResourceStatuses"
    for name, value in sorted(
        report.mapping(status, "allocatedResourceStatuses", "status").items()
    ):
        _check_resource_key(report, name, where)
        if value not in RESIZES:
            report.not_supported(where, name, RESIZES)
    for name, amount in sorted(amounts(report, status, "allocatedResources", "status").items()):
        if _check_resource_key(report, name, "status.allocatedResources"):
            at = f"status.allocatedResources[{name}]"
            if check_basic(report, amount, at):
                check_amount(report, "storage", amount, at)


def _check_resource_key(report: Report, name: str, path: str) -> bool:
    said = names.qualified_name(name)
    report.said(path, name, said)
    if not said and is_native(name) and name != "storage":
        report.not_supported(path, name, ("storage",))
        return False
    return not said


def _spec(obj: Object) -> Object:
    spec = obj.get("spec")
    return spec if isinstance(spec, dict) else {}


def _annotations(obj: Object) -> Object:
    meta = obj.get("metadata")
    annotations = meta.get("annotations") if isinstance(meta, dict) else None
    return annotations if isinstance(annotations, dict) else {}
