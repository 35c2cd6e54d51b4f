"""Rules of ResourceSlices and DeviceTaintRules, as the hub of their versions has them."""

import re
from collections.abc import Callable
from itertools import pairwise

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.quantity import Quantity
from pinnace.api.schema.internal import internal
from pinnace.api.validation.base import IMMUTABLE, Report, not_found, too_long, too_many
from pinnace.api.validation.conditions import check_conditions
from pinnace.api.validation.devicenames import (
    KEY_LIMIT,
    check_attribute_name,
    check_binding,
    check_label,
    check_map,
    check_pool_name,
    check_taint,
    check_unique,
    fits,
)
from pinnace.api.validation.devices import said
from pinnace.api.validation.resources import is_native
from pinnace.api.validation.scheduling import check_node_selector
from pinnace.api.validation.storage import check_driver_name, size

DEVICES_LIMIT, ADVANCED_LIMIT = 128, 64
COUNTERS_LIMIT, COUNTER_SETS_LIMIT, CONSUMPTIONS_LIMIT = 32, 8, 2
ATTRIBUTES_LIMIT, VALUES_LIMIT, VALUE_SIZE = 32, 48, 64
TAINTS_LIMIT, CHOICES_LIMIT, CONDITIONS_LIMIT = 16, 10, 8
ONE_NODE = (
    "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required"
)
ONE_NODE_EACH = (
    "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when "
    "`perDeviceNodeSelection` is set to true in the ResourceSlice spec"
)
NO_NODE_EACH = (
    "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set "
    "to true in the ResourceSlice spec"
)
ONE_TERM = "must have exactly one node selector term"
SEMVER = "must be a string compatible with semver.org spec 2.0.0"
ONE_POLICY = (
    'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the '
    "same time"
)
_NUMBER = r"(0|[1-9]\d*)"
_PART = r"(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
_SEMVER = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(-{_PART}(\.{_PART})*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?",
    re.ASCII,
)
_VALUES = (
    ("IntValue", "int"), ("BoolValue", "bool"), ("StringValue", "string"),
    ("VersionValue", "version"), ("IntValues", "ints"), ("BoolValues", "bools"),
    ("StringValues", "strings"), ("VersionValues", "versions"),
)  # fmt: skip


def check_slice(report: Report, resource_slice: Object) -> None:
    """Check a new ResourceSlice."""
    _check_slice(report, resource_slice, None)


def check_slice_update(report: Report, resource_slice: Object, old: Object) -> None:
    """Check a changed ResourceSlice: driver, pool and node stay."""
    _check_slice(report, resource_slice, old.get("spec") or {})


def _check_slice(report: Report, resource_slice: Object, before: Object | None) -> None:
    spec = report.child(resource_slice, "spec", "") or {}
    check_driver_name(report, report.text(spec, "driver", "spec"), "spec.driver")
    pool = report.child(spec, "pool", "spec") or {}
    check_pool_name(report, report.text(pool, "name", "spec.pool"), "spec.pool.name")
    count = report.number(pool, "resourceSliceCount", "spec.pool") or 0
    if count <= 0:
        report.invalid("spec.pool.resourceSliceCount", count, "must be greater than zero")
    generation = report.number(pool, "generation", "spec.pool") or 0
    if generation < 0:
        detail = "must be greater than or equal to zero"
        report.invalid("spec.pool.generation", generation, detail)
    if before is not None:
        _check_kept(report, spec, before)
    _check_nodes(report, spec)
    if spec.get("sharedCounters") is not None and spec.get("devices") is not None:
        report.invalid("spec", "", "only one of `sharedCounters` or `devices` is allowed")
    _check_devices(report, spec, before or {})
    sets = report.objects(spec, "sharedCounters", "spec")
    if fits(report, sets, "spec.sharedCounters", COUNTER_SETS_LIMIT):
        for at, counters in sets:
            _check_counters(report, counters, at, "name")
        check_unique(report, [part.get("name") or "" for _, part in sets], "spec.sharedCounters")


def _check_kept(report: Report, spec: Object, before: Object) -> None:
    name, was = ((part.get("pool") or {}).get("name") or "" for part in (spec, before))
    if name != was:
        report.invalid("spec.pool.name", name, IMMUTABLE)
    if (spec.get("driver") or "") != (before.get("driver") or ""):
        report.invalid("spec.driver", spec.get("driver") or "", IMMUTABLE)
    if spec.get("nodeName") != before.get("nodeName"):
        report.invalid("spec.nodeName", spec.get("nodeName"), IMMUTABLE)


