"""Rules of storage.k8s.io, attachments apart: classes, CSI drivers, their nodes and capacity."""

from typing import Any

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.schema.internal import internal
from pinnace.api.validation.base import IMMUTABLE, Report, too_long
from pinnace.api.validation.metadata import check_selector

PARAMETERS_LIMIT = 512
PARAMETERS_SIZE = 256 * 1024
NODE_ID_LIMIT = 256
DRIVER_NAME_LIMIT = 63
RECLAIM_POLICIES = ("Delete", "Retain")
BINDING_MODES = ("Immediate", "WaitForFirstConsumer")
FS_GROUP_POLICIES = ("File", "None", "ReadWriteOnceWithFSType")
LIFECYCLES = ("Persistent", "Ephemeral")
NO_TOKENS = "serviceAccountTokenInSecrets is set but no tokenRequests are specified"
TEN_MINUTES = 600


def check_driver_name(report: Report, name: str, path: str) -> None:
    """Check the name of a CSI driver (or another driver of that form), which must be there."""
    if not name:
        report.required(path)
        return
    if size(name) > DRIVER_NAME_LIMIT:
        report.add(too_long(path, DRIVER_NAME_LIMIT))
    report.said(path, name, names.dns1123_subdomain(name.lower()))


def size(text: str) -> int:
    """Return the bytes of a text, which is what Go counts."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _check_provisioner(report: Report, obj: Object, key: str) -> None:
    name = report.text(obj, key, "")
    if not name:
        report.required(key)
    else:
        lowered = name.lower()
        report.said(key, lowered, names.qualified_name(lowered))


def _check_parameters(report: Report, obj: Object, *, needed: bool) -> None:
    parameters = report.mapping(obj, "parameters", "")
    if len(parameters) > PARAMETERS_LIMIT:
        report.add(too_long("parameters", PARAMETERS_LIMIT))
        return
    if "" in parameters:
        report.invalid("parameters", "", "field can not be empty.")
    if sum(size(key) + size(value) for key, value in parameters.items()) > PARAMETERS_SIZE:
        report.add(too_long("parameters", PARAMETERS_SIZE))
    if needed and not parameters:
        report.required("parameters", "must contain at least one key/value pair")


def check_storage_class(report: Report, storage_class: Object) -> None:
    """Check a StorageClass."""
    _check_provisioner(report, storage_class, "provisioner")
    _check_parameters(report, storage_class, needed=False)
    policy = report.text(storage_class, "reclaimPolicy", "")
    if policy and policy not in RECLAIM_POLICIES:
        report.not_supported("reclaimPolicy", policy, RECLAIM_POLICIES)
    if storage_class.get("volumeBindingMode") is None:
        report.required("volumeBindingMode")
    else:
        mode = report.text(storage_class, "volumeBindingMode", "")
        if mode not in BINDING_MODES:
            report.not_supported("volumeBindingMode", mode, BINDING_MODES)
    seen: list[dict[str, set[str]]] = []
    terms = report.objects(storage_class, "allowedTopologies", "")
    for at, term in terms:
        found = _check_term(report, term, at)
        # Upstream keeps as many empty terms in what it compares with as there are terms.
        for before in [*({} for _ in terms), *seen]:
            if found == before and (found or before is not None):
                report.duplicate(f"{at}.matchLabelExpressions", "")
        seen.append(found)


def _check_term(report: Report, term: Object, path: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for at, requirement in report.objects(term, "matchLabelExpressions", path):
        values = report.texts(requirement, "values", at)
        if not values:
            report.required(f"{at}.values")
        for index, value in enumerate(values):
            if value in values[:index]:
                report.duplicate(f"{at}.values[{index}]", value)
        key = report.text(requirement, "key", at)
        report.said(f"{at}.key", key, names.qualified_name(key))
        if key in found:
            report.duplicate(f"{at}.key", key)
        found[key] = set(values)
    return found


def check_storage_class_kept(report: Report, storage_class: Object, old: Object) -> None:
    """Check a StorageClass that is changed: next to nothing may be."""
    parameters = dict(sorted(report.mapping(storage_class, "parameters", "").items()))
    check_same(report, parameters or None, old.get("parameters") or None, "parameters")
    provisioner = report.text(storage_class, "provisioner", "")
    check_same(report, provisioner, old.get("provisioner") or "", "provisioner")
    for key in ("reclaimPolicy", "volumeBindingMode"):
        check_same(report, storage_class.get(key), old.get(key), key)


def check_same(report: Report, new: Any, old: Any, path: str) -> None:
    """Check that a value is what it was, absence included; the empty ones are told apart."""
    if new != old:
        report.invalid(path, new, IMMUTABLE)


def check_attributes_class(report: Report, attributes_class: Object) -> None:
    """Check a VolumeAttributesClass."""
    _check_provisioner(report, attributes_class, "driverName")
    _check_parameters(report, attributes_class, needed=True)


def check_attributes_class_update(report: Report, new: Object, old: Object) -> None:
    """Check a changed VolumeAttributesClass: driver and parameters stay."""
    for key in ("driverName", "parameters"):
        if (new.get(key) or None) != (old.get(key) or None):
            report.forbidden(key, f"updates to {key} are forbidden.")


def check_csi_driver(report: Report, driver: Object) -> None:
    """Check a CSIDriver."""
    spec = report.child(driver, "spec", "") or {}
    for key, called in (
        ("attachRequired", "attachedRequired"), ("podInfoOnMount", "podInfoOnMount"),
        ("storageCapacity", "storageCapacity"),
    ):  # fmt: skip
        if report.flag(spec, key, "spec") is None:
            report.required(f"spec.{called}")
    if spec.get("fsGroupPolicy") is not None:
        policy = report.text(spec, "fsGroupPolicy", "spec")
        if policy not in FS_GROUP_POLICIES:
            report.not_supported("spec.fsGroupPolicy", policy, FS_GROUP_POLICIES)
    _check_token_requests(report, spec)
    for mode in report.texts(spec, "volumeLifecycleModes", "spec"):
        if mode not in LIFECYCLES:
            report.not_supported("spec.volumeLifecycleModes", mode, LIFECYCLES)
    if report.flag(spec, "seLinuxMount", "spec") is None:
        report.required("spec.seLinuxMount")
    period = report.number(spec, "nodeAllocatableUpdatePeriodSeconds", "spec")
    if period is not None and period < 10:
        detail = "must be greater than or equal to 10 seconds"
        report.invalid("spec.nodeAllocatableUpdatePeriodSeconds", period, detail)
    in_secrets = report.flag(spec, "serviceAccountTokenInSecrets", "spec")
    if in_secrets is not None and not spec.get("tokenRequests"):
        report.invalid("spec.serviceAccountTokenInSecrets", in_secrets, NO_TOKENS)


def _check_token_requests(report: Report, spec: Object) -> None:
    seen: set[str] = set()
    for at, request in report.objects(spec, "tokenRequests", "spec"):
        audience = report.text(request, "audience", at)
        if audience in seen:
            report.duplicate(f"{at}.audience", audience)
            continue
        seen.add(audience)
        check_token_lifetime(report, request, at)


def check_token_lifetime(report: Report, request: Object, path: str) -> None:
    """Check how long a service account's token may live."""
    seconds = report.number(request, "expirationSeconds", path)
    where = f"{path}.expirationSeconds"
    if seconds is not None and seconds < TEN_MINUTES:
        report.invalid(where, seconds, "may not specify a duration less than 10 minutes")
    if seconds is not None and seconds > 1 << 32:
        report.invalid(where, seconds, "may not specify a duration larger than 2^32 seconds")


