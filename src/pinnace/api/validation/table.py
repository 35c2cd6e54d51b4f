"""Which rules a kind has; a kind that is not listed has those of metadata and of its schema."""

from collections.abc import Mapping
from types import MappingProxyType

from pinnace.api import names
from pinnace.api.conversion.table import as_hub
from pinnace.api.errors import Cause
from pinnace.api.fieldvalidation import type_errors
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.api.validation import (
    autoscalers,
    balancers,
    certificates,
    claims,
    config,
    cronjobs,
    endpointslices,
    jobs,
    jobstatus,
    limits,
    networking,
    nodes,
    persistentvolumes,
    pods,
    policies,
    rbac,
    resize,
    reviews,
    services,
    workloads,
)
from pinnace.api.validation.base import Report
from pinnace.api.validation.extensions import EXTENSIONS
from pinnace.api.validation.metadata import check_metadata, check_metadata_update
from pinnace.api.validation.rules import Check, CheckUpdate, Rules

RBAC = "rbac.authorization.k8s.io"

RULES: Mapping[tuple[str, str], Rules] = MappingProxyType(
    {
        **EXTENSIONS,
        ("", "ConfigMap"): Rules(
            create=config.check_config_map, update=config.check_config_map_update
        ),
        ("", "Endpoints"): Rules(
            create=networking.check_endpoints, update=networking.check_endpoints_update
        ),
        ("", "LimitRange"): Rules(create=limits.check_limit_range),
        ("", "Namespace"): Rules(
            create=config.check_namespace,
            update=config.check_namespace_update,
            status=config.check_namespace_status,
            name=names.dns1123_label,
        ),
        ("", "Node"): Rules(
            create=nodes.check_node,
            update=nodes.check_node_update,
            status=nodes.check_node_status,
        ),
        ("", "PersistentVolume"): Rules(
            create=persistentvolumes.check_volume,
            update=persistentvolumes.check_volume_update,
        ),
        ("", "PersistentVolumeClaim"): Rules(
            create=claims.check_claim,
            update=claims.check_claim_update,
            status=claims.check_claim_status,
        ),
        ("", "Pod"): Rules(
            create=pods.check_pod_create,
            update=pods.check_pod_update,
            status=pods.check_pod_status_update,
        ),
        ("", "PodTemplate"): Rules(create=pods.check_pod_template_object),
        ("", "ReplicationController"): Rules(
            create=workloads.check_replication_controller,
            status=workloads.check_replicas_status,
        ),
        ("", "ResourceQuota"): Rules(
            create=limits.check_resource_quota,
            update=limits.check_resource_quota_update,
            status=limits.check_resource_quota_status,
        ),
        ("", "Secret"): Rules(create=config.check_secret, update=config.check_secret_update),
        ("", "Service"): Rules(
            create=services.check_service,
            update=services.check_service_update,
            status=balancers.check_service_status,
            name=names.dns1123_label,
        ),
        ("", "ServiceAccount"): Rules(),
        ("apps", "ControllerRevision"): Rules(
            create=workloads.check_controller_revision,
            update=workloads.check_controller_revision_update,
        ),
        ("apps", "DaemonSet"): Rules(
            create=workloads.check_daemon_set,
            update=workloads.check_daemon_set_update,
            status=workloads.check_daemon_set_status,
        ),
        ("apps", "Deployment"): Rules(
            create=workloads.check_deployment,
            kept=workloads.check_selector_update,
            status=workloads.check_deployment_status,
        ),
        ("apps", "ReplicaSet"): Rules(
            create=workloads.check_replica_set,
            kept=workloads.check_selector_update,
            status=workloads.check_replicas_status,
        ),
        ("apps", "StatefulSet"): Rules(
            create=workloads.check_stateful_set,
            update=workloads.check_stateful_set_update,
            status=workloads.check_stateful_set_status,
        ),
        ("autoscaling", "HorizontalPodAutoscaler"): Rules(
            create=autoscalers.check_autoscaler,
            update=autoscalers.check_autoscaler_update,
            status=autoscalers.check_autoscaler_status,
            in_hub=True,
        ),
        ("batch", "CronJob"): Rules(
            create=cronjobs.check_cron_job_create, update=cronjobs.check_cron_job_update
        ),
        ("batch", "Job"): Rules(
            create=jobs.check_job, update=jobs.check_job_update, status=jobstatus.check_job_status
        ),
        ("discovery.k8s.io", "EndpointSlice"): Rules(
            create=endpointslices.check_slice,
            whole=endpointslices.check_slice_update,
            kept=endpointslices.check_type_kept,
            again=("whole",),
        ),
        ("networking.k8s.io", "Ingress"): Rules(
            create=networking.check_ingress_create,
            update=lambda report, obj, old: networking.check_ingress(report, obj),
            status=balancers.check_ingress_status,
        ),
        ("networking.k8s.io", "NetworkPolicy"): Rules(create=networking.check_network_policy),
        ("policy", "PodDisruptionBudget"): Rules(
            create=policies.check_disruption_budget, status=policies.check_disruption_status
        ),
        (RBAC, "ClusterRole"): Rules(
            create=rbac.check_cluster_role,
            name=names.path_segment_name,
            again=("whole", "kept"),
        ),
        (RBAC, "ClusterRoleBinding"): Rules(
            create=rbac.check_cluster_role_binding,
            kept=rbac.check_role_ref_kept,
            name=names.path_segment_name,
            again=("whole", "kept"),
        ),
        (RBAC, "Role"): Rules(
            create=rbac.check_role, name=names.path_segment_name, again=("whole", "kept")
        ),
        (RBAC, "RoleBinding"): Rules(
            create=rbac.check_role_binding,
            kept=rbac.check_role_ref_kept,
            name=names.path_segment_name,
            again=("whole", "kept"),
        ),
        ("scheduling.k8s.io", "PriorityClass"): Rules(
            create=policies.check_priority_class,
            update=policies.check_priority_class_update,
            again=("kept",),
        ),
    }
)
SUBDOMAIN = Rules()
SUBRESOURCES: Mapping[tuple[str, str], CheckUpdate] = MappingProxyType(
    {
        ("Pod", "ephemeralcontainers"): pods.check_ephemeral_update,
        ("Pod", "resize"): resize.check_resize,
        ("Namespace", "finalize"): config.check_namespace_finalize,
        ("CertificateSigningRequest", "approval"): certificates.check_approval,
    }
)
REQUESTS: Mapping[str, Check] = MappingProxyType(
    {
        "Binding": pods.check_binding,
        "LocalSubjectAccessReview": reviews.check_local_review,
        "Scale": workloads.check_scale,
        "SelfSubjectAccessReview": reviews.check_self_review,
        "SubjectAccessReview": reviews.check_review,
        "TokenRequest": policies.check_token_request,
    }
)