def _check_nodes(report: Report, spec: Object) -> None:
    chosen = []
    if spec.get("nodeName") is not None:
        name = report.text(spec, "nodeName", "spec")
        if name:
            chosen.append("`nodeName`")
            report.said("spec.nodeName", name, names.dns1123_subdomain(name))
        else:
            detail = "must be either unset or set to a non-empty string"
            report.invalid("spec.nodeName", name, detail)
    selector = report.child(spec, "nodeSelector", "spec")
    if selector is not None:
        chosen.append("`nodeSelector`")
        check_node_selector(report, selector, "spec.nodeSelector")
        terms = selector.get("nodeSelectorTerms")
        if len(terms or ()) != 1:
            shown = internal("[core.NodeSelectorTerm", terms)
            report.invalid("spec.nodeSelector.nodeSelectorTerms", shown, ONE_TERM)
    for key in ("allNodes", "perDeviceNodeSelection"):
        flag = report.flag(spec, key, "spec")
        if flag:
            chosen.append(f"`{key}`")
        elif flag is not None:
            report.invalid(f"spec.{key}", flag, "must be either unset or set to true")
    if not chosen:
        report.required("spec", ONE_NODE)
    elif len(chosen) > 1:
        detail = f"{ONE_NODE}, but multiple fields are set"
        report.invalid("spec", f"{{{', '.join(chosen)}}}", detail)


def _check_devices(report: Report, spec: Object, before: Object) -> None:
    devices = report.objects(spec, "devices", "spec")
    limit = ADVANCED_LIMIT if any(_is_advanced(part) for _, part in devices) else DEVICES_LIMIT
    if not fits(report, devices, "spec.devices", limit):
        return
    each = report.flag(spec, "perDeviceNodeSelection", "spec") or False
    known = {part.get("name"): part for part in before.get("devices") or ()}
    for at, device in devices:
        _check_device(report, device, known.get(device.get("name")), at, each=each)
    check_unique(report, [device.get("name") or "" for _, device in devices], "spec.devices")


def _is_advanced(device: Object) -> bool:
    if device.get("taints") or device.get("consumesCounters"):
        return True
    return any(
        attribute.get(key) is not None
        for attribute in (device.get("attributes") or {}).values()
        for key in ("bools", "ints", "strings", "versions")
    )


def _check_device(
    report: Report, device: Object, old: Object | None, path: str, *, each: bool
) -> None:
    check_label(report, report.text(device, "name", path), f"{path}.name")
    attributes = report.child(device, "attributes", path) or {}
    total = len(attributes) + len(report.child(device, "capacity", path) or {})
    if total > ATTRIBUTES_LIMIT:
        detail = f"the total number of attributes and capacities must not exceed {ATTRIBUTES_LIMIT}"
        report.invalid(path, total, detail)
    values = sum(map(_values_in, attributes.values()))
    if values > VALUES_LIMIT:
        detail = f"the total number of attribute values must not exceed {VALUES_LIMIT}"
        report.invalid(path, values, detail)
    for at, attribute in check_map(
        report, device, "attributes", path, KEY_LIMIT, check_attribute_name
    ):
        _check_attribute(report, attribute, at)
    shared = report.flag(device, "allowMultipleAllocations", path) or False
    for at, capacity in check_map(
        report, device, "capacity", path, KEY_LIMIT, check_attribute_name
    ):
        _check_capacity(report, capacity, at, shared=shared)
    taints = report.objects(device, "taints", path)
    stored = old is not None and said(old.get("taints")) == said(device.get("taints"))
    if not stored and fits(report, taints, f"{path}.taints", TAINTS_LIMIT):
        for at, taint in taints:
            check_taint(report, taint, at)
    consumed = report.objects(device, "consumesCounters", path)
    if fits(report, consumed, f"{path}.consumesCounters", CONSUMPTIONS_LIMIT):
        for at, counters in consumed:
            _check_counters(report, counters, at, "counterSet")
        called = [part.get("counterSet") or "" for _, part in consumed]
        check_unique(report, called, f"{path}.consumesCounters")
    _check_device_nodes(report, device, path, each=each)
    check_binding(report, device, path)
    _check_mappings(report, device, path)


def _values_in(attribute: Object) -> int:
    lists = [attribute.get(key) or [] for key in ("bools", "ints", "strings", "versions")]
    return sum(map(len, lists)) or 1


