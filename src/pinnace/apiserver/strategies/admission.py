"""Webhook configurations, admission policies and bindings: names that the API may not manage."""

from dataclasses import dataclass

from pinnace.api.objects import Object
from pinnace.apiserver.strategies.base import Strategy

STATIC = ".static.k8s.io"


@dataclass(frozen=True, kw_only=True)
class Admission(Strategy):
    """Warn of names that are kept for configurations in static manifests."""

    def warnings(self, obj: Object, old: Object | None) -> list[str]:
        """Look at the name."""
        found = super().warnings(obj, old)
        if (obj["metadata"].get("name") or "").endswith(STATIC):
            found.append(
                f'metadata.name: names ending with "{STATIC}" are reserved for static '
                "manifest-based configurations and cannot be managed via the API"
            )
        return found
