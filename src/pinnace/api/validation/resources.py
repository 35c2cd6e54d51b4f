"""Rules of resource lists: names, amounts, limits against requests."""

from collections.abc import Callable, Collection

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.quantity import Quantity, parse
from pinnace.api.validation.base import NEGATIVE, Report, join

HUGE = "hugepages-"
STANDARD_CONTAINER = frozenset({"cpu", "memory", "ephemeral-storage"})
_COUNTED = (
    "pods", "resourcequotas", "services", "replicationcontrollers", "secrets", "configmaps",
    "persistentvolumeclaims", "services.nodeports", "services.loadbalancers",
)  # fmt: skip
_COMPUTE = (
    "cpu", "memory", "ephemeral-storage", "requests.cpu", "requests.memory",
    "requests.ephemeral-storage", "limits.cpu", "limits.memory", "limits.ephemeral-storage",
)  # fmt: skip
STANDARD = frozenset((*_COMPUTE, *_COUNTED, "storage", "requests.storage"))
STANDARD_QUOTA = frozenset((*_COMPUTE, *_COUNTED, "requests.storage"))
NameCheck = Callable[[Report, str, str], None]


def is_huge(name: str) -> bool:
    """Tell whether a resource is huge pages of some size."""
    return name.startswith(HUGE)


def is_native(name: str) -> bool:
    """Tell whether a resource is Kubernetes' own."""
    return "/" not in name or "kubernetes.io/" in name


def is_extended(name: str) -> bool:
    """Tell whether a resource is one that someone added, such as a device."""
    if is_native(name) or name.startswith("requests."):
        return False
    return not names.qualified_name(f"requests.{name}")


def is_integer(name: str) -> bool:
    """Tell whether a resource comes in whole pieces only."""
    return name in _COUNTED or is_extended(name)


def _check_name(report: Report, name: str, path: str) -> bool:
    said = names.qualified_name(name)
    report.said(path, name, said)
    if said:
        return False
    huge = name.startswith((HUGE, "requests.hugepages-"))
    if "/" not in name and name not in STANDARD and not huge:
        report.invalid(path, name, "must be a standard resource type or fully qualified")
        return False
    return True


def check_resource_name(report: Report, name: str, path: str) -> None:
    """Check the name of a resource of any use."""
    _check_name(report, name, path)


def allows_overcommit(name: str) -> bool:
    """Tell whether more of a resource may be promised than there is."""
    return is_native(name) and not is_huge(name)


def check_container_resource_name(report: Report, name: str, path: str) -> None:
    """Check the name of a resource that a container asks for."""
    if name in STANDARD_CONTAINER:
        return
    _check_name(report, name, path)
    if "/" not in name:
        if not is_huge(name):
            report.invalid(path, name, "must be a standard resource for containers")
    elif not is_native(name) and not is_extended(name):
        report.invalid(path, name, "doesn't follow extended resource name standard")


def check_pod_resource_name(report: Report, name: str, path: str) -> None:
    """Check the name of a resource that a pod asks for as a whole."""
    if _check_name(report, name, path) and name not in ("cpu", "memory") and not is_huge(name):
        report.not_supported(path, name, ("cpu", "hugepages-", "memory"))


def check_quota_resource_name(report: Report, name: str, path: str) -> None:
    """Check the name of a resource that a quota limits."""
    _check_name(report, name, path)
    huge = name.startswith((HUGE, "requests.hugepages-"))
    if "/" not in name and name not in STANDARD_QUOTA and not huge:
        report.invalid(path, name, "must be a standard resource for quota")


def check_amount(report: Report, name: str, amount: Quantity, path: str) -> None:
    """Check that an amount is not negative, and whole where only whole pieces exist."""
    if amount.nano < 0:
        report.invalid(path, amount.canonical(), NEGATIVE)
    if is_integer(name) and amount.milli_value() % 1000:
        report.invalid(path, amount.canonical(), "must be an integer")


def check_basic(report: Report, amount: Quantity, path: str) -> bool:
    """Check that an amount, in whole units, is not negative."""
    whole = -((-amount.nano) // 10**9)
    if whole < 0:
        report.invalid(path, whole, "must be a valid resource quantity")
    return whole >= 0


def amounts(report: Report, parent: Object, key: str, path: str) -> dict[str, Quantity]:
    """Read a resource list."""
    listed = report.child(parent, key, path)
    if not listed:
        return {}
    where = join(path, key)
    found: dict[str, Quantity] = {}
    for name, value in listed.items():
        amount = report.amount(value, f"{where}[{name}]")
        if amount is not None:
            found[name] = amount
    return found


def check_requirements(
    report: Report,
    parent: Object,
    path: str,
    *,
    claims: Collection[str] = (),
    check_name: NameCheck = check_container_resource_name,
) -> None:
    """Check the `resources` of a container or a pod."""
    resources = report.child(parent, "resources", path)
    if not resources:
        return
    where = f"{path}.resources"
    limits = amounts(report, resources, "limits", where)
    requests = amounts(report, resources, "requests", where)
    for name, amount in limits.items():
        at = f"{where}.limits[{name}]"
        check_name(report, name, at)
        _check_one(report, name, amount, at)
    for name, amount in requests.items():
        at = f"{where}.requests[{name}]"
        check_name(report, name, at)
        _check_one(report, name, amount, at)
        _check_against_limit(report, name, amount, limits.get(name), where)
    used = limits.keys() | requests.keys()
    if not used & {"cpu", "memory"} and any(map(is_huge, used)):
        report.forbidden(where, "HugePages require cpu or memory")
    if "claims" in resources:
        _check_claims(report, resources, where, claims)


def _check_one(report: Report, name: str, amount: Quantity, path: str) -> None:
    check_amount(report, name, amount, path)
    if is_huge(name):
        size = _page_size(name)
        if size is None or size.nano <= 0 or amount.nano % size.nano:
            text = amount.canonical()
            detail = f"{text} is not positive integer multiple of {name}"
            report.invalid(path, text, detail)


def _page_size(name: str) -> Quantity | None:
    try:
        return parse(name.removeprefix(HUGE))
    except ValueError:
        return None


def _check_against_limit(
    report: Report, name: str, amount: Quantity, limit: Quantity | None, where: str
) -> None:
    overcommit = allows_overcommit(name)
    if limit is None:
        if not overcommit:
            report.required(f"{where}.limits", "Limit must be set for non overcommitable resources")
    elif amount != limit and not overcommit:
        detail = f"must be equal to {name} limit of {limit.canonical()}"
        report.invalid(f"{where}.requests", amount.canonical(), detail)
    elif amount > limit:
        detail = f"must be less than or equal to {name} limit of {limit.canonical()}"
        report.invalid(f"{where}.requests", amount.canonical(), detail)


def _check_claims(
    report: Report, resources: Object, path: str, pod_claims: Collection[str]
) -> None:
    seen: set[str] = set()
    for at, claim in report.objects(resources, "claims", path):
        name = report.text(claim, "name", at)
        request = report.text(claim, "request", at)
        if not name:
            report.required(at)
            continue
        if request:
            report.said(f"{at}.request", request, names.dns1123_label(request))
        key = f"{name}/{request}" if request else name
        if name in seen or key in seen:
            report.duplicate(at, name if name in seen else key)
        elif not request and any(other.startswith(f"{name}/") for other in seen):
            report.duplicate(at, name)
        seen.add(key)
        if name not in pod_claims:
            listed = ": " + ", ".join(sorted(pod_claims)) if pod_claims else " which is empty"
            report.not_found(
                at, name, f"must be one of the names in pod.spec.resourceClaims{listed}"
            )