def _check_counters(report: Report, counters: Object, path: str, name_key: str) -> None:
    name = report.text(counters, name_key, path)
    if not name:
        report.required(f"{path}.{name_key}")
    else:
        check_label(report, name, f"{path}.{name_key}")
    given = report.child(counters, "counters", path) or {}
    if not given:
        report.required(f"{path}.counters")
    elif len(given) > COUNTERS_LIMIT:
        report.add(too_many(f"{path}.counters", len(given), COUNTERS_LIMIT))
    else:
        check_map(report, counters, "counters", path, 63, check_label)


def _check_attribute(report: Report, attribute: Object, path: str) -> None:
    given = [key for _, key in _VALUES if attribute.get(key) is not None]
    checks: dict[str, Callable[[Report, str, str], None]] = {
        "string": _check_text, "version": _check_version
    }  # fmt: skip
    for key, check in checks.items():
        if attribute.get(key) is not None:
            check(report, report.text(attribute, key, path), f"{path}.{key}")
    for key in ("bools", "ints", "strings", "versions"):
        if attribute.get(key) == []:
            report.invalid(f"{path}.{key}", [], "must not be empty if specified")
        if key.removesuffix("s") in checks:
            for index, value in enumerate(report.texts(attribute, key, path)):
                checks[key.removesuffix("s")](report, value, f"{path}.{key}[{index}]")
    if len(given) != 1:
        shown = {name: attribute.get(key) for name, key in _VALUES} if given else ""
        report.invalid(path, shown, "exactly one value must be specified")


def _check_text(report: Report, value: str, path: str) -> None:
    if size(value) > VALUE_SIZE:
        report.add(too_long(path, VALUE_SIZE))


def _check_version(report: Report, value: str, path: str) -> None:
    if not _SEMVER.fullmatch(value):
        report.invalid(path, value, SEMVER)
    _check_text(report, value, path)


def _check_capacity(report: Report, capacity: Object, path: str, *, shared: bool) -> None:
    policy, where = report.child(capacity, "requestPolicy", path), f"{path}.requestPolicy"
    if policy is None:
        return
    if not shared:
        report.forbidden(where, "allowMultipleAllocations must be true")
        return
    most = report.quantity(capacity, "value", path)
    values, span = (
        report.items(policy, "validValues", where),
        report.child(policy, "validRange", where),
    )
    if values and span is not None:
        report.forbidden(where, ONE_POLICY)
        return
    default = report.quantity(policy, "default", where)
    for key, given in (("validValues", bool(values)), ("validRange", span is not None)):
        if given and default is None:
            report.required(f"{where}.default", f"required when {key} is defined")
    if default is None or most is None:
        return
    if values:
        _check_choices(report, policy, default, most, where)
    elif span is not None:
        _check_range(report, span, default, most, f"{where}.validRange")


def _check_choices(
    report: Report, policy: Object, default: Quantity, most: Quantity, path: str
) -> None:
    path = f"{path}.validValues"
    given = [report.amount(value, path) for value in policy["validValues"]]
    values = [value for value in given if value is not None]
    for index, (one, next_one) in enumerate(pairwise(values)):
        if one > next_one:
            detail = "values must be sorted in ascending order"
            report.invalid(f"{path}[{index + 1}]", next_one.canonical(), detail)
    if fits(report, values, path, CHOICES_LIMIT):
        for index, value in enumerate(values):
            if value > most:
                detail = f"option is larger than capacity value: {most.canonical()}"
                report.invalid(f"{path}[{index}]", value.canonical(), detail)
        check_unique(report, [str(value.value()) for value in values], path)
        if any(value == default for value in values):
            return
    detail = "default value is not valid according to the requestPolicy"
    report.invalid(path, default.canonical(), detail)


def _check_range(
    report: Report, span: Object, default: Quantity, most: Quantity, path: str
) -> None:
    low, high, step = (report.quantity(span, key, path) for key in ("min", "max", "step"))
    if low is None:
        report.required(f"{path}.min", "required when validRange is defined")
        return
    for wrong, key, shown, detail in (
        (low > most, "min", low, f"min is larger than capacity value: {most.canonical()}"),
        (default < low, "min", default, f"default is less than min: {low.canonical()}"),
    ):
        if wrong:
            report.invalid(f"{path}.{key}", shown.canonical(), detail)
    if high is not None:
        for wrong, shown, detail in (
            (low > high, low, f"min is larger than max: {high.canonical()}"),
            (high > most, high, f"max is larger than capacity value: {most.canonical()}"),
            (default > high, default, f"default is more than max: {high.canonical()}"),
        ):
            if wrong:
                report.invalid(f"{path}.max", shown.canonical(), detail)
    if step is not None:
        _check_step(report, (low, high, step), default, most, f"{path}.step")


