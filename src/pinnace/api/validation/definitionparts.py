"""Rules of what a definition says beside its schemas: names, columns, subresources."""

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.validation.base import Report, too_many
from pinnace.api.validation.fieldpaths import find_field
from pinnace.api.validation.structurals import Schema

COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
COLUMN_FORMATS = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")
SELECTABLE = ("string", "boolean", "integer")
SELECTABLE_LIMIT = 8
SELECTABLE_KIND = (
    "must point to a field of type string, boolean or integer. Enum string fields and strings with "
    "formats are allowed."
)


def check_names(report: Report, given: Object, path: str) -> None:
    """Check the names of a definition, wanted or accepted."""
    for key in ("plural", "singular"):
        name = report.text(given, key, path)
        said = names.dns1035_label(name) if name else []
        if said:
            report.invalid(f"{path}.{key}", name, ",".join(said))
    for key in ("kind", "listKind"):
        name = report.text(given, key, path)
        said = names.dns1035_label(name.lower()) if name else []
        if said:
            detail = "may have mixed case, but should otherwise match: " + ",".join(said)
            report.invalid(f"{path}.{key}", name, detail)
    _check_labels(report, given, "shortNames", path)
    kind = given.get("kind")
    if kind and kind == given.get("listKind"):
        report.invalid(f"{path}.listKind", kind, "kind and listKind may not be the same")
    _check_labels(report, given, "categories", path)


def _check_labels(report: Report, given: Object, key: str, path: str) -> None:
    for index, name in enumerate(report.texts(given, key, path)):
        said = names.dns1035_label(name)
        if said:
            report.invalid(f"{path}.{key}[{index}]", name, ",".join(said))


def check_columns(report: Report, holder: Object, path: str) -> None:
    """Check the columns that a table of the resource has."""
    for at, column in report.objects(holder, "additionalPrinterColumns", path):
        if not report.text(column, "name", at):
            report.required(f"{at}.name")
        kind, detail = report.text(column, "type", at), f"must be one of {','.join(COLUMN_TYPES)}"
        if not kind:
            report.required(f"{at}.type", detail)
        elif kind not in COLUMN_TYPES:
            report.invalid(f"{at}.type", kind, detail)
        form = report.text(column, "format", at)
        if form and form not in COLUMN_FORMATS:
            report.invalid(f"{at}.format", form, f"must be one of {','.join(COLUMN_FORMATS)}")
        where = report.text(column, "jsonPath", at)
        if not where:
            report.required(f"{at}.JSONPath")
        else:
            _check_simple_path(report, where, f"{at}.JSONPath")


def _check_simple_path(report: Report, text: str, path: str, *below: str, what: str = "") -> None:
    if not text.startswith("."):
        report.invalid(path, text, "must be a simple json path starting with .")
    elif below and not text.startswith(below):
        report.invalid(path, text, f"should be a json path under {what}")


def check_subresources(report: Report, holder: Object, path: str) -> None:
    """Check where a scale finds its numbers."""
    given = report.child(holder, "subresources", path) or {}
    scale = report.child(given, "scale", f"{path}.subresources")
    if scale is None:
        return
    where = f"{path}.subresources.scale"
    for key, part in (("specReplicasPath", ".spec"), ("statusReplicasPath", ".status")):
        text = report.text(scale, key, where)
        if not text:
            report.required(f"{where}.{key}")
        else:
            _check_simple_path(report, text, f"{where}.{key}", f"{part}.", what=part)
    selector = report.text(scale, "labelSelectorPath", where)
    if selector:
        at = f"{where}.labelSelectorPath"
        _check_simple_path(
            report, selector, at, ".spec.", ".status.", what="either .spec or .status"
        )


def check_selectable(
    report: Report, holder: Object, schema: Schema, path: str, *, many: bool
) -> None:
    """Check the fields that field selectors may name; `many` lets too many be."""
    seen: set[str] = set()
    for at, selected in report.objects(holder, "selectableFields", path):
        text, where = report.text(selected, "jsonPath", at), f"{at}.jsonPath"
        if not text:
            report.required(where)
            continue
        try:
            found, end = find_field(text, schema, arrays=False)
        except ValueError as error:
            report.invalid(where, text, f"is an invalid path: {error}")
            continue
        if found.split(".")[0].split("[")[0] == "metadata":
            report.invalid(where, text, "must not point to fields in metadata")
        if end is None or end.get("type") not in SELECTABLE:
            report.invalid(where, text, SELECTABLE_KIND)
        if found in seen:
            report.duplicate(where, text)
        seen.add(found)
    if len(seen) > SELECTABLE_LIMIT and not many:
        report.add(too_many(f"{path}.selectableFields", len(seen), SELECTABLE_LIMIT))


def check_deprecation(report: Report, version: Object, path: str) -> None:
    """Check what users of a version are warned of."""
    warning = version.get("deprecationWarning")
    if warning is None:
        return
    text, where = report.text(version, "deprecationWarning", path), f"{path}.deprecationWarning"
    if not version.get("deprecated"):
        report.invalid(where, text, "can only be set for deprecated versions")
        return
    if len(text.encode("utf-8", "surrogatepass")) > 256:
        report.invalid(where, text, "must be <= 256 characters long")
    if not text:
        report.invalid(where, text, "must not be an empty string")
    for index, letter in enumerate(text):
        if not letter.isprintable():
            at = len(text[:index].encode("utf-8", "surrogatepass"))
            detail = (
                "must only contain printable UTF-8 characters; non-printable character found at "
                f"index {at}"
            )
            report.invalid(where, text, detail)
            break
