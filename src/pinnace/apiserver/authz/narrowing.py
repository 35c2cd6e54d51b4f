"""Selectors as authorizers see them: what they narrow a question to, and what is ignored."""

from typing import NamedTuple

from pinnace.api.errors import BadRequest
from pinnace.api.objects import Object
from pinnace.api.selectors import (
    Requirement,
    label_selector_from_object,
    parse_field_selector,
    parse_label_selector,
)
from pinnace.apiserver.authz.base import Attributes, FieldTerms

_OPERATORS = {
    "=": "In", "==": "In", "in": "In", "!=": "NotIn", "notin": "NotIn",
    "exists": "Exists", "!": "DoesNotExist",
}  # fmt: skip


class Narrowed(NamedTuple):
    """The selectors of a question; `error` says which could not be read."""

    fields: FieldTerms = ()
    labels: tuple[Requirement, ...] = ()
    error: str = ""


def narrowed(asked: Object) -> Narrowed:
    """Return the selectors of a review's resource attributes.

    Requirements that cannot be read are left out: they only narrow, so that is safe.
    """
    errors = []
    fields, good = _fields(asked.get("fieldSelector") or {})
    if not good:
        errors.append(_ignored("fieldSelector", len(fields)))
    labels, good = _labels(asked.get("labelSelector") or {})
    if not good:
        errors.append(_ignored("labelSelector", len(labels)))
    return Narrowed(fields, labels, "; ".join(errors))


def narrowed_to(fields: str, labels: str) -> Narrowed:
    """Return selectors that are given as text."""
    return narrowed(
        {"fieldSelector": {"rawSelector": fields}, "labelSelector": {"rawSelector": labels}}
    )


def selectors_of(attributes: Attributes) -> Object:
    """Return what narrows an attempt as the resource attributes of a review have it."""
    labels = attributes.label_selector
    if isinstance(labels, str):
        labels = _labels({"rawSelector": labels})[0]
    made: Object = {}
    if attributes.field_selector:
        made["fieldSelector"] = {
            "requirements": [
                {"key": field, "operator": _OPERATORS[operator], "values": [value]}
                for field, operator, value in attributes.field_selector
            ]
        }
    # Authorizers are not told of operators that a review cannot express.
    told = [_told(one) for one in labels if one.operator in _OPERATORS]
    if told:
        made["labelSelector"] = {"requirements": told}
    return made


def _told(one: Requirement) -> Object:
    values = {"values": list(one.values)} if one.values else {}
    return {"key": one.key, "operator": _OPERATORS[one.operator], **values}


def _ignored(which: str, kept: int) -> str:
    partially = "partially " if kept else ""
    return f"spec.resourceAttributes.{which} {partially}ignored due to parse error"


def _fields(selector: Object) -> tuple[FieldTerms, bool]:
    requirements: list[Object] = selector.get("requirements") or []
    raw = str(selector.get("rawSelector") or "")
    if raw and not requirements:
        try:
            return parse_field_selector(raw).terms, True
        except BadRequest:
            return (), False
    found: list[tuple[str, str, str]] = []
    for requirement in requirements:
        values = requirement.get("values") or []
        operator = {"In": "=", "NotIn": "!="}.get(str(requirement.get("operator") or ""))
        if len(values) == 1 and operator:
            found.append((str(requirement.get("key") or ""), operator, str(values[0])))
    return tuple(found), len(found) == len(requirements)


def _labels(selector: Object) -> tuple[tuple[Requirement, ...], bool]:
    requirements: list[Object] = selector.get("requirements") or []
    raw = str(selector.get("rawSelector") or "")
    if raw and not requirements:
        try:
            return parse_label_selector(raw).requirements, True
        except BadRequest:
            return (), False
    found: list[Requirement] = []
    for requirement in requirements:
        try:
            found += label_selector_from_object({"matchExpressions": [requirement]}).requirements
        except BadRequest:
            continue
    return tuple(found), len(found) == len(requirements)
