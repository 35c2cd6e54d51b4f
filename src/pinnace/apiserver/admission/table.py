"""Every admission plug-in, by upstream's name. `options.py` has their order, which is law: later
ones see what earlier did; and it says which of upstream's are on by default, and which are missing.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from time import monotonic

from pinnace.api.resources import Resource
from pinnace.apiserver.admission import settings
from pinnace.apiserver.admission.always_admit import AlwaysAdmit
from pinnace.apiserver.admission.always_deny import AlwaysDeny
from pinnace.apiserver.admission.always_pull_images import AlwaysPullImages
from pinnace.apiserver.admission.base import Chain, Plugin
from pinnace.apiserver.admission.certificate_approval import CertificateApproval
from pinnace.apiserver.admission.certificate_signing import CertificateSigning
from pinnace.apiserver.admission.certificate_subject import CertificateSubjectRestriction
from pinnace.apiserver.admission.claim_resize import PersistentVolumeClaimResize
from pinnace.apiserver.admission.default_ingress_class import DefaultIngressClass
from pinnace.apiserver.admission.default_storage_class import DefaultStorageClass
from pinnace.apiserver.admission.default_toleration_seconds import DefaultTolerationSeconds
from pinnace.apiserver.admission.deny_service_external_ips import DenyServiceExternalIPs
from pinnace.apiserver.admission.event_rate_limit import EventRateLimit
from pinnace.apiserver.admission.extended_resource_toleration import ExtendedResourceToleration
from pinnace.apiserver.admission.limit_anti_affinity import LimitPodHardAntiAffinityTopology
from pinnace.apiserver.admission.limit_ranger import LimitRanger
from pinnace.apiserver.admission.mutating_policy import MutatingAdmissionPolicy
from pinnace.apiserver.admission.mutating_webhook import MutatingAdmissionWebhook
from pinnace.apiserver.admission.namespace_auto_provision import NamespaceAutoProvision
from pinnace.apiserver.admission.namespace_exists import NamespaceExists
from pinnace.apiserver.admission.namespace_lifecycle import NamespaceLifecycle
from pinnace.apiserver.admission.node_declared_features import NodeDeclaredFeatureValidator
from pinnace.apiserver.admission.node_restriction import NodeRestriction
from pinnace.apiserver.admission.options import ORDER, AdmissionOptions
from pinnace.apiserver.admission.owner_references import OwnerReferencesPermissionEnforcement
from pinnace.apiserver.admission.pod_node_selector import PodNodeSelector
from pinnace.apiserver.admission.pod_resize import PodResizeValidator
from pinnace.apiserver.admission.pod_security import PodSecurity
from pinnace.apiserver.admission.pod_toleration_restriction import PodTolerationRestriction
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What plug-ins need of the server, beside the authorizer."""

    rows: Iterable[Resource] = ()
    now: Callable[[], float] = monotonic
    make_namespace: Callable[[str], Awaitable[None]] | None = None
    suffix: Callable[[], str] = new_suffix


def plugins(
    authorizer: Authorizer,
    rbac: Rbac,
    *,
    quota_writer: QuotaWriter | None = None,
    webhooks: Webhooks | None = None,
    options: AdmissionOptions | None = None,
    around: Surroundings | None = None,
) -> tuple[Plugin, ...]:
    """Return the plug-ins that are on, in upstream's order; raises ValueError for bad settings.

    Quotas are enforced if there is a writer to charge them with; webhooks are called if they are
    given, mutating and validating ones.
    """
    options, around = options or AdmissionOptions(), around or Surroundings()
    built = _simple(authorizer, around) | _configured(options, around)
    if webhooks is not None:
        built |= _dynamic(authorizer, webhooks)
    if quota_writer is not None:
        limited = settings.limited_resources(options.configuration.get("ResourceQuota"))
        built["ResourceQuota"] = lambda: ResourceQuota(quota_writer, limited)
    enabled = options.enabled()
    chosen = [built[name]() for name in ORDER if name in enabled and name in built]
    # Not a plug-in of upstream's, whose registries of roles do this: it cannot be turned off. It
    # looks at what all that change the object have made of it, before it is validated.
    return (*chosen, RbacEscalation(rbac, authorizer))