def _check_step(
    report: Report, span: tuple[Quantity, Quantity | None, Quantity], default: Quantity,
    most: Quantity, path: str,
) -> None:  # fmt: skip
    low, high, step = span
    added = low.add(step)
    if added > most:
        detail = f"one step {added.canonical()} is larger than capacity value: {most.canonical()}"
        report.invalid(path, step.canonical(), detail)
    for value in (default, high):
        if value is not None and step.value() and (value.value() - low.value()) % step.value():
            detail = (
                f"value is not a multiple of a given step ({step.canonical()}) from "
                f"({low.canonical()})"
            )
            report.invalid(path, value.canonical(), detail)


def _check_device_nodes(report: Report, device: Object, path: str, *, each: bool) -> None:
    keys = ("nodeName", "nodeSelector", "allNodes")
    if not each:
        if any(device.get(key) is not None for key in keys):
            report.invalid(path, None, NO_NODE_EACH)
        return
    chosen = []
    if device.get("nodeName") is not None:
        name = report.text(device, "nodeName", path)
        if name:
            chosen.append("`nodeName`")
            report.said(f"{path}.nodeName", name, names.dns1123_subdomain(name))
        else:
            report.invalid(f"{path}.nodeName", name, "must not be empty")
    selector = report.child(device, "nodeSelector", path)
    if selector is not None:
        chosen.append("`nodeSelector`")
        check_node_selector(report, selector, f"{path}.nodeSelector")
    flag = report.flag(device, "allNodes", path)
    if flag:
        chosen.append("`allNodes`")
    elif flag is not None:
        report.invalid(f"{path}.allNodes", flag, "must be either unset or set to true")
    if not chosen:
        report.required(path, ONE_NODE_EACH)
    elif len(chosen) > 1:
        report.invalid(path, f"{{{', '.join(chosen)}}}", ONE_NODE_EACH)


def _check_mappings(report: Report, device: Object, path: str) -> None:
    mappings = report.child(device, "nodeAllocatableResourceMappings", path) or {}
    for name, mapping in sorted(mappings.items()):
        at = f"{path}.nodeAllocatableResourceMappings[{name}]"
        if not is_native(name):
            report.invalid(at, name, "must be a node allocatable resource name")
        key, multiplier = mapping.get("capacityKey"), mapping.get("allocationMultiplier")
        if key is None and multiplier is None:
            detail = "at least one of allocationMultiplier or capacityKey must be set"
            report.invalid(at, "", detail)
            continue
        factor = report.quantity(mapping, "allocationMultiplier", at)
        if factor is not None and factor.nano <= 0:
            shown = factor.canonical()
            report.invalid(f"{at}.allocationMultiplier", shown, "must be positive")
        where = f"{at}.capacityKey"
        if key == "":
            report.invalid(where, "", "capacityKey must not be an empty string")
        elif key is not None and key not in (device.get("capacity") or {}):
            report.add(not_found(where, key))


def check_taint_rule(report: Report, rule: Object) -> None:
    """Check a new DeviceTaintRule."""
    _check_taint_rule(report, rule, None)


def check_taint_rule_update(report: Report, rule: Object, old: Object) -> None:
    """Check a changed DeviceTaintRule; an effect that is stored already stays good."""
    _check_taint_rule(report, rule, (old.get("spec") or {}).get("taint") or {})


def _check_taint_rule(report: Report, rule: Object, before: Object | None) -> None:
    spec = report.child(rule, "spec", "") or {}
    selector, where = report.child(spec, "deviceSelector", "spec") or {}, "spec.deviceSelector"
    checks: dict[str, Callable[[Report, str, str], None]] = {
        "driver": check_driver_name, "pool": check_pool_name, "device": check_label
    }  # fmt: skip
    for key, check in checks.items():
        if selector.get(key) is not None:
            check(report, report.text(selector, key, where), f"{where}.{key}")
    taint = report.child(spec, "taint", "spec") or {}
    same = before is not None and (before.get("effect") or "") == (taint.get("effect") or "")
    check_taint(report, taint, "spec.taint", effect=not same)


def check_taint_rule_status(report: Report, rule: Object, old: Object) -> None:
    """Check what has become of a DeviceTaintRule."""
    status = report.child(rule, "status", "") or {}
    check_conditions(report, status, "status")
    conditions = report.objects(status, "conditions", "status")
    if len(conditions) > CONDITIONS_LIMIT:
        report.add(too_many("status.conditions", len(conditions), CONDITIONS_LIMIT))
