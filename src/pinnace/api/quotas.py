"""What an object counts for against resource quotas: pure, for admission and for the controller."""

from collections.abc import Iterable

from pinnace.api.errors import qualified
from pinnace.api.objects import Object
from pinnace.api.pod_resources import Amounts, amounts, pod_total
from pinnace.api.pods import is_terminal
from pinnace.api.quantity import from_value

DEVICE_CLAIMS = ("resource.k8s.io", "resourceclaims")
DEVICE_CLASS = ".deviceclass.resource.k8s.io/devices"
# A claim for all devices counts as one for as many as a claim can be given.
_MOST_DEVICES = 32
_STORAGE_CLASS = ".storageclass.storage.k8s.io/"
# Kinds that are counted under their plain plural too, by an older spelling.
_PLAIN = ("resourcequotas", "replicationcontrollers", "secrets", "configmaps")
_COMPUTE = ("cpu", "memory", "ephemeral-storage")
_POD_RESOURCES = frozenset(
    ("pods", *_COMPUTE, *(f"requests.{r}" for r in _COMPUTE), *(f"limits.{r}" for r in _COMPUTE))
)
_REQUIRED = frozenset(
    ("cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory")
)


def usage(group: str, plural: str, obj: Object) -> Amounts:
    """Return what an object uses, by the names that quotas have for it."""
    one = from_value(1)
    used: Amounts = {f"count/{qualified(plural, group)}": one}
    if (group, plural) == DEVICE_CLAIMS:
        return used | _device_usage(obj)
    if group:
        return used
    if plural == "pods":
        if not is_terminal(obj):
            used["pods"] = one
            for kind in ("requests", "limits"):
                used |= _pod_usage(pod_total(obj, kind, overhead=True), kind)
    elif plural == "services":
        used |= _service_usage(obj)
    elif plural == "persistentvolumeclaims":
        used |= _claim_usage(obj)
    elif plural in _PLAIN:
        used[plural] = one
    return used


def limited_by(quota: Object, group: str, plural: str) -> list[str]:
    """Return the resources of a quota that objects of this kind count against, sorted."""
    hard = (quota.get("status") or {}).get("hard") or {}
    return sorted(name for name in hard if _concerns(name, group, plural))


def in_scope(quota: Object, group: str, plural: str, obj: Object) -> bool:
    """Say whether an object is in all scopes of a quota; pods and volume claims have scopes."""
    selectors = scopes_of(quota)
    return len(matching_scopes(selectors, group, plural, obj)) == len(selectors)


def scopes_of(quota: Object) -> list[Object]:
    """Return the scopes of a quota, as selectors."""
    spec = quota.get("spec") or {}
    selectors = [{"scopeName": s, "operator": "Exists"} for s in spec.get("scopes") or ()]
    return selectors + list((spec.get("scopeSelector") or {}).get("matchExpressions") or ())


def matching_scopes(
    selectors: Iterable[Object], group: str, plural: str, obj: Object
) -> list[Object]:
    """Return those of the selectors that an object fits."""
    if (group, plural) == ("", "persistentvolumeclaims"):
        return [each for each in selectors if _claim_in_scope(each, obj)]
    if (group, plural) == ("", "pods"):
        return [each for each in selectors if _pod_in_scope(each, obj)]
    return []


def missing_resources(pod: Object, limited: Iterable[str]) -> str:
    """Return what containers must say because a quota limits it, as upstream does, or empty."""
    if (pod.get("spec") or {}).get("resources"):
        return ""
    required = _REQUIRED.intersection(limited)
    missing: dict[str, set[str]] = {}
    for field in ("containers", "initContainers"):
        for container in (pod.get("spec") or {}).get(field) or ():
            given = _pod_usage(amounts(container, "requests"), "requests")
            given |= _pod_usage(amounts(container, "limits"), "limits")
            for name in required.difference(given):
                missing.setdefault(name, set()).add(str(container.get("name", "")))
    texts = [f"{name} for: {','.join(sorted(missing[name]))}" for name in sorted(missing)]
    return f"must specify {'; '.join(texts)}" if texts else ""


def is_terminating(pod: Object) -> bool:
    """Say whether the pod has a deadline, which is what the scope Terminating means."""
    return (pod.get("spec") or {}).get("activeDeadlineSeconds") is not None


def _concerns(name: str, group: str, plural: str) -> bool:
    if name == f"count/{qualified(plural, group)}":
        return True
    if (group, plural) == DEVICE_CLAIMS:
        return name.endswith(DEVICE_CLASS)
    if group:
        return False
    if plural == "pods":
        return name in _POD_RESOURCES or _is_extended(name)
    if plural == "services":
        return name == "services" or name.startswith("services.")
    if plural == "persistentvolumeclaims":
        return name in ("persistentvolumeclaims", "requests.storage") or _STORAGE_CLASS in name
    return plural in _PLAIN and name == plural


