"""Rules of Deployments, ReplicaSets, StatefulSets, DaemonSets and ReplicationControllers."""

from typing import Any

from pinnace.api import names
from pinnace.api.errors import BadRequest
from pinnace.api.objects import Object
from pinnace.api.schema.internal import internal, same, shared
from pinnace.api.selectors import LabelSelector, label_selector_from_object
from pinnace.api.validation.base import IMMUTABLE, Report
from pinnace.api.validation.claims import check_claim_spec
from pinnace.api.validation.metadata import check_annotations, check_labels, check_selector
from pinnace.api.validation.podspec import check_pod_annotations, check_pod_template

NO_MATCH = "`selector` does not match template `labels`"
STATEFUL_UPDATE = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
    "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and "
    "'minReadySeconds' are forbidden"
)
STATEFUL_MUTABLE = (
    "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
)  # fmt: skip
STATUS_COUNTS = (
    "replicas", "fullyLabeledReplicas", "updatedReplicas", "readyReplicas", "availableReplicas",
    "unavailableReplicas", "terminatingReplicas", "currentReplicas", "observedGeneration",
    "collisionCount", "currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled",
    "numberReady", "updatedNumberScheduled", "numberAvailable", "numberUnavailable",
)  # fmt: skip


def _spec(report: Report, obj: Object) -> Object:
    return report.child(obj, "spec", "") or {}


def check_number_or_percent(report: Report, obj: Object, key: str, path: str) -> int:
    """Check a field that is a count or a percentage; return the number, 0 when unset."""
    value, where = obj.get(key), f"{path}.{key}"
    if isinstance(value, str):
        said = names.percent(value)
        report.said(where, value, said)
        return 0 if said else int(value[:-1])
    number = report.non_negative(obj, key, path)
    return number or 0


def check_at_most_all(report: Report, obj: Object, key: str, path: str) -> None:
    """Check that a percentage is not over a hundred."""
    value = obj.get(key)
    if isinstance(value, str) and not names.percent(value) and int(value[:-1]) > 100:
        report.invalid(f"{path}.{key}", value, "must not be greater than 100%")


def _check_selected_template(
    report: Report, spec: Object, kind: str, *, called: str, why: str = "invalid label selector"
) -> None:
    found = len(report.causes)
    selector = check_selector(report, spec, "selector", "spec")
    broken = len(report.causes) > found
    if selector is None:
        report.required("spec.selector")
    elif not selector.get("matchLabels") and not selector.get("matchExpressions"):
        detail = f"empty selector is invalid for {called}"
        report.invalid("spec.selector", shared(selector), detail)
    if broken and selector is not None:
        report.invalid("spec.selector", shared(selector), why)
    else:
        _check_template(report, spec, _matcher(selector), kind)


def _matcher(selector: Object | None) -> LabelSelector | None:
    try:
        return label_selector_from_object(selector)
    except (BadRequest, AttributeError, TypeError):
        return None  # check_selector has told why


def _check_template(report: Report, spec: Object, matcher: LabelSelector | None, kind: str) -> None:
    _check_selected(report, spec, matcher)
    check_pod_template(report, spec, "spec")
    if kind == "StatefulSet":
        _check_metadata_again(report, spec)
    else:
        _check_lasting(report, spec, kind)


def _labels(report: Report, spec: Object) -> Object | None:
    template = report.child(spec, "template", "spec") or {}
    meta = template.get("metadata")
    labels = meta.get("labels") if isinstance(meta, dict) else None
    return labels if isinstance(labels, dict) else None


def _check_selected(report: Report, spec: Object, matcher: LabelSelector | None) -> None:
    labels = _labels(report, spec)
    known = labels or {}
    if matcher is not None and not matcher.empty() and not matcher.matches(known):
        shown = dict(sorted(known.items())) if labels is not None else None
        report.invalid("spec.template.metadata.labels", shown, NO_MATCH)


def _check_metadata_again(report: Report, spec: Object) -> None:
    """Upstream looks at a StatefulSet's template twice, and tells twice."""
    template, where = report.child(spec, "template", "spec") or {}, "spec.template"
    meta = report.child(template, "metadata", where) or {}
    check_labels(report, meta, "labels", where)
    check_annotations(report, meta, where)
    pod = report.child(template, "spec", where) or {}
    check_pod_annotations(report, meta, pod, f"{where}.annotations")


