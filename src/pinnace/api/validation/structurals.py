"""What makes the schema of a custom resource structural.

Upstream: apiextensions-apiserver `pkg/apiserver/schema`. The rules look at the schema as JSON. What
is found is sorted by its text, as there.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import re2

from pinnace.api.errors import Cause
from pinnace.api.validation.base import Report

Schema = Mapping[str, Any]
PREFIX = "x-kubernetes-"
PRESERVE, EMBEDDED = PREFIX + "preserve-unknown-fields", PREFIX + "embedded-resource"
INT_OR_STRING = PREFIX + "int-or-string"
TYPE_NEEDED = {
    "root": "must not be empty at the root",
    "item": "must not be empty for specified array items",
    "field": "must not be empty for specified object fields",
}
RESOURCE = "must be object if x-kubernetes-embedded-resource is true"
EMPTY_RESOURCE = (
    "must not be empty if x-kubernetes-embedded-resource is true without "
    "x-kubernetes-preserve-unknown-fields"
)
META_ONLY = (
    "must not specify anything other than name and generateName, but metadata is implicitly "
    "specified"
)
_NOT_INT_ONLY = "must be false if x-kubernetes-int-or-string is true"
# What a branch of a junctor may not say, and what it must be instead.
_FORBIDDEN = (
    ("type", "must be empty to be structural"),
    ("additionalProperties", "must be undefined to be structural"),
    ("default", "must be undefined to be structural"),
    ("title", "must be empty to be structural"),
    ("description", "must be empty to be structural"),
    ("nullable", "must be false to be structural"),
    (PRESERVE, "must be false to be structural"),
    (EMBEDDED, "must be false to be structural"),
    (INT_OR_STRING, "must be false to be structural"),
    (PREFIX + "list-map-keys", "must be empty to be structural"),
    (PREFIX + "list-type", "must be undefined to be structural"),
    (PREFIX + "map-type", "must be undefined to be structural"),
)
_INT_OR_STRING_ANY_OF = [{"type": "integer"}, {"type": "string"}]
_UNSUPPORTED = (
    ("id", "id"), ("$schema", "schema"), ("$ref", "$ref"),
    ("patternProperties", "patternProperties"),
    ("dependencies", "dependencies"), ("additionalItems", "additionalItems"),
    ("definitions", "definitions"),
)  # fmt: skip


def child(schema: Schema, key: str) -> Schema | None:
    """Return a schema inside a schema, None where there is none."""
    found = schema.get(key)
    return found if isinstance(found, dict) else None


def properties(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """Yield the properties of a schema."""
    for name, inner in (schema.get("properties") or {}).items():
        if isinstance(inner, dict):
            yield name, inner


def branches(schema: Schema, key: str) -> Iterator[tuple[int, Schema]]:
    """Yield the branches of a junctor."""
    for index, inner in enumerate(schema.get(key) or ()):
        if isinstance(inner, dict):
            yield index, inner


def inner_schemas(schema: Schema) -> Iterator[Schema]:
    """Yield every schema that stands directly inside a schema."""
    items = schema.get("items")
    yield from (part for part in (items if isinstance(items, list) else [items]) if part)
    for key in ("allOf", "anyOf", "oneOf"):
        yield from (inner for _, inner in branches(schema, key))
    for key in ("not", "additionalProperties", "additionalItems"):
        inner = child(schema, key)
        if inner is not None:
            yield inner
    for key in ("properties", "patternProperties", "definitions", "dependencies"):
        yield from (part for part in (schema.get(key) or {}).values() if isinstance(part, dict))


def holds(schema: Schema | None, test: Callable[[Schema], bool]) -> bool:
    """Say whether a schema, or one at any depth inside it, passes a test."""
    if schema is None:
        return False
    return test(schema) or any(holds(inner, test) for inner in inner_schemas(schema))


def conversion_fault(schema: Schema) -> str:
    """Return why a schema cannot even be read as a structural one, empty when it can."""
    for key, called in _UNSUPPORTED:
        if schema.get(key) or (key == "additionalItems" and schema.get(key) is not None):
            return f"OpenAPIV3Schema '{called}' is not supported"
    for key in ("not", "additionalProperties"):
        inner = child(schema, key)
        fault = conversion_fault(inner) if inner is not None and key == "not" else ""
        if fault:
            return fault
    for key in ("allOf", "anyOf", "oneOf"):
        for _, inner in branches(schema, key):
            if fault := conversion_fault(inner):
                return fault
    if schema.get(PRESERVE) is False:
        return f"internal error: '{PRESERVE}' must be true or undefined"
    if isinstance(schema.get("items"), list) and schema["items"]:
        return "OpenAPIV3Schema 'items' must be a schema, but is an array"
    below = [inner for inner in (child(schema, "items"),) if inner is not None]
    below += [inner for _, inner in properties(schema)]
    below += [inner for inner in (child(schema, "additionalProperties"),) if inner is not None]
    return next((fault for inner in below if (fault := conversion_fault(inner))), "")


def structural_causes(schema: Schema, path: str) -> list[Cause]:
    """Return what keeps a readable schema from being structural, sorted."""
    report = Report()
    _check_shape(report, schema, path, "root")
    _check_complete(report, schema, schema, path, path)
    return sorted(report.causes, key=Cause.text)


def _check_shape(report: Report, schema: Schema, path: str, level: str) -> None:
    items = child(schema, "items")
    if schema.get("type") == "array" and items is None:
        report.required(f"{path}.items", "must be specified")
    if items is not None:
        _check_shape(report, items, f"{path}.items", "item")
    for name, inner in properties(schema):
        _check_shape(report, inner, f"{path}.properties[{name}]", "field")
    if schema.get("additionalProperties") is not None:
        if level == "root":
            report.forbidden(f"{path}.additionalProperties", "must not be used at the root")
        inner_map = child(schema, "additionalProperties")
        if inner_map is not None:
            _check_shape(report, inner_map, f"{path}.additionalProperties", "field")
    if schema.get(INT_OR_STRING):
        for key in (PRESERVE, EMBEDDED):
            if schema.get(key):
                report.invalid(f"{path}.{key}", value=True, detail=_NOT_INT_ONLY)
    first = next((inner for _, inner in branches(schema, "allOf")), {})
    _check_values(
        report, schema, path,
        skip_any_of=schema.get("anyOf") == _INT_OR_STRING_ANY_OF,
        skip_first=first.get("anyOf") == _INT_OR_STRING_ANY_OF,
        rules=False,
    )  # fmt: skip
    _check_type(report, schema, path, level)
    _check_resource_fields(report, schema, path, level)


def _check_type(report: Report, schema: Schema, path: str, level: str) -> None:
    kind, embedded = schema.get("type") or "", schema.get(EMBEDDED)
    if embedded and kind != "object":
        if kind:
            report.invalid(f"{path}.type", kind, RESOURCE)
        else:
            report.required(f"{path}.type", RESOURCE)
    elif not kind and not schema.get(INT_OR_STRING) and not schema.get(PRESERVE):
        report.required(f"{path}.type", TYPE_NEEDED[level])
    if embedded and schema.get("additionalProperties") is not None:
        detail = "must not be used if x-kubernetes-embedded-resource is set"
        report.forbidden(f"{path}.additionalProperties", detail)
    if level == "root" and kind and kind != "object":
        report.invalid(f"{path}.type", kind, "must be object at the root")


def _check_resource_fields(report: Report, schema: Schema, path: str, level: str) -> None:
    embedded = schema.get(EMBEDDED)
    resource, inner = level == "root" or embedded, dict(properties(schema))
    for name in ("kind", "apiVersion"):
        if name in inner and resource and inner[name].get("type") != "string":
            shown = inner[name].get("type") or ""
            report.invalid(f"{path}.properties[{name}].type", shown, "must be string")
    if "metadata" in inner:
        where, meta = f"{path}.properties[metadata]", inner["metadata"]
        if resource and meta.get("type") != "object":
            report.invalid(f"{where}.type", meta.get("type") or "", "must be object")
        if level == "root" and _says_more(meta):
            report.forbidden(where, META_ONLY)
    if embedded and not schema.get(PRESERVE) and not inner:
        report.required(f"{path}.properties", EMPTY_RESOURCE)


def _says_more(meta: Schema) -> bool:
    """Say whether the schema of the metadata restricts more than name and generateName."""
    kept = {key: value for key, value in meta.items() if key not in ("type", "default")}
    if kept.get("properties") and set(kept["properties"]) <= {"name", "generateName"}:
        del kept["properties"]
    return any(value not in (None, "", False, [], {}) for value in kept.values())


def _check_values(
    report: Report, schema: Schema, path: str, *, skip_any_of: bool, skip_first: bool, rules: bool
) -> None:
    if not skip_any_of:
        for index, inner in branches(schema, "anyOf"):
            _check_branch(report, inner, f"{path}.anyOf[{index}]", rules=False)
    for index, inner in branches(schema, "allOf"):
        skip = skip_first and index == 0
        _check_branch(report, inner, f"{path}.allOf[{index}]", skip_any_of=skip, rules=rules)
    for index, inner in branches(schema, "oneOf"):
        _check_branch(report, inner, f"{path}.oneOf[{index}]", rules=False)
    never = child(schema, "not")
    if never is not None:
        _check_branch(report, never, f"{path}.not", rules=False)
    pattern = schema.get("pattern")
    if isinstance(pattern, str) and pattern:
        fault = pattern_fault(pattern)
        if fault:
            detail = f"must be a valid regular expression, but isn't: {fault}"
            report.invalid(f"{path}.pattern", pattern, detail)


def pattern_fault(pattern: str) -> str:
    """Return what is wrong with a regular expression, in Go's words; empty when nothing is."""
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        text = error.args[0] if error.args else ""
        told = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
        what, _, where = told.partition(": ")
        return (
            f"error parsing regexp: {what}: `{where}`" if where else f"error parsing regexp: {told}"
        )
    return ""


