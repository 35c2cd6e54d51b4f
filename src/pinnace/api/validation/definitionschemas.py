"""Rules of the schemas in a CustomResourceDefinition, beside those of structure and defaults."""

import re
from dataclasses import dataclass, replace

from pinnace.api.errors import Cause
from pinnace.api.fieldvalidation import type_errors_of
from pinnace.api.objects import Object
from pinnace.api.validation.base import Report
from pinnace.api.validation.definitionrules import check_definition_rules
from pinnace.api.validation.fieldpaths import find_field
from pinnace.api.validation.schemadefaults import default_causes
from pinnace.api.validation.schemaprinting import printed_items, printed_schema, set_fields
from pinnace.api.validation.structurals import (
    EMBEDDED,
    PREFIX,
    PRESERVE,
    Schema,
    branches,
    child,
    conversion_fault,
    inner_schemas,
    properties,
    structural_causes,
)

TYPES = ("array", "boolean", "integer", "number", "object", "string")
REASONS = (
    "FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired",
)  # fmt: skip
META = ("metadata", "kind", "apiVersion")
JSON_SCHEMA = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"
LIST_TYPE, LIST_KEYS, MAP_TYPE = PREFIX + "list-type", PREFIX + "list-map-keys", PREFIX + "map-type"
RULES = PREFIX + "validations"
AT_ROOT = (
    "Description", "Type", "Format", "Title", "Maximum", "ExclusiveMaximum", "Minimum",
    "ExclusiveMinimum", "MaxLength", "MinLength", "Pattern", "MaxItems", "MinItems", "UniqueItems",
    "MultipleOf", "Required", "Items", "Properties", "ExternalDocs", "Example",
    "XPreserveUnknownFields", "XValidations",
)  # fmt: skip
QUADRATIC = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
SCALAR = "must be a scalar type if parent array's x-kubernetes-list-type is map"
KEY_NEEDED = (
    "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required "
    "property"
)
KEY_NOT_NULL = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable"
ATOMIC = "must be atomic as item of a list with x-kubernetes-list-type=set"
_UNSUPPORTED = ("id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref")


@dataclass(frozen=True, slots=True, kw_only=True)
class Strictness:
    """What is asked of schemas; a definition that was stored with a fault may keep it."""

    schema: bool = True
    types: bool = True
    structural: bool = True
    pruned_defaults: bool = True
    atomic_sets: bool = True
    map_keys: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where in a schema a node stands: inside an object's metadata, and whether defaults may be."""

    inside_meta: bool = False
    no_defaults: str = ""


def misfits(schema: Schema) -> list[str]:
    """Return the wrong types inside `items` and its like, which decoding does not look into."""
    items = schema.get("items")
    hidden = [part for part in (items if isinstance(items, list) else [items]) if part is not None]
    hidden += [schema[key] for key in ("additionalProperties", "additionalItems") if key in schema]
    found = [f"{part!r} is not a schema" for part in hidden if not isinstance(part, (dict, bool))]
    for part in hidden:
        if isinstance(part, dict) and not found:
            found = type_errors_of(JSON_SCHEMA, part)
    if found:
        return found
    return next((below for inner in inner_schemas(schema) if (below := misfits(inner))), [])


def check_schema(
    report: Report, schema: Object, path: str, strictness: Strictness, *, status: bool
) -> None:
    """Check the openAPIV3Schema at a path; `status` says that there is a status subresource."""
    found = Report()
    if status:
        _check_root(found, schema, path)
    if schema.get("nullable"):
        found.forbidden(f"{path}.nullable", "nullable cannot be true at the root")
    unreadable = ""
    if strictness.structural:
        unreadable = conversion_fault(schema)
        if not unreadable:
            found.causes += structural_causes(schema, path) or default_causes(
                schema, path, pruned=strictness.pruned_defaults
            )
    _check_node(found, schema, path, strictness, _Place(), root=True)
    if unreadable and not found.causes:
        found.invalid(path, "", unreadable)
    if not found.causes:
        check_definition_rules(found, schema, path)
    report.causes += found.causes


def _check_root(report: Report, schema: Object, path: str) -> None:
    for name in set_fields(schema):
        if name == "Type":
            if schema.get("type") != "object":
                detail = (
                    'only "object" is allowed as the type at the root of the schema if the status '
                    "subresource is enabled"
                )
                report.invalid(f"{path}.type", schema.get("type"), detail)
                return
        elif name not in AT_ROOT:
            detail = (
                f"only [{' '.join(AT_ROOT)}] fields are allowed at the root of the schema if the "
                "status subresource is enabled"
            )
            report.invalid(path, printed_schema(schema), detail)
            return