def _check_lasting(report: Report, spec: Object, kind: str) -> None:
    """Check that pods are started again, always."""
    template = report.child(spec, "template", "spec") or {}
    pod = template.get("spec")
    if isinstance(pod, dict):
        if pod.get("restartPolicy") != "Always":
            policy = pod.get("restartPolicy") or ""
            report.not_supported("spec.template.spec.restartPolicy", policy, ("Always",))
        if pod.get("activeDeadlineSeconds") is not None:
            detail = f"activeDeadlineSeconds in {kind} is not Supported"
            report.forbidden("spec.template.spec.activeDeadlineSeconds", detail)


def check_deployment(report: Report, deployment: Object) -> None:
    """Check a Deployment."""
    spec = _spec(report, deployment)
    report.non_negative(spec, "replicas", "spec")
    _check_selected_template(report, spec, "ReplicaSet", called="deployment")
    _check_deployment_strategy(report, spec)
    ready = report.non_negative(spec, "minReadySeconds", "spec") or 0
    report.non_negative(spec, "revisionHistoryLimit", "spec")
    deadline = report.non_negative(spec, "progressDeadlineSeconds", "spec")
    if deadline is not None and deadline <= ready:
        report.invalid(
            "spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"
        )


def _check_deployment_strategy(report: Report, spec: Object) -> None:
    strategy = report.child(spec, "strategy", "spec") or {}
    kind, path = report.text(strategy, "type", "spec.strategy"), "spec.strategy.rollingUpdate"
    rolling = report.child(strategy, "rollingUpdate", "spec.strategy")
    if kind == "Recreate":
        if rolling is not None:
            detail = "may not be specified when strategy `type` is 'Recreate'"
            report.forbidden(path, detail)
    elif kind == "RollingUpdate":
        if rolling is None:
            report.required(path, "this should be defaulted and never be nil")
            return
        unavailable = check_number_or_percent(report, rolling, "maxUnavailable", path)
        surge = check_number_or_percent(report, rolling, "maxSurge", path)
        if not unavailable and not surge:
            report.invalid(
                f"{path}.maxUnavailable",
                rolling.get("maxUnavailable"),
                "may not be 0 when `maxSurge` is 0",
            )
        check_at_most_all(report, rolling, "maxUnavailable", path)
    else:
        shown = internal("apps.DeploymentStrategy", strategy)
        report.not_supported("spec.strategy", shown, ("Recreate", "RollingUpdate"))


def check_replica_set(report: Report, replica_set: Object) -> None:
    """Check a ReplicaSet."""
    spec = _spec(report, replica_set)
    report.non_negative(spec, "replicas", "spec")
    report.non_negative(spec, "minReadySeconds", "spec")
    _check_selected_template(report, spec, "ReplicaSet", called="deployment")


def check_selector_update(report: Report, obj: Object, old: Object) -> None:
    """Check that a workload still selects what it did."""
    quiet = Report()
    new = quiet.child(quiet.child(obj, "spec", "") or {}, "selector", "")
    before = quiet.child(quiet.child(old, "spec", "") or {}, "selector", "")
    if shared(new or {}) != shared(before or {}) or (new is None) != (before is None):
        report.invalid("spec.selector", None if new is None else shared(new), IMMUTABLE)


def check_daemon_set_update(report: Report, daemon_set: Object, old: Object) -> None:
    """Check a DaemonSet that is changed."""
    check_selector_update(report, daemon_set, old)
    check_daemon_set(report, daemon_set)


def check_replication_controller(report: Report, controller: Object) -> None:
    """Check a ReplicationController."""
    spec = _spec(report, controller)
    report.non_negative(spec, "minReadySeconds", "spec")
    selector = report.mapping(spec, "selector", "spec")
    if not selector:
        report.required("spec.selector")
    if spec.get("replicas") is None:
        report.required("spec.replicas")
    else:
        report.non_negative(spec, "replicas", "spec")
    if spec.get("template") is None:
        report.required("spec.template")
        return
    labels = _labels(report, spec)
    if any((labels or {}).get(key) != value for key, value in selector.items()):
        shown = None if labels is None else dict(sorted(labels.items()))
        report.invalid("spec.template.metadata.labels", shown, NO_MATCH)
    _check_template(report, spec, None, "ReplicationController")


