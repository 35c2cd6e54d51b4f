"""Rules of StorageVersions and of StorageVersionMigrations."""

from typing import Any

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.schema.internal import internal, same
from pinnace.api.validation.base import IMMUTABLE, Report
from pinnace.api.validation.conditions import check_conditions

NO_COMMON = (
    "should be nil if servers do not agree on the same encoding version, or if there is no server "
    "reporting the supported versions yet"
)
NOT_A_VERSION = (
    "a DNS-1035 label, which must consist of lower case alphanumeric characters or '-', start with "
    "an alphabetic character, and end with an alphanumeric character"
)
OUTCOMES = (("Succeeded", "Success"), ("Failed", "Failed"))


def storage_version_name(name: str) -> list[str]:
    """Return what keeps a value from being the name of a StorageVersion: group and resource."""
    group, dot, resource = name.rpartition(".")
    if not dot:
        return ["name must be in the form of <group>.<resource>"]
    said = [f"the group segment {why}" for why in names.dns1123_subdomain(group)]
    return said + [f"the resource segment {why}" for why in names.dns1035_label(resource)]


def check_storage_version(report: Report, version: Object) -> None:
    """Check a new StorageVersion."""
    status = report.child(version, "status", "") or {}
    servers = report.objects(status, "storageVersions", "status")
    seen: set[str] = set()
    for at, server in servers:
        name = report.text(server, "apiServerID", at)
        if name in seen:
            report.duplicate(f"{at}.apiServerID", name)
        seen.add(name)
        _check_server(report, server, at)
    _check_common(report, status, [server for _, server in servers])
    _check_conditions(report, status)


def check_storage_version_update(report: Report, version: Object, old: Object) -> None:
    """Check nothing: the spec is empty."""


def check_storage_version_status(report: Report, version: Object, old: Object) -> None:
    """Check what the servers report."""
    check_storage_version(report, version)


def _check_server(report: Report, server: Object, path: str) -> None:
    name = report.text(server, "apiServerID", path)
    report.said(f"{path}.apiServerID", name, names.dns1123_subdomain(name))
    encoding = report.text(server, "encodingVersion", path)
    _check_version(report, encoding, f"{path}.encodingVersion")
    decodable = report.texts(server, "decodableVersions", path)
    for index, version in enumerate(decodable):
        _check_version(report, version, f"{path}.decodableVersions[{index}]")
    if encoding not in decodable:
        detail = f"decodableVersions must include encodingVersion {encoding}"
        report.invalid(f"{path}.decodableVersions", server.get("decodableVersions"), detail)
    for index, version in enumerate(report.texts(server, "servedVersions", path)):
        where = f"{path}.servedVersions[{index}]"
        _check_version(report, version, where)
        if version not in decodable:
            detail = (
                f"individual served version : {version} must be included in decodableVersions : "
                f"[{' '.join(decodable)}]"
            )
            report.invalid(where, version, detail)


def _check_version(report: Report, version: str, path: str) -> None:
    said = _version_faults(version)
    if said:
        report.invalid(path, version, ",".join(said))


def _version_faults(text: str) -> list[str]:
    group, slash, version = text.rpartition("/")
    said = []
    if "/" in group:
        known = names.regex_error(NOT_A_VERSION, "[a-z]([-a-z0-9]*[a-z0-9])?", "my-name", "abc-123")
        tail = " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyVersion')"
        return [f"an apiVersion is {known}{tail}"]
    if slash:
        why = names.dns1123_subdomain(group) if group else ["must be non-empty"]
        said += [f"group part: {part}" for part in why]
    why = names.dns1035_label(version) if version else ["must be non-empty"]
    return said + [f"version part: {part}" for part in why]


def _check_common(report: Report, status: Object, servers: list[Object]) -> None:
    encodings = {server.get("encodingVersion") or "" for server in servers}
    actual = encodings.pop() if len(encodings) == 1 else None
    told, where = status.get("commonEncodingVersion"), "status.commonEncodingVersion"
    if actual is None and told is not None:
        report.invalid(where, told, NO_COMMON)
    elif actual is not None and told is None:
        report.invalid(where, None, f"the common encoding version is {actual}")
    elif actual is not None and actual != told:
        report.invalid(where, told, f"the actual common encoding version is {actual}")


def _check_conditions(report: Report, status: Object) -> None:
    seen: dict[str, int] = {}
    for index, (at, condition) in enumerate(report.objects(status, "conditions", "status")):
        path, kind = f"status[{index}]", report.text(condition, "type", at)
        if kind in seen:
            detail = (
                "the type of the condition is not unique, it also appears in "
                f"conditions[{seen[kind]}]"
            )
            report.invalid(f"{path}.type", kind, detail)
        seen[kind] = index
        state = report.text(condition, "status", at)
        report.said(f"{path}.type", kind, names.qualified_name(kind))
        report.said(f"{path}.status", state, names.qualified_name(state))
        for key in ("reason", "message"):
            if not report.text(condition, key, at):
                report.required(f"{path}.{key}")


def check_migration(report: Report, migration: Object) -> None:
    """Check a StorageVersionMigration."""
    spec = report.child(migration, "spec", "") or {}
    what, path = report.child(spec, "resource", "spec") or {}, "spec.resource"
    resource, group = report.text(what, "resource", path), report.text(what, "group", path)
    if not resource:
        report.required(f"{path}.resource", "resource is required to be set")
    elif said := names.dns1035_label(resource):
        report.invalid(f"{path}.resource", resource, ",".join(said))
    if group and (said := names.dns1123_subdomain(group)):
        report.invalid(f"{path}.group", group, ",".join(said))


def check_migration_kept(report: Report, migration: Object, old: Object) -> None:
    """Check that what is migrated stays."""
    kind, spec = "storagemigration.StorageVersionMigrationSpec", migration.get("spec")
    if not same(kind, spec, old.get("spec")):
        report.invalid("spec", internal(kind, spec), IMMUTABLE)


def check_migration_status(report: Report, migration: Object, old: Object) -> None:
    """Check how far a migration is: what is over stays over."""
    status, before = report.child(migration, "status", "") or {}, old.get("status") or {}
    version = report.text(status, "resourceVersion", "status")
    if version:
        _check_revision(report, version, "status.resourceVersion")
    check_conditions(report, status, "status")
    if before.get("resourceVersion") and before["resourceVersion"] != version:
        report.invalid("status.resourceVersion", version, IMMUTABLE)
    shown: Any = status.get("conditions")
    if all(_is_true(status, kind) for kind, _ in OUTCOMES):
        detail = "Both success and failed conditions cannot be true at the same time"
        report.invalid("status.conditions", shown, detail)
    for kind, called in OUTCOMES:
        if _is_true(before, kind) and not _is_true(status, kind):
            detail = f"{called} condition cannot be set to false once it is true"
            report.invalid("status.conditions", shown, detail)


def _check_revision(report: Report, text: str, path: str) -> None:
    if not text.isascii() or not text.isdigit() or text[0] == "0":
        report.invalid(path, text, f"resource version is not well formed: {text}")


def _is_true(status: Object, kind: str) -> bool:
    return any(
        condition.get("type") == kind and condition.get("status") == "True"
        for condition in status.get("conditions") or ()
        if isinstance(condition, dict)
    )
