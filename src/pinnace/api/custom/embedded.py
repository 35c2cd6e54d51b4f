"""Kind, apiVersion and metadata of resources that stand inside custom resources.

Upstream: apiextensions-apiserver `pkg/apiserver/schema/objectmeta`. Their metadata is that of any
object: it is read as Go would read it, and checked with the same rules.
"""

from typing import Any

from pinnace.api.custom.structural import Structural
from pinnace.api.errors import Cause
from pinnace.api.fieldvalidation import type_errors_of, unknown_fields_of
from pinnace.api.names import dns1035_label, path_segment_name
from pinnace.api.objects import Object
from pinnace.api.schema.load import OBJECT_META
from pinnace.api.typed import normalized_as
from pinnace.api.validation.base import Report, invalid, join, required
from pinnace.api.validation.metadata import check_metadata


def coerce(obj: Object, schema: Structural) -> list[str]:
    """Bring the metadata of a resource and of those inside it into form, in place.

    Returns the paths of metadata fields that do not exist, which are dropped; raises ValueError
    with upstream's words for metadata that cannot be read.
    """
    unknown: list[str] = []
    _coerce(obj, schema.as_resource(), "", unknown)
    return sorted(unknown)


def _coerce(value: Any, schema: Structural | None, path: str, unknown: list[str]) -> None:
    if schema is None:
        return
    if isinstance(value, dict):
        if schema.embedded and isinstance(value.get("metadata"), dict):
            value["metadata"] = _metadata(value["metadata"], join(path, "metadata"), unknown)
        for name, inner in value.items():
            if name in schema.properties:
                _coerce(inner, schema.properties[name], join(path, name), unknown)
            elif schema.additional is not None:
                _coerce(inner, schema.additional, f"{path}[{name}]", unknown)
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            _coerce(entry, schema.items, f"{path}[{index}]", unknown)


def _metadata(metadata: Object, path: str, unknown: list[str]) -> Object:
    """Return metadata as Go writes it back."""
    wrong = type_errors_of(OBJECT_META, metadata)
    if wrong:
        if path == "metadata":
            raise ValueError(wrong[0])
        raise ValueError(invalid(path, metadata, wrong[0]).text())
    unknown += [f"{path}.{name}" for name in unknown_fields_of(OBJECT_META, metadata)]
    made = normalized_as(OBJECT_META, metadata)
    return {name: inner for name, inner in made.items() if inner not in (None, "", {}, [], 0)}


def check_embedded(value: Any, schema: Structural | None, path: str = "") -> list[Cause]:
    """Return what is wrong with the resources that stand inside a value."""
    if schema is None:
        return []
    found: list[Cause] = []
    if isinstance(value, dict):
        if schema.embedded:
            found += _check_resource(value, path)
        for name, inner in value.items():
            if name in schema.properties:
                found += check_embedded(inner, schema.properties[name], join(path, name))
            elif schema.additional is not None:
                found += check_embedded(inner, schema.additional, f"{path}[{name}]")
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            found += check_embedded(entry, schema.items, f"{path}[{index}]")
    return found


def _check_resource(value: Object, path: str) -> list[Cause]:
    found = [required(join(path, name)) for name in ("apiVersion", "kind") if name not in value]
    for name in ("apiVersion", "kind"):
        if name not in value:
            continue
        given, where = value[name], join(path, name)
        if not isinstance(given, str):
            found.append(invalid(where, given, "must be a string"))
        elif not given:
            found.append(invalid(where, given, "must not be empty"))
        elif name == "apiVersion" and given.count("/") > 1:
            found.append(invalid(where, given, f"unexpected GroupVersion string: {given}"))
        elif name == "kind" and (errors := dns1035_label(given.lower())):
            why = "may have mixed case, but should otherwise match: " + ",".join(errors)
            found.append(invalid(where, given, why))
    metadata = value.get("metadata")
    if isinstance(metadata, dict):
        report = Report()
        named = {"metadata": {**metadata, "name": metadata.get("name") or "fakename"}}
        check_metadata(
            report,
            named,
            namespaced=bool(metadata.get("namespace")),
            name_rule=path_segment_name,
            any_finalizer=True,
        )
        found += [
            Cause(cause.reason, join(path, cause.field), cause.body()) for cause in report.causes
        ]
    return found
