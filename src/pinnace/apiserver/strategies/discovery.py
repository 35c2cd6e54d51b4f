"""EndpointSlices have no spec: everything but the metadata, and the labels, count. Ingresses."""

from dataclasses import dataclass

from pinnace.api.objects import Object
from pinnace.apiserver.strategies.advice import balancer_advice, ip_advice, listed
from pinnace.apiserver.strategies.base import Context, Strategy

HOSTNAME_LABEL = "kubernetes.io/hostname"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
CONTROLLERS = (
    "endpointslice-controller.k8s.io",
    "endpointslicemirroring-controller.k8s.io",
)


@dataclass(frozen=True, kw_only=True)
class Ingresses(Strategy):
    """Warns of the addresses that a controller reports."""

    def status_warnings(self, obj: Object) -> list[str]:
        """Warn of odd spellings of addresses."""
        return list(balancer_advice(obj))


@dataclass(frozen=True, kw_only=True)
class EndpointSlices(Strategy):
    """Also drops `deprecatedTopology`, which v1 documents as not writable."""

    def warnings(self, obj: Object, old: Object | None) -> list[str]:
        """Warn of new names in place of addresses, and of odd addresses that clients wrote."""
        found: list[str] = []
        if old is None and obj.get("addressType") == "FQDN":
            found.append("spec.addressType: FQDN endpoints are deprecated")
        if (obj["metadata"].get("labels") or {}).get(MANAGED_BY) in CONTROLLERS:
            return found  # they write addresses as they should be
        for at, endpoint in listed(obj, "endpoints", ""):
            for index, address in enumerate(endpoint.get("addresses") or ()):
                found += ip_advice(address, f"{at.lstrip('.')}.addresses[{index}]")
        return found

    def prepare_create(self, obj: Object, ctx: Context) -> None:
        """Begin to count."""
        super().prepare_create(obj, ctx)
        _drop_topology(obj, frozenset())

    def prepare_update(self, obj: Object, old: Object, ctx: Context) -> None:
        """Count a changed label or endpoint."""
        before, now = old["metadata"], obj["metadata"]
        relabelled = (now.get("labels") or {}) != (before.get("labels") or {})
        if relabelled or _content(obj) != _content(old):
            now["generation"] = int(before.get("generation") or 0) + 1
        named = (
            (endpoint.get("deprecatedTopology") or {}).get(HOSTNAME_LABEL)
            for endpoint in old.get("endpoints") or ()
        )
        _drop_topology(obj, frozenset(name for name in named if name))


def _drop_topology(obj: Object, known_nodes: frozenset[str]) -> None:
    for endpoint in obj.get("endpoints") or ():
        topology = endpoint.pop("deprecatedTopology", None)
        if isinstance(topology, dict) and topology.get(HOSTNAME_LABEL) in known_nodes:
            endpoint.setdefault("nodeName", topology[HOSTNAME_LABEL])


def _content(obj: Object) -> Object:
    return {key: value for key, value in obj.items() if key != "metadata"}