def check_csi_driver_update(report: Report, driver: Object, old: Object) -> None:
    """Check a changed CSIDriver: whether it attaches, and the life cycles, stay."""
    check_csi_driver(report, driver)
    spec, before = report.child(driver, "spec", "") or {}, old.get("spec") or {}
    new_attach, old_attach = spec.get("attachRequired"), before.get("attachRequired")
    check_same(report, new_attach, old_attach, "spec.attachedRequired")
    modes, old_modes = spec.get("volumeLifecycleModes"), before.get("volumeLifecycleModes")
    check_same(report, modes, old_modes, "spec.volumeLifecycleModes")


def check_csi_node(report: Report, node: Object) -> None:
    """Check a CSINode."""
    spec = report.child(node, "spec", "") or {}
    seen: set[str] = set()
    for at, driver in report.objects(spec, "drivers", "spec"):
        name = report.text(driver, "name", at)
        check_driver_name(report, name, f"{at}.name")
        node_id = report.text(driver, "nodeID", at)
        if not node_id:
            report.required(f"{at}.nodeID")
        if size(node_id) > NODE_ID_LIMIT:
            detail = f"must be {NODE_ID_LIMIT} characters or less"
            report.invalid(f"{at}.nodeID", node_id, detail)
        allocatable = report.child(driver, "allocatable", at) or {}
        report.non_negative(allocatable, "count", f"{at}.allocatable")
        if name in seen:
            report.duplicate(f"{at}.name", name)
        seen.add(name)
        _check_topology_keys(report, driver, at)


