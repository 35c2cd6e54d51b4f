"""Rules of ResourceClaims, their templates and DeviceClasses, as their hub version has them."""

import re
from collections.abc import Sequence
from typing import Any

import orjson

from pinnace.api import names
from pinnace.api.cel.devices import MOST_COST, TOO_DEAR, compile_selector
from pinnace.api.objects import Object
from pinnace.api.schema.internal import internal
from pinnace.api.validation.base import IMMUTABLE, Report, too_long, too_many
from pinnace.api.validation.conditions import check_conditions
from pinnace.api.validation.devicenames import (
    check_binding,
    check_full_name,
    check_label,
    check_pool_name,
    check_tolerations,
    check_unique,
    fits,
)
from pinnace.api.validation.metadata import check_annotations, check_labels
from pinnace.api.validation.resources import is_extended
from pinnace.api.validation.scheduling import check_node_selector
from pinnace.api.validation.storage import check_driver_name, size

LIST_LIMIT = 32
SUBREQUESTS_LIMIT = 8
RESERVED_LIMIT = 256
PARAMETERS_LIMIT = 10 * 1024
EXPRESSION_LIMIT = 10 * 1024
STATUS_CONDITIONS_LIMIT = 8
IPS_LIMIT = 16
ONE_KIND = "exactly one of `exactly` or `firstAvailable` is required"
ONE_ATTRIBUTE = (
    'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are '
    "set"
)
A_REQUEST = (
    "must be the name of a request in the claim or the name of a request and a subrequest "
    "separated by '/'"
)
NORMAL_UID = (
    "uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with "
    "lowercase hexadecimal characters"
)
NO_NEW = "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set"
SOURCES = ("FromClaim", "FromClass")
Requests = dict[str, set[str]]


def check_claim(report: Report, claim: Object) -> None:
    """Check a new ResourceClaim."""
    _check_claim_spec(report, report.child(claim, "spec", "") or {}, "spec")


def check_claim_update(report: Report, claim: Object, old: Object) -> None:
    """Check a changed ResourceClaim: its spec stays."""
    _check_spec_kept(report, claim, old, "resource.ResourceClaimSpec")


def _check_spec_kept(report: Report, obj: Object, old: Object, kind: str) -> None:
    spec = report.child(obj, "spec", "") or {}
    if said(spec) != said(old.get("spec") or {}):
        report.invalid("spec", internal(kind, spec), IMMUTABLE)


def said(value: Any) -> Any:
    """Return a value without empty lists and maps, which say what their absence says."""
    if isinstance(value, dict):
        parts = {key: said(part) for key, part in value.items()}
        return {key: part for key, part in parts.items() if part not in (None, [], {})}
    return [said(part) for part in value] if isinstance(value, list) else value


def check_template(report: Report, template: Object) -> None:
    """Check a new ResourceClaimTemplate."""
    spec = report.child(template, "spec", "") or {}
    meta = report.child(spec, "metadata", "spec") or {}
    check_annotations(report, meta, "spec.metadata")
    check_labels(report, meta, "labels", "spec.metadata")
    for key, value in meta.items():
        if key not in ("annotations", "labels") and value not in (None, "", [], {}, 0):
            report.forbidden(f"spec.metadata.{key}", "cannot be set")
    _check_claim_spec(report, report.child(spec, "spec", "spec") or {}, "spec.spec")


def check_template_kept(report: Report, template: Object, old: Object) -> None:
    """Check a changed template: its spec stays."""
    _check_spec_kept(report, template, old, "resource.ResourceClaimTemplateSpec")


def _requests_of(report: Report, spec: Object, path: str) -> Requests:
    found: Requests = {}
    devices = report.child(spec, "devices", path) or {}
    for _, request in report.objects(devices, "requests", f"{path}.devices"):
        inner = report.objects(request, "firstAvailable", path)
        found[request.get("name") or ""] = {part.get("name") or "" for _, part in inner}
    return found