def _rules(row: Resource) -> Rules:
    return RULES.get((row.group, row.kind), SUBDOMAIN)


def validate_create(row: Resource, obj: Object) -> list[Cause]:
    """Return every rule that a new object breaks; it has been defaulted and prepared."""
    rules, report = _rules(row), Report()
    check_metadata(
        report,
        obj,
        namespaced=row.namespaced,
        name_rule=rules.name,
        any_finalizer=row.custom is not None,
    )
    if rules.decoded and _is_mistyped(report, row, obj):
        return report.causes
    if rules.in_hub:
        obj = as_hub(obj)
    if rules.create is not None:
        rules.create(report, obj)
    return report.causes


def validate_update(row: Resource, obj: Object, old: Object) -> list[Cause]:
    """Return every rule that a changed object breaks."""
    rules, report = _rules(row), Report()
    _check_changed_metadata(report, row, obj, old)
    if rules.decoded and _is_mistyped(report, row, obj):
        return report.causes
    hub, hub_old = (as_hub(obj), as_hub(old)) if rules.in_hub else (obj, old)
    for step in _order(rules):
        if step == "whole":
            check_metadata(report, obj, namespaced=row.namespaced, name_rule=rules.name)
        elif step == "kept":
            if report.causes:  # without any, it would find none again
                check_metadata_update(report, obj, old)
        elif step == "create":
            _check_again(rules, report, hub, hub_old)
        elif (changed := rules.update or rules.kept) is not None:
            changed(report, hub, hub_old)
    return report.causes


def _order(rules: Rules) -> tuple[str, ...]:
    """Return in which order upstream checks a changed object: metadata again, and the rest."""
    if rules.again[:2] == ("kept", "whole"):
        return "kept", "update", "whole", "create"
    if rules.update is None and rules.again[:2] == ("whole", "kept"):
        return "whole", "create", "kept", "update"
    again = tuple(part for part in rules.again if part != "status")
    return (*again, "create", "update")


def _check_again(rules: Rules, report: Report, obj: Object, old: Object) -> None:
    """Check a changed object as a new one, unless its kind does that by itself."""
    if rules.whole is not None:
        rules.whole(report, obj, old)
    elif rules.update is None and rules.create is not None:
        rules.create(report, obj)


def validate_status_update(row: Resource, obj: Object, old: Object) -> list[Cause]:
    """Return every rule that a written status breaks."""
    rules, report = _rules(row), Report()
    _check_changed_metadata(report, row, obj, old)
    if "status" in rules.again and report.causes:
        check_metadata_update(report, obj, old)
    if rules.decoded and _is_mistyped(report, row, obj):
        return report.causes
    if rules.in_hub:
        obj, old = as_hub(obj), as_hub(old)
    if rules.status is not None:
        rules.status(report, obj, old)
    return report.causes


def validate_subresource_update(
    row: Resource, subresource: str, obj: Object, old: Object
) -> list[Cause]:
    """Return every rule that a write to the named subresource of an object breaks."""
    if subresource == "status":
        return validate_status_update(row, obj, old)
    report = Report()
    _check_changed_metadata(report, row, obj, old)
    if "status" in _rules(row).again and report.causes:
        check_metadata_update(report, obj, old)
    check = SUBRESOURCES.get((row.kind, subresource))
    if _rules(row).decoded and _is_mistyped(report, row, obj):
        return report.causes
    if check is not None:
        check(report, obj, old)
    return report.causes


def _is_mistyped(report: Report, row: Resource, obj: Object) -> bool:
    """Say whether values are of other types than the schema's, and report them."""
    found = type_errors(obj, row)
    report.causes += [Cause("FieldValueTypeInvalid", "", text) for text in found]
    return bool(found)


def validate_request(kind: str, obj: Object) -> list[Cause]:
    """Return every rule that a Binding, a Scale, a TokenRequest or a review breaks."""
    report = Report()
    check = REQUESTS.get(kind)
    if check is not None:
        check(report, obj)
    return report.causes


def _check_changed_metadata(report: Report, row: Resource, obj: Object, old: Object) -> None:
    """Check metadata as upstream does on update: a name that was accepted once stays good."""
    check_metadata(
        report,
        obj,
        namespaced=row.namespaced,
        name_rule=names.path_segment_name,
        any_finalizer=row.custom is not None,
    )
    check_metadata_update(report, obj, old)
