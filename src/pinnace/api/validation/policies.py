"""Rules of kinds that steer others: leases, budgets, classes, requests, webhooks."""

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.schema.internal import internal
from pinnace.api.validation.base import Report, quoted
from pinnace.api.validation.metadata import check_selector
from pinnace.api.validation.workloads import check_at_most_all, check_number_or_percent

TEN_MINUTES = 600
USER_PRIORITY_LIMIT = 10**9
SYSTEM_CLASSES = {"system-node-critical": 2000001000, "system-cluster-critical": 2000000000}


def check_lease(report: Report, lease: Object) -> None:
    """Check a Lease."""
    spec = report.child(lease, "spec", "") or {}
    seconds = report.number(spec, "leaseDurationSeconds", "spec")
    if seconds is not None and seconds <= 0:
        report.invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0")
    report.non_negative(spec, "leaseTransitions", "spec")
    strategy = report.text(spec, "strategy", "spec")
    if report.text(spec, "preferredHolder", "spec") and not strategy:
        detail = "may only be specified if `strategy` is defined"
        report.forbidden("spec.preferredHolder", detail)


def check_disruption_budget(report: Report, budget: Object) -> None:
    """Check a PodDisruptionBudget."""
    spec = report.child(budget, "spec", "") or {}
    given = [key for key in ("minAvailable", "maxUnavailable") if spec.get(key) is not None]
    if len(given) > 1:
        shown = internal("policy.PodDisruptionBudgetSpec", spec)
        report.invalid("spec", shown, "minAvailable and maxUnavailable cannot be both set")
    for key in given:
        check_number_or_percent(report, spec, key, "spec")
        check_at_most_all(report, spec, key, "spec")
    check_selector(report, spec, "selector", "spec")
    policy = report.text(spec, "unhealthyPodEvictionPolicy", "spec")
    supported = ("AlwaysAllow", "IfHealthyBudget")
    if spec.get("unhealthyPodEvictionPolicy") is not None and policy not in supported:
        report.not_supported("spec.unhealthyPodEvictionPolicy", policy, supported)


def check_disruption_status(report: Report, budget: Object, old: Object) -> None:
    """Check the counts of a budget."""
    status = report.child(budget, "status", "") or {}
    for key in ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"):
        report.non_negative(status, key, "status")


def check_priority_class(report: Report, priority_class: Object) -> None:
    """Check a PriorityClass: the system's names and values are its own."""
    meta = priority_class.get("metadata")
    name = meta.get("name") if isinstance(meta, dict) else ""
    value = report.number(priority_class, "value", "") or 0
    if isinstance(name, str) and name.startswith("system-"):
        if SYSTEM_CLASSES.get(name) != value:
            detail = (
                "priority class names with 'system-' prefix are reserved for system use only. "
                "error: "
            )
            why = f"{name} is not a known system priority class"
            if name in SYSTEM_CLASSES:
                why = f"value of {name} PriorityClass must be {SYSTEM_CLASSES[name]}"
            report.forbidden("metadata.name", detail + why)
    elif value > USER_PRIORITY_LIMIT:
        detail = f"maximum allowed value of a user defined priority is {USER_PRIORITY_LIMIT}"
        report.forbidden("value", detail)
    if priority_class.get("preemptionPolicy") is not None:
        supported = ("PreemptLowerPriority", "Never")
        report.one_of(priority_class, "preemptionPolicy", "", supported)


def check_priority_class_update(report: Report, priority_class: Object, old: Object) -> None:
    """Check a PriorityClass that is changed: value and policy stay."""
    if (priority_class.get("value") or 0) != (old.get("value") or 0):
        report.forbidden("value", "may not be changed in an update.")
    policy = priority_class.get("preemptionPolicy")
    report.immutable(policy, old.get("preemptionPolicy"), "preemptionPolicy")


def check_signing_request(report: Report, request: Object) -> None:
    """Check who shall sign and what for (the request itself is for the signer to read)."""
    spec = report.child(request, "spec", "") or {}
    if not report.text(spec, "request", "spec"):
        report.invalid("spec.request", "", "PEM block type must be CERTIFICATE REQUEST")
    usages = report.texts(spec, "usages", "spec")
    if not usages:
        report.required("spec.usages")
    for index, usage in enumerate(usages):
        if usage in usages[:index]:
            report.duplicate(f"spec.usages[{index}]", usage)
    signer = report.text(spec, "signerName", "spec")
    where = "spec.signerName"
    if not signer:
        report.required(where)
    elif signer == "kubernetes.io/legacy-unknown":
        detail = "the legacy signerName is not allowed via this API version"
        report.invalid(where, signer, detail)
    else:
        _check_signer(report, signer, where)
    seconds = report.number(spec, "expirationSeconds", "spec")
    if seconds is not None and seconds < TEN_MINUTES:
        detail = "may not specify a duration less than 600 seconds (10 minutes)"
        report.invalid("spec.expirationSeconds", seconds, detail)