def check_daemon_set(report: Report, daemon_set: Object) -> None:
    """Check a DaemonSet."""
    spec = _spec(report, daemon_set)
    found = len(report.causes)
    selector = check_selector(report, spec, "selector", "spec")
    if len(report.causes) == found:
        _check_selected(report, spec, _matcher(selector))
    if selector is not None and not any(
        selector.get(key) for key in ("matchLabels", "matchExpressions")
    ):
        report.invalid("spec.selector", shared(selector), "empty selector is invalid for daemonset")
    _check_template(report, spec, None, "DaemonSet")
    report.non_negative(spec, "minReadySeconds", "spec")
    _check_daemon_strategy(report, spec)
    report.non_negative(spec, "revisionHistoryLimit", "spec")


def _check_daemon_strategy(report: Report, spec: Object) -> None:
    strategy, where = report.child(spec, "updateStrategy", "spec") or {}, "spec.updateStrategy"
    kind = report.text(strategy, "type", where)
    if kind == "OnDelete":
        return
    if kind != "RollingUpdate":
        shown = internal("apps.DaemonSetUpdateStrategy", strategy)
        report.not_supported(where, shown, ("RollingUpdate", "OnDelete"))
        return
    path = f"{where}.rollingUpdate"
    rolling = report.child(strategy, "rollingUpdate", where)
    if rolling is None:
        report.required(path)
        return
    unavailable = check_number_or_percent(report, rolling, "maxUnavailable", path)
    surge = check_number_or_percent(report, rolling, "maxSurge", path)
    for key in ("maxUnavailable", "maxSurge"):
        check_at_most_all(report, rolling, key, path)
    if unavailable and surge:
        report.invalid(
            f"{path}.maxSurge",
            rolling.get("maxSurge"),
            "may not be set when maxUnavailable is non-zero",
        )
    elif not unavailable and not surge:
        report.required(f"{path}.maxUnavailable", "cannot be 0 when maxSurge is 0")


def check_stateful_set(report: Report, stateful_set: Object) -> None:
    """Check a StatefulSet."""
    _check_stateful(report, _spec(report, stateful_set), new=True)


def _check_stateful(report: Report, spec: Object, *, new: bool) -> None:
    management = report.text(spec, "podManagementPolicy", "spec")
    if not management:
        report.required("spec.podManagementPolicy")
    elif management not in ("OrderedReady", "Parallel"):
        detail = "must be 'OrderedReady' or 'Parallel'"
        report.invalid("spec.podManagementPolicy", management, detail)
    _check_stateful_strategy(report, spec)
    path = "spec.persistentVolumeClaimRetentionPolicy"
    retention = report.child(spec, "persistentVolumeClaimRetentionPolicy", "spec")
    for key in ("whenDeleted", "whenScaled") if retention is not None else ():
        value = report.text(retention or {}, key, path)
        if value not in ("Retain", "Delete"):
            report.not_supported(f"{path}.{key}", value, ("Retain", "Delete"))
    for at, claim in report.objects(spec, "volumeClaimTemplates", "spec") if new else ():
        check_claim_spec(report, report.child(claim, "spec", at) or {}, f"{at}.spec")
    report.non_negative(spec, "replicas", "spec")
    report.non_negative(spec, "minReadySeconds", "spec")
    ordinals = report.child(spec, "ordinals", "spec")
    if ordinals is not None:
        report.non_negative(ordinals, "start", "spec.ordinals")
    service = report.text(spec, "serviceName", "spec")
    if service and new:
        report.said("spec.serviceName", service, names.dns1123_label(service))
    inner = _with_claim_volumes(spec)
    _check_selected_template(report, inner, "StatefulSet", called="statefulset", why="")
    _check_lasting(report, spec, "StatefulSet")


def _with_claim_volumes(spec: Object) -> Object:
    """Return a spec whose template has the volumes that the claims will make."""
    quiet = Report()
    claims = quiet.objects(spec, "volumeClaimTemplates", "spec")
    template = quiet.child(spec, "template", "spec") or {}
    pod = quiet.child(template, "spec", "") or {}
    if not claims and not pod.get("subdomain") and not pod.get("hostname"):
        return spec
    called = dict.fromkeys(
        (quiet.child(claim, "metadata", "") or {}).get("name") for _, claim in claims
    )
    made: list[Any] = [
        {"name": name, "persistentVolumeClaim": {"claimName": name}} for name in called
    ]
    known = [volume["name"] for volume in made]
    own = [
        volume
        for volume in quiet.items(pod, "volumes", "")
        if not isinstance(volume, dict) or volume.get("name") not in known
    ]
    pod = {k: v for k, v in pod.items() if k not in ("subdomain", "hostname")}
    if made or own:
        pod["volumes"] = [*made, *own]
    return {**spec, "template": {**template, "spec": pod}}


