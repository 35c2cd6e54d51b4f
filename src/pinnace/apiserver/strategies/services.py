"""Services: which fields a change of type drops, and which must be allocated."""

from dataclasses import dataclass
from typing import Any

from pinnace.api.objects import Object
from pinnace.apiserver.strategies.advice import balancer_advice
from pinnace.apiserver.strategies.base import Context, Strategy
from pinnace.apiserver.strategies.serviceadvice import service_advice

EXTERNAL_NAME, NODE_PORT, LOAD_BALANCER = "ExternalName", "NodePort", "LoadBalancer"


def needs_cluster_ip(service: Object) -> bool:
    """Return whether a Service of this type has cluster IPs (`None` counts as one)."""
    return bool(_spec(service).get("type") != EXTERNAL_NAME)


def needs_node_ports(service: Object) -> bool:
    """Return whether every port gets a node port when it has none."""
    spec = _spec(service)
    if spec.get("type") == LOAD_BALANCER:
        return spec.get("allocateLoadBalancerNodePorts") is not False
    return bool(spec.get("type") == NODE_PORT)


def needs_health_check_node_port(service: Object) -> bool:
    """Return whether the Service gets a node port for health checks."""
    spec = _spec(service)
    return bool(spec.get("type") == LOAD_BALANCER and spec.get("externalTrafficPolicy") == "Local")


def is_externally_accessible(service: Object) -> bool:
    """Return whether traffic from outside of the cluster can reach the Service."""
    spec = _spec(service)
    kind = spec.get("type") or "ClusterIP"
    return kind in (NODE_PORT, LOAD_BALANCER) or (
        kind == "ClusterIP" and bool(spec.get("externalIPs"))
    )


@dataclass(frozen=True, kw_only=True)
class Services(Strategy):
    """Drops what the new type does not use, unless the client changed that very field."""

    def warnings(self, obj: Object, old: Object | None) -> list[str]:
        """Warn of what the type does not use."""
        return list(service_advice(obj))

    def status_warnings(self, obj: Object) -> list[str]:
        """Warn of odd spellings of a load balancer's addresses."""
        return list(balancer_advice(obj))

    def prepare_create(self, obj: Object, ctx: Context) -> None:
        """Begin with an empty load balancer."""
        obj["status"] = {"loadBalancer": {}}

    def prepare_update(self, obj: Object, old: Object, ctx: Context) -> None:
        """Keep the status, then drop what belonged to the old type."""
        super().prepare_update(obj, old, ctx)
        _drop_for_type(obj, old)
        if _spec(obj).get("type") != LOAD_BALANCER:
            status = dict(obj.get("status") or {})
            status["loadBalancer"] = {}
            obj["status"] = status


def _drop_for_type(new: Object, old: Object) -> None:
    spec, before = _spec(new), _spec(old)
    if needs_cluster_ip(old) and not needs_cluster_ip(new):
        if _same(spec, before, "clusterIP") and _same(spec, before, "clusterIPs"):
            _drop(spec, "clusterIP", "clusterIPs")
        for key in ("ipFamilies", "ipFamilyPolicy"):
            if _same(spec, before, key):
                _drop(spec, key)
    ported = (NODE_PORT, LOAD_BALANCER)
    left_ports = before.get("type") in ported and spec.get("type") not in ported
    if left_ports and _node_ports(new) <= _node_ports(old):
        for port in spec.get("ports") or ():
            port.pop("nodePort", None)
    if needs_health_check_node_port(old) and not needs_health_check_node_port(new):
        _drop_if_same(spec, before, "healthCheckNodePort")
    if before.get("type") == LOAD_BALANCER and spec.get("type") != LOAD_BALANCER:
        _drop_if_same(spec, before, "allocateLoadBalancerNodePorts")
        _drop_if_same(spec, before, "loadBalancerClass")
    if is_externally_accessible(old) and not is_externally_accessible(new):
        _drop_if_same(spec, before, "externalTrafficPolicy")


def _drop_if_same(spec: Object, before: Object, key: str) -> None:
    if _same(spec, before, key):
        _drop(spec, key)


def _drop(spec: Object, *keys: str) -> None:
    for key in keys:
        spec.pop(key, None)


def _same(spec: Object, before: Object, key: str) -> bool:
    return bool((spec.get(key) or None) == (before.get(key) or None))


def _node_ports(service: Object) -> set[Any]:
    ports = _spec(service).get("ports") or ()
    return {port.get("nodePort") for port in ports if port.get("nodePort")}


def _spec(service: Object) -> Object:
    spec = service.get("spec")
    return spec if isinstance(spec, dict) else {}
