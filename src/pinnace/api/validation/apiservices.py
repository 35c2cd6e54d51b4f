"""Rules of APIServices."""

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.validation.base import Report, quoted

STATUSES = ("True", "False", "Unknown")
NO_GROUP = "only v1 may have an empty group and it better be legacy kube"


def check_service(report: Report, service: Object) -> None:
    """Check an APIService, which is named for the version that it serves."""
    spec = report.child(service, "spec", "") or {}
    group, version = report.text(spec, "group", "spec"), report.text(spec, "version", "spec")
    _check_name(report, service, f"{version}.{group}")
    if not group and version != "v1":
        report.required("spec.group", NO_GROUP)
    if group:
        report.said("spec.group", group, names.dns1123_subdomain(group))
    report.said("spec.version", version, names.dns1035_label(version))
    for key, limit in (("groupPriorityMinimum", 20000), ("versionPriority", 1000)):
        number = report.number(spec, key, "spec") or 0
        if not 0 < number <= limit:
            detail = f"must be positive and less than {limit}"
            report.invalid(f"spec.{key}", number, detail)
    _check_backend(report, spec)


def _check_name(report: Report, service: Object, wanted: str) -> None:
    meta = service.get("metadata")
    for key in ("generateName", "name"):
        name = meta.get(key) if isinstance(meta, dict) else ""
        if isinstance(name, str) and name and name != wanted and not names.path_segment_name(name):
            detail = f'must be `spec.version+"."+spec.group`: {quoted(wanted)}'
            report.invalid(f"metadata.{key}", name, detail)


def _check_backend(report: Report, spec: Object) -> None:
    bundle = report.text(spec, "caBundle", "spec")
    blind = report.flag(spec, "insecureSkipTLSVerify", "spec") or False
    backend, where = report.child(spec, "service", "spec"), "spec.service"
    if backend is None:
        if bundle:
            length = len(bundle) * 3 // 4 - bundle.count("=")
            detail = "local APIServices may not have a caBundle"
            report.invalid("spec.caBundle", f"{length} bytes", detail)
        if blind:
            detail = "local APIServices may not have insecureSkipTLSVerify"
            report.invalid("spec.insecureSkipTLSVerify", blind, detail)
        return
    for key in ("namespace", "name"):
        if not report.text(backend, key, where):
            report.required(f"{where}.{key}")
    port = report.number(backend, "port", where) or 0
    said = names.port_number(port)
    if said:
        report.invalid(f"{where}.port", port, "port is not valid: " + ", ".join(said))
    if blind and bundle:
        detail = "may not be true if caBundle is present"
        report.invalid("spec.insecureSkipTLSVerify", blind, detail)


def check_status(report: Report, service: Object, old: Object) -> None:
    """Check whether a version is there."""
    status = report.child(service, "status", "") or {}
    for at, condition in report.objects(status, "conditions", "status"):
        state = report.text(condition, "status", at)
        if state not in STATUSES:
            report.not_supported(f"{at}.status", state, STATUSES)