def _check_node(
    report: Report, schema: Schema, path: str, strictness: Strictness, place: _Place,
    *, root: bool = False,
) -> None:  # fmt: skip
    _check_standard(report, schema, path, strictness, place)
    if schema.get("uniqueItems"):
        report.forbidden(f"{path}.uniqueItems", QUADRATIC)
    _check_children(report, schema, path, strictness, place, root=root)
    _check_junctors(report, schema, path, strictness, place)
    _check_extensions(report, schema, path, strictness)
    _check_rules(report, schema, path)


def _check_standard(
    report: Report, schema: Schema, path: str, strictness: Strictness, place: _Place
) -> None:
    kind = schema.get("type") or ""
    if strictness.types and kind and kind not in TYPES:
        report.not_supported(f"{path}.type", kind, TYPES)
    if schema.get("default") is not None and place.no_defaults:
        report.forbidden(f"{path}.default", f"must not be set {place.no_defaults}")
    for key in _UNSUPPORTED:
        value = schema.get(key)
        # Of these, only a reference and an item schema are pointers, which may be there and empty.
        if value is not None and (value or key in ("$ref", "additionalItems", "dependencies")):
            report.forbidden(f"{path}.{key}", f"{key} is not supported")
    if kind == "null":
        detail = "type cannot be set to null, use nullable as an alternative"
        report.forbidden(f"{path}.type", detail)
    if isinstance(schema.get("items"), list) and schema["items"]:
        report.forbidden(f"{path}.items", "items must be a schema object and not an array")
    if place.inside_meta and schema.get(EMBEDDED):
        report.forbidden(f"{path}.{EMBEDDED}", "must not be used inside of resource meta")


def _check_children(
    report: Report, schema: Schema, path: str, strictness: Strictness, place: _Place, *, root: bool
) -> None:
    additional, inner_map = (
        schema.get("additionalProperties"),
        child(schema, "additionalProperties"),
    )
    if additional is not None:
        where = f"{path}.additionalProperties"
        if schema.get("properties") and additional is not True:
            detail = "additionalProperties and properties are mutual exclusive"
            report.forbidden(where, detail)
        if inner_map is not None:
            below = place
            if place.inside_meta:
                why = "inside additionalProperties applying to object metadata"
                below = replace(place, no_defaults=why)
            _check_node(report, inner_map, where, strictness, below)
    for name, inner in properties(schema):
        below = place
        if (root or schema.get(EMBEDDED)) and name in META:
            below = replace(place, inside_meta=True)
            if root:
                below = replace(below, no_defaults=f"in top-level {name}")
        _check_node(report, inner, f"{path}.properties[{name}]", strictness, below)


def _check_junctors(
    report: Report, schema: Schema, path: str, strictness: Strictness, place: _Place
) -> None:
    never, items = child(schema, "not"), schema.get("items")
    if never is not None:
        _check_node(report, never, f"{path}.not", strictness, place)
    for key in ("allOf", "oneOf", "anyOf"):
        for index, inner in branches(schema, key):
            _check_node(report, inner, f"{path}.{key}[{index}]", strictness, place)
    for name, inner in (schema.get("definitions") or {}).items():
        _check_node(report, inner, f"{path}.definitions[{name}]", strictness, place)
    if isinstance(items, dict):
        _check_node(report, items, f"{path}.items", strictness, place)
    for index, inner in enumerate(items if isinstance(items, list) else ()):
        _check_node(report, inner, f"{path}.items[{index}]", strictness, place)
    for name, inner in (schema.get("dependencies") or {}).items():
        if isinstance(inner, dict):
            _check_node(report, inner, f"{path}.dependencies[{name}]", strictness, place)


def _check_extensions(report: Report, schema: Schema, path: str, strictness: Strictness) -> None:
    if schema.get(PRESERVE) is False:
        report.invalid(f"{path}.{PRESERVE}", value=False, detail="must be true or undefined")
    map_type, list_type = schema.get(MAP_TYPE), schema.get(LIST_TYPE)
    if map_type is not None:
        _check_wanted_type(report, schema, path, "object", MAP_TYPE)
        if map_type not in ("atomic", "granular"):
            report.not_supported(f"{path}.{MAP_TYPE}", map_type, ("atomic", "granular"))
    items = child(schema, "items")
    if list_type is not None:
        typed = _check_wanted_type(report, schema, path, "array", LIST_TYPE)
        if typed and strictness.atomic_sets and list_type == "set" and items is not None:
            _check_set_items(report, items, path)
        if list_type not in ("atomic", "set", "map"):
            report.not_supported(f"{path}.{LIST_TYPE}", list_type, ("atomic", "set", "map"))
    if schema.get(LIST_KEYS):
        detail = "must be map if x-kubernetes-list-map-keys is non-empty"
        if list_type is None:
            report.required(f"{path}.{LIST_TYPE}", detail)
        elif list_type != "map":
            report.invalid(f"{path}.{LIST_TYPE}", list_type, detail)
    if list_type == "map":
        _check_list_map(report, schema, path)
    if strictness.map_keys:
        report.causes += key_causes(schema, path)


