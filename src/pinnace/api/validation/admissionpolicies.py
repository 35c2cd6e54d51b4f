"""Rules of Validating- and MutatingAdmissionPolicies and of what binds them."""

import re
from collections.abc import Mapping
from dataclasses import replace

from pinnace.api import names
from pinnace.api.cel.types import Type
from pinnace.api.objects import Object
from pinnace.api.validation.base import Report
from pinnace.api.validation.conditions import check_conditions
from pinnace.api.validation.expressions import Use, check_expression
from pinnace.api.validation.jsonpaths import parse_json_path
from pinnace.api.validation.matching import (
    FAILURE_POLICIES,
    check_choice,
    check_match_conditions,
    check_match_resources,
    check_mutating_operations,
)
from pinnace.api.validation.metadata import check_selector

REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge")
PATCH_TYPES = ("ApplyConfiguration", "JSONPatch")
REINVOCATION_POLICIES = ("IfNeeded", "Never")
ACTIONS = ("Audit", "Deny", "Warn")
AUDIT_LIMIT = 20
AUDIT_EXPRESSION_LIMIT = 5 * 1024
BOTH_ACTIONS = (
    "must not contain both Deny and Warn (repeating the same validation failure information in "
    "the API response and headers serves no purpose)"
)
NEITHER = "validations or auditAnnotations must contain at least one item"
_IDENTIFIER = re.compile("[_a-zA-Z][_a-zA-Z0-9]*")
_RESERVED = frozenset(
    (
        "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for",
        "function", "if", "import", "let", "loop", "package", "namespace", "return", "var",
        "void", "while",
    )
)  # fmt: skip


def check_validating_policy(report: Report, policy: Object) -> None:
    """Check a new ValidatingAdmissionPolicy."""
    _check_validating(report, policy, conditions=True)


def check_validating_policy_update(report: Report, policy: Object, old: Object) -> None:
    """Check a changed ValidatingAdmissionPolicy."""
    _check_validating(report, policy, conditions=not _same_conditions(policy, old))


def _same_conditions(policy: Object, old: Object) -> bool:
    spec, before = Report().child(policy, "spec", "") or {}, old.get("spec") or {}
    return all(
        (spec.get(key) or None) == (before.get(key) or None)
        for key in ("paramKind", "matchConditions")
    )


def _check_validating(report: Report, policy: Object, *, conditions: bool) -> None:
    spec = report.child(policy, "spec", "") or {}
    params = _check_head(report, spec, mutating=False)
    if conditions:
        check_match_conditions(report, spec, "spec", params=params)
    variables = _check_variables(report, spec, params=params)
    use = Use(params=params, composed=variables)
    validations = report.objects(spec, "validations", "spec")
    annotations = report.objects(spec, "auditAnnotations", "spec")
    if not validations and not annotations:
        report.required("spec.validations", NEITHER)
        report.required("spec.auditAnnotations", NEITHER)
        return
    for at, validation in validations:
        _check_validation(report, validation, at, use)
    _check_annotations(report, policy, annotations, use)


def _check_head(report: Report, spec: Object, *, mutating: bool) -> bool:
    """Check what both kinds begin with and return whether there are parameters."""
    if spec.get("failurePolicy") is None:
        report.required("spec.failurePolicy")
    check_choice(report, spec, "failurePolicy", "spec", FAILURE_POLICIES)
    kind = report.child(spec, "paramKind", "spec")
    if kind is not None:
        _check_param_kind(report, kind, "spec.paramKind")
    match = report.child(spec, "matchConstraints", "spec")
    if match is None:
        report.required("spec.matchConstraints")
    else:
        check_match_resources(report, match, "spec.matchConstraints")
        if not match.get("resourceRules"):
            report.required("spec.matchConstraints.resourceRules")
        if mutating:
            check_mutating_operations(report, match, "spec.matchConstraints")
    return kind is not None


def _check_param_kind(report: Report, kind: Object, path: str) -> None:
    api_version = report.text(kind, "apiVersion", path)
    where = f"{path}.apiVersion"
    if not api_version:
        report.required(where)
    elif api_version.count("/") > 1:
        report.invalid(where, api_version, f"unexpected GroupVersion string: {api_version}")
    else:
        group, _, version = api_version.rpartition("/")
        if group:
            said = names.dns1123_subdomain(group)
            if said:
                report.invalid(where, group, ",".join(said))
        if not version:
            report.invalid(where, api_version, "version must be specified")
        else:
            said = names.dns1035_label(version)
            if said:
                report.invalid(where, version, ",".join(said))
    name = report.text(kind, "kind", path)
    if not name:
        report.required(f"{path}.kind")
        return
    said = names.dns1035_label(name.lower())
    if said:
        detail = "may have mixed case, but should otherwise match: " + ",".join(said)
        report.invalid(f"{path}.kind", name, detail)


