"""Rules of where a pod may run: node selectors, affinity, tolerations, topology spread."""

from collections.abc import Sequence
from typing import Any

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.validation.base import NOT_POSITIVE, Report
from pinnace.api.validation.metadata import check_selector

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
REQUIRED, PREFERRED = (
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
)
NOT_AN_OPERATOR = "not a valid selector operator"


def check_affinity(report: Report, spec: Object, path: str) -> None:
    """Check all three kinds of affinity of a pod."""
    affinity = report.child(spec, "affinity", path)
    if not affinity:
        return
    where = f"{path}.affinity"
    node = report.child(affinity, "nodeAffinity", where)
    if node:
        _check_node_affinity(report, node, f"{where}.nodeAffinity")
    for key in ("podAffinity", "podAntiAffinity"):
        rules = report.child(affinity, key, where)
        if rules:
            _check_pod_affinity(report, rules, f"{where}.{key}")


def _check_node_affinity(report: Report, node: Object, path: str) -> None:
    needed = report.child(node, REQUIRED, path)
    if needed is not None:
        check_node_selector(report, needed, f"{path}.{REQUIRED}")
    for at, term in report.objects(node, PREFERRED, path):
        _check_weight(report, term, at)
        preference = report.child(term, "preference", at) or {}
        _check_node_term(report, preference, f"{at}.preference", check_values=False)


def has_invalid_label_value(selector: object) -> bool:
    """Tell whether a stored node selector looks for label values that there cannot be."""
    if not isinstance(selector, dict):
        return False
    quiet = Report()
    return any(
        names.label_value(value)
        for at, term in quiet.objects(selector, "nodeSelectorTerms", "")
        for _, requirement in quiet.objects(term, "matchExpressions", at)
        for value in quiet.texts(requirement, "values", at)
    )


def check_node_selector(
    report: Report, selector: Object, path: str, *, any_value: bool = False
) -> None:
    """Check the terms of a node selector, of which there must be one."""
    where = f"{path}.nodeSelectorTerms"
    terms = report.objects(selector, "nodeSelectorTerms", path)
    if not terms:
        report.required(where, "must have at least one node selector term")
    for at, term in terms:
        _check_node_term(report, term, at, check_values=not any_value)


def _check_node_term(report: Report, term: Object, path: str, *, check_values: bool) -> None:
    for at, requirement in report.objects(term, "matchExpressions", path):
        _check_node_requirement(report, requirement, at, check_values=check_values)
    for at, requirement in report.objects(term, "matchFields", path):
        _check_node_field(report, requirement, at)


def _check_node_requirement(
    report: Report, requirement: Object, path: str, *, check_values: bool
) -> None:
    operator = report.text(requirement, "operator", path)
    values = report.texts(requirement, "values", path)
    where = f"{path}.values"
    if operator in ("In", "NotIn"):
        if not values:
            report.required(where, "must be specified when `operator` is 'In' or 'NotIn'")
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            report.forbidden(
                where, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            )
    elif operator in ("Gt", "Lt"):
        if len(values) != 1:
            report.required(where, "must be specified single value when `operator` is 'Lt' or 'Gt'")
    else:
        report.invalid(f"{path}.operator", operator, NOT_AN_OPERATOR)
    key = report.text(requirement, "key", path)
    report.said(f"{path}.key", key, names.qualified_name(key))
    if check_values:
        for index, value in enumerate(values):
            report.said(f"{where}[{index}]", value, names.label_value(value))


def _check_node_field(report: Report, requirement: Object, path: str) -> None:
    operator = report.text(requirement, "operator", path)
    values = report.texts(requirement, "values", path)
    if operator not in ("In", "NotIn"):
        report.invalid(f"{path}.operator", operator, NOT_AN_OPERATOR)
    elif len(values) != 1:
        report.required(
            f"{path}.values",
            "must be only one value when `operator` is 'In' or 'NotIn' for node field selector",
        )
    key = report.text(requirement, "key", path)
    if key != "metadata.name":
        report.invalid(f"{path}.key", key, "not a valid field selector key")
        return
    for index, value in enumerate(values):
        report.said(f"{path}.values[{index}]", value, names.dns1123_subdomain(value))


def _check_pod_affinity(report: Report, rules: Object, path: str) -> None:
    for at, term in report.objects(rules, REQUIRED, path):
        _check_pod_term(report, term, at)
    for at, weighted in report.objects(rules, PREFERRED, path):
        _check_weight(report, weighted, at)
        term = report.child(weighted, "podAffinityTerm", at) or {}
        _check_pod_term(report, term, f"{at}.podAffinityTerm")


def _check_weight(report: Report, term: Object, path: str) -> None:
    weight = report.number(term, "weight", path) or 0
    if not 0 < weight <= 100:
        report.invalid(f"{path}.weight", weight, "must be in the range 1-100")


def _check_pod_term(report: Report, term: Object, path: str) -> None:
    check_selector(report, term, "labelSelector", path)
    check_selector(report, term, "namespaceSelector", path)
    for namespace in report.texts(term, "namespaces", path):
        report.said(f"{path}.namespace", namespace, names.dns1123_label(namespace))
    _check_label_keys(report, term, path)
    key = report.text(term, "topologyKey", path)
    if not key:
        report.required(f"{path}.topologyKey", "can not be empty")
    report.said(f"{path}.topologyKey", key, names.qualified_name(key))