def _check_claim_spec(report: Report, spec: Object, path: str) -> None:
    devices, path = report.child(spec, "devices", path) or {}, f"{path}.devices"
    known = _requests_of(Report(), spec, "")
    requests = report.objects(devices, "requests", path)
    if fits(report, requests, f"{path}.requests", LIST_LIMIT):
        for at, request in requests:
            _check_request(report, request, at)
        called = [request.get("name") or "" for _, request in requests]
        check_unique(report, called, f"{path}.requests")
    constraints = report.objects(devices, "constraints", path)
    if fits(report, constraints, f"{path}.constraints", LIST_LIMIT):
        for at, constraint in constraints:
            _check_constraint(report, constraint, at, known)
    configs = report.objects(devices, "config", path)
    if fits(report, configs, f"{path}.config", LIST_LIMIT):
        for at, config in configs:
            _check_request_names(report, config, at, known)
            check_configuration(report, config, at)


def _check_request(report: Report, request: Object, path: str) -> None:
    check_label(report, report.text(request, "name", path), f"{path}.name")
    first = report.objects(request, "firstAvailable", path)
    exact = report.child(request, "exactly", path)
    if not first and exact is None:
        report.required(path, ONE_KIND)
    elif first and exact is not None:
        report.invalid(path, None, f"{ONE_KIND}, but multiple fields are set")
    elif exact is not None:
        _check_exact(report, exact, f"{path}.exactly")
    elif fits(report, first, f"{path}.firstAvailable", SUBREQUESTS_LIMIT):
        for at, part in first:
            check_label(report, report.text(part, "name", at), f"{at}.name")
            _check_exact(report, part, at)
        called = [part.get("name") or "" for _, part in first]
        check_unique(report, called, f"{path}.firstAvailable")


def _check_exact(report: Report, request: Object, path: str) -> None:
    name = report.text(request, "deviceClassName", path)
    if not name:
        report.required(f"{path}.deviceClassName")
    else:
        report.said(f"{path}.deviceClassName", name, names.dns1123_subdomain(name))
    check_selectors(report, request, path)
    mode, count = (
        report.text(request, "allocationMode", path),
        report.number(request, "count", path),
    )
    if mode == "All":
        if count:
            detail = "must not be specified when allocationMode is 'All'"
            report.invalid(f"{path}.count", count, detail)
    elif mode == "ExactCount":
        if (count or 0) <= 0:
            report.invalid(f"{path}.count", count or 0, "must be greater than zero")
    else:
        report.not_supported(f"{path}.allocationMode", mode, ("All", "ExactCount"))
    check_tolerations(report, request, path)


def check_selectors(report: Report, holder: Object, path: str) -> None:
    """Check the expressions that devices are selected with."""
    selectors = report.objects(holder, "selectors", path)
    if not fits(report, selectors, f"{path}.selectors", LIST_LIMIT):
        return
    for at, selector in selectors:
        cel = report.child(selector, "cel", at)
        if cel is None:
            report.required(f"{at}.cel")
            continue
        text, where = report.text(cel, "expression", f"{at}.cel"), f"{at}.cel.expression"
        if size(text) > EXPRESSION_LIMIT:
            report.add(too_long(where, EXPRESSION_LIMIT))
        else:
            _check_selector(report, text, where)


def _check_selector(report: Report, text: str, path: str) -> None:
    try:
        if compile_selector(text).cost > MOST_COST:
            report.forbidden(path, TOO_DEAR)
    except ValueError as error:
        report.invalid(path, text, str(error))


def _check_constraint(report: Report, constraint: Object, path: str, known: Requests) -> None:
    _check_request_names(report, constraint, path, known)
    for key in ("matchAttribute", "distinctAttribute"):
        if constraint.get(key) is not None:
            check_full_name(report, report.text(constraint, key, path), f"{path}.{key}")
            return
    report.required(path, ONE_ATTRIBUTE)


def _check_request_names(report: Report, holder: Object, path: str, known: Requests) -> None:
    requests, where = report.texts(holder, "requests", path), f"{path}.requests"
    if fits(report, requests, where, LIST_LIMIT):
        for index, name in enumerate(requests):
            _check_request_name(report, name, f"{where}[{index}]", known)
        check_unique(report, requests, where)