def _check_variables(
    report: Report, spec: Object, *, params: bool, patches: bool = False
) -> Mapping[str, Type] | None:
    """Check a policy's variables and return their types, or None if it has none."""
    types: dict[str, Type] = {}
    variables = report.objects(spec, "variables", "spec")
    for at, variable in variables:
        name = report.text(variable, "name", at)
        if not name.strip():
            report.required(f"{at}.name", "name is not specified")
        elif not _IDENTIFIER.fullmatch(name) or name in _RESERVED:
            report.invalid(f"{at}.name", name, "must be a valid CEL identifier")
        use = Use(result="any", params=params, patch_types=patches, composed=dict(types))
        text, missing = report.text(variable, "expression", at), "expression is not specified"
        types[name] = check_expression(report, text, f"{at}.expression", use, missing=missing)
    return types if variables else None


def _check_validation(report: Report, validation: Object, path: str, use: Use) -> None:
    text, missing = report.text(validation, "expression", path), "expression is not specified"
    check_expression(report, text, f"{path}.expression", use, missing=missing)
    shown = report.text(validation, "messageExpression", path)
    where = f"{path}.messageExpression"
    if shown and not shown.strip():
        report.invalid(where, shown, "must be non-empty if specified")
    elif shown:
        made = replace(use, result="string", authorizer=False)
        check_expression(report, shown, where, made)
    message = report.text(validation, "message", path)
    if message and not message.strip():
        report.invalid(f"{path}.message", message, "must be non-empty if specified")
    elif re.search("[\n\r]", message.strip()):
        report.invalid(f"{path}.message", message, "must not contain line breaks")
    check_choice(report, validation, "reason", path, REASONS)


def _check_annotations(
    report: Report, policy: Object, annotations: list[tuple[str, Object]], use: Use
) -> None:
    if len(annotations) > AUDIT_LIMIT:
        shown = [
            {"Key": item.get("key", ""), "ValueExpression": item.get("valueExpression", "")}
            for _, item in annotations
        ]
        detail = f"must not have more than {AUDIT_LIMIT} auditAnnotations"
        report.invalid("spec.auditAnnotations", shown, detail)
    meta = policy.get("metadata")
    name = meta.get("name") if isinstance(meta, dict) else ""
    seen: set[str] = set()
    for at, annotation in annotations:
        key = report.text(annotation, "key", at)
        if name:
            whole = f"{name}/{key}"
            report.said(f"{at}.key", whole, names.qualified_name(whole))
        else:
            report.invalid(f"{at}.key", key, "requires metadata.name be non-empty")
        text, where = report.text(annotation, "valueExpression", at), f"{at}.valueExpression"
        if len(text.strip().encode("utf-8", "surrogatepass")) > AUDIT_EXPRESSION_LIMIT:
            report.required(where, f"must not exceed {AUDIT_EXPRESSION_LIMIT} bytes in length")
        else:
            made = replace(use, result="audit")
            missing = "valueExpression is not specified"
            check_expression(report, text, where, made, missing=missing)
        if key in seen:
            report.duplicate(f"{at}.key", key)
        seen.add(key)


def check_validating_status(report: Report, policy: Object, old: Object) -> None:
    """Check what the type checker says about a policy."""
    status = report.child(policy, "status", "") or {}
    checked = report.child(status, "typeChecking", "status") or {}
    for at, warning in report.objects(checked, "expressionWarnings", "status.typeChecking"):
        if not report.text(warning, "warning", at):
            report.required(f"{at}.warning")
        field = report.text(warning, "fieldRef", at).strip()
        if not field:
            report.required(f"{at}.fieldRef")
            continue
        try:
            parse_json_path("{" + field + "}")
        except ValueError as error:
            report.invalid(f"{at}.fieldRef", field, f"invalid JSONPath: {error}")
    check_conditions(report, status, "status")