def _check_label_keys(report: Report, term: Object, path: str) -> None:
    selector = term.get("labelSelector")
    match = report.texts(term, "matchLabelKeys", path)
    mismatch = report.texts(term, "mismatchLabelKeys", path)
    for name, keys in (("matchLabelKeys", match), ("mismatchLabelKeys", mismatch)):
        if keys and selector is None:
            report.forbidden(
                f"{path}.{name}", "must not be specified when labelSelector is not set"
            )
        elif keys:
            for index, key in enumerate(keys):
                report.said(f"{path}.{name}[{index}]", key, names.qualified_name(key))
    if match and isinstance(selector, dict):
        _check_twice_selected(report, match, selector, path)
    for index, key in enumerate(match):
        if key in mismatch:
            report.invalid(
                f"{path}.matchLabelKeys[{index}]",
                key,
                "exists in both matchLabelKeys and mismatchLabelKeys",
            )


def _check_twice_selected(
    report: Report, match: Sequence[str], selector: Object, path: str
) -> None:
    """Find keys that the selector names besides the requirement that was made from the key."""
    labels = selector.get("matchLabels")
    seen: set[str] = set(labels) if isinstance(labels, dict) else set()
    for _, requirement in Report().objects(selector, "matchExpressions", path):
        key = requirement.get("key")
        if not isinstance(key, str):
            continue
        if key in match and key in seen:
            report.invalid(
                f"{path}[{match.index(key)}]",
                key,
                "exists in both matchLabelKeys and labelSelector",
            )
        seen.add(key)


def check_tolerations(report: Report, spec: Object, path: str) -> None:
    """Check the tolerations of a pod."""
    for at, toleration in report.objects(spec, "tolerations", path):
        key = report.text(toleration, "key", at)
        operator = report.text(toleration, "operator", at)
        effect = report.text(toleration, "effect", at)
        if key:
            report.said(f"{at}.key", key, names.qualified_name(key))
        elif operator != "Exists":
            report.invalid(
                f"{at}.operator",
                operator,
                "operator must be Exists when `key` is empty, which means "
                '"match all values and all keys"',
            )
        seconds = report.number(toleration, "tolerationSeconds", at)
        if seconds is not None and effect != "NoExecute":
            report.invalid(
                f"{at}.effect",
                effect,
                "effect must be 'NoExecute' when `tolerationSeconds` is set",
            )
        _check_toleration_value(report, toleration, operator, at)
        if effect and effect not in EFFECTS:
            report.not_supported(f"{at}.effect", effect, EFFECTS)


def _check_toleration_value(report: Report, toleration: Object, operator: str, path: str) -> None:
    value = report.text(toleration, "value", path)
    where = f"{path}.operator"
    if operator in ("Equal", ""):
        said = names.label_value(value)
        if said:
            report.invalid(where, value, ";".join(said))
    elif operator == "Exists":
        if value:
            report.invalid(where, value, "value must be empty when `operator` is 'Exists'")
    elif operator in ("Lt", "Gt"):
        report.not_supported(where, operator, ("Equal", "Exists", "Lt", "Gt"))
    else:
        report.not_supported(where, operator, ("Equal", "Exists"))


def check_spread(report: Report, spec: Object, path: str) -> None:
    """Check the topology spread constraints of a pod."""
    constraints = report.objects(spec, "topologySpreadConstraints", path)
    kinds = [_spread_kind(constraint) for _, constraint in constraints]
    for index, (at, constraint) in enumerate(constraints):
        skew = report.number(constraint, "maxSkew", at) or 0
        if skew <= 0:
            report.invalid(f"{at}.maxSkew", skew, NOT_POSITIVE)
        if not report.text(constraint, "topologyKey", at):
            report.required(f"{at}.topologyKey", "can not be empty")
        action = report.text(constraint, "whenUnsatisfiable", at)
        if action not in ("DoNotSchedule", "ScheduleAnyway"):
            report.not_supported(
                f"{at}.whenUnsatisfiable", action, ("DoNotSchedule", "ScheduleAnyway")
            )
        if kinds[index] in kinds[index + 1 :]:
            key, when = kinds[index]
            report.duplicate(f"{at}.{{topologyKey, whenUnsatisfiable}}", f"{{{key}, {when}}}")
        _check_spread_options(report, constraint, action, at)
        _check_label_keys(report, constraint, at)
        check_selector(report, constraint, "labelSelector", at)


def _spread_kind(constraint: Object) -> tuple[Any, Any]:
    return constraint.get("topologyKey"), constraint.get("whenUnsatisfiable")


def _check_spread_options(report: Report, constraint: Object, action: str, path: str) -> None:
    domains = report.number(constraint, "minDomains", path)
    if domains is not None:
        if domains <= 0:
            report.invalid(f"{path}.minDomains", domains, NOT_POSITIVE)
        if action != "DoNotSchedule":
            report.invalid(
                f"{path}.minDomains",
                domains,
                f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}",
            )
    for key in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
        if constraint.get(key) is not None:
            policy = report.text(constraint, key, path)
            if policy not in ("Honor", "Ignore"):
                report.not_supported(f"{path}.{key}", policy, ("Honor", "Ignore"))
