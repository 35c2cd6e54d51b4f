"""Rules of roles and of who they are given to."""

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.schema.internal import internal
from pinnace.api.validation.base import Report
from pinnace.api.validation.metadata import check_selector

GROUP = "rbac.authorization.k8s.io"


def check_role(report: Report, role: Object) -> None:
    """Check a Role."""
    _check_rules(report, role, namespaced=True)


def check_cluster_role(report: Report, role: Object) -> None:
    """Check a ClusterRole, which may be made of others."""
    _check_rules(report, role, namespaced=False)
    aggregation = report.child(role, "aggregationRule", "")
    if aggregation is None:
        return
    where = "aggregationRule.clusterRoleSelectors"
    selectors = report.objects(aggregation, "clusterRoleSelectors", "aggregationRule")
    if not selectors:
        detail = "at least one clusterRoleSelector required if aggregationRule is non-nil"
        report.required(where, detail)
    for index, (path, selector) in enumerate(selectors):
        found = Report()
        check_selector(found, {f"clusterRoleSelectors[{index}]": selector},
                       f"clusterRoleSelectors[{index}]", "aggregationRule")  # fmt: skip
        report.causes += found.causes
        if found.causes:
            report.invalid(path, None, "invalid label selector.")


def _check_rules(report: Report, role: Object, *, namespaced: bool) -> None:
    for path, rule in report.objects(role, "rules", ""):
        if not report.texts(rule, "verbs", path):
            report.required(f"{path}.verbs", "verbs must contain at least one value")
        lists = {
            key: report.texts(rule, key, path)
            for key in ("apiGroups", "resources", "resourceNames")
        }
        urls = report.texts(rule, "nonResourceURLs", path)
        if urls:
            where = f"{path}.nonResourceURLs"
            if namespaced:
                detail = "namespaced rules cannot apply to non-resource URLs"
                report.invalid(where, urls, detail)
            if any(lists.values()):
                detail = "rules cannot apply to both regular resources and non-resource URLs"
                report.invalid(where, urls, detail)
            continue
        if not lists["apiGroups"]:
            detail = "resource rules must supply at least one api group"
            report.required(f"{path}.apiGroups", detail)
        if not lists["resources"]:
            detail = "resource rules must supply at least one resource"
            report.required(f"{path}.resources", detail)


def check_role_binding(report: Report, binding: Object) -> None:
    """Check a RoleBinding."""
    _check_binding(report, binding, ("Role", "ClusterRole"), namespaced=True)


def check_cluster_role_binding(report: Report, binding: Object) -> None:
    """Check a ClusterRoleBinding."""
    _check_binding(report, binding, ("ClusterRole",), namespaced=False)


def _check_binding(
    report: Report, binding: Object, kinds: tuple[str, ...], *, namespaced: bool
) -> None:
    ref = report.child(binding, "roleRef", "") or {}
    group, kind = report.text(ref, "apiGroup", "roleRef"), report.text(ref, "kind", "roleRef")
    if group != GROUP:
        report.not_supported("roleRef.apiGroup", group, (GROUP,))
    if kind not in kinds:
        report.not_supported("roleRef.kind", kind, kinds)
    name = report.text(ref, "name", "roleRef")
    if not name:
        report.required("roleRef.name")
    else:
        report.said("roleRef.name", name, names.path_segment_name(name))
    for path, subject in report.objects(binding, "subjects", ""):
        _check_subject(report, subject, path, namespaced=namespaced)


def _check_subject(report: Report, subject: Object, path: str, *, namespaced: bool) -> None:
    name, kind = report.text(subject, "name", path), report.text(subject, "kind", path)
    group = report.text(subject, "apiGroup", path)
    if not name:
        report.required(f"{path}.name")
    if kind == "ServiceAccount":
        if name:
            report.said(f"{path}.name", name, names.dns1123_subdomain(name))
        if group:
            report.not_supported(f"{path}.apiGroup", group, ("",))
        if not namespaced and not report.text(subject, "namespace", path):
            report.required(f"{path}.namespace")
    elif kind in ("User", "Group"):
        if group != GROUP:
            report.not_supported(f"{path}.apiGroup", group, (GROUP,))
    else:
        report.not_supported(f"{path}.kind", kind, ("ServiceAccount", "User", "Group"))


def check_role_ref_kept(report: Report, binding: Object, old: Object) -> None:
    """Check that a binding still gives the same role."""
    if binding.get("roleRef") != old.get("roleRef"):
        shown = internal("rbac.RoleRef", binding.get("roleRef"))
        report.invalid("roleRef", shown, "cannot change roleRef")
