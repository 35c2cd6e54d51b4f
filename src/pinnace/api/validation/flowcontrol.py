"""Rules of FlowSchemas and PriorityLevelConfigurations, some of which every cluster must have."""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.schema.internal import internal
from pinnace.api.validation.base import Report

MAX_PRECEDENCE = 10000
MAX_QUEUES = 10_000_000
MAX_HASH_BITS = 60
DISTINGUISHERS = ("ByNamespace", "ByUser")
VERBS = (
    "create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch",
)  # fmt: skip
SUBJECT_KINDS = ("Group", "ServiceAccount", "User")
FIELDS = {"ServiceAccount": "serviceAccount", "User": "user", "Group": "group"}
LEVEL_TYPES = ("Exempt", "Limited")
RESPONSE_TYPES = ("Queue", "Reject")
LEVEL = "flowcontrol.PriorityLevelConfigurationSpec"
KEPT_ZERO = "flowcontrol.k8s.io/concurrency-shares-defaults-to-zero"
NAMESPACE_INTRO = "each member of this list must be '*' or a DNS-1123 label; "
_ANYTHING = {
    "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": True,
    "namespaces": ["*"],
}  # fmt: skip
_ANYWHERE = {"verbs": ["*"], "nonResourceURLs": ["*"]}


def _fixed(level: str, precedence: int, distinguisher: Object | None, *groups: str) -> Object:
    return {
        "priorityLevelConfiguration": {"name": level},
        "matchingPrecedence": precedence,
        "distinguisherMethod": distinguisher,
        "rules": [
            {
                "subjects": [{"kind": "Group", "group": {"name": group}} for group in groups],
                "resourceRules": [_ANYTHING],
                "nonResourceRules": [_ANYWHERE],
            }
        ],
    }


MANDATORY_SCHEMAS: Mapping[str, Object] = MappingProxyType(
    {
        "exempt": _fixed("exempt", 1, None, "system:masters"),
        "catch-all": _fixed(
            "catch-all", MAX_PRECEDENCE, {"type": "ByUser"},
            "system:unauthenticated", "system:authenticated",
        ),
    }
)  # fmt: skip
MANDATORY_CATCH_ALL: Object = {
    "type": "Limited",
    "limited": {
        "nominalConcurrencyShares": 5,
        "lendablePercent": 0,
        "limitResponse": {"type": "Reject"},
    },
}


def _name(obj: Object) -> str:
    meta = obj.get("metadata")
    name = meta.get("name") if isinstance(meta, dict) else ""
    return name if isinstance(name, str) else ""


def _said(value: object) -> object:
    """Return a value without what says nothing, to compare as Go's semantic equality does."""
    if isinstance(value, dict):
        parts = {key: _said(part) for key, part in value.items()}
        return {key: part for key, part in parts.items() if part not in (None, "", [], False)}
    return [_said(part) for part in value] if isinstance(value, list) else value


def check_flow_schema(report: Report, schema: Object) -> None:
    """Check a FlowSchema."""
    spec, name = report.child(schema, "spec", "") or {}, _name(schema)
    precedence = report.number(spec, "matchingPrecedence", "spec") or 0
    where = "spec.matchingPrecedence"
    if precedence <= 0:
        report.invalid(where, precedence, "must be a positive value")
    if precedence > MAX_PRECEDENCE:
        report.invalid(where, precedence, f"must not be greater than {MAX_PRECEDENCE}")
    if precedence == 1 and name != "exempt":
        detail = "only the schema named 'exempt' may have matchingPrecedence 1"
        report.invalid(where, precedence, detail)
    method = report.child(spec, "distinguisherMethod", "spec")
    if method is not None:
        kind = report.text(method, "type", "spec.distinguisherMethod")
        if kind not in DISTINGUISHERS:
            shown = {"Type": kind}
            report.not_supported("spec.distinguisherMethod.type", shown, DISTINGUISHERS)
    level = report.child(spec, "priorityLevelConfiguration", "spec") or {}
    target = report.text(level, "name", "spec.priorityLevelConfiguration")
    if target:
        said = names.dns1123_subdomain(target)
        report.said("spec.priorityLevelConfiguration.name", target, said)
    else:
        detail = "must reference a priority level"
        report.required("spec.priorityLevelConfiguration.name", detail)
    for at, rule in report.objects(spec, "rules", "spec"):
        _check_rule(report, rule, at)
    fixed = MANDATORY_SCHEMAS.get(name)
    if fixed is not None and _said(spec) != _said(fixed):
        detail = f"spec of '{name}' must equal the fixed value"
        report.invalid("spec", internal("flowcontrol.FlowSchemaSpec", spec), detail)
    _check_conditions(report, schema)


