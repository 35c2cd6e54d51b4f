"""Rules of Pods: on creation, on update, of their status and of their side doors."""

from typing import Any

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.schema.internal import difference, internal, same
from pinnace.api.validation.base import Report
from pinnace.api.validation.podannotations import check_profiles_match
from pinnace.api.validation.podspec import (
    MAX_INT32,
    MIRROR,
    check_pod_annotations,
    check_pod_spec,
    check_pod_template,
)
from pinnace.api.validation.podstatus import check_pod_status
from pinnace.api.validation.scheduling import REQUIRED, check_tolerations

UPDATABLE = (
    "pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only "
    "additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set "
    "to 1 if it was previously negative)"
)
APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"
LISTS = ("containers", "initContainers")
EPHEMERAL = "core.EphemeralContainer"


def check_pod(report: Report, pod: Object) -> None:
    """Check a Pod as a whole, metadata apart."""
    meta, spec = _meta(pod), report.child(pod, "spec", "") or {}
    check_pod_annotations(report, meta, spec, "metadata.annotations")
    name = meta.get("name")
    check_pod_spec(
        report,
        spec,
        "spec",
        is_pod=True,
        pod_name=name if isinstance(name, str) else "",
        mirror=MIRROR in _annotations(pod),
    )
    if not spec.get("serviceAccountName"):
        _check_no_token(report, spec)


def check_pod_create(report: Report, pod: Object) -> None:
    """Check a new Pod."""
    check_pod(report, pod)
    spec = _spec(pod)
    if spec.get("ephemeralContainers"):
        report.forbidden("spec.ephemeralContainers", "cannot be set on create")
    if spec.get("nodeName") and spec.get("schedulingGates"):
        detail = "cannot be set until all schedulingGates have been cleared"
        report.forbidden("spec.nodeName", detail)
    check_profiles_match(report, _annotations(pod), spec, "spec")


def _check_no_token(report: Report, spec: Object) -> None:
    quiet = Report()
    for path, volume in quiet.objects(spec, "volumes", "spec"):
        projected = quiet.child(volume, "projected", path)
        for at, source in quiet.objects(projected or {}, "sources", f"{path}.projected"):
            if source.get("serviceAccountToken") is not None:
                detail = "must not be specified when serviceAccountName is not set"
                report.forbidden(f"{at}.serviceAccountToken", detail)


def check_pod_update(report: Report, pod: Object, old: Object) -> None:
    """Check what an update of a Pod changes: next to nothing may be."""
    check_pod(report, pod)
    if report.mistyped():
        return
    _check_annotations_update(report, pod, old)
    spec, before = _spec(pod), _spec(old)
    check_pod_annotations(report, _meta(pod), spec, "metadata.annotations")
    for key in LISTS:
        if not _check_images(report, spec, before, key):
            return
    if not _check_deadline(report, spec, before):
        return
    _check_added_tolerations(report, spec, before)
    _check_deleted_gates(report, spec, before)
    if spec == before:
        return
    munged = _with_allowed_changes(spec, before)
    if before.get("schedulingGates"):
        _allow_placement(report, munged, before)
    kind = "core.PodSpec"
    if not same(kind, munged, before):
        report.forbidden("spec", f"{UPDATABLE}\n{difference(kind, before, munged)}")


def _check_images(report: Report, spec: Object, before: Object, key: str) -> bool:
    if len(spec.get(key) or ()) != len(before.get(key) or ()):
        report.forbidden(f"spec.{key}", "pod updates may not add or remove containers")
        return False
    for at, container in Report().objects(spec, key, "spec"):
        image = container.get("image") or ""
        if not image:
            report.required(f"{at}.image")
        if image != image.strip():
            detail = "must not have leading or trailing whitespace"
            report.invalid(f"{at}.image", image, detail)
    return True


def _with_allowed_changes(spec: Object, before: Object) -> Object:
    """Return the new spec with what may be changed taken from the old one."""
    munged = dict(spec)
    for key in LISTS:
        if key in spec and isinstance(spec[key], list):
            munged[key] = [
                {**container, "image": previous.get("image")}
                if isinstance(container, dict)
                else container
                for container, previous in zip(spec[key], before.get(key) or (), strict=False)
            ]
    for key in ("activeDeadlineSeconds", "schedulingGates", "tolerations"):
        _take(munged, before, key)
    period = before.get("terminationGracePeriodSeconds")
    if isinstance(period, int) and period < 0 and munged.get("terminationGracePeriodSeconds") == 1:
        munged["terminationGracePeriodSeconds"] = period
    return munged


def _take(into: Object, source: Object, key: str) -> None:
    if key in source:
        into[key] = source[key]
    else:
        into.pop(key, None)


def _check_deadline(report: Report, spec: Object, before: Object) -> bool:
    where = "spec.activeDeadlineSeconds"
    new, old = spec.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds")
    if isinstance(new, int):
        said = names.in_range(new, 0, MAX_INT32)
        report.said(where, new, said)
        if said:
            return False
        if isinstance(old, int) and old < new:
            report.invalid(where, new, "must be less than or equal to previous value")
            return False
    elif old is not None:
        report.invalid(where, None, "must not update from a positive integer to nil value")
    return True


def _check_added_tolerations(report: Report, spec: Object, before: Object) -> None:
    def key(toleration: Any) -> Any:
        if not isinstance(toleration, dict):
            return toleration
        return {k: v for k, v in toleration.items() if v and k != "tolerationSeconds"}

    new = [key(toleration) for toleration in spec.get("tolerations") or ()]
    if any(key(toleration) not in new for toleration in before.get("tolerations") or ()):
        detail = "existing toleration can not be modified except its tolerationSeconds"
        report.forbidden("spec.tolerations", detail)
    elif spec.get("tolerations"):
        check_tolerations(report, spec, "spec")