def _check_stateful_strategy(report: Report, spec: Object) -> None:
    where = "spec.updateStrategy"
    strategy = report.child(spec, "updateStrategy", "spec") or {}
    kind = report.text(strategy, "type", where)
    rolling = report.child(strategy, "rollingUpdate", where)
    if not kind:
        report.required(where)
    elif kind == "OnDelete":
        if rolling is not None:
            detail = "only allowed for updateStrategy 'RollingUpdate'"
            shown = internal("apps.RollingUpdateStatefulSetStrategy", rolling)
            report.invalid(f"{where}.rollingUpdate", shown, detail)
    elif kind == "RollingUpdate":
        if rolling is not None:
            report.non_negative(rolling, "partition", f"{where}.rollingUpdate")
    else:
        shown = internal("apps.StatefulSetUpdateStrategy", strategy)
        report.invalid(where, shown, "must be 'RollingUpdate' or 'OnDelete'")


def check_stateful_set_update(report: Report, stateful_set: Object, old: Object) -> None:
    """Check a StatefulSet that is changed: few fields may be."""
    spec, before = _spec(report, stateful_set), old.get("spec") or {}
    _check_stateful(report, spec, new=False)
    if report.mistyped():
        return
    fixed = {**spec, **{key: before.get(key) for key in STATEFUL_MUTABLE}}
    if not same("apps.StatefulSetSpec", fixed, before):
        report.forbidden("spec", STATEFUL_UPDATE)


def check_deployment_status(report: Report, obj: Object, old: Object) -> None:
    """Check the counts of a Deployment's status."""
    _check_status(report, obj, old, "updatedReplicas", "readyReplicas", "availableReplicas")


def check_replicas_status(report: Report, obj: Object, old: Object) -> None:
    """Check the counts of the status of a ReplicaSet or a ReplicationController."""
    _check_status(report, obj, old, "fullyLabeledReplicas", "readyReplicas", "availableReplicas")


def check_stateful_set_status(report: Report, obj: Object, old: Object) -> None:
    """Check the counts of a StatefulSet's status."""
    parts = ("readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas")
    _check_status(report, obj, old, *parts, than="status.readyReplicas")


def check_daemon_set_status(report: Report, obj: Object, old: Object) -> None:
    """Check the counts of a DaemonSet's status."""
    _check_status(report, obj, old)


def _check_status(
    report: Report, obj: Object, old: Object, *parts: str, than: str = "readyReplicas"
) -> None:
    """Check the counts of a status, and that those of a part are not more than all."""
    status, before = report.child(obj, "status", "") or {}, old.get("status") or {}
    counts = {key: report.non_negative(status, key, "status") or 0 for key in STATUS_COUNTS}
    for key in parts:
        if counts[key] > counts["replicas"]:
            detail = "cannot be greater than status.replicas"
            report.invalid(f"status.{key}", counts[key], detail)
    if parts and counts["availableReplicas"] > counts["readyReplicas"]:
        value = counts["availableReplicas"]
        report.invalid("status.availableReplicas", value, f"cannot be greater than {than}")
    collisions, now = before.get("collisionCount"), status.get("collisionCount")
    if isinstance(collisions, int) and (
        now is None or counts.get("collisionCount", 0) < collisions
    ):
        shown = counts.get("collisionCount", 0)
        report.invalid("status.collisionCount", shown, "cannot be decremented")


def check_controller_revision(report: Report, revision: Object) -> None:
    """Check a ControllerRevision."""
    report.non_negative(revision, "revision", "")
    data = revision.get("data")
    if data is None:
        report.required("data", "data is mandatory")
    elif not isinstance(data, dict):
        report.required("data", "data must be a valid JSON object")


def check_controller_revision_update(report: Report, revision: Object, old: Object) -> None:
    """Check that a ControllerRevision keeps its data."""
    report.non_negative(revision, "revision", "")
    report.immutable(revision.get("data"), old.get("data"), "data")


def check_scale(report: Report, scale: Object) -> None:
    """Check a Scale."""
    spec = report.child(scale, "spec", "") or {}
    report.non_negative(spec, "replicas", "spec")