def _check_signer(report: Report, signer: str, path: str) -> None:
    domain, slash, name = signer.partition("/")
    if not slash or "/" in name:
        detail = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        report.invalid(path, signer, detail)
        return
    for part, rule in ((domain, names.dns1123_label), (name, names.dns1123_subdomain)):
        for label in part.split("."):
            said = rule(label)
            if said:
                complaints = [f"validating label {quoted(label)}: {why}" for why in said]
                report.said(path, part, complaints)
                break
    if "." not in domain:
        detail = "should be a domain with at least two segments separated by dots"
        report.invalid(path, domain, detail)


def check_approval(report: Report, request: Object, old: Object) -> None:
    """Check the verdicts of an approval: known status, and not both."""
    status = report.child(request, "status", "") or {}
    kinds = set()
    for path, condition in report.objects(status, "conditions", "status"):
        kind = report.text(condition, "type", path)
        if not kind:
            report.required(f"{path}.type")
        only = ("True",) if kind in ("Approved", "Denied", "Failed") else ()
        report.one_of(condition, "status", path, only or ("False", "True", "Unknown"))
        if kind in kinds:
            report.duplicate(f"{path}.type", kind)
        kinds.add(kind)
        if {"Approved", "Denied"} <= kinds and kind in ("Approved", "Denied"):
            detail = "Approved and Denied conditions are mutually exclusive"
            report.invalid(f"{path}.type", kind, detail)


def check_token_request(report: Report, request: Object) -> None:
    """Check how long a token may live."""
    spec = report.child(request, "spec", "") or {}
    seconds = report.number(spec, "expirationSeconds", "spec")
    where = "spec.expirationSeconds"
    if seconds is not None and seconds < TEN_MINUTES:
        report.invalid(where, seconds, "may not specify a duration less than 10 minutes")
    if seconds is not None and seconds > 1 << 32:
        report.invalid(where, seconds, "may not specify a duration larger than 2^32 seconds")


def check_webhooks(report: Report, configuration: Object) -> None:
    """Check where webhooks are and how they are called (not their match conditions)."""
    seen: set[str] = set()
    for path, hook in report.objects(configuration, "webhooks", ""):
        name = report.text(hook, "name", path)
        if not name:
            report.required(f"{path}.name")
        else:
            report.said(f"{path}.name", name, names.fully_qualified_name(name))
        if name in seen:
            report.duplicate(f"{path}.name", name)
        seen.add(name)
        effects, allowed = report.text(hook, "sideEffects", path), ("None", "NoneOnDryRun")
        if not effects:
            listed = ", ".join(allowed)
            report.required(f"{path}.sideEffects", f"must specify one of {listed}")
        elif effects not in allowed:
            report.not_supported(f"{path}.sideEffects", effects, allowed)
        if not report.texts(hook, "admissionReviewVersions", path):
            detail = "must specify one of v1, v1beta1"
            report.required(f"{path}.admissionReviewVersions", detail)
        seconds = report.number(hook, "timeoutSeconds", path)
        if seconds is not None and not 1 <= seconds <= 30:
            detail = "the timeout value must be between 1 and 30 seconds"
            report.invalid(f"{path}.timeoutSeconds", seconds, detail)
        for key, supported in (
            ("failurePolicy", ("Fail", "Ignore")),
            ("matchPolicy", ("Equivalent", "Exact")),
        ):
            value = report.text(hook, key, path)
            if value and value not in supported:
                report.not_supported(f"{path}.{key}", value, supported)
        for key in ("namespaceSelector", "objectSelector"):
            check_selector(report, hook, key, path)
        _check_client(report, report.child(hook, "clientConfig", path) or {}, path)


def _check_client(report: Report, config: Object, path: str) -> None:
    where = f"{path}.clientConfig"
    url, service = config.get("url"), report.child(config, "service", where)
    if (url is None) == (service is None):
        report.required(where, "exactly one of url or service is required")
    if service is None:
        return
    for key in ("name", "namespace"):
        if not report.text(service, key, f"{where}.service"):
            report.required(f"{where}.service.{key}", f"service {key} is required")
    port = report.number(service, "port", f"{where}.service")
    if port is not None and not 1 <= port <= 65535:
        detail = "port is not valid: must be between 1 and 65535, inclusive"
        report.invalid(f"{where}.service.port", port, detail)
