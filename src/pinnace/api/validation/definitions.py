"""Rules of CustomResourceDefinitions.

Upstream checks its internal form, in which what all versions share stands once, at the top of the
spec (`spec.validation`, `spec.subresources` ...), and tells of it under that path; so do we.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pinnace.api import names
from pinnace.api.errors import Cause
from pinnace.api.objects import Object
from pinnace.api.validation.base import IMMUTABLE, Report, shown
from pinnace.api.validation.definitionparts import (
    SELECTABLE_LIMIT,
    check_columns,
    check_deprecation,
    check_names,
    check_selectable,
    check_subresources,
)
from pinnace.api.validation.definitionschemas import (
    LIST_KEYS,
    LIST_TYPE,
    RULES,
    TYPES,
    Strictness,
    check_schema,
    is_not_atomic,
    key_causes,
    misfits,
)
from pinnace.api.validation.schemadefaults import has_unpruned
from pinnace.api.validation.schemaprinting import printed_versions
from pinnace.api.validation.structurals import (
    EMBEDDED,
    INT_OR_STRING,
    PRESERVE,
    Schema,
    child,
    conversion_fault,
    holds,
    structural_causes,
)
from pinnace.api.validation.webhooks import check_review_versions
from pinnace.api.validation.weburls import check_client, parse_url

SCOPES = ("Cluster", "Namespaced")
APPROVED = "api-approved.kubernetes.io"
_SHARED = (
    ("subresources", "subresources"), ("schema", "validation"),
    ("additionalPrinterColumns", "additionalPrinterColumns"),
    ("selectableFields", "selectableFields"),
)  # fmt: skip
STILL_STORED = (
    "missing from spec.versions; {0} was previously a storage version, and must remain in "
    "spec.versions until a storage migration ensures no data remains persisted in {0} and removes "
    "{0} from status.storedVersions"
)
NO_UNKNOWN = (
    "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in "
    "spec.versions[*].schema instead"
)
_REVIEW_111 = "see https://github.com/kubernetes/enhancements/pull/1111"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leave:
    """How a definition is checked, given what is stored."""

    schemas: Strictness = field(default_factory=Strictness)
    known_review: bool = True
    bad_bundle: bool = True
    many_selectable: frozenset[str] = frozenset()


def definition_name(definition: Object) -> Callable[[str], list[str]]:
    """Return the rule for the name of a definition: its plural and its group."""
    spec = definition.get("spec") or {}
    plural = (spec.get("names") or {}).get("plural") or ""
    wanted = f"{plural}.{spec.get('group') or ''}"

    def rule(name: str) -> list[str]:
        said = names.dns1123_subdomain(name)
        return said if name == wanted else [*said, 'must be spec.names.plural+"."+spec.group']

    return rule


def _internal(spec: Object) -> Object:
    """Return a spec with what all versions share moved to the top."""
    versions = [
        dict(version) for version in spec.get("versions") or () if isinstance(version, dict)
    ]
    made = {**spec, "versions": versions, "unset": spec.get("versions") is None}
    for key, top in _SHARED if versions else ():
        first = versions[0].get(key)
        if any(_or_none(version.get(key)) != _or_none(first) for version in versions):
            continue
        if first is not None:
            made[top] = first
        for version in versions:
            version.pop(key, None)
    return made


def _or_none(value: Any) -> Any:
    return None if value == [] else value


def check_definition(report: Report, definition: Object) -> None:
    """Check a new definition."""
    meta = definition.get("metadata")
    for key in ("generateName", "name"):
        name = meta.get(key) if isinstance(meta, dict) else None
        if isinstance(name, str) and name:
            report.said(f"metadata.{key}", name, definition_name(definition)(name))
    _check(report, definition, None, _Leave())


def check_definition_update(report: Report, definition: Object, old: Object) -> None:
    """Check a changed definition, as strictly as the old one stands it."""
    _check(report, definition, old, _leave(definition, old))


def _check(report: Report, definition: Object, old: Object | None, leave: _Leave) -> None:
    spec = _internal(report.child(definition, "spec", "") or {})
    for schema in map(_schema_of, [{"schema": spec.get("validation")}, *spec["versions"]]):
        for text in misfits(schema or {}):
            report.add(Cause("FieldValueTypeInvalid", "spec.versions", text))
            return
    _check_spec(report, spec, leave)
    if old is not None:
        _check_kept(report, spec, old)
    check_definition_status(report, definition, old or {})
    _check_stored(report, definition, spec)
    _check_approval(report, definition, old)
    before = (old or {}).get("spec") or {}
    if spec.get("preserveUnknownFields") and not before.get("preserveUnknownFields"):
        report.invalid("spec.preserveUnknownFields", value=True, detail=NO_UNKNOWN)


def _check_kept(report: Report, spec: Object, old: Object) -> None:
    before = old.get("spec") or {}
    called, was = spec.get("names") or {}, before.get("names") or {}
    kept = [("group", spec, before, "group"), ("names.plural", called, was, "plural")]
    if _is_established(old):
        kept[:0] = [("scope", spec, before, "scope"), ("names.kind", called, was, "kind")]
    for path, new, stored, key in kept:
        value = new.get(key) or ""
        if value != (stored.get(key) or ""):
            report.invalid(f"spec.{path}", value, IMMUTABLE)


def _is_established(definition: Object) -> bool:
    return any(
        condition.get("type") == "Established" and condition.get("status") == "True"
        for condition in (definition.get("status") or {}).get("conditions") or ()
    )


def _leave(definition: Object, old: Object) -> _Leave:
    spec = old.get("spec") or {}
    versions = [version for version in spec.get("versions") or () if isinstance(version, dict)]
    given = [_schema_of(version) for version in versions]
    schemas = [schema for schema in given if schema is not None]
    webhook = (spec.get("conversion") or {}).get("webhook") or {}
    reviews = webhook.get("conversionReviewVersions") or []
    new = (definition.get("spec") or {}).get("versions") or ()
    fields = {version.get("name"): version.get("selectableFields") or [] for version in versions}
    many = frozenset(
        version.get("name") or ""
        for version in new
        if len(fields.get(version.get("name"), [])) > SELECTABLE_LIMIT
        and fields[version.get("name")] == (version.get("selectableFields") or [])
    )
    return _Leave(
        schemas=Strictness(
            schema=len(schemas) == len(given),
            types=not any(holds(schema, _has_bad_type) for schema in schemas),
            structural=not any(map(_is_loose, schemas)),
            pruned_defaults=not any(map(_has_unpruned, schemas)),
            atomic_sets=not any(holds(schema, _has_loose_set) for schema in schemas),
            map_keys=not any(
                holds(schema, lambda s: bool(key_causes(s, ""))) for schema in schemas
            ),
        ),
        known_review=not reviews or bool({"v1", "v1beta1"} & set(reviews)),
        bad_bundle=not _is_established(old),
        many_selectable=many | ({""} if many else frozenset()),
    )


def _schema_of(version: Object) -> Object | None:
    found = (version.get("schema") or {}).get("openAPIV3Schema")
    return found if isinstance(found, dict) else None


def _has_bad_type(schema: Schema) -> bool:
    return bool(schema.get("type")) and schema["type"] not in TYPES


def _is_loose(schema: Schema) -> bool:
    return bool(conversion_fault(schema) or structural_causes(schema, ""))


def _has_unpruned(schema: Schema) -> bool:
    return not _is_loose(schema) and holds(schema, _has_default) and has_unpruned(schema)


def _has_default(schema: Schema) -> bool:
    return schema.get("default") is not None


def _has_loose_set(schema: Schema) -> bool:
    items = child(schema, "items")
    return schema.get(LIST_TYPE) == "set" and items is not None and is_not_atomic(items)


def _has_extensions(schema: Schema) -> bool:
    return any(
        schema.get(key) not in (None, False, [])
        for key in (EMBEDDED, INT_OR_STRING, LIST_KEYS, LIST_TYPE, RULES)
    ) or schema.get(PRESERVE) is not None  # fmt: skip


def _check_spec(report: Report, spec: Object, leave: _Leave) -> None:
    group = report.text(spec, "group", "spec")
    if not group:
        report.required("spec.group")
    elif said := names.dns1123_subdomain(group):
        report.invalid("spec.group", group, ",".join(said))
    elif "." not in group:
        report.invalid("spec.group", group, "should be a domain with at least one dot")
    report.one_of(spec, "scope", "spec", SCOPES)
    versions = report.objects(spec, "versions", "spec")
    shared = report.child(spec, "validation", "spec")
    leave = _check_schemas_there(report, spec, leave)
    _check_versions(report, spec, versions, leave)
    _check_names(report, spec)
    if shared is not None:
        status = any(_has_status(part) for part in (spec, *(version for _, version in versions)))
        _check_validation(report, shared, "spec.validation", leave, status=status)
    check_subresources(report, spec, "spec")
    check_columns(report, spec, "spec")
    if spec.get("selectableFields"):
        if shared is None:
            detail = "may only be set when validations.schema is included"
            report.invalid("spec.selectableFields", "", detail)
        else:
            schema = child(shared, "openAPIV3Schema") or {}
            check_selectable(report, spec, schema, "spec", many="" in leave.many_selectable)
    _check_conversion(report, spec, leave)


def _check_schemas_there(report: Report, spec: Object, leave: _Leave) -> _Leave:
    shared = child(spec.get("validation") or {}, "openAPIV3Schema")
    versions = spec["versions"]
    keeps = bool(spec.get("preserveUnknownFields"))
    if shared is None:
        for index, version in enumerate(versions):
            if _schema_of(version) is not None:
                continue
            where = f"spec.versions[{index}].schema.openAPIV3Schema"
            if leave.schemas.schema:
                report.required(where)
            elif not keeps and version.get("served"):
                report.required(where, "because otherwise all fields are pruned")
    schemas = [shared, *map(_schema_of, versions)]
    structural = leave.schemas.structural or not keeps
    if any(holds(schema, _has_default) for schema in schemas):
        structural = True
        if keeps:
            detail = "must be false in order to use defaults in the schema"
            report.invalid("spec.preserveUnknownFields", value=True, detail=detail)
    structural = structural or any(holds(schema, _has_extensions) for schema in schemas)
    strictness = Strictness(
        schema=leave.schemas.schema, types=leave.schemas.types, structural=structural,
        pruned_defaults=leave.schemas.pruned_defaults, atomic_sets=leave.schemas.atomic_sets,
        map_keys=leave.schemas.map_keys,
    )  # fmt: skip
    return _Leave(
        schemas=strictness, known_review=leave.known_review, bad_bundle=leave.bad_bundle,
        many_selectable=leave.many_selectable,
    )  # fmt: skip


def _has_status(holder: Object) -> bool:
    return (holder.get("subresources") or {}).get("status") is not None


def _check_versions(
    report: Report, spec: Object, versions: Sequence[tuple[str, Object]], leave: _Leave
) -> None:
    called = [report.text(version, "name", at) for at, version in versions]
    each = any(version.get("subresources") is not None for _, version in versions)
    for (at, version), name in zip(versions, called, strict=True):
        said = names.dns1035_label(name)
        if said:
            report.invalid(f"{at}.name", name, ",".join(said))
        check_deprecation(report, version, at)
        schema = report.child(version, "schema", at)
        if schema is not None:
            status = _has_status(version if each else spec)
            _check_validation(report, schema, f"{at}.schema", leave, status=status)
        check_subresources(report, version, at)
        check_columns(report, version, at)
        if version.get("selectableFields"):
            _check_version_selectable(report, version, at, leave)
    printed = None if spec["unset"] else printed_versions([version for _, version in versions])
    if len(set(called)) < len(called):
        report.invalid("spec.versions", printed, "must contain unique version names")
    if sum(1 for _, version in versions if version.get("storage")) != 1:
        detail = "must have exactly one version marked as storage version"
        report.invalid("spec.versions", printed, detail)
    if called and called[0]:
        said = names.dns1035_label(called[0])
        if said:
            report.invalid("spec.version", called[0], ",".join(said))


def _check_version_selectable(report: Report, version: Object, path: str, leave: _Leave) -> None:
    schema = _schema_of(version)
    if schema is None:
        detail = "may only be set when `version.schema.openAPIV3Schema` is not included"
        report.invalid(f"{path}.selectableFields", "", detail)
        return
    many = (version.get("name") or "") in leave.many_selectable
    check_selectable(report, version, schema, path, many=many)


def _check_validation(
    report: Report, holder: Object, path: str, leave: _Leave, *, status: bool
) -> None:
    schema = report.child(holder, "openAPIV3Schema", path)
    if schema is not None:
        check_schema(report, schema, f"{path}.openAPIV3Schema", leave.schemas, status=status)


def _check_names(report: Report, spec: Object) -> None:
    given = report.child(spec, "names", "spec") or {}
    for key in ("plural", "singular", "kind", "listKind"):
        if not report.text(given, key, "spec.names"):
            report.required(f"spec.names.{key}")
    check_names(report, given, "spec.names")


def _check_conversion(report: Report, spec: Object, leave: _Leave) -> None:
    conversion = report.child(spec, "conversion", "spec")
    if conversion is None:
        return
    strategy = report.text(conversion, "strategy", "spec.conversion")
    if strategy != "None" and spec.get("preserveUnknownFields"):
        detail = "must be None if spec.preserveUnknownFields is true"
        report.invalid("spec.conversion.strategy", strategy, detail)
    report.one_of(conversion, "strategy", "spec.conversion", ("None", "Webhook"))
    webhook = report.child(conversion, "webhook", "spec.conversion") or {}
    config = report.child(webhook, "clientConfig", "spec.conversion.webhook")
    reviews = report.texts(webhook, "conversionReviewVersions", "spec.conversion.webhook")
    where, versions = (
        "spec.conversion.webhookClientConfig",
        "spec.conversion.conversionReviewVersions",
    )
    if strategy != "Webhook":
        detail = "should not be set when strategy is not set to Webhook"
        if config is not None:
            report.forbidden(where, detail)
        if reviews:
            report.forbidden(versions, detail)
        return
    if config is None:
        report.required(where, "required when strategy is set to Webhook")
    else:
        check_client(report, config, where)
        _check_bundle(report, config, where, leave)
    check_review_versions(report, reviews, versions, known=leave.known_review)


def _check_bundle(report: Report, config: Object, path: str, leave: _Leave) -> None:
    bundle = config.get("caBundle")
    if not bundle or leave.bad_bundle or "LS0tLS1CRUdJTi" in str(bundle):
        return
    detail = "unable to load root certificates: unable to parse bytes as PEM block"
    report.invalid(f"{path}.caBundle", bundle, detail)


def check_definition_status(report: Report, definition: Object, old: Object) -> None:
    """Check the names that are accepted."""
    status = report.child(definition, "status", "") or {}
    accepted = report.child(status, "acceptedNames", "status") or {}
    check_names(report, accepted, "status.acceptedNames")


def _check_stored(report: Report, definition: Object, spec: Object) -> None:
    status = report.child(definition, "status", "") or {}
    stored, where = report.texts(status, "storedVersions", "status"), "status.storedVersions"
    if not stored:
        report.invalid(where, status.get("storedVersions"), "must have at least one stored version")
        return
    left = {name: index for index, name in enumerate(stored)}
    for version in spec["versions"]:
        name = version.get("name") or ""
        # A name that comes twice is found once only, as upstream has it.
        if left.pop(name, None) is None and version.get("storage"):
            report.invalid(where, stored, f"must have the storage version {name}")
    for name, index in left.items():
        report.invalid(f"{where}[{index}]", name, STILL_STORED.format(name))


def _check_approval(report: Report, definition: Object, old: Object | None) -> None:
    group = (definition.get("spec") or {}).get("group") or ""
    if not any(f".{group}".endswith(part) for part in (".k8s.io", ".kubernetes.io")):
        return
    state = _approval(definition)
    if state == "" or (old is not None and _approval(old) == state):
        return
    where = f"metadata.annotations[{APPROVED}]"
    if state == "missing":
        detail = f"protected groups must have approval annotation {shown(APPROVED)}, {_REVIEW_111}"
        report.required(where, detail)
        return
    detail = (
        f"protected groups must have approval annotation {shown(APPROVED)} with either a URL or a "
        f'reason starting with "unapproved", {_REVIEW_111}'
    )
    report.invalid(where, _annotations(definition).get(APPROVED), detail)


def _annotations(definition: Object) -> Mapping[str, Any]:
    meta = definition.get("metadata") or {}
    return meta.get("annotations") or {}


def _approval(definition: Object) -> str:
    """Return `missing` or `invalid`, empty when the group is approved or says that it is not."""
    text = _annotations(definition).get(APPROVED) or ""
    if not text:
        return "missing"
    if text.startswith("unapproved"):
        return ""
    try:
        url = parse_url(text)
    except ValueError:
        return "invalid"
    return "" if url.host and url.scheme else "invalid"