def _is_extended(name: str) -> bool:
    if name.startswith(("hugepages-", "requests.hugepages-")):
        return True
    resource = name.removeprefix("requests.")
    return name.startswith("requests.") and "/" in resource and "kubernetes.io/" not in resource


def _pod_usage(total: Amounts, kind: str) -> Amounts:
    used: Amounts = {}
    for name, value in total.items():
        if name in _COMPUTE:
            used[f"{kind}.{name}"] = value
            if kind == "requests":
                used[name] = value
        elif kind == "requests" and name.startswith("hugepages-"):
            used[name] = used[f"requests.{name}"] = value
        elif kind == "requests" and _is_extended(f"requests.{name}"):
            used[f"requests.{name}"] = value
    return used


def _service_usage(service: Object) -> Amounts:
    spec = service.get("spec") or {}
    ports = spec.get("ports") or []
    kind = spec.get("type")
    node_ports = len(ports) if kind in ("NodePort", "LoadBalancer") else 0
    if kind == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is False:
        node_ports = sum(1 for port in ports if port.get("nodePort"))
    return {
        "services": from_value(1),
        "services.nodeports": from_value(node_ports),
        "services.loadbalancers": from_value(int(kind == "LoadBalancer")),
    }


def _claim_usage(claim: Object) -> Amounts:
    spec = claim.get("spec") or {}
    annotations = claim["metadata"].get("annotations") or {}
    named = annotations.get("volume.beta.kubernetes.io/storage-class") or spec.get(
        "storageClassName"
    )
    used: Amounts = {"persistentvolumeclaims": from_value(1)}
    requested = amounts(spec, "requests").get("storage")
    if requested is not None:
        used["requests.storage"] = requested
    if named:
        used |= {f"{named}{_STORAGE_CLASS}{name}": value for name, value in used.items()}
    return used


def _device_usage(claim: Object) -> Amounts:
    """Return how many devices of each class a claim may take."""
    used: Amounts = {}
    requests = ((claim.get("spec") or {}).get("devices") or {}).get("requests") or ()
    for request in requests:
        asked: Amounts = {}
        for each in request.get("firstAvailable") or (request.get("exactly") or request,):
            name = f"{each.get('deviceClassName') or ''}{DEVICE_CLASS}"
            count = {"ExactCount": each.get("count") or 0, "All": _MOST_DEVICES}
            number = from_value(count.get(each.get("allocationMode") or "", 0))
            asked[name] = max(asked.get(name, number), number)
        for name, number in asked.items():
            used[name] = used[name].add(number) if name in used else number
    return used


def _claim_in_scope(selector: Object, claim: Object) -> bool:
    if selector.get("scopeName") != "VolumeAttributesClass":
        return False
    return any(_class_in_scope(selector, name) for name in attributes_classes(claim) or (None,))


def attributes_classes(claim: Object) -> set[str]:
    """Return the attributes classes that a volume claim has, gets or is to get."""
    spec, status = claim.get("spec") or {}, claim.get("status") or {}
    target = (status.get("modifyVolumeStatus") or {}).get("targetVolumeAttributesClassName")
    given = (
        spec.get("volumeAttributesClassName"),
        status.get("currentVolumeAttributesClassName"),
        target,
    )
    return {name for name in given if name}


def _pod_in_scope(selector: Object, pod: Object) -> bool:
    scope, operator = selector.get("scopeName"), selector.get("operator")
    if scope == "PriorityClass":
        return _class_in_scope(selector, (pod.get("spec") or {}).get("priorityClassName"))
    held = {
        "Terminating": is_terminating(pod),
        "NotTerminating": not is_terminating(pod),
        "BestEffort": _is_best_effort(pod),
        "NotBestEffort": not _is_best_effort(pod),
        "CrossNamespacePodAffinity": _looks_into_other_namespaces(pod),
    }.get(str(scope), False)
    return held if operator in (None, "Exists") else False


def _class_in_scope(selector: Object, name: str | None) -> bool:
    operator, values = selector.get("operator"), selector.get("values") or ()
    return {
        "Exists": bool(name),
        "DoesNotExist": not name,
        "In": bool(name) and name in values,
        "NotIn": not name or name not in values,
    }.get(str(operator), False)


def _is_best_effort(pod: Object) -> bool:
    spec = pod.get("spec") or {}
    holders = [spec, *(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    return not any(
        name in ("cpu", "memory") and not value.is_zero()
        for holder in holders
        for kind in ("requests", "limits")
        for name, value in amounts(holder, kind).items()
    )


def _looks_into_other_namespaces(pod: Object) -> bool:
    affinity = (pod.get("spec") or {}).get("affinity") or {}
    for kind in ("podAffinity", "podAntiAffinity"):
        rules = affinity.get(kind) or {}
        terms = list(rules.get("requiredDuringSchedulingIgnoredDuringExecution") or ())
        terms += [
            weighted.get("podAffinityTerm") or {}
            for weighted in rules.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        ]
        if any(t.get("namespaces") or t.get("namespaceSelector") is not None for t in terms):
            return True
    return False
