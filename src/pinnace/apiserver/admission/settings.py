"""The settings of single plug-ins, read out of the admission configuration; raises ValueError."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pinnace.api.objects import Object
from pinnace.apiserver.admission.event_rate_limit import TYPES, Limit
from pinnace.apiserver.admission.pod_node_selector import labels_of
from pinnace.apiserver.admission.pod_security import Exemptions, Policy, Standard
from pinnace.apiserver.admission.resource_quota import Limited

_PREFIX = "pod-security.kubernetes.io/"
_MODES = ("enforce", "audit", "warn")


def _fields(given: Any, where: str, known: Sequence[str]) -> Mapping[str, Any]:
    """Return an object that has no other fields."""
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise ValueError(f"{where}: must be an object")
    for name in given:
        if name not in known:
            raise ValueError(f'strict decoding error: unknown field "{where}.{name}"')
    return given


def _kind(given: Object, group: str, versions: Sequence[str], kind: str) -> None:
    version = given.get("apiVersion") or ""
    if given.get("kind") == kind and version in [f"{group}/{each}" for each in versions]:
        return
    found = given.get("kind") or ""
    raise ValueError(f'no kind "{found}" is registered for version "{version}"')


def pod_security(given: Object | None) -> tuple[Policy, Exemptions]:
    """Return the defaults of namespaces that say nothing, and who and what is exempt."""
    if given is None:
        return Policy(Standard(), Standard()), Exemptions()
    _kind(
        given,
        "pod-security.admission.config.k8s.io",
        ("v1", "v1beta1", "v1alpha1"),
        "PodSecurityConfiguration",
    )
    names = [*_MODES, *(f"{mode}-version" for mode in _MODES)]
    defaults = _fields(given.get("defaults"), "defaults", names)
    causes: list[str] = []
    found = {mode: Standard.read(defaults, mode, causes) for mode in _MODES}
    if causes:
        raise ValueError(causes[0])
    exempt = _fields(
        given.get("exemptions"), "exemptions", ("usernames", "namespaces", "runtimeClasses")
    )
    return Policy(found["enforce"], found["warn"], found["audit"]), Exemptions(
        users=frozenset(exempt.get("usernames") or ()),
        namespaces=frozenset(exempt.get("namespaces") or ()),
        runtime_classes=frozenset(exempt.get("runtimeClasses") or ()),
    )


def event_limits(given: Object | None) -> list[Limit]:
    """Return the limits of EventRateLimit."""
    if given is None:
        return []
    group = "eventratelimit.admission.k8s.io"
    _kind(given, group, ("v1alpha1",), "Configuration")
    if not given.get("limits"):
        raise ValueError("limits: Invalid value: null: must not be empty")
    found = []
    for index, limit in enumerate(given["limits"]):
        where = f"limits[{index}]"
        each = _fields(limit, where, ("type", "qps", "burst", "cacheSize"))
        if each.get("type") not in TYPES:
            shown = ", ".join(f'"{name}"' for name in sorted(TYPES))
            raise ValueError(
                f'{where}.type: Unsupported value: "{each.get("type") or ""}": '
                f"supported values: {shown}"
            )
        for name in ("burst", "qps"):
            number = each.get(name) or 0
            if not isinstance(number, int) or number <= 0:
                raise ValueError(f"{where}.{name}: Invalid value: {number}: must be positive")
        kept = each.get("cacheSize") or 0
        if kept < 0:
            raise ValueError(f"{where}.cacheSize: Invalid value: {kept}: must not be negative")
        more = {"kept": kept} if kept else {}
        found.append(Limit(type=each["type"], qps=each["qps"], burst=each["burst"], **more))
    return found


def node_selectors(given: Object | None) -> Mapping[str, str]:
    """Return the selectors of PodNodeSelector, by namespace."""
    found = (given or {}).get("podNodeSelectorPluginConfig") or {}
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise ValueError("podNodeSelectorPluginConfig: must map namespaces to selectors")
    for text in found.values():
        labels_of(text)
    return found


def tolerations(given: Object | None) -> tuple[list[Object], list[Object]]:
    """Return the cluster's default tolerations, and those that it allows."""
    if given is None:
        return [], []
    group = "podtolerationrestriction.admission.k8s.io"
    _kind(given, group, ("v1alpha1",), "Configuration")
    return list(given.get("default") or ()), list(given.get("whitelist") or ())


def limited_resources(given: Object | None) -> list[Limited]:
    """Return what ResourceQuota limits where there is no quota."""
    if given is None:
        return []
    if (given.get("apiVersion") or "").startswith("resourcequota."):
        _kind(given, "resourcequota.admission.k8s.io", ("v1beta1", "v1alpha1"), "Configuration")
    else:
        _kind(given, "apiserver.config.k8s.io", ("v1",), "ResourceQuotaConfiguration")
    known = ("apiGroup", "resource", "matchContains", "matchScopes")
    found = []
    for index, limited in enumerate(given.get("limitedResources") or ()):
        where = f"limitedResources[{index}]"
        each = _fields(limited, where, known)
        if not each.get("resource"):
            raise ValueError(f"{where}.resource: Required value")
        found.append(
            Limited(
                each.get("apiGroup") or "",
                each["resource"],
                tuple(each.get("matchContains") or ()),
                tuple(each.get("matchScopes") or ()),
            )
        )
    return found


def check(configuration: Mapping[str, Object]) -> None:
    """Read all settings once, for the errors in them; raises ValueError."""
    for name, read in _READ.items():
        try:
            read(configuration.get(name))
        except (ValueError, TypeError) as error:
            raise ValueError(f'couldn\'t init admission plugin "{name}": {error}') from error


_READ: Mapping[str, Callable[[Object | None], object]] = {
    "PodSecurity": pod_security,
    "EventRateLimit": event_limits,
    "PodNodeSelector": node_selectors,
    "PodTolerationRestriction": tolerations,
    "ResourceQuota": limited_resources,
}
