"""Rules of a write to a pod's /resize: cpu and memory may change, and nothing else."""

from typing import Any

from pinnace.api.objects import Object
from pinnace.api.qos import qos_class
from pinnace.api.validation.base import Report
from pinnace.api.validation.pods import check_pod
from pinnace.api.validation.podspec import MIRROR

ONLY = "only cpu and memory resources are mutable"
QOS_CHANGES = "Pod QOS Class may not change as a result of resizing"
UNSUPPORTED = "Pod running on node without support for resize"
LISTS = ("containers", "initContainers")
COMPUTE = ("cpu", "memory")


def check_resize(report: Report, pod: Object, old: Object) -> None:
    """Check a resized pod against the running one."""
    if MIRROR in ((old.get("metadata") or {}).get("annotations") or {}):
        report.forbidden("", "static pods cannot be resized")
        return
    check_pod(report, pod)
    if report.mistyped():
        return
    spec, before = report.child(pod, "spec", "") or {}, old.get("spec") or {}
    if qos_class(spec) != qos_class(before):
        status = pod.get("status")
        known = status.get("qosClass") if isinstance(status, dict) else None
        report.invalid("spec", known or "", QOS_CHANGES)
    if not _node_can_resize(old):
        report.forbidden("spec", UNSUPPORTED)
    if before.get("resources") and not spec.get("resources"):
        report.forbidden("spec.resources", "pod-level resources cannot be removed")
    elif before.get("resources"):
        _check_kept(report, spec, before, "spec.resources", "pod-level resource")
    if not _check_order(report, spec, before):
        return
    found = len(report.causes)
    for key in LISTS:
        for index, (new, was) in enumerate(_pairs(spec, before, key)):
            _check_container(report, new, was, f"spec.{key}[{index}]", key)
    if len(report.causes) == found and _without_compute(spec) != _without_compute(before):
        report.forbidden("spec", ONLY)


def _node_can_resize(old: Object) -> bool:
    statuses = Report().objects(old.get("status") or {}, "containerStatuses", "status")
    for _, status in statuses:
        if isinstance(status.get("state"), dict) and status["state"].get("running") is not None:
            return status.get("resources") is not None
    return True


def _pairs(spec: Object, before: Object, key: str) -> list[tuple[Object, Object]]:
    quiet = Report()
    new = [container for _, container in quiet.objects(spec, key, "spec")]
    old = [container for _, container in quiet.objects(before, key, "spec")]
    return list(zip(new, old, strict=False))


def _check_order(report: Report, spec: Object, before: Object) -> bool:
    fine = True
    for key in LISTS:
        if len(spec.get(key) or ()) != len(before.get(key) or ()):
            report.forbidden(f"spec.{key}", f"{key} may not be added or removed on resize")
            fine = False
            continue
        for index, (new, was) in enumerate(_pairs(spec, before, key)):
            if new.get("name") != was.get("name"):
                detail = f"{key} may not be renamed or reordered on resize"
                report.forbidden(f"spec.{key}[{index}].name", detail)
                fine = False
    return fine


def _check_container(report: Report, new: Object, was: Object, path: str, key: str) -> None:
    if key == "initContainers" and was.get("restartPolicy") != "Always":
        policies = Report().objects(was, "resizePolicy", path)
        restarts = any(p.get("restartPolicy") == "RestartContainer" for _, p in policies)
        if restarts and _canonical(new) != _canonical(was):
            detail = (
                "non-sidecar init containers with a resize policy of RestartContainer cannot be "
                "resized"
            )
            report.forbidden(path, detail)
    _check_kept(report, new, was, f"{path}.resources", "resource")
    if _without_compute(new) != _without_compute(was):
        if key == "containers":
            report.forbidden("spec", ONLY)
        else:
            detail = "only cpu and memory resources for init or sidecar containers are mutable"
            report.forbidden(path, detail)


def _check_kept(report: Report, new: Object, was: Object, path: str, called: str) -> None:
    for side in ("requests", "limits"):
        if set(_amounts(was, side)) - set(_amounts(new, side)):
            report.forbidden(f"{path}.{side}", f"{called} {side} cannot be removed")


def _amounts(holder: Object, side: str) -> Object:
    resources = holder.get("resources")
    listed = resources.get(side) if isinstance(resources, dict) else None
    return listed if isinstance(listed, dict) else {}


def _canonical(holder: Object) -> Object:
    rest = {k: v for k, v in holder.items() if k != "resources" and v not in (None, [], {})}
    return {**rest, "limits": _amounts(holder, "limits"), "requests": _amounts(holder, "requests")}


def _without_compute(holder: Object) -> Object:
    """Return a container, or a spec, without the amounts that may change."""
    rest: dict[str, Any] = _canonical(holder)
    for side in ("limits", "requests"):
        rest[side] = {k: v for k, v in rest[side].items() if k not in COMPUTE}
    for key in LISTS:
        if isinstance(rest.get(key), list):
            rest[key] = [_without_compute(c) if isinstance(c, dict) else c for c in rest[key]]
    return rest
