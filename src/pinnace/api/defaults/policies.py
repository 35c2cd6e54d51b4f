"""Defaults of kinds that steer the cluster: networking, RBAC, storage, admission and others."""

from pinnace.api.defaults.base import child, ensured, entries, fill, fill_text
from pinnace.api.defaults.volumes import default_volume_source
from pinnace.api.objects import Object

RBAC = "rbac.authorization.k8s.io"


def default_network_policy(policy: Object) -> None:
    """Say which directions a policy is about, and TCP."""
    spec = ensured(policy, "spec")
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
    for direction in ("ingress", "egress"):
        for rule in entries(spec, direction):
            for port in entries(rule, "ports"):
                fill(port, "protocol", "TCP")


def default_ingress_class(ingress_class: Object) -> None:
    """Look for parameters in the cluster's scope."""
    parameters = child(ingress_class, "spec").get("parameters")
    if isinstance(parameters, dict):
        fill(parameters, "scope", "Cluster")


def default_binding(binding: Object) -> None:
    """Say the group of a role and of those it is given to."""
    role = binding.get("roleRef")
    if isinstance(role, dict):
        fill_text(role, "apiGroup", RBAC)
    for subject in entries(binding, "subjects"):
        if subject.get("kind") in ("User", "Group"):
            fill_text(subject, "apiGroup", RBAC)


def default_storage_class(storage_class: Object) -> None:
    """Delete what is released; bind at once."""
    fill(storage_class, "reclaimPolicy", "Delete")
    fill(storage_class, "volumeBindingMode", "Immediate")


def default_csi_driver(driver: Object) -> None:
    """Fill in what a driver does not say about itself."""
    spec = ensured(driver, "spec")
    fill(spec, "attachRequired", True)
    fill(spec, "podInfoOnMount", False)
    fill(spec, "storageCapacity", False)
    fill(spec, "fsGroupPolicy", "ReadWriteOnceWithFSType")
    if not spec.get("volumeLifecycleModes"):
        spec["volumeLifecycleModes"] = ["Persistent"]
    fill(spec, "requiresRepublish", False)
    fill(spec, "seLinuxMount", False)


def default_volume_attachment(attachment: Object) -> None:
    """Fill in an inline volume."""
    source = child(child(attachment, "spec"), "source")
    default_volume_source(child(source, "inlineVolumeSpec"))


def default_priority_class(priority_class: Object) -> None:
    """Let a class preempt."""
    fill(priority_class, "preemptionPolicy", "PreemptLowerPriority")


def default_pod_group(group: Object) -> None:
    """Disrupt a group pod by pod."""
    fill(ensured(group, "spec"), "disruptionMode", "Pod")


def default_flow_schema(schema: Object) -> None:
    """Match late."""
    spec = ensured(schema, "spec")
    if not spec.get("matchingPrecedence"):
        spec["matchingPrecedence"] = 1000


def default_priority_level(level: Object) -> None:
    """Fill in shares and queues."""
    spec = child(level, "spec")
    for key, shares in (("exempt", 0), ("limited", 30)):
        part = spec.get(key)
        if isinstance(part, dict):
            fill(part, "nominalConcurrencyShares", shares)
            fill(part, "lendablePercent", 0)
    queuing = child(child(spec, "limited"), "limitResponse").get("queuing")
    if isinstance(queuing, dict):
        for key, number in (("handSize", 8), ("queues", 64), ("queueLengthLimit", 50)):
            if not queuing.get(key):
                queuing[key] = number


def default_webhooks(configuration: Object) -> None:
    """Fill in each webhook of a validating configuration."""
    for hook in entries(configuration, "webhooks"):
        fill(hook, "failurePolicy", "Fail")
        _default_match(hook)
        fill(hook, "timeoutSeconds", 10)
        _default_service(child(hook, "clientConfig"))
        for rule in entries(hook, "rules"):
            fill(rule, "scope", "*")


def default_mutating_webhooks(configuration: Object) -> None:
    """Fill in each webhook of a mutating configuration."""
    default_webhooks(configuration)
    for hook in entries(configuration, "webhooks"):
        fill(hook, "reinvocationPolicy", "Never")


def default_admission_policy(policy: Object) -> None:
    """Fail closed, and match everything that the constraints do not exclude."""
    spec = ensured(policy, "spec")
    fill(spec, "failurePolicy", "Fail")
    constraints = spec.get("matchConstraints")
    if isinstance(constraints, dict):
        _default_match_resources(constraints)


def default_admission_binding(binding: Object) -> None:
    """Fill in what a binding narrows its policy to."""
    match = child(binding, "spec").get("matchResources")
    if isinstance(match, dict):
        _default_match_resources(match)


def default_admission_binding_v1alpha1(binding: Object) -> None:
    """Fill in a binding of v1alpha1, which denies when the parameters are missing."""
    default_admission_binding(binding)
    param = child(binding, "spec").get("paramRef")
    if isinstance(param, dict):
        fill(param, "parameterNotFoundAction", "Deny")


def _default_match_resources(match: Object) -> None:
    _default_match(match)
    for key in ("resourceRules", "excludeResourceRules"):
        for rule in entries(match, key):
            fill(rule, "scope", "*")


def _default_match(parent: Object) -> None:
    fill(parent, "matchPolicy", "Equivalent")
    fill(parent, "namespaceSelector", {})
    fill(parent, "objectSelector", {})


def _default_service(client_config: Object) -> None:
    service = client_config.get("service")
    if isinstance(service, dict):
        fill(service, "port", 443)


def default_api_service(api_service: Object) -> None:
    """Reach an aggregated server at 443."""
    _default_service(child(api_service, "spec"))


def default_custom_resource_definition(definition: Object) -> None:
    """Derive names, and say which version is stored."""
    spec = ensured(definition, "spec")
    names = ensured(spec, "names")
    kind = names.get("kind")
    if isinstance(kind, str) and kind:
        fill_text(names, "singular", kind.lower())
        fill_text(names, "listKind", f"{kind}List")
    conversion = spec.get("conversion")
    if conversion is None:
        spec["conversion"] = {"strategy": "None"}
    else:
        _default_service(child(child(child(spec, "conversion"), "webhook"), "clientConfig"))
    stored = [v.get("name") for v in entries(spec, "versions") if v.get("storage") is True]
    if stored and not child(definition, "status").get("storedVersions"):
        ensured(definition, "status")["storedVersions"] = stored[:1]


def default_token_request(request: Object) -> None:
    """Let a token live for an hour."""
    fill(ensured(request, "spec"), "expirationSeconds", 3600)


def default_pod_certificate_request(request: Object) -> None:
    """Let a certificate live for a day."""
    fill(ensured(request, "spec"), "maxExpirationSeconds", 86400)
