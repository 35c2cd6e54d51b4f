"""Which defaults a kind has. A kind that is not listed has none, as upstream."""

from collections.abc import Mapping
from types import MappingProxyType

from pinnace.api.defaults import autoscaling, core, devices, pods, policies, services, workloads
from pinnace.api.defaults.base import Defaulter
from pinnace.api.objects import Object
from pinnace.api.resources import Resource

ADMISSION = "admissionregistration.k8s.io"
APPS = "apps/v1"
BATCH = "batch/v1"
DEVICES = "resource.k8s.io"
FLOW = "flowcontrol.apiserver.k8s.io/v1"
STORAGE = "storage.k8s.io/v1"

DEFAULTS: Mapping[tuple[str, str], Defaulter] = MappingProxyType(
    {
        ("v1", "Endpoints"): services.default_endpoints,
        ("v1", "LimitRange"): core.default_limit_range,
        ("v1", "Namespace"): core.default_namespace,
        ("v1", "Node"): core.default_node,
        ("v1", "PersistentVolume"): core.default_persistent_volume,
        ("v1", "PersistentVolumeClaim"): workloads.default_claim,
        ("v1", "Pod"): pods.default_pod,
        ("v1", "PodTemplate"): workloads.default_pod_template_object,
        ("v1", "ReplicationController"): workloads.default_replication_controller,
        ("v1", "ResourceQuota"): core.default_resource_quota,
        ("v1", "Secret"): core.default_secret,
        ("v1", "Service"): services.default_service,
        (APPS, "DaemonSet"): workloads.default_daemon_set,
        (APPS, "Deployment"): workloads.default_deployment,
        (APPS, "ReplicaSet"): workloads.default_replica_set,
        (APPS, "StatefulSet"): workloads.default_stateful_set,
        (BATCH, "CronJob"): workloads.default_cron_job,
        (BATCH, "Job"): workloads.default_job,
        ("authentication.k8s.io/v1", "TokenRequest"): policies.default_token_request,
        ("autoscaling/v1", "HorizontalPodAutoscaler"): autoscaling.default_autoscaler_v1,
        ("autoscaling/v2", "HorizontalPodAutoscaler"): autoscaling.default_autoscaler,
        (
            "certificates.k8s.io/v1beta1",
            "PodCertificateRequest",
        ): policies.default_pod_certificate_request,
        ("discovery.k8s.io/v1", "EndpointSlice"): services.default_endpoint_slice,
        (FLOW, "FlowSchema"): policies.default_flow_schema,
        (FLOW, "PriorityLevelConfiguration"): policies.default_priority_level,
        ("networking.k8s.io/v1", "IngressClass"): policies.default_ingress_class,
        ("networking.k8s.io/v1", "NetworkPolicy"): policies.default_network_policy,
        ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): policies.default_binding,
        ("rbac.authorization.k8s.io/v1", "RoleBinding"): policies.default_binding,
        ("scheduling.k8s.io/v1", "PriorityClass"): policies.default_priority_class,
        ("scheduling.k8s.io/v1alpha2", "PodGroup"): policies.default_pod_group,
        (STORAGE, "CSIDriver"): policies.default_csi_driver,
        (STORAGE, "StorageClass"): policies.default_storage_class,
        (STORAGE, "VolumeAttachment"): policies.default_volume_attachment,
        (f"{ADMISSION}/v1", "MutatingWebhookConfiguration"): policies.default_mutating_webhooks,
        (f"{ADMISSION}/v1", "ValidatingWebhookConfiguration"): policies.default_webhooks,
        (f"{ADMISSION}/v1", "MutatingAdmissionPolicy"): policies.default_admission_policy,
        (f"{ADMISSION}/v1", "MutatingAdmissionPolicyBinding"): policies.default_admission_binding,
        (f"{ADMISSION}/v1", "ValidatingAdmissionPolicy"): policies.default_admission_policy,
        (
            f"{ADMISSION}/v1",
            "ValidatingAdmissionPolicyBinding",
        ): policies.default_admission_binding,
        (f"{ADMISSION}/v1beta1", "MutatingAdmissionPolicy"): policies.default_admission_policy,
        (
            f"{ADMISSION}/v1beta1",
            "MutatingAdmissionPolicyBinding",
        ): policies.default_admission_binding,
        (f"{ADMISSION}/v1alpha1", "MutatingAdmissionPolicy"): policies.default_admission_policy,
        (
            f"{ADMISSION}/v1alpha1",
            "MutatingAdmissionPolicyBinding",
        ): policies.default_admission_binding_v1alpha1,
        (
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
        ): policies.default_custom_resource_definition,
        ("apiregistration.k8s.io/v1", "APIService"): policies.default_api_service,
        (f"{DEVICES}/v1", "ResourceClaim"): devices.default_claim,
        (f"{DEVICES}/v1", "ResourceClaimTemplate"): devices.default_claim_template,
        (f"{DEVICES}/v1", "ResourceSlice"): devices.default_slice,
        (f"{DEVICES}/v1beta2", "ResourceClaim"): devices.default_claim,
        (f"{DEVICES}/v1beta2", "ResourceClaimTemplate"): devices.default_claim_template,
        (f"{DEVICES}/v1beta2", "ResourceSlice"): devices.default_slice,
        (f"{DEVICES}/v1beta1", "ResourceClaim"): devices.default_claim_v1beta1,
        (f"{DEVICES}/v1beta1", "ResourceClaimTemplate"): devices.default_claim_template_v1beta1,
        (f"{DEVICES}/v1beta1", "ResourceSlice"): devices.default_slice,
        (f"{DEVICES}/v1alpha3", "ResourcePoolStatusRequest"): devices.default_pool_status_request,
    }
)


def apply_defaults(row: Resource, obj: Object) -> None:
    """Fill in, in place, what upstream fills in for objects of this row; twice is as once."""
    default = DEFAULTS.get((row.group_version, row.kind))
    if default is not None:
        default(obj)