def _check_request_name(report: Report, name: str, path: str, known: Requests) -> None:
    parts = name.split("/")
    if len(parts) > 2:
        report.invalid(path, name, A_REQUEST)
        return
    for part in parts:
        check_label(report, part, path)
    if parts[0] not in known or (len(parts) == 2 and parts[1] not in known[parts[0]]):
        report.invalid(path, name, A_REQUEST)


def check_configuration(report: Report, config: Object, path: str) -> None:
    """Check parameters that are for a driver to read."""
    opaque = report.child(config, "opaque", path)
    if opaque is None:
        report.required(f"{path}.opaque")
        return
    where = f"{path}.opaque"
    check_driver_name(report, report.text(opaque, "driver", where), f"{where}.driver")
    _check_raw(report, opaque.get("parameters"), f"{where}.parameters")


def _check_raw(report: Report, value: Any, path: str) -> None:
    if value is None:
        report.required(path)
    elif len(orjson.dumps(value)) > PARAMETERS_LIMIT:
        report.add(too_long(path, PARAMETERS_LIMIT))
    elif not isinstance(value, dict):
        report.invalid(path, "<value omitted>", "must be a valid JSON object")


def check_claim_status(report: Report, claim: Object, old: Object) -> None:
    """Check what is allocated to a claim, who holds it, and what drivers say of it."""
    status, before = report.child(claim, "status", "") or {}, old.get("status") or {}
    reserved = report.objects(status, "reservedFor", "status")
    if fits(report, reserved, "status.reservedFor", RESERVED_LIMIT):
        for at, consumer in reserved:
            for key in ("resource", "name", "uid"):
                if not report.text(consumer, key, at):
                    report.required(f"{at}.{key}")
        check_unique(report, [part.get("uid") or "" for _, part in reserved], "status.reservedFor")
    allocation = report.child(status, "allocation", "status")
    _check_devices(report, status, allocation)
    if reserved and allocation is None:
        detail = "may not be specified when `allocated` is not set"
        report.forbidden("status.reservedFor", detail)
    elif (claim.get("metadata") or {}).get("deletionTimestamp") and any(
        part not in (before.get("reservedFor") or []) for _, part in reserved
    ):
        report.forbidden("status.reservedFor", NO_NEW)
    if allocation is None:
        return
    if before.get("allocation") is None:
        known = _requests_of(report, report.child(claim, "spec", "") or {}, "spec")
        _check_allocation(report, allocation, "status.allocation", known)
    elif said(allocation) != said(before["allocation"]):
        shown = internal("resource.AllocationResult", allocation)
        report.invalid("status.allocation", shown, IMMUTABLE)


def _id(device: Object) -> tuple[str, str, str, str]:
    keys = ("driver", "pool", "device", "shareID")
    return tuple(str(device.get(key) or "") for key in keys)  # type: ignore[return-value]  # four


def _check_devices(report: Report, status: Object, allocation: Object | None) -> None:
    devices = report.objects(status, "devices", "status")
    results = report.child(allocation or {}, "devices", "status.allocation") or {}
    allocated = {_id(part) for _, part in report.objects(results, "results", "status")}
    for at, device in devices:
        _check_device(report, device, at, allocated)
    ids: Sequence[Any] = [_id(device) for _, device in devices]
    for index, one in enumerate(ids):
        if one in ids[:index]:
            report.duplicate(f"status.devices[{index}]", _printed(one))


def _printed(device: tuple[str, str, str, str]) -> Object:
    driver, pool, name, share = device
    return {"Driver": driver, "Pool": pool, "Device": name, "ShareID": share}


def _check_device(report: Report, device: Object, path: str, allocated: set[Any]) -> None:
    check_driver_name(report, report.text(device, "driver", path), f"{path}.driver")
    check_pool_name(report, report.text(device, "pool", path), f"{path}.pool")
    check_label(report, report.text(device, "device", path), f"{path}.device")
    _check_share(report, device, path)
    if _id(device) not in allocated:
        detail = "must be an allocated device in the claim"
        report.invalid(path, _printed(_id(device)), detail)
    conditions = report.objects(device, "conditions", path)
    if len(conditions) > STATUS_CONDITIONS_LIMIT:
        where = f"{path}.conditions"
        report.add(too_many(where, len(conditions), STATUS_CONDITIONS_LIMIT))
    check_conditions(report, device, path)
    if device.get("data") is not None:
        _check_raw(report, device["data"], f"{path}.data")
    network = report.child(device, "networkData", path)
    if network is not None:
        _check_network(report, network, f"{path}.networkData")