def _check_wanted_type(report: Report, schema: Schema, path: str, wanted: str, why: str) -> bool:
    kind, detail = schema.get("type") or "", f"must be {wanted} if {why} is specified"
    if kind == wanted:
        return True
    if kind:
        report.invalid(f"{path}.type", kind, detail)
    else:
        report.required(f"{path}.type", detail)
    return False


def _check_set_items(report: Report, items: Schema, path: str) -> None:
    list_type = items.get(LIST_TYPE)
    if is_not_atomic(items):
        key = LIST_TYPE if items.get("type") == "array" else MAP_TYPE
        report.invalid(f"{path}.items.{key}", list_type, ATOMIC)


def is_not_atomic(items: Schema) -> bool:
    """Say whether the items of a set are more than one value each."""
    if items.get("type") == "array":
        return items.get(LIST_TYPE) not in (None, "atomic")
    return items.get("type") == "object" and items.get(MAP_TYPE) != "atomic"


def _check_list_map(report: Report, schema: Schema, path: str) -> None:
    keys, given, items = schema.get(LIST_KEYS) or [], schema.get("items"), child(schema, "items")
    if not keys:
        detail = "must not be empty if x-kubernetes-list-type is map"
        report.required(f"{path}.{LIST_KEYS}", detail)
    if given is None:
        detail = "must have a schema if x-kubernetes-list-type is map"
        report.required(f"{path}.items", detail)
    elif items is None:
        detail = "must only have a single schema if x-kubernetes-list-type is map"
        report.invalid(f"{path}.items", printed_items(given), detail)
    if items is None:
        return
    if items.get("type") != "object":
        detail = "must be object if parent array's x-kubernetes-list-type is map"
        report.invalid(f"{path}.items.type", items.get("type") or "", detail)
        return
    known = dict(properties(items))
    for index, key in enumerate(keys):
        if key in known:
            if known[key].get("type") in ("array", "object"):
                report.invalid(f"{path}.items.properties[{key}].type", "object", SCALAR)
        else:
            detail = "entries must all be names of item properties"
            report.invalid(f"{path}.{LIST_KEYS}", keys, detail)
        if key in keys[:index]:
            report.invalid(f"{path}.{LIST_KEYS}", keys, "must not contain duplicate entries")


def key_causes(schema: Schema, path: str) -> list[Cause]:
    """Return what is wrong with the items of a set or map, and with what they are told apart by."""
    items, kind = child(schema, "items"), schema.get(LIST_TYPE)
    report = Report()
    if items is None or kind not in ("set", "map"):
        return []
    if items.get("nullable"):
        detail = f"cannot be nullable when x-kubernetes-list-type is {kind}"
        report.forbidden(f"{path}.items.nullable", detail)
    known = dict(properties(items)) if kind == "map" else {}
    for key in schema.get(LIST_KEYS) or ():
        if key not in known:
            continue
        where = f"{path}.items.properties[{key}]"
        if key not in (items.get("required") or ()) and known[key].get("default") is None:
            report.required(f"{where}.default", KEY_NEEDED)
        if known[key].get("nullable"):
            report.forbidden(f"{where}.nullable", KEY_NOT_NULL)
    return report.causes


def _check_rules(report: Report, schema: Schema, path: str) -> None:
    for index, rule in enumerate(schema.get(RULES) or ()):
        if isinstance(rule, dict):
            _check_rule(report, schema, rule, f"{path}.{RULES}[{index}]")


def _check_rule(report: Report, schema: Schema, rule: Object, path: str) -> None:
    text, message = report.text(rule, "rule", path), report.text(rule, "message", path)
    if not text.strip():
        report.required(f"{path}.rule", "rule is not specified")
    elif message and not message.strip():
        report.invalid(f"{path}.message", message, "must be non-empty if specified")
    elif re.search("[\n\r]", message.strip()):
        report.invalid(f"{path}.message", message, "must not contain line breaks")
    elif re.search("[\n\r]", text.strip()) and not message.strip():
        detail = "message must be specified if rule contains line breaks"
        report.required(f"{path}.message", detail)
    made = report.text(rule, "messageExpression", path)
    if made and not made.strip():
        missing = "messageExpression must be non-empty if specified"
        report.required(f"{path}.messageExpression", missing)
    reason = rule.get("reason")
    if reason is not None and reason not in REASONS:
        report.not_supported(f"{path}.reason", reason, REASONS)
    field = report.text(rule, "fieldPath", path)
    if not field:
        return
    where = f"{path}.fieldPath"
    if not field.strip():
        report.invalid(where, field, "must be non-empty if specified")
    if re.search("[\n\r]", field):
        report.invalid(where, field, "must not contain line breaks")
    if not conversion_fault(schema) and not _leads_somewhere(field, schema):
        report.invalid(where, field, "must be a valid path")


def _leads_somewhere(text: str, schema: Schema) -> bool:
    try:
        find_field(text, schema)
    except ValueError:
        return False
    return True