_Built = dict[str, Callable[[], Plugin]]


def _simple(authorizer: Authorizer, around: Surroundings) -> _Built:
    return {
        "AlwaysAdmit": AlwaysAdmit,
        "NamespaceLifecycle": NamespaceLifecycle,
        "NamespaceExists": NamespaceExists,
        "LimitPodHardAntiAffinityTopology": LimitPodHardAntiAffinityTopology,
        "LimitRanger": LimitRanger,
        "ServiceAccount": lambda: ServiceAccount(around.suffix),
        "NodeRestriction": lambda: NodeRestriction(authorizer),
        "TaintNodesByCondition": TaintNodesByCondition,
        "AlwaysPullImages": AlwaysPullImages,
        "Priority": Priority,
        "DefaultTolerationSeconds": DefaultTolerationSeconds,
        "ExtendedResourceToleration": ExtendedResourceToleration,
        "DefaultStorageClass": DefaultStorageClass,
        "StorageObjectInUseProtection": StorageObjectInUseProtection,
        "OwnerReferencesPermissionEnforcement": lambda: OwnerReferencesPermissionEnforcement(
            authorizer, around.rows
        ),
        "PersistentVolumeClaimResize": PersistentVolumeClaimResize,
        "RuntimeClass": RuntimeClass,
        "CertificateApproval": lambda: CertificateApproval(authorizer),
        "CertificateSigning": lambda: CertificateSigning(authorizer),
        "CertificateSubjectRestriction": CertificateSubjectRestriction,
        "DefaultIngressClass": DefaultIngressClass,
        "DenyServiceExternalIPs": DenyServiceExternalIPs,
        "PodTopologyLabels": PodTopologyLabels,
        "NodeDeclaredFeatureValidator": NodeDeclaredFeatureValidator,
        "PodResizeValidator": PodResizeValidator,
        "AlwaysDeny": AlwaysDeny,
    }


def _configured(options: AdmissionOptions, around: Surroundings) -> _Built:
    """Return the plug-ins that take settings, and those that act on the server."""
    told, make = options.configuration.get, around.make_namespace
    built: _Built = {
        "PodSecurity": lambda: PodSecurity(*settings.pod_security(told("PodSecurity"))),
        "PodNodeSelector": lambda: PodNodeSelector(
            settings.node_selectors(told("PodNodeSelector"))
        ),
        "PodTolerationRestriction": lambda: PodTolerationRestriction(
            *settings.tolerations(told("PodTolerationRestriction"))
        ),
        "EventRateLimit": lambda: EventRateLimit(
            settings.event_limits(told("EventRateLimit")), around.now
        ),
    }
    if make is not None:
        built["NamespaceAutoProvision"] = lambda: NamespaceAutoProvision(make)
    return built


def _dynamic(authorizer: Authorizer, webhooks: Webhooks) -> _Built:
    hooks, policies, convert = webhooks.admission, webhooks.policies, webhooks.convert
    return {
        "MutatingAdmissionPolicy": lambda: MutatingAdmissionPolicy(
            policies[0], authorizer, convert, webhooks.counts
        ),
        "MutatingAdmissionWebhook": lambda: MutatingAdmissionWebhook(hooks[0]),
        "ValidatingAdmissionPolicy": lambda: ValidatingAdmissionPolicy(
            policies[1], authorizer, convert, webhooks.counts
        ),
        "ValidatingAdmissionWebhook": lambda: ValidatingAdmissionWebhook(hooks[1]),
    }


def build(
    authorizer: Authorizer,
    rbac: Rbac,
    *,
    quota_writer: QuotaWriter | None = None,
    webhooks: Webhooks | None = None,
    options: AdmissionOptions | None = None,
    around: Surroundings | None = None,
) -> Chain:
    """Return the chain that every write passes; raises ValueError for bad settings."""
    return Chain(
        plugins(
            authorizer,
            rbac,
            quota_writer=quota_writer,
            webhooks=webhooks,
            options=options,
            around=around,
        ),
        webhooks.counts if webhooks is not None else None,
    )
