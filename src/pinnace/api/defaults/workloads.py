"""Defaults of the controllers of pods: apps, batch, ReplicationControllers and PodTemplates."""

from pinnace.api.defaults.base import (
    canonical_resources,
    child,
    ensured,
    entries,
    fill,
    fill_text,
)
from pinnace.api.defaults.podspec import default_pod_template
from pinnace.api.defaults.volumes import default_claim_spec
from pinnace.api.objects import Object

MAX_INT32 = 2**31 - 1


def default_deployment(deployment: Object) -> None:
    """Fill in a Deployment: one replica, rolled by a quarter."""
    spec = ensured(deployment, "spec")
    fill(spec, "replicas", 1)
    strategy = ensured(spec, "strategy")
    fill_text(strategy, "type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = ensured(strategy, "rollingUpdate")
        fill(rolling, "maxUnavailable", "25%")
        fill(rolling, "maxSurge", "25%")
    fill(spec, "revisionHistoryLimit", 10)
    fill(spec, "progressDeadlineSeconds", 600)
    default_pod_template(spec)


def default_daemon_set(daemon_set: Object) -> None:
    """Fill in a DaemonSet: rolled one by one."""
    spec = ensured(daemon_set, "spec")
    strategy = ensured(spec, "updateStrategy")
    fill_text(strategy, "type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = ensured(strategy, "rollingUpdate")
        fill(rolling, "maxUnavailable", 1)
        fill(rolling, "maxSurge", 0)
    fill(spec, "revisionHistoryLimit", 10)
    default_pod_template(spec)


def default_stateful_set(stateful_set: Object) -> None:
    """Fill in a StatefulSet: one replica, ordered, volumes kept."""
    spec = ensured(stateful_set, "spec")
    fill_text(spec, "podManagementPolicy", "OrderedReady")
    strategy = ensured(spec, "updateStrategy")
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
        ensured(strategy, "rollingUpdate")
    if strategy["type"] == "RollingUpdate" and isinstance(strategy.get("rollingUpdate"), dict):
        fill(strategy["rollingUpdate"], "partition", 0)
    retention = ensured(spec, "persistentVolumeClaimRetentionPolicy")
    fill_text(retention, "whenDeleted", "Retain")
    fill_text(retention, "whenScaled", "Retain")
    fill(spec, "replicas", 1)
    fill(spec, "revisionHistoryLimit", 10)
    default_pod_template(spec)
    for claim in entries(spec, "volumeClaimTemplates"):
        claim["kind"], claim["apiVersion"] = "PersistentVolumeClaim", "v1"
        default_claim(claim)


def default_replica_set(replica_set: Object) -> None:
    """Fill in a ReplicaSet."""
    spec = ensured(replica_set, "spec")
    fill(spec, "replicas", 1)
    default_pod_template(spec)


def default_replication_controller(controller: Object) -> None:
    """Fill in a ReplicationController: it takes selector and labels from its template."""
    spec = ensured(controller, "spec")
    labels = child(child(spec, "template"), "metadata").get("labels")
    if isinstance(labels, dict):
        if not spec.get("selector"):
            spec["selector"] = dict(labels)
        _label(controller, labels)
    fill(spec, "replicas", 1)
    if spec.get("template") is not None:
        default_pod_template(spec)


def default_job(job: Object) -> None:
    """Fill in a Job: one completion of one pod, six retries."""
    spec = ensured(job, "spec")
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    fill(spec, "parallelism", 1)
    per_index = spec.get("backoffLimitPerIndex") is not None
    fill(spec, "backoffLimit", MAX_INT32 if per_index else 6)
    labels = child(child(spec, "template"), "metadata").get("labels")
    if isinstance(labels, dict):
        _label(job, labels)
    fill(spec, "completionMode", "NonIndexed")
    fill(spec, "suspend", False)
    failed_only = spec.get("podFailurePolicy") is not None
    fill(spec, "podReplacementPolicy", "Failed" if failed_only else "TerminatingOrFailed")
    fill(spec, "manualSelector", False)
    _default_job_template(spec)


def default_cron_job(cron_job: Object) -> None:
    """Fill in a CronJob; its job template gets the defaults of a Job when it becomes one."""
    spec = ensured(cron_job, "spec")
    fill_text(spec, "concurrencyPolicy", "Allow")
    fill(spec, "suspend", False)
    fill(spec, "successfulJobsHistoryLimit", 3)
    fill(spec, "failedJobsHistoryLimit", 1)
    _default_job_template(ensured(ensured(spec, "jobTemplate"), "spec"))


def default_pod_template_object(template: Object) -> None:
    """Fill in a PodTemplate."""
    default_pod_template(template)


def default_claim(claim: Object) -> None:
    """Fill in a PersistentVolumeClaim."""
    status = ensured(claim, "status")
    fill_text(status, "phase", "Pending")
    canonical_resources(status.get("capacity"))
    canonical_resources(status.get("allocatedResources"))
    default_claim_spec(ensured(claim, "spec"))


def _default_job_template(spec: Object) -> None:
    for rule in entries(child(spec, "podFailurePolicy"), "rules"):
        for pattern in entries(rule, "onPodConditions"):
            fill_text(pattern, "status", "True")
    default_pod_template(spec)


def _label(obj: Object, labels: Object) -> None:
    meta = ensured(obj, "metadata")
    if not meta.get("labels") and labels:
        meta["labels"] = labels  # the same map, as upstream: what a Job adds to it is in both