def _check_deleted_gates(report: Report, spec: Object, before: Object) -> None:
    known = {gate.get("name") for gate in before.get("schedulingGates") or ()}
    added = {
        gate.get("name") or "": at for at, gate in Report().objects(spec, "schedulingGates", "spec")
    }
    for name, at in added.items():
        if name not in known:
            detail = f"only deletion is allowed, but found new scheduling gate '{name}'"
            report.forbidden(f"{at}.name", detail)


def _allow_placement(report: Report, munged: Object, before: Object) -> None:
    """Let a gated pod narrow where it may run."""
    new, old = munged.get("nodeSelector") or {}, before.get("nodeSelector") or {}
    if new != old:
        if any(new.get(key) != value for key, value in old.items()):
            detail = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
            report.invalid("spec.nodeSelector", new, detail)
        _take(munged, before, "nodeSelector")
    affinity, previous = munged.get("affinity") or {}, before.get("affinity") or {}
    if affinity.get("nodeAffinity") == previous.get("nodeAffinity"):
        return
    _check_narrowed(report, affinity.get("nodeAffinity"), previous.get("nodeAffinity"))
    merged = {k: v for k, v in affinity.items() if k != "nodeAffinity"}
    if previous.get("nodeAffinity"):
        merged["nodeAffinity"] = previous["nodeAffinity"]
    if merged or "affinity" in before:
        munged["affinity"] = merged
    else:
        munged.pop("affinity", None)


def _check_narrowed(report: Report, new: Any, old: Any) -> None:
    terms = ((old or {}).get(REQUIRED) or {}).get("nodeSelectorTerms") or []
    changed = ((new or {}).get(REQUIRED) or {}).get("nodeSelectorTerms") or []
    where = f"spec.affinity.nodeAffinity.{REQUIRED}.nodeSelectorTerms"
    if terms and len(terms) != len(changed):
        detail = "no additions/deletions to non-empty NodeSelectorTerms list are allowed"
        shown = [internal("core.NodeSelectorTerm", term) for term in changed] or None
        report.invalid(where, shown, detail)
        return
    for index, (before, after) in enumerate(zip(terms, changed, strict=False)):
        if not _only_adds(after, before):
            detail = "only additions are allowed (no mutations or deletions)"
            shown = internal("core.NodeSelectorTerm", after)
            report.invalid(f"{where}[{index}]", shown, detail)


def _only_adds(new: Object, old: Object) -> bool:
    keys = ("matchExpressions", "matchFields")
    if not any(old.get(key) for key in keys):
        return not any(new.get(key) for key in keys)
    return all(
        (new.get(key) or [])[: len(old.get(key) or [])] == (old.get(key) or []) for key in keys
    )


def _check_annotations_update(report: Report, pod: Object, old: Object) -> None:
    new, before = _annotations(pod), _annotations(old)
    for key in before:
        if new.get(key) == before[key]:
            continue
        if key.startswith(APP_ARMOR):
            detail = "may not remove or update AppArmor annotations"
            report.forbidden(f"metadata.annotations[{key}]", detail)
        if key == MIRROR:
            detail = "may not remove or update mirror pod annotation"
            report.forbidden(f"metadata.annotations[{key}]", detail)
    for key in new:
        if key not in before and key.startswith(APP_ARMOR):
            detail = "may not add AppArmor annotations"
            report.forbidden(f"metadata.annotations[{key}]", detail)
        if key not in before and key == MIRROR:
            report.forbidden(f"metadata.annotations[{key}]", "may not add mirror pod annotation")


# -- status and side doors ----------------------------------------------------------------------


def check_pod_status_update(report: Report, pod: Object, old: Object) -> None:
    """Check what a status write says."""
    _check_annotations_update(report, pod, old)
    check_pod_status(report, pod, old)


def check_ephemeral_update(report: Report, pod: Object, old: Object) -> None:
    """Check a write to /ephemeralcontainers: containers are added, never changed."""
    if MIRROR in _annotations(old):
        report.forbidden("", "static pods do not support ephemeral containers")
        return
    check_pod(report, pod)
    where = "spec.ephemeralContainers"
    now = {c.get("name"): c for _, c in Report().objects(_spec(pod), "ephemeralContainers", "")}
    for _, before in Report().objects(_spec(old), "ephemeralContainers", ""):
        name = before.get("name")
        if name not in now:
            detail = f'existing ephemeral containers "{name}" may not be removed\n'
            report.forbidden(where, detail)
        elif not same(EPHEMERAL, now[name], before):
            changes = difference(EPHEMERAL, before, now[name])
            detail = f'existing ephemeral containers "{name}" may not be changed\n{changes}'
            report.forbidden(where, detail)


def check_binding(report: Report, binding: Object) -> None:
    """Check a Binding of a pod to a node."""
    target = report.child(binding, "target", "") or {}
    kind = report.text(target, "kind", "target")
    if kind not in ("", "Node"):
        report.not_supported("target.kind", kind, ("Node", "<empty>"))
    if not report.text(target, "name", "target"):
        report.required("target.name")


def check_pod_template_object(report: Report, template: Object) -> None:
    """Check a PodTemplate."""
    check_pod_template(report, template, "")


def _meta(obj: Object) -> Object:
    meta = obj.get("metadata")
    return meta if isinstance(meta, dict) else {}


def _annotations(obj: Object) -> Object:
    annotations = _meta(obj).get("annotations")
    return annotations if isinstance(annotations, dict) else {}


def _spec(obj: Object) -> Object:
    spec = obj.get("spec")
    return spec if isinstance(spec, dict) else {}
