"""Rules of Workloads and PodGroups. Upstream declares them on the fields of the types."""

from collections.abc import Callable, Sequence

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.validation.base import Report, too_many

_MOST_TEMPLATES, _MOST_CLAIMS, _MOST_TOPOLOGY = 8, 4, 1
_LEAST_PRIORITY, _MOST_PRIORITY = -(2**31), 1_000_000_000
_MODES = ("Pod", "PodGroup")
_POLICY, _CLAIM = ("basic", "gang"), ("resourceClaimName", "resourceClaimTemplateName")
_KEPT = (
    "podGroupTemplateRef",
    "schedulingPolicy",
    "schedulingConstraints",
    "resourceClaims",
    "disruptionMode",
    "priorityClassName",
    "priority",
)
_Named = Callable[[str], list[str]]


def check_workload(report: Report, workload: Object) -> None:
    """Check the templates of a workload's groups, and who made it."""
    spec = report.child(workload, "spec", "") or {}
    owner = report.child(spec, "controllerRef", "spec")
    if owner is not None:
        path = "spec.controllerRef"
        _named(report, owner, "apiGroup", path, names.dns1123_subdomain, needed=False)
        for key in ("kind", "name"):
            _named(report, owner, key, path, names.path_segment_name)
    templates = report.objects(spec, "podGroupTemplates", "spec")
    path = "spec.podGroupTemplates"
    if not templates:
        report.required(path)
    if not _fits(report, templates, path, _MOST_TEMPLATES):
        return
    _check_unique(report, templates)
    for at, template in templates:
        _named(report, template, "name", at, names.dns1123_label)
        _check_group(report, template, at)


def check_workload_update(report: Report, workload: Object, old: Object) -> None:
    """Check what may not change."""
    _check_kept(report, workload, old, ("controllerRef", "podGroupTemplates"))


def check_pod_group(report: Report, group: Object) -> None:
    """Check how a group is scheduled, and of which template it is."""
    spec = report.child(group, "spec", "") or {}
    reference = report.child(spec, "podGroupTemplateRef", "spec")
    if reference is not None:
        path = "spec.podGroupTemplateRef"
        _check_one(report, reference, ("workload",), path)
        workload = report.child(reference, "workload", path)
        if workload is not None:
            path += ".workload"
            _named(report, workload, "workloadName", path, names.dns1123_subdomain)
            _named(report, workload, "podGroupTemplateName", path, names.dns1123_label)
    _check_group(report, spec, "spec")


def check_pod_group_update(report: Report, group: Object, old: Object) -> None:
    """Check what may not change."""
    _check_kept(report, group, old, _KEPT)


def _check_group(report: Report, spec: Object, path: str) -> None:
    """Check what groups and their templates have in common."""
    policy = report.child(spec, "schedulingPolicy", path) or {}
    where = f"{path}.schedulingPolicy"
    _check_one(report, policy, _POLICY, where)
    gang = report.child(policy, "gang", where)
    if gang is not None:
        count = report.number(gang, "minCount", f"{where}.gang") or 0
        if not count:
            report.required(f"{where}.gang.minCount")
        elif count < 1:
            report.invalid(f"{where}.gang.minCount", count, "must be greater than or equal to 1")
    _check_topology(report, spec, path)
    _check_claims(report, spec, path)
    if spec.get("disruptionMode") is not None:
        report.one_of(spec, "disruptionMode", path, _MODES)
    _named(report, spec, "priorityClassName", path, names.dns1123_subdomain, needed=False)
    priority = report.number(spec, "priority", path)
    if priority is not None and priority > _MOST_PRIORITY:
        detail = f"must be less than or equal to {_MOST_PRIORITY}"
        report.invalid(f"{path}.priority", priority, detail)
    elif priority is not None and priority < _LEAST_PRIORITY:
        detail = f"must be greater than or equal to {_LEAST_PRIORITY}"
        report.invalid(f"{path}.priority", priority, detail)


def _check_topology(report: Report, spec: Object, path: str) -> None:
    where = f"{path}.schedulingConstraints"
    constraints = report.child(spec, "schedulingConstraints", path) or {}
    topology = report.objects(constraints, "topology", where)
    if _fits(report, topology, f"{where}.topology", _MOST_TOPOLOGY):
        for at, each in topology:
            _named(report, each, "key", at, names.qualified_name)


def _check_claims(report: Report, spec: Object, path: str) -> None:
    claims = report.objects(spec, "resourceClaims", path)
    if not _fits(report, claims, f"{path}.resourceClaims", _MOST_CLAIMS):
        return
    _check_unique(report, claims)
    for at, claim in claims:
        _check_one(report, claim, _CLAIM, at)
        _named(report, claim, "name", at, names.dns1123_label)
        for key in _CLAIM:
            _named(report, claim, key, at, names.dns1123_subdomain, needed=False)


def _fits(report: Report, found: Sequence[tuple[str, Object]], path: str, limit: int) -> bool:
    if len(found) <= limit:
        return True
    report.add(too_many(path, len(found), limit))
    return False


def _check_unique(report: Report, found: Sequence[tuple[str, Object]]) -> None:
    seen = set()
    for at, each in found:
        name = str(each.get("name") or "")
        if name in seen:
            report.duplicate(at, {"name": name})
        seen.add(name)


def _check_one(report: Report, holder: Object, members: Sequence[str], path: str) -> None:
    """Check that one member of a union is set, and no other."""
    given = [name for name in members if holder.get(name) is not None]
    listed = ", ".join(f"`{name}`" for name in members)
    if not given:
        report.invalid(path, "", f"must specify one of: {listed}")
    elif len(given) > 1:
        shown = f"{{{', '.join(given)}}}"
        report.invalid(path, shown, f"must specify exactly one of: {listed}")


def _named(
    report: Report, holder: Object, key: str, path: str, rule: _Named, *, needed: bool = True
) -> None:
    value = report.text(holder, key, path)
    if value:
        report.said(f"{path}.{key}", value, rule(value))
    elif needed:
        report.required(f"{path}.{key}")


def _check_kept(report: Report, new: Object, old: Object, keys: Sequence[str]) -> None:
    now, before = new.get("spec") or {}, old.get("spec") or {}
    for key in keys:
        report.immutable(now.get(key), before.get(key), f"spec.{key}")
