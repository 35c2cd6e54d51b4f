"""How upstream's own types print the parts of a definition: Go's field names, nothing left out."""

from collections.abc import Callable
from typing import Any

from pinnace.api.objects import Object

Print = Callable[[Any], Any]


def _rule(rule: Object) -> Object:
    return {
        "Rule": rule.get("rule") or "",
        "Message": rule.get("message") or "",
        "MessageExpression": rule.get("messageExpression") or "",
        "Reason": rule.get("reason"),
        "FieldPath": rule.get("fieldPath") or "",
        "OptionalOldSelf": rule.get("optionalOldSelf"),
    }


def printed_items(items: Any) -> Any:
    """Return what `items` holds, one schema or several, as upstream prints it."""
    if isinstance(items, list):
        return {"Schema": None, "JSONSchemas": [printed_schema(item) for item in items]}
    return {"Schema": printed_schema(items), "JSONSchemas": None}


def _or_bool(value: Any) -> Any:
    if isinstance(value, bool):
        return {"Allows": value, "Schema": None}
    return {"Allows": True, "Schema": printed_schema(value)}


def _each(value: Any) -> Any:
    return [printed_schema(item) for item in value]


def _mapped(value: Any) -> Any:
    return {name: printed_schema(value[name]) for name in sorted(value)}


def _docs(value: Object) -> Object:
    return {"Description": value.get("description") or "", "URL": value.get("url") or ""}


def _as_is(value: Any) -> Any:
    return value


_FIELDS: tuple[tuple[str, str, Any, Print], ...] = (
    ("ID", "id", "", _as_is),
    ("Schema", "$schema", "", _as_is),
    ("Ref", "$ref", None, _as_is),
    ("Description", "description", "", _as_is),
    ("Type", "type", "", _as_is),
    ("Nullable", "nullable", False, _as_is),
    ("Format", "format", "", _as_is),
    ("Title", "title", "", _as_is),
    ("Default", "default", None, _as_is),
    ("Maximum", "maximum", None, _as_is),
    ("ExclusiveMaximum", "exclusiveMaximum", False, _as_is),
    ("Minimum", "minimum", None, _as_is),
    ("ExclusiveMinimum", "exclusiveMinimum", False, _as_is),
    ("MaxLength", "maxLength", None, _as_is),
    ("MinLength", "minLength", None, _as_is),
    ("Pattern", "pattern", "", _as_is),
    ("MaxItems", "maxItems", None, _as_is),
    ("MinItems", "minItems", None, _as_is),
    ("UniqueItems", "uniqueItems", False, _as_is),
    ("MultipleOf", "multipleOf", None, _as_is),
    ("Enum", "enum", None, _as_is),
    ("MaxProperties", "maxProperties", None, _as_is),
    ("MinProperties", "minProperties", None, _as_is),
    ("Required", "required", None, _as_is),
    ("Items", "items", None, printed_items),
    ("AllOf", "allOf", None, _each),
    ("OneOf", "oneOf", None, _each),
    ("AnyOf", "anyOf", None, _each),
    ("Not", "not", None, lambda value: printed_schema(value)),
    ("Properties", "properties", None, _mapped),
    ("AdditionalProperties", "additionalProperties", None, _or_bool),
    ("PatternProperties", "patternProperties", None, _mapped),
    ("Dependencies", "dependencies", None, _as_is),
    ("AdditionalItems", "additionalItems", None, _or_bool),
    ("Definitions", "definitions", None, _mapped),
    ("ExternalDocs", "externalDocs", None, _docs),
    ("Example", "example", None, _as_is),
    ("XPreserveUnknownFields", "x-kubernetes-preserve-unknown-fields", None, _as_is),
    ("XEmbeddedResource", "x-kubernetes-embedded-resource", False, _as_is),
    ("XIntOrString", "x-kubernetes-int-or-string", False, _as_is),
    ("XListMapKeys", "x-kubernetes-list-map-keys", None, _as_is),
    ("XListType", "x-kubernetes-list-type", None, _as_is),
    ("XMapType", "x-kubernetes-map-type", None, _as_is),
    (
        "XValidations", "x-kubernetes-validations", None,
        lambda value: [_rule(rule) for rule in value],
    ),
)  # fmt: skip


def printed_schema(schema: Object) -> Object:
    """Return a schema as upstream prints it."""
    return {
        name: zero if schema.get(key) is None else made(schema[key])
        for name, key, zero, made in _FIELDS
    }


def set_fields(schema: Object) -> list[str]:
    """Return Go's names of the fields that a schema sets, in the order of the struct."""
    return [name for name, key, zero, _ in _FIELDS if schema.get(key) not in (None, zero, [], {})]


def printed_versions(versions: list[Object]) -> list[Object]:
    """Return the versions of a definition as upstream prints them."""
    return [
        {
            "Name": version.get("name") or "",
            "Served": version.get("served") or False,
            "Storage": version.get("storage") or False,
            "Deprecated": version.get("deprecated") or False,
            "DeprecationWarning": version.get("deprecationWarning"),
            "Schema": _printed(version.get("schema"), _validation),
            "Subresources": _printed(version.get("subresources"), _subresources),
            "AdditionalPrinterColumns": _printed(
                version.get("additionalPrinterColumns"), lambda found: list(map(_column, found))
            ),
            "SelectableFields": _printed(
                version.get("selectableFields"),
                lambda found: [{"JSONPath": item.get("jsonPath") or ""} for item in found],
            ),
        }
        for version in versions
    ]


def _printed(value: Any, made: Print) -> Any:
    return None if value is None else made(value)


def _validation(schema: Object) -> Object:
    return {"OpenAPIV3Schema": _printed(schema.get("openAPIV3Schema"), printed_schema)}


def _subresources(given: Object) -> Object:
    return {"Status": given.get("status"), "Scale": _printed(given.get("scale"), _scale)}


def _scale(scale: Object) -> Object:
    return {
        "SpecReplicasPath": scale.get("specReplicasPath") or "",
        "StatusReplicasPath": scale.get("statusReplicasPath") or "",
        "LabelSelectorPath": scale.get("labelSelectorPath"),
    }


def _column(column: Object) -> Object:
    return {
        "Name": column.get("name") or "",
        "Type": column.get("type") or "",
        "Format": column.get("format") or "",
        "Description": column.get("description") or "",
        "Priority": column.get("priority") or 0,
        "JSONPath": column.get("jsonPath") or "",
    }