def _check_rule(report: Report, rule: Object, path: str) -> None:
    subjects = report.objects(rule, "subjects", path)
    for at, subject in subjects:
        _check_subject(report, subject, at)
    if not subjects:
        report.required(f"{path}.subjects", "subjects must contain at least one value")
    resources = report.objects(rule, "resourceRules", path)
    others = report.objects(rule, "nonResourceRules", path)
    if not resources and not others:
        detail = "at least one of resourceRules and nonResourceRules has to be non-empty"
        report.required(path, detail)
    for at, part in resources:
        _check_resource_rule(report, part, at)
    for at, part in others:
        _check_verbs(report, part, at)
        _check_urls(report, part, at)


def _check_subject(report: Report, subject: Object, path: str) -> None:
    kind = report.text(subject, "kind", path)
    if kind not in SUBJECT_KINDS:
        report.not_supported(f"{path}.kind", kind, SUBJECT_KINDS)
        return
    field = FIELDS[kind]
    who = report.child(subject, field, path)
    if who is None:
        detail = f"{field} is required when subject kind is '{kind}'"
        report.required(f"{path}.{field}", detail)
    else:
        _check_who(report, who, f"{path}.{field}", kind)
    order = ("ServiceAccount", "User", "Group") if kind != "ServiceAccount" else ("User", "Group")
    for other in order:
        if other != kind and subject.get(FIELDS[other]) is not None:
            detail = f"{FIELDS[other]} is forbidden when subject kind is not '{other}'"
            report.forbidden(f"{path}.{FIELDS[other]}", detail)


def _check_who(report: Report, who: Object, path: str, kind: str) -> None:
    name = report.text(who, "name", path)
    if not name:
        report.required(f"{path}.name")
    if kind != "ServiceAccount":
        return
    if name and name != "*":
        report.said(f"{path}.name", name, names.dns1123_subdomain(name))
    namespace = report.text(who, "namespace", path)
    if namespace:
        report.said(f"{path}.namespace", namespace, names.dns1123_label(namespace))
    else:
        report.required(f"{path}.namespace", "must specify namespace for service account")


def _check_star(report: Report, values: Sequence[str], path: str, called: str) -> bool:
    if "*" not in values:
        return False
    if len(values) > 1:
        report.invalid(path, values, f"if '*' is present, must not specify other {called}")
    return True


def _check_verbs(report: Report, rule: Object, path: str) -> None:
    verbs, where = report.texts(rule, "verbs", path), f"{path}.verbs"
    if not verbs:
        report.required(where, "verbs must contain at least one value")
    elif not _check_star(report, verbs, where, "verbs") and not set(verbs) <= set(VERBS):
        report.not_supported(where, verbs, VERBS)


def _check_urls(report: Report, rule: Object, path: str) -> None:
    urls, where = report.texts(rule, "nonResourceURLs", path), f"{path}.nonResourceURLs"
    if not urls:
        report.required(where, "nonResourceURLs must contain at least one value")
    elif not _check_star(report, urls, where, "non-resource URLs"):
        for index, url in enumerate(urls):
            why = _url_fault(url)
            if why:
                report.invalid(f"{where}[{index}]", url, why)


def _url_fault(url: str) -> str:
    if not url:
        return "must not be empty"
    if url == "/":
        return ""
    if not url.startswith("/"):
        return "must start with slash"
    if " " in url:
        return "must not contain white-space"
    if "//" in url:
        return "must not contain double slash"
    stars = url.count("*")
    if stars > 1 or (stars == 1 and not url.endswith("/*")):
        return "wildcard can only do suffix matching"
    return ""


def _check_resource_rule(report: Report, rule: Object, path: str) -> None:
    _check_verbs(report, rule, path)
    for key, one, other in (
        ("apiGroups", "api group", "api groups"), ("resources", "resource", "resources")
    ):  # fmt: skip
        values, where = report.texts(rule, key, path), f"{path}.{key}"
        if not values:
            report.required(where, f"resource rules must supply at least one {one}")
        else:
            _check_star(report, values, where, other)
    namespaces, where = report.texts(rule, "namespaces", path), f"{path}.namespaces"
    if not namespaces and not report.flag(rule, "clusterScope", path):
        detail = "resource rules that are not cluster scoped must supply at least one namespace"
        report.required(where, detail)
    elif not _check_star(report, namespaces, where, "namespaces"):
        for index, namespace in enumerate(namespaces):
            said = [NAMESPACE_INTRO + why for why in names.dns1123_label(namespace)]
            report.said(f"{where}[{index}]", namespace, said)


def _check_conditions(report: Report, obj: Object) -> None:
    status = report.child(obj, "status", "") or {}
    seen: set[str] = set()
    for at, condition in report.objects(status, "conditions", "status"):
        kind = report.text(condition, "type", at)
        if kind in seen:
            report.duplicate(f"{at}.type", kind)
        seen.add(kind)
        if not kind:
            report.required(f"{at}.type")


def check_flow_status(report: Report, obj: Object, old: Object) -> None:
    """Check the status of a schema or a level."""
    _check_conditions(report, obj)


