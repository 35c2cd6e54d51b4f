"""Which admission plug-ins are on, and what they were told: kube-apiserver's flags and file.

Upstream: apiserver `pkg/server/options/admission.go` and `pkg/kubeapiserver/options/plugins.go`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from pinnace.api.objects import Object

# Every plug-in that upstream has, in the order in which they are asked. The order is law.
ORDER: tuple[str, ...] = (
    "AlwaysAdmit",
    "NamespaceAutoProvision",
    "NamespaceLifecycle",
    "NamespaceExists",
    "LimitPodHardAntiAffinityTopology",
    "LimitRanger",
    "ServiceAccount",
    "NodeRestriction",
    "TaintNodesByCondition",
    "AlwaysPullImages",
    "ImagePolicyWebhook",
    "PodSecurity",
    "PodNodeSelector",
    "Priority",
    "DefaultTolerationSeconds",
    "PodTolerationRestriction",
    "EventRateLimit",
    "ExtendedResourceToleration",
    "DefaultStorageClass",
    "StorageObjectInUseProtection",
    "PodGroupProtection",
    "OwnerReferencesPermissionEnforcement",
    "PersistentVolumeClaimResize",
    "RuntimeClass",
    "CertificateApproval",
    "CertificateSigning",
    "ClusterTrustBundleAttest",
    "CertificateSubjectRestriction",
    "DefaultIngressClass",
    "DenyServiceExternalIPs",
    "PodTopologyLabels",
    "PodGroupWorkloadExists",
    "NodeDeclaredFeatureValidator",
    "JobValidation",
    "PodResizeValidator",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionWebhook",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionWebhook",
    "ResourceQuota",
    "AlwaysDeny",
)
_OFF = frozenset(
    (
        "AlwaysAdmit",
        "AlwaysDeny",
        "AlwaysPullImages",
        "DenyServiceExternalIPs",
        "EventRateLimit",
        "ExtendedResourceToleration",
        "ImagePolicyWebhook",
        "LimitPodHardAntiAffinityTopology",
        "NamespaceAutoProvision",
        "NamespaceExists",
        "OwnerReferencesPermissionEnforcement",
        "PodNodeSelector",
        "PodTolerationRestriction",
    )
)
# Those that are not here, and why nobody misses most of them: their kinds or their features are
# off by default in upstream as well.
MISSING: Mapping[str, str] = {
    "ImagePolicyWebhook": "is not built",
    "PodGroupProtection": "belongs to PodGroups, whose feature gate GenericWorkload is off",
    "PodGroupWorkloadExists": "belongs to PodGroups, whose feature gate GenericWorkload is off",
    "JobValidation": "belongs to the feature gate WorkloadWithJob, which is off",
    "ClusterTrustBundleAttest": "belongs to the feature gate ClusterTrustBundle, which is off",
}
_CONFIGURED = frozenset(
    (
        "EventRateLimit",
        "PodNodeSelector",
        "PodSecurity",
        "PodTolerationRestriction",
        "ResourceQuota",
    )
)
# Upstream takes settings for these as well.
_UNCONFIGURED = frozenset(
    (
        "ImagePolicyWebhook",
        "MutatingAdmissionWebhook",
        "ValidatingAdmissionWebhook",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionOptions:
    """What was asked for beyond the default; `configuration` has settings by plug-in."""

    enable: tuple[str, ...] = ()
    disable: tuple[str, ...] = ()
    configuration: Mapping[str, Object] = field(default_factory=dict)

    def enabled(self) -> Collection[str]:
        """Return the names of the plug-ins that are on and here."""
        wanted = (frozenset(ORDER) - _OFF) | frozenset(self.enable)
        return wanted - frozenset(self.disable) - MISSING.keys()


def check(options: AdmissionOptions) -> None:
    """Refuse names that no plug-in has, and what is not built; raises ValueError of one line."""
    faults = []
    for flag, names in (("enable", options.enable), ("disable", options.disable)):
        faults += [
            f'{flag}-admission-plugins plugin "{name}" is unknown'
            for name in names
            if name not in ORDER
        ]
    both = sorted({*options.enable} & {*options.disable})
    if both:
        shown = f"[{' '.join(both)}]"
        faults.append(
            f"{shown} in enable-admission-plugins and disable-admission-plugins overlapped"
        )
    faults += [
        f"admission plugin {name} {MISSING[name]}" for name in options.enable if name in MISSING
    ]
    for name in options.configuration:
        if name in _UNCONFIGURED:
            faults.append(f"settings of admission plugin {name} are not supported")
        elif name not in _CONFIGURED and name not in ORDER:
            faults.append(f'admission configuration for unknown plugin "{name}"')
    if "EventRateLimit" in options.enable and "EventRateLimit" not in options.configuration:
        faults.append("EventRateLimit: limits: Invalid value: null: must not be empty")
    if faults:
        raise ValueError(faults[0] if len(faults) == 1 else f"[{', '.join(faults)}]")
