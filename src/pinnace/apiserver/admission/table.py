"""Every admission plug-in in upstream's order. The order is law: later ones see what earlier did.

Upstream's default plug-ins that are not here, and what that means: PodGroupProtection,
PodGroupWorkloadExists, NodeDeclaredFeatureValidator, JobValidation (behind gates that are off by
default); ClusterTrustBundleAttest (trust bundles are beta, off by default); PodResizeValidator is
not built yet. OwnerReferencesPermissionEnforcement is off by default upstream.
"""

from collections.abc import Callable

from pinnace.apiserver.admission.base import Chain, Plugin
from pinnace.apiserver.admission.certificate_approval import CertificateApproval
from pinnace.apiserver.admission.certificate_signing import CertificateSigning
from pinnace.apiserver.admission.certificate_subject import CertificateSubjectRestriction
from pinnace.apiserver.admission.claim_resize import PersistentVolumeClaimResize
from pinnace.apiserver.admission.default_ingress_class import DefaultIngressClass
from pinnace.apiserver.admission.default_storage_class import DefaultStorageClass
from pinnace.apiserver.admission.default_toleration_seconds import DefaultTolerationSeconds
from pinnace.apiserver.admission.limit_ranger import LimitRanger
from pinnace.apiserver.admission.mutating_policy import MutatingAdmissionPolicy
from pinnace.apiserver.admission.mutating_webhook import MutatingAdmissionWebhook
from pinnace.apiserver.admission.namespace_lifecycle import NamespaceLifecycle
from pinnace.apiserver.admission.node_restriction import NodeRestriction
from pinnace.apiserver.admission.pod_security import PodSecurity
from pinnace.apiserver.admission.pod_topology_labels import PodTopologyLabels
from pinnace.apiserver.admission.priority import Priority
from pinnace.apiserver.admission.rbac_escalation import RbacEscalation
from pinnace.apiserver.admission.resource_quota import QuotaWriter, ResourceQuota
from pinnace.apiserver.admission.runtime_class import RuntimeClass
from pinnace.apiserver.admission.service_account import ServiceAccount
from pinnace.apiserver.admission.storage_object_in_use import StorageObjectInUseProtection
from pinnace.apiserver.admission.taint_nodes import TaintNodesByCondition
from pinnace.apiserver.admission.validating_policy import ValidatingAdmissionPolicy
from pinnace.apiserver.admission.validating_webhook import ValidatingAdmissionWebhook
from pinnace.apiserver.authz.base import Authorizer
from pinnace.apiserver.authz.rbac import Rbac
from pinnace.apiserver.hooks.webhooks import Webhooks
from pinnace.kit.uids import new_suffix


def plugins(
    authorizer: Authorizer,
    rbac: Rbac,
    *,
    quota_writer: QuotaWriter | None = None,
    webhooks: Webhooks | None = None,
    suffix: Callable[[], str] = new_suffix,
) -> tuple[Plugin, ...]:
    """Return the plug-ins that are on by default, in upstream's order.

    Quotas are enforced if there is a writer to charge them with; webhooks are called if they are
    given, mutating and validating ones.
    """
    dynamic: tuple[Plugin, ...] = ()
    if webhooks is not None:
        hooks, policies, convert = webhooks.admission, webhooks.policies, webhooks.convert
        dynamic = (
            MutatingAdmissionPolicy(policies[0], authorizer, convert),
            MutatingAdmissionWebhook(hooks[0]),
            ValidatingAdmissionPolicy(policies[1], authorizer, convert),
            ValidatingAdmissionWebhook(hooks[1]),
        )
    # Quotas come last: nothing is charged that another plug-in refuses.
    last: tuple[Plugin, ...] = (ResourceQuota(quota_writer),) if quota_writer else ()
    return (
        NamespaceLifecycle(),
        LimitRanger(),
        ServiceAccount(suffix),
        NodeRestriction(authorizer),
        TaintNodesByCondition(),
        PodSecurity(),
        Priority(),
        DefaultTolerationSeconds(),
        DefaultStorageClass(),
        StorageObjectInUseProtection(),
        PersistentVolumeClaimResize(),
        RuntimeClass(),
        CertificateApproval(authorizer),
        CertificateSigning(authorizer),
        CertificateSubjectRestriction(),
        DefaultIngressClass(),
        PodTopologyLabels(),
        *dynamic,
        # Looks at what all that change the object have made of it, before it is validated.
        RbacEscalation(rbac, authorizer),
        *last,
    )


def build(
    authorizer: Authorizer,
    rbac: Rbac,
    *,
    quota_writer: QuotaWriter | None = None,
    webhooks: Webhooks | None = None,
    suffix: Callable[[], str] = new_suffix,
) -> Chain:
    """Return the chain that every write passes."""
    return Chain(
        plugins(authorizer, rbac, quota_writer=quota_writer, webhooks=webhooks, suffix=suffix)
    )
