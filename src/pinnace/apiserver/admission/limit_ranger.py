"""LimitRanger: containers get a namespace's default resources and keep within its limits."""

from collections.abc import Callable, Iterator

from pinnace.api.kinds.core import LIMITRANGES
from pinnace.api.objects import Object
from pinnace.api.pod_resources import Amounts, amounts, pod_total
from pinnace.api.quantity import Quantity, parse
from pinnace.api.resources import Resource
from pinnace.apiserver.admission.base import Attributes, Operation

_ANNOTATION = "kubernetes.io/limit-ranger"
# A check: type, resource, enforced amount, requests, limits -> complaint or empty.
_Check = Callable[[str, str, Quantity, Amounts, Amounts], str]


class LimitRanger:
    """Applies the LimitRanges of a namespace."""

    name = "LimitRanger"

    def handles(self, operation: Operation, row: Resource, subresource: str) -> bool:
        if row.group != "" or row.plural not in ("pods", "persistentvolumeclaims"):
            return False
        if row.plural == "pods":
            if subresource == "resize":
                return operation == "UPDATE"
            return operation == "CREATE" and not subresource
        return operation in ("CREATE", "UPDATE") and not subresource

    def mutate(self, attributes: Attributes) -> None:
        """Set default requests and limits of a pod's containers."""
        if attributes.obj is None or not attributes.of("", "pods") or _is_going(attributes):
            return
        for limit_range in attributes.lookup.list(LIMITRANGES, attributes.namespace):
            _set_defaults(attributes.obj, limit_range)

    def validate(self, attributes: Attributes) -> None:
        """Refuse what is out of limits, with every complaint of the first range that has any."""
        if attributes.obj is None or _is_going(attributes):
            return
        for limit_range in attributes.lookup.list(LIMITRANGES, attributes.namespace):
            if attributes.of("", "pods"):
                found = list(_pod_complaints(limit_range, attributes.obj))
            else:
                found = list(_claim_complaints(limit_range, attributes.obj))
            if found:
                unique = list(dict.fromkeys(found))
                text = unique[0] if len(unique) == 1 else "[" + ", ".join(unique) + "]"
                raise attributes.refuse(text)


def _is_going(attributes: Attributes) -> bool:
    old = attributes.old
    return old is not None and bool(old["metadata"].get("deletionTimestamp"))


def _set_defaults(pod: Object, limit_range: Object) -> None:
    defaults: dict[str, Object] = {"limits": {}, "requests": {}}
    for limit in _limits(limit_range, "Container"):
        defaults["requests"] |= limit.get("defaultRequest") or {}
        defaults["limits"] |= limit.get("default") or {}
    notes: list[str] = []
    for field, title in (("containers", "container"), ("initContainers", "init container")):
        for container in (pod.get("spec") or {}).get(field) or ():
            for kind, word in (("requests", "request"), ("limits", "limit")):
                added = _add_missing(container, kind, defaults[kind])
                if added:
                    names = ", ".join(added)
                    notes.append(f"{names} {word} for {title} {container.get('name', '')}")
    if notes:
        annotations = pod["metadata"].get("annotations") or {}
        note = "LimitRanger plugin set: " + "; ".join(notes)
        pod["metadata"]["annotations"] = {**annotations, _ANNOTATION: note}


def _add_missing(container: Object, kind: str, defaults: Object) -> list[str]:
    given = (container.get("resources") or {}).get(kind) or {}
    missing = sorted(name for name in defaults if name not in given)
    if missing:
        resources = dict(container.get("resources") or {})
        resources[kind] = {**given, **{name: defaults[name] for name in missing}}
        container["resources"] = resources
    return missing


def _limits(limit_range: Object, kind: str) -> Iterator[Object]:
    for limit in (limit_range.get("spec") or {}).get("limits") or ():
        if limit.get("type") == kind:
            yield limit


def _pod_complaints(limit_range: Object, pod: Object) -> Iterator[str]:
    checks: tuple[tuple[str, _Check], ...] = (
        ("min", _below_min),
        ("max", _above_max),
        ("maxLimitRequestRatio", _above_ratio),
    )
    spec = pod.get("spec") or {}
    for limit in _limits(limit_range, "Container"):
        for field in ("containers", "initContainers"):
            for container in spec.get(field) or ():
                requests, limits = (amounts(container, kind) for kind in ("requests", "limits"))
                yield from _complaints(limit, checks, requests, limits)
    for limit in _limits(limit_range, "Pod"):
        requests, limits = (pod_total(pod, kind) for kind in ("requests", "limits"))
        yield from _complaints(limit, checks, requests, limits)


def _claim_complaints(limit_range: Object, claim: Object) -> Iterator[str]:
    requests = amounts(claim.get("spec") or {}, "requests")
    for limit in _limits(limit_range, "PersistentVolumeClaim"):
        checks = (("min", _below_min), ("max", _above_requested_max))
        yield from _complaints(limit, checks, requests, {})


def _complaints(
    limit: Object, checks: tuple[tuple[str, _Check], ...], requests: Amounts, limits: Amounts
) -> Iterator[str]:
    for field, check in checks:
        for resource, enforced in sorted((limit.get(field) or {}).items()):
            complaint = check(str(limit["type"]), resource, parse(enforced), requests, limits)
            if complaint:
                yield complaint


def _below_min(
    kind: str, resource: str, enforced: Quantity, requests: Amounts, limits: Amounts
) -> str:
    begins = f"minimum {resource} usage per {kind} is {enforced}"
    request, limit = requests.get(resource), limits.get(resource)
    if request is None:
        return f"{begins}.  No request is specified"
    if request < enforced:
        return f"{begins}, but request is {request}"
    if limit is not None and limit < enforced:
        return f"{begins}, but limit is {limit}"
    return ""


def _above_max(
    kind: str, resource: str, enforced: Quantity, requests: Amounts, limits: Amounts
) -> str:
    begins = f"maximum {resource} usage per {kind} is {enforced}"
    request, limit = requests.get(resource), limits.get(resource)
    if limit is None:
        return f"{begins}.  No limit is specified"
    if enforced < limit:
        return f"{begins}, but limit is {limit}"
    if request is not None and enforced < request:
        return f"{begins}, but request is {request}"
    return ""


def _above_requested_max(
    kind: str, resource: str, enforced: Quantity, requests: Amounts, limits: Amounts
) -> str:
    begins = f"maximum {resource} usage per {kind} is {enforced}"
    request = requests.get(resource)
    if request is None:
        return f"{begins}.  No request is specified"
    return f"{begins}, but request is {request}" if enforced < request else ""


def _above_ratio(
    kind: str, resource: str, enforced: Quantity, requests: Amounts, limits: Amounts
) -> str:
    begins = f"{resource} max limit to request ratio per {kind} is {enforced}"
    request, limit = requests.get(resource), limits.get(resource)
    if request is None or request.is_zero():
        return f"{begins}, but no request is specified or request is 0"
    if limit is None or limit.is_zero():
        return f"{begins}, but no limit is specified or limit is 0"
    ratio = limit.milli_value() / request.milli_value()
    if ratio * 1000 > enforced.milli_value():
        return f"{begins}, but provided ratio is {ratio:f}"
    return ""
