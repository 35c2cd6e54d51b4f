"""Rows for the table: the rules of the kinds that steer and extend the cluster."""

from collections.abc import Mapping
from types import MappingProxyType

from pinnace.api import names
from pinnace.api.validation import (
    admissionpolicies,
    attachments,
    certificates,
    definitions,
    devices,
    flowcontrol,
    slices,
    storage,
    webhooks,
)
from pinnace.api.validation.rules import Rules

ADMISSION = "admissionregistration.k8s.io"
CERTIFICATES = "certificates.k8s.io"
FLOW = "flowcontrol.apiserver.k8s.io"
DEVICES = "resource.k8s.io"
STORAGE = "storage.k8s.io"
WEBHOOKS = Rules(
    create=webhooks.check_webhooks, update=webhooks.check_webhooks_update, again=("whole",)
)

EXTENSIONS: Mapping[tuple[str, str], Rules] = MappingProxyType(
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
            update=devices.check_template_update,
            again=("kept",),
            in_hub=True,
        ),
        (DEVICES, "ResourceSlice"): Rules(
            create=slices.check_slice,
            update=slices.check_slice_update,
            again=("kept",),
            in_hub=True,
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
            update=storage.check_csi_capacity_update,
            again=("whole", "kept"),
        ),
        (STORAGE, "StorageClass"): Rules(
            create=storage.check_storage_class,
            update=storage.check_storage_class_update,
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
            again=("whole", "kept"),
        ),
    }
)
