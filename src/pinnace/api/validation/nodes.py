"""Rules of Nodes: taints, addresses, resources, declared features."""

import re
from collections.abc import Sequence

from pinnace.api import names
from pinnace.api.errors import Cause
from pinnace.api.objects import Object
from pinnace.api.schema.internal import internal
from pinnace.api.validation.base import NOT_POSITIVE, Report, quoted, shown
from pinnace.api.validation.resources import amounts, check_amount
from pinnace.api.validation.scheduling import EFFECTS

POD_CIDR = 'node updates may not change podCIDR except from "" to valid'
PROVIDER = 'node updates may not change providerID except from "" to valid'
FEATURE_LIMIT = 253
FEATURE_FORM = (
    "must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., "
    "MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes"
)
_FEATURE = re.compile(r"[A-Z][a-zA-Z0-9]*(/[a-zA-Z][a-zA-Z0-9]*)*")


def check_node(report: Report, node: Object) -> None:
    """Check a Node as a whole."""
    spec = report.child(node, "spec", "") or {}
    _check_taints(report, spec)
    _check_resources(report, node)
    status = report.child(node, "status", "") or {}
    swap = report.child(report.child(status, "nodeInfo", "status") or {}, "swap", "") or {}
    capacity = report.number(swap, "capacity", "metadata.nodeSwapStatus")
    if capacity is not None and capacity <= 0:
        report.invalid("metadata.nodeSwapStatus.capacity", capacity, NOT_POSITIVE)
    _check_features(report, report.texts(status, "declaredFeatures", "status"))
    _check_cidrs(report, report.texts(spec, "podCIDRs", "spec"))


def _check_cidrs(report: Report, cidrs: Sequence[str]) -> None:
    wrong = []
    for index, value in enumerate(cidrs):
        said = names.cidr_sloppy(value)
        report.said(f"spec.podCIDRs[{index}]", value, said)
        if said:
            wrong.append((index, value))
    if len(cidrs) < 2:
        return
    if wrong:
        index, value = wrong[0]
        why = f"invalid CIDR[{index}]: <nil> (invalid CIDR address: {value})"
        body = f"Internal error: invalid PodCIDRs. failed to check with dual stack with error:{why}"
        report.add(Cause("InternalError", "spec.podCIDRs", body))
    dual = len(cidrs) == 2 and (":" in cidrs[0]) != (":" in cidrs[1])
    if wrong or not dual:
        detail = "may specify no more than one CIDR for each IP family"
        report.invalid("spec.podCIDRs", list(cidrs), detail)


def _check_features(report: Report, features: Sequence[str]) -> None:
    for index, name in enumerate(features):
        where = f"status.declaredFeatures[{index}]"
        if index and features[index - 1] == name:
            report.duplicate(where, name)
        elif index and features[index - 1] > name:
            report.invalid(where, name, "list must be sorted alphabetically")
        if len(name) > FEATURE_LIMIT:
            why = f"must be no more than {FEATURE_LIMIT} characters"
            report.invalid(where, name, f"invalid feature name {quoted(name)}: {why}")
        elif not _FEATURE.fullmatch(name):
            report.invalid(where, name, f"invalid feature name {quoted(name)}: {FEATURE_FORM}")


def _check_resources(report: Report, node: Object) -> None:
    status = report.child(node, "status", "") or {}
    for key in ("capacity", "allocatable"):
        for name, amount in sorted(amounts(report, status, key, "status").items()):
            check_amount(report, name, amount, f"status.{key}.{name}")


def _check_taints(report: Report, spec: Object) -> None:
    seen: set[tuple[str, str]] = set()
    for index, (at, taint) in enumerate(report.objects(spec, "taints", "spec")):
        path = f"metadata.taints[{index}]"  # upstream names the wrong parent
        key, value = report.text(taint, "key", at), report.text(taint, "value", at)
        effect = report.text(taint, "effect", at)
        report.said(f"{path}.key", key, names.qualified_name(key))
        said = names.label_value(value)
        if said:
            report.invalid(f"{path}.value", value, ";".join(said))
        if not effect:
            report.required(f"{path}.effect")
        elif effect not in EFFECTS:
            report.not_supported(f"{path}.effect", effect, EFFECTS)
        if (key, effect) in seen:
            value = shown(internal("core.Taint", taint))
            body = f"Duplicate value: {value}: taints must be unique by key and effect pair"
            report.add(Cause("FieldValueDuplicate", path, body))
        seen.add((key, effect))


def check_node_update(report: Report, node: Object, old: Object) -> None:
    """Check a Node that is changed; upstream looks at most of it twice, and tells twice."""
    check_node(report, node)
    check_node_status(report, node, old)


def check_node_status(report: Report, node: Object, old: Object) -> None:
    """Check what a node may say of itself, and what it may not change."""
    _check_resources(report, node)
    spec, before = report.child(node, "spec", "") or {}, old.get("spec") or {}
    status = report.child(node, "status", "") or {}
    _check_features(report, report.texts(status, "declaredFeatures", "status"))
    seen: list[Object] = []
    for at, address in report.objects(status, "addresses", "status"):
        plain = internal("core.NodeAddress", address)
        if plain in seen:
            report.duplicate(at, plain)
        seen.append(plain)
    new, was = report.texts(spec, "podCIDRs", "spec"), before.get("podCIDRs") or []
    if was and len(new) != len(was):
        report.forbidden("spec.podCIDRs", POD_CIDR)
    elif was:
        for one, other in zip(new, was, strict=True):
            if one != other:
                report.forbidden("spec.podCIDRs", POD_CIDR)
    if before.get("providerID") and spec.get("providerID") != before["providerID"]:
        report.forbidden("spec.providerID", PROVIDER)
    _check_taints(report, spec)
    if (spec.get("externalID") or "") != (before.get("externalID") or ""):
        report.forbidden("spec.externalID", "may not be updated")
