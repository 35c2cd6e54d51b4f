"""Rules of Deployments, ReplicaSets, StatefulSets, DaemonSets and ReplicationControllers."""

from typing import Any

from pinnace.api import names
from pinnace.api.errors import BadRequest
from pinnace.api.objects import Object
from pinnace.api.selectors import LabelSelector, label_selector_from_object
from pinnace.api.validation.base import Report
from pinnace.api.validation.claims import check_claim_spec
from pinnace.api.validation.metadata import check_selector
from pinnace.api.validation.podspec import check_pod_template

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
AT_MOST_REPLICAS = (
    "fullyLabeledReplicas", "updatedReplicas", "readyReplicas", "availableReplicas",
    "currentReplicas",
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
    report: Report, spec: Object, kind: str, *, called: str, needs_selector: bool = True
) -> Object:
    selector = check_selector(report, spec, "selector", "spec")
    if selector is None:
        if needs_selector:
            report.required("spec.selector")
    elif not selector.get("matchLabels") and not selector.get("matchExpressions"):
        report.invalid("spec.selector", selector, f"empty selector is invalid for {called}")
    return _check_template(report, spec, _matcher(selector), kind)


def _matcher(selector: Object | None) -> LabelSelector | None:
    try:
        return label_selector_from_object(selector)
    except (BadRequest, AttributeError, TypeError):
        return None  # check_selector has told why


def _check_template(
    report: Report, spec: Object, matcher: LabelSelector | None, kind: str
) -> Object:
    template = report.child(spec, "template", "spec") or {}
    meta = template.get("metadata")
    labels = meta.get("labels") if isinstance(meta, dict) else None
    if matcher is not None and not matcher.empty():
        known = labels if isinstance(labels, dict) else {}
        if not matcher.matches(known):
            report.invalid("spec.template.metadata.labels", labels, NO_MATCH)
    check_pod_template(report, spec, "spec")
    pod = template.get("spec")
    if isinstance(pod, dict):
        if pod.get("restartPolicy") != "Always":
            policy = pod.get("restartPolicy") or ""
            report.not_supported("spec.template.spec.restartPolicy", policy, ("Always",))
        if pod.get("activeDeadlineSeconds") is not None:
            detail = f"activeDeadlineSeconds in {kind} is not Supported"
            report.forbidden("spec.template.spec.activeDeadlineSeconds", detail)
    return template


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
        report.not_supported("spec.strategy", strategy, ("Recreate", "RollingUpdate"))


def check_replica_set(report: Report, replica_set: Object) -> None:
    """Check a ReplicaSet."""
    spec = _spec(report, replica_set)
    report.non_negative(spec, "replicas", "spec")
    report.non_negative(spec, "minReadySeconds", "spec")
    _check_selected_template(report, spec, "ReplicaSet", called="deployment")


def check_selector_update(report: Report, obj: Object, old: Object) -> None:
    """Check that a workload still selects what it did."""
    new, before = obj.get("spec") or {}, old.get("spec") or {}
    if isinstance(new, dict) and isinstance(before, dict):
        report.immutable(new.get("selector"), before.get("selector"), "spec.selector")


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
    matcher = _matcher({"matchLabels": selector}) if selector else None
    _check_template(report, spec, matcher, "ReplicationController")


def check_daemon_set(report: Report, daemon_set: Object) -> None:
    """Check a DaemonSet."""
    spec = _spec(report, daemon_set)
    selector = check_selector(report, spec, "selector", "spec")
    template = report.child(spec, "template", "spec") or {}
    meta = template.get("metadata")
    labels = meta.get("labels") if isinstance(meta, dict) else None
    matcher = _matcher(selector)
    if matcher is not None and not matcher.matches(labels if isinstance(labels, dict) else {}):
        report.invalid("spec.template.metadata.labels", labels, NO_MATCH)
    if selector is not None and not any(
        selector.get(key) for key in ("matchLabels", "matchExpressions")
    ):
        report.invalid("spec.selector", selector, "empty selector is invalid for daemonset")
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
        report.not_supported(where, strategy, ("RollingUpdate", "OnDelete"))
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
    spec = _spec(report, stateful_set)
    service = report.text(spec, "serviceName", "spec")
    _check_stateful(report, spec)
    if service:
        report.said("spec.serviceName", service, names.dns1123_label(service))
    for at, claim in report.objects(spec, "volumeClaimTemplates", "spec"):
        claim_spec = report.child(claim, "spec", at) or {}
        check_claim_spec(report, claim_spec, f"{at}.spec")


def _check_stateful(report: Report, spec: Object) -> None:
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
    report.non_negative(spec, "replicas", "spec")
    report.non_negative(spec, "minReadySeconds", "spec")
    ordinals = report.child(spec, "ordinals", "spec")
    if ordinals is not None:
        report.non_negative(ordinals, "start", "spec.ordinals")
    _check_selected_template(report, _with_claim_volumes(spec), "StatefulSet", called="statefulset")


def _with_claim_volumes(spec: Object) -> Object:
    """Return a spec whose template has the volumes that the claims will make."""
    quiet = Report()
    claims = quiet.objects(spec, "volumeClaimTemplates", "spec")
    template = quiet.child(spec, "template", "spec") or {}
    pod = quiet.child(template, "spec", "") or {}
    if not claims and not pod.get("subdomain") and not pod.get("hostname"):
        return spec
    made: list[Any] = []
    for _, claim in claims:
        name = (quiet.child(claim, "metadata", "") or {}).get("name")
        made.append({"name": name, "persistentVolumeClaim": {"claimName": name}})
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
            report.invalid(f"{where}.rollingUpdate", rolling, detail)
    elif kind == "RollingUpdate":
        if rolling is not None:
            report.non_negative(rolling, "partition", f"{where}.rollingUpdate")
    else:
        report.invalid(where, strategy, "must be 'RollingUpdate' or 'OnDelete'")


def check_stateful_set_update(report: Report, stateful_set: Object, old: Object) -> None:
    """Check a StatefulSet that is changed: few fields may be."""
    spec, before = _spec(report, stateful_set), old.get("spec") or {}
    _check_stateful(report, spec)
    fixed = {k: v for k, v in spec.items() if k not in STATEFUL_MUTABLE}
    if fixed != {k: v for k, v in before.items() if k not in STATEFUL_MUTABLE}:
        report.forbidden("spec", STATEFUL_UPDATE)


def check_workload_status(report: Report, obj: Object, old: Object) -> None:
    """Check the counts of a workload's status."""
    status, before = report.child(obj, "status", "") or {}, old.get("status") or {}
    counts = {
        key: report.non_negative(status, key, "status") or 0
        for key in STATUS_COUNTS
        if key in status
    }
    replicas = counts.get("replicas", 0)
    if "desiredNumberScheduled" not in status:
        for key in AT_MOST_REPLICAS:
            if counts.get(key, 0) > replicas:
                detail = "cannot be greater than status.replicas"
                report.invalid(f"status.{key}", counts[key], detail)
        if counts.get("availableReplicas", 0) > counts.get("readyReplicas", 0):
            report.invalid(
                "status.availableReplicas",
                counts["availableReplicas"],
                "cannot be greater than readyReplicas",
            )
    collisions = before.get("collisionCount")
    if isinstance(collisions, int) and counts.get("collisionCount", 0) < collisions:
        report.invalid(
            "status.collisionCount", counts.get("collisionCount", 0), "cannot be decremented"
        )


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
