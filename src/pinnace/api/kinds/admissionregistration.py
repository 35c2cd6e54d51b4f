"""Rows of the admissionregistration.k8s.io group."""

from pinnace.api.resources import Resource, status

MUTATINGADMISSIONPOLICIES = Resource(
    group="admissionregistration.k8s.io",
    version="v1",
    kind="MutatingAdmissionPolicy",
    plural="mutatingadmissionpolicies",
    singular="mutatingadmissionpolicy",
    categories=("api-extensions",),
    namespaced=False,
    prefix="/registry/mutatingadmissionpolicies",
    storage="admissionregistration.k8s.io/v1beta1",
)
MUTATINGADMISSIONPOLICYBINDINGS = Resource(
    group="admissionregistration.k8s.io",
    version="v1",
    kind="MutatingAdmissionPolicyBinding",
    plural="mutatingadmissionpolicybindings",
    singular="mutatingadmissionpolicybinding",
    categories=("api-extensions",),
    namespaced=False,
    prefix="/registry/mutatingadmissionpolicybindings",
    storage="admissionregistration.k8s.io/v1beta1",
)
MUTATINGWEBHOOKCONFIGURATIONS = Resource(
    group="admissionregistration.k8s.io",
    version="v1",
    kind="MutatingWebhookConfiguration",
    plural="mutatingwebhookconfigurations",
    singular="mutatingwebhookconfiguration",
    categories=("api-extensions",),
    namespaced=False,
    prefix="/registry/mutatingwebhookconfigurations",
    storage="admissionregistration.k8s.io/v1",
)
VALIDATINGADMISSIONPOLICIES = Resource(
    group="admissionregistration.k8s.io",
    version="v1",
    kind="ValidatingAdmissionPolicy",
    plural="validatingadmissionpolicies",
    singular="validatingadmissionpolicy",
    categories=("api-extensions",),
    namespaced=False,
    subresources=(status("ValidatingAdmissionPolicy"),),
    prefix="/registry/validatingadmissionpolicies",
    storage="admissionregistration.k8s.io/v1",
)
VALIDATINGADMISSIONPOLICYBINDINGS = Resource(
    group="admissionregistration.k8s.io",
    version="v1",
    kind="ValidatingAdmissionPolicyBinding",
    plural="validatingadmissionpolicybindings",
    singular="validatingadmissionpolicybinding",
    categories=("api-extensions",),
    namespaced=False,
    prefix="/registry/validatingadmissionpolicybindings",
    storage="admissionregistration.k8s.io/v1",
)
VALIDATINGWEBHOOKCONFIGURATIONS = Resource(
    group="admissionregistration.k8s.io",
    version="v1",
    kind="ValidatingWebhookConfiguration",
    plural="validatingwebhookconfigurations",
    singular="validatingwebhookconfiguration",
    categories=("api-extensions",),
    namespaced=False,
    prefix="/registry/validatingwebhookconfigurations",
    storage="admissionregistration.k8s.io/v1",
)
MUTATINGADMISSIONPOLICIES_V1BETA1 = Resource(
    group="admissionregistration.k8s.io",
    version="v1beta1",
    kind="MutatingAdmissionPolicy",
    plural="mutatingadmissionpolicies",
    singular="mutatingadmissionpolicy",
    categories=("api-extensions",),
    namespaced=False,
    prefix="/registry/mutatingadmissionpolicies",
    storage="admissionregistration.k8s.io/v1beta1",
)
MUTATINGADMISSIONPOLICYBINDINGS_V1BETA1 = Resource(
    group="admissionregistration.k8s.io",
    version="v1beta1",
    kind="MutatingAdmissionPolicyBinding",
    plural="mutatingadmissionpolicybindings",
    singular="mutatingadmissionpolicybinding",
    categories=("api-extensions",),
    namespaced=False,
    prefix="/registry/mutatingadmissionpolicybindings",
    storage="admissionregistration.k8s.io/v1beta1",
)
MUTATINGADMISSIONPOLICIES_V1ALPHA1 = Resource(
    group="admissionregistration.k8s.io",
    version="v1alpha1",
    kind="MutatingAdmissionPolicy",
    plural="mutatingadmissionpolicies",
    singular="mutatingadmissionpolicy",
    categories=("api-extensions",),
    namespaced=False,
    prefix="/registry/mutatingadmissionpolicies",
    storage="admissionregistration.k8s.io/v1beta1",
)
MUTATINGADMISSIONPOLICYBINDINGS_V1ALPHA1 = Resource(
    group="admissionregistration.k8s.io",
    version="v1alpha1",
    kind="MutatingAdmissionPolicyBinding",
    plural="mutatingadmissionpolicybindings",
    singular="mutatingadmissionpolicybinding",
    categories=("api-extensions",),
    namespaced=False,
    prefix="/registry/mutatingadmissionpolicybindings",
    storage="admissionregistration.k8s.io/v1beta1",
)

ROWS = (
    MUTATINGADMISSIONPOLICIES,
    MUTATINGADMISSIONPOLICYBINDINGS,
    MUTATINGWEBHOOKCONFIGURATIONS,
    VALIDATINGADMISSIONPOLICIES,
    VALIDATINGADMISSIONPOLICYBINDINGS,
    VALIDATINGWEBHOOKCONFIGURATIONS,
    MUTATINGADMISSIONPOLICIES_V1BETA1,
    MUTATINGADMISSIONPOLICYBINDINGS_V1BETA1,
    MUTATINGADMISSIONPOLICIES_V1ALPHA1,
    MUTATINGADMISSIONPOLICYBINDINGS_V1ALPHA1,
)
