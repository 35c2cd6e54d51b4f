"""The selectors of a review: what they narrow the question to, and what of them is ignored."""

from pinnace.api.errors import BadRequest
from pinnace.api.objects import Object
from pinnace.api.selectors import (
    label_selector_from_object,
    parse_field_selector,
    parse_label_selector,
)

Pairs = tuple[tuple[str, str], ...]


def narrowed(asked: Object) -> tuple[Pairs, str]:
    """Return the `field=value` requirements of resource attributes, and the evaluation error.

    Requirements that cannot be read are left out: they only narrow, so that is safe.
    """
    errors = []
    fields, kept, good = _fields(asked.get("fieldSelector") or {})
    if not good:
        errors.append(_ignored("fieldSelector", kept))
    kept, good = _labels(asked.get("labelSelector") or {})
    if not good:
        errors.append(_ignored("labelSelector", kept))
    return fields, "; ".join(errors)


def _ignored(which: str, kept: int) -> str:
    partially = "partially " if kept else ""
    return f"spec.resourceAttributes.{which} {partially}ignored due to parse error"


def _fields(selector: Object) -> tuple[Pairs, int, bool]:
    raw = str(selector.get("rawSelector") or "")
    if raw:
        try:
            terms = parse_field_selector(raw).terms
        except BadRequest:
            return (), 0, False
        equal = [(key, value) for key, operator, value in terms if operator == "="]
        return tuple(equal), 0, True
    found: list[tuple[str, str]] = []
    kept = 0
    requirements: list[Object] = selector.get("requirements") or []
    for requirement in requirements:
        values = requirement.get("values") or []
        if len(values) != 1 or requirement.get("operator") not in ("In", "NotIn"):
            continue
        kept += 1
        if requirement["operator"] == "In":
            found.append((str(requirement.get("key") or ""), str(values[0])))
    return tuple(found), kept, kept == len(requirements)


def _labels(selector: Object) -> tuple[int, bool]:
    raw = str(selector.get("rawSelector") or "")
    if raw:
        try:
            parse_label_selector(raw)
        except BadRequest:
            return 0, False
        return 0, True
    kept = 0
    requirements: list[Object] = selector.get("requirements") or []
    for requirement in requirements:
        try:
            label_selector_from_object({"matchExpressions": [requirement]})
        except BadRequest:
            continue
        kept += 1
    return kept, kept == len(requirements)