def _check_branch(
    report: Report, schema: Schema, path: str, *, skip_any_of: bool = False, rules: bool
) -> None:
    _check_values(report, schema, path, skip_any_of=skip_any_of, skip_first=False, rules=rules)
    items = child(schema, "items")
    if items is not None:
        _check_branch(report, items, f"{path}.items", rules=rules)
    for name, inner in properties(schema):
        _check_branch(report, inner, f"{path}.properties[{name}]", rules=rules)
    for key, why in _FORBIDDEN:
        if schema.get(key) or (key == "default" and schema.get(key) is not None):
            report.forbidden(f"{path}.{key}", why)
    if schema.get(PREFIX + "validations") and not rules:
        report.forbidden(f"{path}.{PREFIX}validations", "must be empty to be structural")
    if "metadata" in (schema.get("properties") or {}):
        where = f"{path}.properties[metadata]"
        report.forbidden(where, "must not be specified in a nested context")


def _check_complete(report: Report, branch: Schema, schema: Schema, path: str, own: str) -> None:
    """Check that what the junctors of the root name is named by the structure itself, at `own`."""
    never = child(branch, "not")
    if never is not None:
        _check_named(report, never, schema, f"{path}.not", own)
    for key in ("allOf", "anyOf", "oneOf"):
        for index, inner in branches(branch, key):
            _check_named(report, inner, schema, f"{path}.{key}[{index}]", own)


def _check_named(
    report: Report, branch: Schema, schema: Schema | None, path: str, own: str
) -> None:
    if schema is None:
        report.required(own, f"because it is defined in {path}")
        return
    _check_complete(report, branch, schema, path, own)
    items = child(branch, "items")
    if items is not None:
        _check_named(report, items, child(schema, "items"), f"{path}.items", f"{own}.items")
    known = dict(properties(schema))
    for name, inner in properties(branch):
        below = f"properties[{name}]"
        _check_named(report, inner, known.get(name), f"{path}.{below}", f"{own}.{below}")