def _check_share(report: Report, holder: Object, path: str) -> None:
    if holder.get("shareID") is None:
        return
    uid, where = report.text(holder, "shareID", path), f"{path}.shareID"
    fault = _uid_fault(uid)
    if fault:
        report.invalid(where, uid, f"error validating uid: {fault}")
    elif len(uid) != 36 or uid != uid.lower():
        report.invalid(where, uid, NORMAL_UID)


def _uid_fault(uid: str) -> str:
    bare = uid
    if len(uid) == 36 + 9:
        if not uid.lower().startswith("urn:uuid:"):
            return f"invalid urn prefix: {uid[:9]!r}".replace("'", '"')
        bare = uid[9:]
    elif len(uid) == 38:
        if uid[0] != "{" or uid[-1] != "}":
            return "invalid bracketed UUID format"
        bare = uid[1:-1]
    elif len(uid) == 32:
        return "" if re.fullmatch("[0-9a-fA-F]{32}", uid) else "invalid UUID format"
    elif len(uid) != 36:
        return f"invalid UUID length: {len(uid)}"
    parts = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    return "" if re.fullmatch(parts, bare) else "invalid UUID format"


def _check_network(report: Report, network: Object, path: str) -> None:
    for key, limit in (("interfaceName", 256), ("hardwareAddress", 128)):
        if size(report.text(network, key, path)) > limit:
            report.add(too_long(f"{path}.{key}", limit))
    addresses, where = report.texts(network, "ips", path), f"{path}.ips"
    if fits(report, addresses, where, IPS_LIMIT):
        for index, address in enumerate(addresses):
            report.said(f"{where}[{index}]", address, names.interface_address(address))
        check_unique(report, addresses, where)


def _check_allocation(report: Report, allocation: Object, path: str, known: Requests) -> None:
    devices, where = report.child(allocation, "devices", path) or {}, f"{path}.devices"
    results = report.objects(devices, "results", where)
    if fits(report, results, f"{where}.results", LIST_LIMIT):
        for at, result in results:
            request = report.text(result, "request", at)
            _check_request_name(report, request, f"{at}.request", known)
            check_driver_name(report, report.text(result, "driver", at), f"{at}.driver")
            check_pool_name(report, report.text(result, "pool", at), f"{at}.pool")
            check_label(report, report.text(result, "device", at), f"{at}.device")
            check_binding(report, result, at)
            _check_share(report, result, at)
    configs = report.objects(devices, "config", where)
    if fits(report, configs, f"{where}.config", 2 * LIST_LIMIT):
        for at, config in configs:
            report.one_of(config, "source", at, SOURCES)
            _check_request_names(report, config, at, known)
            check_configuration(report, config, at)
    selector = report.child(allocation, "nodeSelector", path)
    if selector is not None:
        check_node_selector(report, selector, f"{path}.nodeSelector")


def class_name(name: str) -> list[str]:
    """Return what keeps a value from being the name of a DeviceClass, in the newer wording."""
    return [why.replace("characters", "bytes", 1) if why.startswith("must be no more") else why
            for why in names.dns1123_subdomain(name)]  # fmt: skip


def check_class(report: Report, device_class: Object) -> None:
    """Check a DeviceClass."""
    spec = report.child(device_class, "spec", "") or {}
    check_selectors(report, spec, "spec")
    configs = report.objects(spec, "config", "spec")
    if fits(report, configs, "spec.config", LIST_LIMIT):
        for at, config in configs:
            check_configuration(report, config, at)
    if spec.get("extendedResourceName") is not None:
        name = report.text(spec, "extendedResourceName", "spec")
        if not is_extended(name):
            detail = "must be a valid extended resource name"
            report.invalid("spec.extendedResourceName", name, detail)