def _check_topology_keys(report: Report, driver: Object, path: str) -> None:
    keys = report.texts(driver, "topologyKeys", path)
    for index, key in enumerate(keys):
        if not key:
            report.required(path)
        if key in keys[:index]:
            report.duplicate(path, key)
        report.said(path, key, names.qualified_name(key))


def check_csi_node_update(report: Report, node: Object, old: Object) -> None:
    """Check a changed CSINode: of a driver that stays, only the count may change."""
    check_csi_node(report, node)
    spec, before = report.child(node, "spec", "") or {}, old.get("spec") or {}
    for was in before.get("drivers") or ():
        for _, driver in report.objects(spec, "drivers", "spec"):
            if driver.get("name") == was.get("name") and _fixed(driver) != _fixed(was):
                shown = internal("storage.CSINodeDriver", {**driver, "allocatable": None})
                report.invalid("spec.drivers", shown, IMMUTABLE)


def _fixed(driver: Object) -> Object:
    return {key: value for key, value in driver.items() if key != "allocatable" and value}


def _selector(selector: Any) -> Any:
    """Return a label selector as it is printed: the labels sorted, nothing that is empty."""
    if not isinstance(selector, dict):
        return selector
    labels = selector.get("matchLabels")
    parts = {
        "matchLabels": dict(sorted(labels.items())) if isinstance(labels, dict) else labels,
        "matchExpressions": selector.get("matchExpressions"),
    }
    return {key: value for key, value in parts.items() if value}


def check_csi_capacity(report: Report, capacity: Object) -> None:
    """Check a new CSIStorageCapacity."""
    _check_capacity(report, capacity, values=True)


def _check_capacity(report: Report, capacity: Object, *, values: bool) -> None:
    check_selector(report, capacity, "nodeTopology", "", any_value=not values)
    name = report.text(capacity, "storageClassName", "")
    report.said("storageClassName", name, names.dns1123_subdomain(name))
    amount = report.quantity(capacity, "capacity", "")
    if amount is not None and amount.nano < 0:
        shown = amount.canonical()
        report.invalid("capacity", shown, "must be greater than or equal to 0")


def check_csi_capacity_again(report: Report, capacity: Object, old: Object) -> None:
    """Check a changed CSIStorageCapacity as a new one, bad values that were stored apart."""
    trial = Report()
    check_selector(trial, old, "nodeTopology", "")
    _check_capacity(report, capacity, values=not trial.causes)


def check_csi_capacity_kept(report: Report, capacity: Object, old: Object) -> None:
    """Check a changed CSIStorageCapacity: what it is the capacity of stays."""
    if (capacity.get("nodeTopology") or None) != (old.get("nodeTopology") or None):
        report.invalid("nodeTopology", _selector(capacity.get("nodeTopology")), IMMUTABLE)
    name = capacity.get("storageClassName") or ""
    if name != (old.get("storageClassName") or ""):
        report.invalid("storageClassName", name, IMMUTABLE)