def check_mutating_policy(report: Report, policy: Object) -> None:
    """Check a new MutatingAdmissionPolicy."""
    _check_mutating(report, policy, conditions=True)


def check_mutating_policy_update(report: Report, policy: Object, old: Object) -> None:
    """Check a changed MutatingAdmissionPolicy."""
    _check_mutating(report, policy, conditions=not _same_conditions(policy, old))


def _check_mutating(report: Report, policy: Object, *, conditions: bool) -> None:
    spec = report.child(policy, "spec", "") or {}
    params = _check_head(report, spec, mutating=True)
    if conditions:
        check_match_conditions(report, spec, "spec", params=params)
    composed = _check_variables(report, spec, params=params, patches=True)
    mutations = report.objects(spec, "mutations", "spec")
    if not mutations:
        report.required("spec.mutations", "mutations must contain at least one item")
    for at, mutation in mutations:
        _check_mutation(report, mutation, at, Use(params=params, composed=composed))
    report.one_of(spec, "reinvocationPolicy", "spec", REINVOCATION_POLICIES)


def _check_mutation(report: Report, mutation: Object, path: str, use: Use) -> None:
    kind = report.text(mutation, "patchType", path)
    if not kind:
        report.required(f"{path}.patchType")
        return
    if kind not in PATCH_TYPES:
        report.not_supported(f"{path}.patchType", kind, PATCH_TYPES)
        return
    own, other = "jsonPatch", "applyConfiguration"
    if kind == "ApplyConfiguration":
        own, other = other, own
    patch = report.child(mutation, own, path)
    if patch is None:
        report.required(f"{path}.{own}", f"must be specified when patchType is {kind}")
    else:
        text = report.text(patch, "expression", f"{path}.{own}")
        use = replace(use, result=kind, patch_types=True)
        check_expression(report, text, f"{path}.{own}.expression", use)
    if mutation.get(other) is not None:
        detail = f"must not be specified when patchType is {kind}"
        report.invalid(f"{path}.{other}", f"{{{other}}}", detail)


def check_validating_binding(report: Report, binding: Object) -> None:
    """Check a ValidatingAdmissionPolicyBinding."""
    spec = report.child(binding, "spec", "") or {}
    _check_binding(report, spec)
    actions, where = report.texts(spec, "validationActions", "spec"), "spec.validationActions"
    for index, action in enumerate(actions):
        if action not in ACTIONS:
            report.not_supported(f"{where}[{index}]", action, ACTIONS)
        if action in actions[:index]:
            report.duplicate(f"{where}[{index}]", action)
    if "Deny" in actions and "Warn" in actions:
        report.invalid(where, actions, BOTH_ACTIONS)
    if not actions:
        report.required(where, "at least one validation action is required")


def check_mutating_binding(report: Report, binding: Object) -> None:
    """Check a MutatingAdmissionPolicyBinding."""
    spec = report.child(binding, "spec", "") or {}
    _check_binding(report, spec)
    match = report.child(spec, "matchResources", "spec")
    if match is not None:
        check_mutating_operations(report, match, "spec.matchResources")


def _check_binding(report: Report, spec: Object) -> None:
    name = report.text(spec, "policyName", "spec")
    if not name:
        report.required("spec.policyName")
    else:
        report.said("spec.policyName", name, names.dns1123_subdomain(name))
    ref = report.child(spec, "paramRef", "spec")
    if ref is not None:
        _check_param_ref(report, ref, "spec.paramRef")
    match = report.child(spec, "matchResources", "spec")
    if match is not None:
        check_match_resources(report, match, "spec.matchResources")


def _check_param_ref(report: Report, ref: Object, path: str) -> None:
    name, exclusive = report.text(ref, "name", path), "name and selector are mutually exclusive"
    has_selector = ref.get("selector") is not None
    if name:
        report.said(f"{path}.name", name, names.path_segment_name(name))
        if has_selector:
            report.forbidden(f"{path}.name", exclusive)
    if has_selector:
        check_selector(report, ref, "selector", path)
        if name:
            report.forbidden(f"{path}.selector", exclusive)
    if not name and not has_selector:
        report.required(path, "one of name or selector must be specified")
    action, where = report.text(ref, "parameterNotFoundAction", path), "parameterNotFoundAction"
    if not action:
        report.required(f"{path}.{where}")
    elif action not in ("Deny", "Allow"):
        report.not_supported(f"{path}.{where}", action, ("Deny", "Allow"))
