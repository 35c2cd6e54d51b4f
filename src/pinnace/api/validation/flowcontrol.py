"""Rules of FlowSchemas and PriorityLevelConfigurations, some of which every cluster must have."""

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from pinnace.api import names
from pinnace.api.objects import Object
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
        report.invalid("spec", _schema_as_printed(spec), detail)
    _check_conditions(report, schema)


def _schema_as_printed(spec: Object) -> Object:
    """Return a spec as Go's internal type is printed."""
    method = spec.get("distinguisherMethod")
    level = spec.get("priorityLevelConfiguration") or {}
    return {
        "PriorityLevelConfiguration": {"Name": level.get("name") or ""},
        "MatchingPrecedence": spec.get("matchingPrecedence") or 0,
        "DistinguisherMethod": None if method is None else {"Type": method.get("type") or ""},
        "Rules": _each(spec, "rules", _rule_as_printed),
    }


def _each(parent: Object, key: str, printed: Callable[[Object], Object]) -> list[Object] | None:
    """Return the items of a list as they are printed; a list that is unset is null."""
    found = parent.get(key)
    return None if found is None else [printed(item) for item in found]


def _rule_as_printed(rule: Object) -> Object:
    return {
        "Subjects": _each(rule, "subjects", _subject_as_printed),
        "ResourceRules": _each(rule, "resourceRules", _resources_as_printed),
        "NonResourceRules": _each(rule, "nonResourceRules", _urls_as_printed),
    }


def _resources_as_printed(rule: Object) -> Object:
    return {
        "Verbs": rule.get("verbs"),
        "APIGroups": rule.get("apiGroups"),
        "Resources": rule.get("resources"),
        "ClusterScope": rule.get("clusterScope") or False,
        "Namespaces": rule.get("namespaces"),
    }


def _urls_as_printed(rule: Object) -> Object:
    return {"Verbs": rule.get("verbs"), "NonResourceURLs": rule.get("nonResourceURLs")}


def _subject_as_printed(subject: Object) -> Object:
    user, group, account = (subject.get(key) for key in ("user", "group", "serviceAccount"))
    return {
        "Kind": subject.get("kind") or "",
        "User": None if user is None else {"Name": user.get("name") or ""},
        "Group": None if group is None else {"Name": group.get("name") or ""},
        "ServiceAccount": None
        if account is None
        else {"Namespace": account.get("namespace") or "", "Name": account.get("name") or ""},
    }


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
            report.invalid("spec", _level_as_printed(spec), detail)
    elif name == "catch-all" and _said(spec) != _said(MANDATORY_CATCH_ALL):
        detail = f"spec of '{name}' must equal the fixed value"
        report.invalid("spec", _level_as_printed(spec), detail)


def _level_as_printed(spec: Object) -> Object:
    """Return a spec as Go's internal type is printed."""
    limited, exempt = spec.get("limited"), spec.get("exempt")
    return {
        "Type": spec.get("type") or "",
        "Limited": None if limited is None else _limited_as_printed(limited),
        "Exempt": None
        if exempt is None
        else {
            "NominalConcurrencyShares": exempt.get("nominalConcurrencyShares"),
            "LendablePercent": exempt.get("lendablePercent"),
        },
    }


def _limited_as_printed(limited: Object) -> Object:
    response = limited.get("limitResponse") or {}
    queuing = response.get("queuing")
    return {
        "NominalConcurrencyShares": limited.get("nominalConcurrencyShares") or 0,
        "LimitResponse": {
            "Type": response.get("type") or "",
            "Queuing": None
            if queuing is None
            else {
                "Queues": queuing.get("queues") or 0,
                "HandSize": queuing.get("handSize") or 0,
                "QueueLengthLimit": queuing.get("queueLengthLimit") or 0,
            },
        },
        "LendablePercent": limited.get("lendablePercent"),
        "BorrowingLimitPercent": limited.get("borrowingLimitPercent"),
    }


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