def check_priority_level(report: Report, level: Object) -> None:
    """Check a PriorityLevelConfiguration."""
    meta = level.get("metadata")
    annotations = meta.get("annotations") if isinstance(meta, dict) else None
    if isinstance(annotations, dict) and KEPT_ZERO in annotations:
        report.forbidden("metadata.annotations", f"annotation '{KEPT_ZERO}' is forbidden")
    spec, name = report.child(level, "spec", "") or {}, _name(level)
    kind = report.text(spec, "type", "spec")
    if (name == "exempt") != (kind == "Exempt"):
        detail = "must be 'Exempt' if and only if `name` is 'exempt'"
        report.invalid("spec.type", kind, detail)
    exempt, limited = report.child(spec, "exempt", "spec"), report.child(spec, "limited", "spec")
    if kind == "Exempt":
        if limited is not None:
            report.forbidden("spec.limited", "must be nil if the type is not Limited")
        if exempt is not None:
            _check_shares(report, exempt, "spec.exempt")
            _check_lendable(report, exempt, "spec.exempt")
    elif kind == "Limited":
        if exempt is not None:
            report.forbidden("spec.exempt", "must be nil if the type is Limited")
        if limited is None:
            report.required("spec.limited", "must not be empty when type is Limited")
        else:
            _check_limited(report, limited, "spec.limited")
    else:
        report.not_supported("spec.type", kind, LEVEL_TYPES)
    _check_fixed_level(report, spec, name)
    _check_conditions(report, level)


def _check_fixed_level(report: Report, spec: Object, name: str) -> None:
    if name == "exempt":
        rest = {key: value for key, value in spec.items() if key != "exempt"}
        if _said(rest) != {"type": "Exempt"}:
            detail = "spec of 'exempt' except the 'spec.exempt' field must equal the fixed value"
            report.invalid("spec", internal(LEVEL, spec), detail)
    elif name == "catch-all" and _said(spec) != _said(MANDATORY_CATCH_ALL):
        detail = f"spec of '{name}' must equal the fixed value"
        report.invalid("spec", internal(LEVEL, spec), detail)


def _check_shares(report: Report, part: Object, path: str) -> None:
    shares = report.number(part, "nominalConcurrencyShares", path)
    if shares is not None and shares < 0:
        detail = "must be a non-negative integer"
        report.invalid(f"{path}.nominalConcurrencyShares", shares, detail)


def _check_lendable(report: Report, part: Object, path: str) -> None:
    percent = report.number(part, "lendablePercent", path)
    if percent is not None and not 0 <= percent <= 100:
        report.invalid(f"{path}.lendablePercent", percent, names.range_error(0, 100))


def _check_limited(report: Report, limited: Object, path: str) -> None:
    _check_shares(report, limited, path)
    response, at = report.child(limited, "limitResponse", path) or {}, f"{path}.limitResponse"
    kind, queuing = report.text(response, "type", at), report.child(response, "queuing", at)
    if kind == "Reject":
        if queuing is not None:
            detail = "must be nil if limited.limitResponse.type is not Limited"
            report.forbidden(f"{at}.queuing", detail)
    elif kind == "Queue":
        if queuing is None:
            detail = "must not be empty if limited.limitResponse.type is Limited"
            report.required(f"{at}.queuing", detail)
        else:
            _check_queuing(report, queuing, f"{at}.queuing")
    else:
        report.not_supported(f"{at}.type", kind, RESPONSE_TYPES)
    _check_lendable(report, limited, path)
    borrowing = report.number(limited, "borrowingLimitPercent", path)
    if borrowing is not None and borrowing < 0:
        detail = "if specified, must be a non-negative integer"
        report.invalid(f"{path}.borrowingLimitPercent", borrowing, detail)


def _check_queuing(report: Report, queuing: Object, path: str) -> None:
    length = report.number(queuing, "queueLengthLimit", path) or 0
    if length <= 0:
        report.invalid(f"{path}.queueLengthLimit", length, "must be positive")
    queues = report.number(queuing, "queues", path) or 0
    if queues <= 0:
        report.invalid(f"{path}.queues", queues, "must be positive")
    elif queues > MAX_QUEUES:
        report.invalid(f"{path}.queues", queues, f"must not be greater than {MAX_QUEUES}")
    hand, where = report.number(queuing, "handSize", path) or 0, f"{path}.handSize"
    if hand <= 0:
        report.invalid(where, hand, "must be positive")
    elif hand > queues:
        report.invalid(where, hand, f"should not be greater than queues ({queues})")
    elif math.ceil(math.log2(queues) * hand) > MAX_HASH_BITS:
        detail = (
            f"required entropy bits of deckSize {queues} and handSize {hand} should not be "
            f"greater than {MAX_HASH_BITS}"
        )
        report.invalid(where, hand, detail)
