"""Rows for the table: the rules of the kinds that steer and extend the cluster."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from pinnace.api import names
from pinnace.api.validation import (
    admissionpolicies,
    apiservices,
    attachments,
    certificates,
    definitions,
    devices,
    events,
    flowcontrol,
    leases,
    podcertificates,
    podgroups,
    poolrequests,
    ranges,
    runtimeclasses,
    slices,
    storage,
    storageversions,
    webhooks,
)
from pinnace.api.validation.rules import Rules

ADMISSION = "admissionregistration.k8s.io"
CERTIFICATES = "certificates.k8s.io"
FLOW = "flowcontrol.apiserver.k8s.io"
DEVICES = "resource.k8s.io"
SCHEDULING, STORAGE = "scheduling.k8s.io", "storage.k8s.io"
WEBHOOKS = Rules(
    create=webhooks.check_webhooks, update=webhooks.check_webhooks_update, again=("whole",)
)

# Leases and Events are written all the time, and their rules read with care.
_CAREFUL = frozenset((("", "Event"), ("coordination.k8s.io", "Lease")))
_EXTENSIONS: Mapping[tuple[str, str], Rules] = MappingProxyType(
    {
        (ADMISSION, "MutatingAdmissionPolicy"): Rules(
            create=admissionpolicies.check_mutating_policy,
            update=admissionpolicies.check_mutating_policy_update,
            again=("whole",),
        ),
        (ADMISSION, "MutatingAdmissionPolicyBinding"): Rules(
            create=admissionpolicies.check_mutating_binding, again=("whole",)
        ),
        (ADMISSION, "MutatingWebhookConfiguration"): WEBHOOKS,
        (ADMISSION, "ValidatingAdmissionPolicy"): Rules(
            create=admissionpolicies.check_validating_policy,
            update=admissionpolicies.check_validating_policy_update,
            status=admissionpolicies.check_validating_status,
            again=("whole",),
        ),
        (ADMISSION, "ValidatingAdmissionPolicyBinding"): Rules(
            create=admissionpolicies.check_validating_binding, again=("whole",)
        ),
        (ADMISSION, "ValidatingWebhookConfiguration"): WEBHOOKS,
        (CERTIFICATES, "CertificateSigningRequest"): Rules(
            create=certificates.check_request,
            update=certificates.check_request_update,
            status=certificates.check_status,
            name=names.path_segment_name,
            again=(),
        ),
        (SCHEDULING, "PodGroup"): Rules(
            create=podgroups.check_pod_group, kept=podgroups.check_pod_group_update, again=()
        ),
        (SCHEDULING, "Workload"): Rules(
            create=podgroups.check_workload, kept=podgroups.check_workload_update, again=()
        ),
        (CERTIFICATES, "PodCertificateRequest"): Rules(
            create=podcertificates.check_request,
            update=podcertificates.check_request_update,
            status=podcertificates.check_status,
            again=(),
        ),
        (CERTIFICATES, "ClusterTrustBundle"): Rules(
            create=certificates.check_bundle,
            update=certificates.check_bundle_update,
            name=names.path_segment_name,
            again=("kept",),
        ),
        ("apiextensions.k8s.io", "CustomResourceDefinition"): Rules(
            create=definitions.check_definition,
            update=definitions.check_definition_update,
            status=definitions.check_definition_status,
            name=names.path_segment_name,
            again=("kept", "status"),
        ),
        (FLOW, "FlowSchema"): Rules(
            create=flowcontrol.check_flow_schema,
            status=flowcontrol.check_flow_status,
            again=("whole",),
        ),
        (FLOW, "PriorityLevelConfiguration"): Rules(
            create=flowcontrol.check_priority_level,
            status=flowcontrol.check_flow_status,
            again=("whole",),
        ),
        (DEVICES, "DeviceClass"): Rules(
            create=devices.check_class, name=devices.class_name, again=("whole", "kept")
        ),
        (DEVICES, "DeviceTaintRule"): Rules(
            create=slices.check_taint_rule,
            update=slices.check_taint_rule_update,
            status=slices.check_taint_rule_status,
            again=("kept", "status"),
        ),
        (DEVICES, "ResourceClaim"): Rules(
            create=devices.check_claim,
            update=devices.check_claim_update,
            status=devices.check_claim_status,
            again=("whole", "kept", "status"),
            in_hub=True,
        ),
        (DEVICES, "ResourceClaimTemplate"): Rules(
            create=devices.check_template,
            kept=devices.check_template_kept,
            again=("whole", "kept"),
            in_hub=True,
        ),
        (DEVICES, "ResourcePoolStatusRequest"): Rules(
            create=poolrequests.check_request,
            update=poolrequests.check_request_update,
            status=poolrequests.check_request_status,
            again=("kept", "status"),
        ),
        (DEVICES, "ResourceSlice"): Rules(
            create=slices.check_slice,
            update=slices.check_slice_update,
            again=("kept",),
            in_hub=True,
        ),
        ("", "Event"): Rules(create=events.check_event, name=names.path_segment_name, again=()),
        ("apiregistration.k8s.io", "APIService"): Rules(
            create=apiservices.check_service,
            status=apiservices.check_status,
            name=names.path_segment_name,
            again=("kept", "whole", "status"),
        ),
        ("coordination.k8s.io", "Lease"): Rules(create=leases.check_lease, again=("kept",)),
        ("coordination.k8s.io", "LeaseCandidate"): Rules(
            create=leases.check_candidate,
            kept=leases.check_candidate_kept,
            name=names.config_map_key,
            again=("kept",),
        ),
        ("events.k8s.io", "Event"): Rules(
            create=events.check_modern_event,
            update=events.check_modern_event_update,
            again=("kept",),
        ),
        ("internal.apiserver.k8s.io", "StorageVersion"): Rules(
            create=storageversions.check_storage_version,
            update=storageversions.check_storage_version_update,
            status=storageversions.check_storage_version_status,
            name=storageversions.storage_version_name,
            again=(),
        ),
        ("networking.k8s.io", "IngressClass"): Rules(
            create=ranges.check_ingress_class,
            kept=ranges.check_ingress_class_kept,
            again=("kept", "whole"),
        ),
        ("networking.k8s.io", "IPAddress"): Rules(
            create=ranges.check_address,
            kept=ranges.check_address_update,
            name=names.ip,
            again=("whole", "kept"),
        ),
        ("networking.k8s.io", "ServiceCIDR"): Rules(
            create=ranges.check_range, update=ranges.check_range_update, again=("kept", "status")
        ),
        ("node.k8s.io", "RuntimeClass"): Rules(
            create=runtimeclasses.check_runtime_class,
            kept=runtimeclasses.check_runtime_class_update,
            again=("whole", "kept"),
        ),
        ("storagemigration.k8s.io", "StorageVersionMigration"): Rules(
            create=storageversions.check_migration,
            kept=storageversions.check_migration_kept,
            status=storageversions.check_migration_status,
            again=("whole", "kept", "status"),
        ),
        (STORAGE, "CSIDriver"): Rules(
            create=storage.check_csi_driver,
            update=storage.check_csi_driver_update,
            again=("kept",),
        ),
        (STORAGE, "CSINode"): Rules(
            create=storage.check_csi_node,
            update=storage.check_csi_node_update,
            again=("whole",),
        ),
        (STORAGE, "CSIStorageCapacity"): Rules(
            create=storage.check_csi_capacity,
            whole=storage.check_csi_capacity_again,
            kept=storage.check_csi_capacity_kept,
            again=("whole", "kept"),
        ),
        (STORAGE, "StorageClass"): Rules(
            create=storage.check_storage_class,
            kept=storage.check_storage_class_kept,
            again=("whole", "kept"),
        ),
        (STORAGE, "VolumeAttachment"): Rules(
            create=attachments.check_attachment,
            update=attachments.check_attachment_update,
            status=attachments.check_attachment_update,
            again=("whole",),
        ),
        (STORAGE, "VolumeAttributesClass"): Rules(
            create=storage.check_attributes_class,
            kept=storage.check_attributes_class_update,
            again=("kept", "whole"),
        ),
    }
)
EXTENSIONS: Mapping[tuple[str, str], Rules] = MappingProxyType(
    {key: replace(rules, decoded=key not in _CAREFUL) for key, rules in _EXTENSIONS.items()}
)
