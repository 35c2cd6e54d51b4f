"""Fields of features that a default 1.36 has not enabled: upstream drops them on write.

A field stays when the stored object has it already, so that nothing is lost by an update.
"""

from collections.abc import Iterator
from typing import Any

from pinnace.api.objects import Object

LISTS = ("containers", "initContainers", "ephemeralContainers")
PROJECTIONS = ("clusterTrustBundle", "podCertificate")


def drop_pod_fields(spec: Any, old: Any) -> None:
    """Drop what a pod's spec says of features that are not enabled."""
    if not isinstance(spec, dict):
        return
    before = old if isinstance(old, dict) else {}
    for key in PROJECTIONS:
        if not any(source.get(key) is not None for source in _projections(before)):
            _drop(_projections(spec), key)
    if before.get("schedulingGroup") is None:
        spec.pop("schedulingGroup", None)
    if not any(hooks.get("stopSignal") is not None for hooks in _lifecycles(before)):
        for container in _containers(spec):
            _drop_stop_signal(container)


def drop_claim_fields(spec: Any, old: Any) -> None:
    """Drop the data source of a claim that is in another namespace."""
    ref = spec.get("dataSourceRef") if isinstance(spec, dict) else None
    kept = isinstance(old, dict) and old.get("dataSourceRef")
    if isinstance(ref, dict) and ref.get("namespace") and not kept:
        del spec["dataSourceRef"]


def drop_rolling_fields(spec: Any, old: Any) -> None:
    """Drop how many pods of a StatefulSet may be down at a time."""
    rolling = _rolling(spec)
    if _rolling(old).get("maxUnavailable") is None:
        rolling.pop("maxUnavailable", None)


def _rolling(spec: Any) -> Object:
    strategy = spec.get("updateStrategy") if isinstance(spec, dict) else None
    rolling = strategy.get("rollingUpdate") if isinstance(strategy, dict) else None
    return rolling if isinstance(rolling, dict) else {}


def _drop(holders: Iterator[Object], key: str) -> None:
    for holder in holders:
        holder.pop(key, None)


def _drop_stop_signal(container: Object) -> None:
    hooks = container.get("lifecycle")
    if isinstance(hooks, dict) and hooks.pop("stopSignal", None) is not None and not hooks:
        del container["lifecycle"]


def _projections(spec: Object) -> Iterator[Object]:
    for volume in _dicts(spec, "volumes"):
        projected = volume.get("projected")
        if isinstance(projected, dict):
            yield from _dicts(projected, "sources")


def _containers(spec: Object) -> Iterator[Object]:
    for key in LISTS:
        yield from _dicts(spec, key)


def _lifecycles(spec: Object) -> Iterator[Object]:
    for container in _containers(spec):
        if isinstance(container.get("lifecycle"), dict):
            yield container["lifecycle"]


def _dicts(parent: Object, key: str) -> Iterator[Object]:
    listed = parent.get(key)
    for entry in listed if isinstance(listed, list) else ():
        if isinstance(entry, dict):
            yield entry
