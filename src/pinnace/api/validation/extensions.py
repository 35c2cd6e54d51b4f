"""Rows for the table: the rules of the kinds that steer and extend the cluster."""

from collections.abc import Mapping
from types import MappingProxyType

from pinnace.api import names
from pinnace.api.validation import (
    admissionpolicies,
    attachments,
    certificates,
    flowcontrol,
    storage,
    webhooks,
)
from pinnace.api.validation.rules import Rules

ADMISSION = "admissionregistration.k8s.io"
CERTIFICATES = "certificates.k8s.io"
FLOW = "flowcontrol.apiserver.k8s.io"
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
