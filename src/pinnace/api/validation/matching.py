"""Which requests webhooks and admission policies are about: rules, selectors, match conditions."""

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.validation.base import Report, too_many
from pinnace.api.validation.expressions import Use, check_expression
from pinnace.api.validation.metadata import check_selector

OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
MUTATING = ("*", "CONNECT", "CREATE", "UPDATE")
SCOPES = ("*", "Cluster", "Namespaced")
MATCH_POLICIES = ("Equivalent", "Exact")
FAILURE_POLICIES = ("Fail", "Ignore")
CONDITIONS_LIMIT = 64


def check_operations_rule(report: Report, rule: Object, path: str) -> None:
    """Check a RuleWithOperations."""
    operations = report.texts(rule, "operations", path)
    where = f"{path}.operations"
    if not operations:
        report.required(where)
    _check_star(report, operations, where, "operations")
    for index, operation in enumerate(operations):
        if operation not in OPERATIONS:
            report.not_supported(f"{where}[{index}]", operation, OPERATIONS)
    groups = report.texts(rule, "apiGroups", path)
    if not groups:
        report.required(f"{path}.apiGroups")
    _check_star(report, groups, f"{path}.apiGroups", "API groups")
    versions = report.texts(rule, "apiVersions", path)
    if not versions:
        report.required(f"{path}.apiVersions")
    _check_star(report, versions, f"{path}.apiVersions", "API versions")
    for index, version in enumerate(versions):
        if not version:
            report.required(f"{path}.apiVersions[{index}]")
    _check_resources(report, report.texts(rule, "resources", path), f"{path}.resources")
    if rule.get("scope") is not None:
        scope = report.text(rule, "scope", path)
        if scope not in SCOPES:
            report.not_supported(f"{path}.scope", scope, SCOPES)


def _check_star(report: Report, values: list[str], path: str, called: str) -> None:
    if len(values) > 1 and "*" in values:
        report.invalid(path, values, f"if '*' is present, must not specify other {called}")


def _check_resources(report: Report, resources: list[str], path: str) -> None:
    if not resources:
        report.required(path)
    every_sub: set[str] = set()
    every_parent: set[str] = set()
    plain = False
    for index, resource in enumerate(resources):
        at = f"{path}[{index}]"
        if not resource:
            report.required(at)
            continue
        parent, slash, sub = resource.partition("/")
        if not slash:
            plain = resource != "*"
            continue
        if parent in every_sub:
            detail = f"if '{parent}/*' is present, must not specify {resource}"
            report.invalid(at, resource, detail)
        if sub in every_parent:
            detail = f"if '*/{sub}' is present, must not specify {resource}"
            report.invalid(at, resource, detail)
        if sub == "*":
            every_sub.add(parent)
        if parent == "*":
            every_parent.add(sub)
    if len(resources) > 1 and "*/*" in resources:
        report.invalid(path, resources, "if '*/*' is present, must not specify other resources")
    if "*" in resources and plain:
        detail = "if '*' is present, must not specify other resources without subresources"
        report.invalid(path, resources, detail)


def check_match_resources(report: Report, match: Object, path: str) -> None:
    """Check a MatchResources of a policy or binding."""
    if match.get("matchPolicy") is None:
        report.required(f"{path}.matchPolicy")
    else:
        check_choice(report, match, "matchPolicy", path, MATCH_POLICIES)
    for key in ("namespaceSelector", "objectSelector"):
        if match.get(key) is None:
            report.required(f"{path}.{key}")
        else:
            check_selector(report, match, key, path)
    for key in ("resourceRules", "excludeResourceRules"):
        for at, rule in report.objects(match, key, path):
            _check_named_rule(report, rule, at)


def check_choice(
    report: Report, obj: Object, key: str, path: str, supported: tuple[str, ...]
) -> None:
    """Check that a field, if it is there at all, has one of some values."""
    if obj.get(key) is None:
        return
    value = report.text(obj, key, path)
    if value not in supported:
        report.not_supported(f"{path}.{key}", value, supported)


def _check_named_rule(report: Report, rule: Object, path: str) -> None:
    seen: set[str] = set()
    for index, name in enumerate(report.texts(rule, "resourceNames", path)):
        at = f"{path}.resourceNames[{index}]"
        report.said(at, name, names.path_segment_name(name))
        if name in seen:
            report.duplicate(at, name)
        seen.add(name)
    check_operations_rule(report, rule, path)


def check_mutating_operations(report: Report, match: Object, path: str) -> None:
    """Check that resource rules name no operation that cannot be mutated."""
    for at, rule in report.objects(match, "resourceRules", path):
        for operation in report.texts(rule, "operations", at):
            if operation not in MUTATING:
                report.not_supported(f"{path}.resourceRules.operations", operation, MUTATING)


def check_match_conditions(report: Report, parent: Object, path: str, *, params: bool) -> None:
    """Check the field `matchConditions`."""
    where = f"{path}.matchConditions" if path else "matchConditions"
    conditions = report.objects(parent, "matchConditions", path)
    if len(conditions) > CONDITIONS_LIMIT:
        report.add(too_many(where, len(conditions), CONDITIONS_LIMIT))
    seen: set[str] = set()
    for at, condition in conditions:
        text = report.text(condition, "expression", at)
        check_expression(report, text, f"{at}.expression", Use(params=params))
        name = report.text(condition, "name", at)
        if not name:
            report.required(f"{at}.name")
            continue
        report.said(f"{at}.name", name, names.qualified_name(name))
        if name in seen:
            report.duplicate(f"{at}.name", name)
        seen.add(name)
