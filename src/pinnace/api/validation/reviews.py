"""Rules of the questions about access: SubjectAccessReview and its kin."""

from typing import Any

from pinnace.api.objects import Object
from pinnace.api.validation.base import Report
from pinnace.api.validation.metadata import check_requirement

BOTH = "cannot be specified in combination with resourceAttributes"
NEITHER = "exactly one of nonResourceAttributes or resourceAttributes must be specified"


def check_review(report: Report, review: Object) -> None:
    """Check a SubjectAccessReview."""
    _check_review(report, review, somebody=True)
    _check_metadata(report, review)


def check_self_review(report: Report, review: Object) -> None:
    """Check a SelfSubjectAccessReview."""
    _check_review(report, review, somebody=False)
    _check_metadata(report, review)


def check_local_review(report: Report, review: Object) -> None:
    """Check a LocalSubjectAccessReview, which is about its namespace only."""
    _check_review(report, review, somebody=True)
    _check_metadata(report, review, "namespace")
    spec = report.child(review, "spec", "") or {}
    attributes = report.child(spec, "resourceAttributes", "spec")
    own = (review.get("metadata") or {}).get("namespace") or ""
    if attributes is not None and (attributes.get("namespace") or "") != own:
        given = attributes.get("namespace") or ""
        where = "spec.resourceAttributes.namespace"
        report.invalid(where, given, "must match metadata.namespace")
    others = spec.get("nonResourceAttributes")
    if others is not None:
        shown = _printed(others)
        report.invalid("spec.nonResourceAttributes", shown, "disallowed on this kind of request")


def _printed(others: Object) -> Object:
    """Return non-resource attributes as Go's internal type is printed."""
    return {"Path": others.get("path") or "", "Verb": others.get("verb") or ""}


def _check_metadata(report: Report, review: Object, *allowed: str) -> None:
    meta = review.get("metadata") or {}
    ignored = ("managedFields", "creationTimestamp", *allowed)
    if any(value for key, value in meta.items() if key not in ignored):
        shown = {key: value for key, value in meta.items() if key != "managedFields" and value}
        detail = "must be empty except for namespace" if allowed else "must be empty"
        report.invalid("metadata", shown, detail)


def _check_review(report: Report, review: Object, *, somebody: bool) -> None:
    spec = report.child(review, "spec", "") or {}
    attributes = report.child(spec, "resourceAttributes", "spec")
    others: Any = report.child(spec, "nonResourceAttributes", "spec")
    if attributes is not None and others is not None:
        report.invalid("spec.nonResourceAttributes", _printed(others), BOTH)
    if attributes is None and others is None:
        report.invalid("spec.resourceAttributes", None, NEITHER)
    if somebody and not report.text(spec, "user", "spec") and not spec.get("groups"):
        report.invalid("spec.user", "", "at least one of user or group must be specified")
    for key in ("fieldSelector", "labelSelector"):
        where = "spec.resourceAttributes"
        selector = report.child(attributes or {}, key, where)
        if selector is not None:
            _check_selector(report, selector, f"{where}.{key}", labels=key == "labelSelector")


def _check_selector(report: Report, selector: Object, path: str, *, labels: bool) -> None:
    raw = report.text(selector, "rawSelector", path)
    requirements = report.objects(selector, "requirements", path)
    if raw and requirements:
        detail = "may not specified at the same time as requirements"
        report.invalid(f"{path}.rawSelector", raw, detail)
    if not raw and not requirements:
        detail = f"when {path} is specified, requirements or rawSelector is required"
        report.required(f"{path}.requirements", detail)
    for at, requirement in requirements:
        if labels:
            check_requirement(report, requirement, at, any_operator=True)
        else:
            _check_field(report, requirement, at)


def _check_field(report: Report, requirement: Object, path: str) -> None:
    if not report.text(requirement, "key", path):
        report.required(f"{path}.key", "must be specified")
    operator = report.text(requirement, "operator", path)
    values = report.texts(requirement, "values", path)
    if operator in ("In", "NotIn") and not values:
        detail = "must be specified when `operator` is 'In' or 'NotIn'"
        report.required(f"{path}.values", detail)
    elif operator in ("Exists", "DoesNotExist") and values:
        detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
        report.forbidden(f"{path}.values", detail)
