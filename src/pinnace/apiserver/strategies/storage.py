"""Storage classes, CSI drivers and their capacity: what is stored earns advice."""

from collections.abc import Iterator
from dataclasses import dataclass

from pinnace.api.objects import Object
from pinnace.apiserver.strategies.advice import RETIRED_LABELS
from pinnace.apiserver.strategies.base import Context, Strategy

TOKENS_IN_SECRETS = (
    "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to "
    "prevent possible logging of tokens in volume attributes"
)


@dataclass(frozen=True, kw_only=True)
class CsiDrivers(Strategy):
    """Drop the field of a feature that is off; advise on where tokens go."""

    def prepare_create(self, obj: Object, ctx: Context) -> None:
        """Drop what belongs to volume limit scaling, which is off."""
        super().prepare_create(obj, ctx)
        (obj.get("spec") or {}).pop("preventPodSchedulingIfMissing", None)

    def prepare_update(self, obj: Object, old: Object, ctx: Context) -> None:
        """Keep it only where it is stored already."""
        if (old.get("spec") or {}).get("preventPodSchedulingIfMissing") is None:
            (obj.get("spec") or {}).pop("preventPodSchedulingIfMissing", None)
        super().prepare_update(obj, old, ctx)

    def warnings(self, obj: Object, old: Object | None) -> list[str]:
        """Advise a driver that asks for tokens, whenever it asks for others."""
        spec, before = obj.get("spec") or {}, (old or {}).get("spec") or {}
        wanted = spec.get("tokenRequests") or []
        if not wanted or spec.get("serviceAccountTokenInSecrets") is not None:
            return []
        if old is not None and wanted == (before.get("tokenRequests") or []):
            return []
        return [TOKENS_IN_SECRETS]


@dataclass(frozen=True, kw_only=True)
class StorageClasses(Strategy):
    """Warn of node labels that are on their way out."""

    def warnings(self, obj: Object, old: Object | None) -> list[str]:
        """Look into the allowed topologies."""
        return list(_topology_advice(obj))


def _topology_advice(obj: Object) -> Iterator[str]:
    for index, term in enumerate(obj.get("allowedTopologies") or ()):
        for at, requirement in enumerate(term.get("matchLabelExpressions") or ()):
            why = RETIRED_LABELS.get(requirement.get("key") or "")
            if why:
                yield f"allowedTopologies[{index}].matchLabelExpressions[{at}].key: {why}"


@dataclass(frozen=True, kw_only=True)
class CsiCapacities(Strategy):
    """Warn of node labels that are on their way out."""

    def warnings(self, obj: Object, old: Object | None) -> list[str]:
        """Look into the node topology."""
        selector = obj.get("nodeTopology") or {}
        found = [
            f"nodeTopology.matchLabels.{key}: {RETIRED_LABELS[key]}"
            for key in selector.get("matchLabels") or {}
            if key in RETIRED_LABELS
        ]
        for index, requirement in enumerate(selector.get("matchExpressions") or ()):
            why = RETIRED_LABELS.get(requirement.get("key") or "")
            if why:
                found.append(f"nodeTopology.matchExpressions[{index}].key: {why}")
        return found
