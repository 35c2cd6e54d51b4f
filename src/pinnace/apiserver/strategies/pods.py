"""Pods: born Pending, counted by spec, deleted gracefully, with side doors for a few fields."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pinnace.api.objects import Object
from pinnace.api.qos import qos_class
from pinnace.api.validation.podannotations import APP_ARMOR, app_armor_of
from pinnace.api.validation.windows import containers_of
from pinnace.apiserver.strategies.advice import POD_NAME, name_advice
from pinnace.apiserver.strategies.base import (
    ALL_METADATA,
    Context,
    Path,
    Strategy,
    as_label,
    at,
    keep,
)
from pinnace.apiserver.strategies.disabled import drop_pod_fields
from pinnace.apiserver.strategies.podadvice import APP_ARMOR_WORDS, pod_advice

GATED = "Scheduling is blocked due to non-empty scheduling gates"
RESIZABLE = ("resources", "resizePolicy")

_WRITTEN: Mapping[str, tuple[Path, ...]] = MappingProxyType(
    {
        "ephemeralcontainers": (("spec", "ephemeralContainers"),),
        "resize": tuple(
            ("spec", kind, "*", field)
            for kind in ("containers", "initContainers")
            for field in RESIZABLE
        ),
    }
)

# What an alpha feature of upstream's says; it stays where it is already.
NOT_ENABLED = "nodeAllocatableResourceClaimStatuses"


@dataclass(frozen=True, kw_only=True)
class Pods(Strategy):
    """The kind with the most manners: see each method."""

    def prepare_create(self, obj: Object, ctx: Context) -> None:
        """Begin Pending with a QoS class; spell out label keys in affinity and spreading."""
        super().prepare_create(obj, ctx)
        spec = obj.get("spec") or {}
        drop_pod_fields(spec, None)
        _take_over_armor(obj)
        status: Object = {"phase": "Pending", "qosClass": qos_class(spec)}
        if spec.get("schedulingGates"):
            status["conditions"] = [
                {
                    "type": "PodScheduled",
                    "status": "False",
                    "lastProbeTime": None,
                    "lastTransitionTime": ctx.now or None,
                    "reason": "SchedulingGated",
                    "message": GATED,
                }
            ]
        obj["status"] = status
        labels = obj["metadata"].get("labels") or {}
        if spec.get("affinity"):
            _spell_affinity(spec["affinity"], labels)
        for constraint in spec.get("topologySpreadConstraints") or ():
            selector = constraint.get("labelSelector")
            _spell_keys(selector, constraint.get("matchLabelKeys"), "In", labels)

    def prepare_update(self, obj: Object, old: Object, ctx: Context) -> None:
        """Keep the status, and drop what is not enabled."""
        drop_pod_fields(obj.get("spec"), old.get("spec"))
        super().prepare_update(obj, old, ctx)

    def prepare_status_update(self, obj: Object, old: Object, ctx: Context) -> None:
        """Keep spec and owners; refuse to forget the QoS class and observed generations."""
        super().prepare_status_update(obj, old, ctx)
        status, before = obj.setdefault("status", {}), old.get("status") or {}
        if not before.get(NOT_ENABLED):
            status.pop(NOT_ENABLED, None)
        for key in ("qosClass", "observedGeneration"):
            if not status.get(key) and before.get(key):
                status[key] = before[key]
        seen: dict[Any, list[Any]] = {}
        for condition in before.get("conditions") or ():
            seen.setdefault(condition.get("type"), []).append(condition.get("observedGeneration"))
        for condition in status.get("conditions") or ():
            generations = seen.get(condition.get("type"))
            generation = generations.pop(0) if generations else None
            if generation and not condition.get("observedGeneration"):
                condition["observedGeneration"] = generation

    def prepare_subresource_update(
        self, subresource: str, obj: Object, old: Object, ctx: Context
    ) -> None:
        """Let /ephemeralcontainers and /resize write what they are for."""
        if subresource == "ephemeralcontainers":
            added = (obj.get("spec") or {}).get("ephemeralContainers")
            self._take_back(obj, old, dict(old["spec"]))
            _put(obj["spec"], "ephemeralContainers", added)
            self.count(obj, old)
        elif subresource == "resize":
            self._prepare_resize(obj, old)
            self.count(obj, old)
        else:
            super().prepare_subresource_update(subresource, obj, old, ctx)

    def _prepare_resize(self, obj: Object, old: Object) -> None:
        spec, before = obj.get("spec") or {}, old["spec"]
        lists = ("containers", "initContainers")
        if any(len(spec.get(key) or ()) != len(before.get(key) or ()) for key in lists):
            return  # validation refuses it
        wanted = {key: _resized(spec.get(key) or [], before.get(key) or []) for key in lists}
        resources = spec.get("resources")
        self._take_back(obj, old, dict(before))
        for key, containers in wanted.items():
            if containers:
                obj["spec"][key] = containers
        _put(obj["spec"], "resources", resources)

    def _take_back(self, obj: Object, old: Object, spec: Object) -> None:
        obj["spec"] = spec
        keep(obj, old, "status")
        for key in ALL_METADATA:
            keep(obj["metadata"], old["metadata"], key)

    def warnings(self, obj: Object, old: Object | None) -> list[str]:
        """Warn on creation only: people seldom change pods by hand."""
        if old is not None:
            return []
        return [*name_advice(obj, POD_NAME), *pod_advice(obj, "")]

    def early_warnings(self, obj: Object) -> list[str]:
        """Warn of annotations that are about to be taken over as fields."""
        return list(_armor_advice(obj))

    def reset_fields(self, subresource: str = "") -> tuple[Path, ...]:
        """Return what server-side apply must not own."""
        if subresource == "status":
            return (
                ("spec",),
                ("metadata", "deletionTimestamp"),
                ("metadata", "ownerReferences"),
            )
        return (("status",),)

    def written_fields(self, subresource: str) -> tuple[Path, ...]:
        """Return what /ephemeralcontainers and /resize are for."""
        return _WRITTEN.get(subresource, ())

    def field_label(self, label: str) -> str:
        """Know `spec.host`, which very old clients send."""
        if label == "spec.host":
            return "spec.nodeName"
        return super().field_label(label)

    def selectable_fields(self, obj: Object) -> dict[str, str]:
        """Return the fields by which pods are listed."""
        meta, spec, status = obj["metadata"], obj.get("spec") or {}, obj.get("status") or {}
        ips = status.get("podIPs")
        ip = ips[0].get("ip") or "" if ips else status.get("podIP") or ""
        return {
            "metadata.name": meta.get("name") or "",
            "metadata.namespace": meta.get("namespace") or "",
            "spec.nodeName": spec.get("nodeName") or "",
            "spec.restartPolicy": spec.get("restartPolicy") or "",
            "spec.schedulerName": spec.get("schedulerName") or "",
            "spec.serviceAccountName": spec.get("serviceAccountName") or "",
            "spec.hostNetwork": as_label(bool(spec.get("hostNetwork"))),
            "status.phase": status.get("phase") or "",
            "status.podIP": ip,
            "status.podIPs": "",  # upstream accepts the label and never fills the value
            "status.nominatedNodeName": status.get("nominatedNodeName") or "",
        }

    def grace_period(self, obj: Object, requested: int | None) -> int | None:
        """Return the asked-for or own period; now, if no node runs the pod or it has ended."""
        period = requested
        if period is None:
            period = at(obj, ("spec", "terminationGracePeriodSeconds")) or 0
        unscheduled = not at(obj, ("spec", "nodeName"))
        if unscheduled or at(obj, ("status", "phase")) in ("Failed", "Succeeded"):
            return 0
        return 1 if period < 0 else int(period)


def _armored(pod: Object) -> Iterator[tuple[str, Object, Object | None]]:
    """Yield annotations that name AppArmor profiles, the containers and the fields they mean."""
    spec, annotations = pod.get("spec") or {}, pod["metadata"].get("annotations") or {}
    system = spec.get("os")
    if isinstance(system, dict) and system.get("name") == "windows":
        return
    for _, container in containers_of(spec, ""):
        key = f"{APP_ARMOR}{container.get('name')}"
        if key in annotations:
            yield key, container, app_armor_of(annotations[key])


def _take_over_armor(pod: Object) -> None:
    """Say in fields what clients of old say in annotations."""
    of_pod = at(pod, ("spec", "securityContext", "appArmorProfile"))
    for _, container, meant in _armored(pod):
        context = container.get("securityContext") or {}
        if context.get("appArmorProfile") is None and meant is not None and meant != of_pod:
            container["securityContext"] = {**context, "appArmorProfile": meant}


def _armor_advice(pod: Object) -> Iterator[str]:
    of_pod = at(pod, ("spec", "securityContext", "appArmorProfile"))
    for key, container, meant in _armored(pod):
        own = (container.get("securityContext") or {}).get("appArmorProfile")
        if own is None and (meant is None or meant != of_pod):
            yield f"metadata.annotations[{key}]: {APP_ARMOR_WORDS}"


def _put(parent: Object, key: str, value: Any) -> None:
    if value is None:
        parent.pop(key, None)
    else:
        parent[key] = value


def _resized(new: list[Object], old: list[Object]) -> list[Object]:
    result = []
    for container, before in zip(new, old, strict=True):
        if container.get("name") != before.get("name"):
            return new  # renamed or reordered: validation refuses it
        merged = dict(before)
        for key in RESIZABLE:
            _put(merged, key, container.get(key))
        result.append(merged)
    return result


def _spell_affinity(affinity: Object, labels: Object) -> None:
    for side in ("podAffinity", "podAntiAffinity"):
        rules = affinity.get(side) or {}
        for weighted in rules.get("preferredDuringSchedulingIgnoredDuringExecution") or ():
            _spell_term(weighted.get("podAffinityTerm") or {}, labels)
        for term in rules.get("requiredDuringSchedulingIgnoredDuringExecution") or ():
            _spell_term(term, labels)


def _spell_term(term: Object, labels: Object) -> None:
    selector = term.get("labelSelector")
    _spell_keys(selector, term.get("matchLabelKeys"), "In", labels)
    _spell_keys(selector, term.get("mismatchLabelKeys"), "NotIn", labels)


def _spell_keys(selector: Any, keys: Any, operator: str, labels: Object) -> None:
    if not keys or not isinstance(selector, dict):
        return
    for key in keys:
        if key in labels:
            requirement = {"key": key, "operator": operator, "values": [labels[key]]}
            selector.setdefault("matchExpressions", []).append(requirement)
