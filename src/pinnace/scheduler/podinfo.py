"""What scheduling needs to know of a pod, worked out once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pinnace.api.amounts import CPU, MEMORY, Amounts, container_requests, pod_requests
from pinnace.api.objects import Key, Object, key_of
from pinnace.api.selectors import LabelSelector, label_selector_from_object
from pinnace.api.taints import is_tolerated

# What a container that asks for nothing counts as when nodes are scored (never when filtered).
DEFAULT_CPU, DEFAULT_MEMORY = 100, 200 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class HostPort:
    """A port of the node that a container wants."""

    protocol: str
    ip: str
    port: int


@dataclass(frozen=True, slots=True)
class Term:
    """A pod affinity term: pods that match, in these namespaces, counted by topology domain.

    `namespaces` None means those that `namespace_selector` matches (both given: either).
    """

    topology_key: str
    selector: LabelSelector
    namespaces: frozenset[str]
    namespace_selector: LabelSelector | None = None
    weight: int = 0

    @property
    def identity(self) -> tuple[str, tuple[str, ...], str]:
        """What makes two terms count the same pods, whatever their topology and weight."""
        spaces = "" if self.namespace_selector is None else f"?{self.namespace_selector}"
        return (str(self.selector), tuple(sorted(self.namespaces)), spaces)


@dataclass(frozen=True, slots=True)
class Spread:
    """A topology spread constraint."""

    topology_key: str
    max_skew: int
    hard: bool
    selector: LabelSelector
    min_domains: int
    honor_affinity: bool
    honor_taints: bool


@dataclass(frozen=True, slots=True)
class PodInfo:
    """A pod as the plug-ins see it; amounts are milli-units of cpu and units of all else."""

    pod: Object
    key: Key
    uid: str
    namespace: str
    labels: Mapping[str, str]
    priority: int
    requests: Amounts
    nonzero: tuple[int, int]
    ports: tuple[HostPort, ...]
    tolerations: tuple[Mapping[str, Any], ...]
    affinity: tuple[Term, ...] = ()
    anti_affinity: tuple[Term, ...] = ()
    preferred: tuple[Term, ...] = ()
    spreads: tuple[Spread, ...] = ()
    images: tuple[str, ...] = ()
    node_affinity: Mapping[str, Any] = field(default_factory=dict)
    node_selector: Mapping[str, str] = field(default_factory=dict)

    def tolerates(self, key: str, value: str, effect: str) -> bool:
        """Say whether one of the pod's tolerations covers a taint."""
        return is_tolerated({"key": key, "value": value, "effect": effect}, self.tolerations)


def pod_info(pod: Object) -> PodInfo:
    """Read a pod."""
    spec, meta = pod["spec"], pod["metadata"]
    affinity = spec.get("affinity") or {}
    toward, away = affinity.get("podAffinity") or {}, affinity.get("podAntiAffinity") or {}
    namespace = meta.get("namespace", "")
    containers = spec.get("containers") or ()
    asked = pod_requests(pod)
    return PodInfo(
        pod=pod,
        key=key_of(pod),
        uid=meta.get("uid", ""),
        namespace=namespace,
        labels=meta.get("labels") or {},
        priority=spec.get("priority") or 0,
        requests=asked,
        nonzero=_nonzero(pod, asked),
        ports=host_ports(pod),
        tolerations=tuple(spec.get("tolerations") or ()),
        affinity=_terms(toward.get(_REQUIRED), namespace),
        anti_affinity=_terms(away.get(_REQUIRED), namespace),
        preferred=_weighted(toward.get(_PREFERRED), namespace, 1)
        + _weighted(away.get(_PREFERRED), namespace, -1),
        spreads=tuple(_spread(entry) for entry in spec.get("topologySpreadConstraints") or ()),
        images=tuple(container.get("image", "") for container in containers),
        node_affinity=affinity.get("nodeAffinity") or {},
        node_selector=spec.get("nodeSelector") or {},
    )


_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def _terms(entries: Iterable[Mapping[str, Any]] | None, namespace: str) -> tuple[Term, ...]:
    return tuple(_term(entry, namespace, 0) for entry in entries or ())


def _weighted(
    entries: Iterable[Mapping[str, Any]] | None, namespace: str, sign: int
) -> tuple[Term, ...]:
    return tuple(
        _term(entry["podAffinityTerm"], namespace, sign * entry["weight"])
        for entry in entries or ()
    )


def _term(entry: Mapping[str, Any], namespace: str, weight: int) -> Term:
    named = frozenset(entry.get("namespaces") or ())
    chooser = entry.get("namespaceSelector")
    if not named and chooser is None:
        named = frozenset((namespace,))
    return Term(
        entry.get("topologyKey", ""),
        label_selector_from_object(entry.get("labelSelector")),
        named,
        None if chooser is None else label_selector_from_object(chooser),
        weight,
    )


def _spread(entry: Mapping[str, Any]) -> Spread:
    return Spread(
        entry["topologyKey"],
        entry["maxSkew"],
        entry.get("whenUnsatisfiable", "DoNotSchedule") == "DoNotSchedule",
        label_selector_from_object(entry.get("labelSelector")),
        entry.get("minDomains") or 1,
        entry.get("nodeAffinityPolicy", "Honor") == "Honor",
        entry.get("nodeTaintsPolicy", "Ignore") == "Honor",
    )


def _nonzero(pod: Object, whole: Amounts) -> tuple[int, int]:
    cpu = memory = 0
    for container in pod["spec"].get("containers") or ():
        asked = container_requests(container)
        cpu += asked.get(CPU, DEFAULT_CPU)
        memory += asked.get(MEMORY, DEFAULT_MEMORY)
    return max(cpu, whole.get(CPU, 0)), max(memory, whole.get(MEMORY, 0))


def host_ports(pod: Object) -> tuple[HostPort, ...]:
    """Return the ports of the node that a pod wants; sidecars count as containers do."""
    spec = pod["spec"]
    containers = list(spec.get("containers") or ())
    containers += [
        container
        for container in spec.get("initContainers") or ()
        if container.get("restartPolicy") == "Always"
    ]
    return tuple(
        HostPort(port.get("protocol") or "TCP", port.get("hostIP") or "0.0.0.0", port["hostPort"])
        for container in containers
        for port in container.get("ports") or ()
        if port.get("hostPort")
    )
