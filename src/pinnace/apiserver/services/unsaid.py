"""What a client may leave out of a Service: it stays as it was allocated."""

from pinnace.api.objects import Object
from pinnace.apiserver.strategies.services import (
    needs_cluster_ip,
    needs_health_check_node_port,
    needs_node_ports,
)


def fill_unsaid(new: Object, old: Object | None) -> None:
    """Keep what a change does not say, and say an address in both spellings."""
    if old is None:
        spec = new["spec"]
        if spec.get("clusterIP") and not spec.get("clusterIPs"):
            spec["clusterIPs"] = [spec["clusterIP"]]
        return
    _keep_allocated(new, old)
    _align_cluster_ips(new["spec"], old["spec"])


def _keep_allocated(new: Object, old: Object) -> None:
    spec, before = new["spec"], old["spec"]
    if needs_cluster_ip(old) and needs_cluster_ip(new):
        for key in ("clusterIP", "clusterIPs"):
            if not spec.get(key) and before.get(key):
                spec[key] = before[key]
    if needs_node_ports(old) and needs_node_ports(new):
        _keep_node_ports(spec, before)
    if needs_health_check_node_port(old) and needs_health_check_node_port(new):
        held = before.get("healthCheckNodePort")
        if held and not spec.get("healthCheckNodePort"):
            spec["healthCheckNodePort"] = held


def _keep_node_ports(spec: Object, before: Object) -> None:
    """Give each port without a node port that of the old port of its name."""
    ports = spec.get("ports") or ()
    held = {port.get("name") or "": port.get("nodePort") for port in before.get("ports") or ()}
    said = {port.get("nodePort") for port in ports}
    for port in ports:
        number = held.get(port.get("name") or "")
        if number and not port.get("nodePort") and number not in said:
            port["nodePort"] = number


def _align_cluster_ips(spec: Object, before: Object) -> None:
    """Let a client that knows only clusterIP keep, clear or change that one."""
    one, had = spec.get("clusterIP") or "", before.get("clusterIP") or ""
    held = before.get("clusterIPs") or []
    if held and not spec.get("clusterIPs") and one == had:
        spec["clusterIPs"] = held
    if one == had or (spec.get("clusterIPs") or []) != held:
        return
    if one:
        spec["clusterIPs"] = [one]
    else:
        spec.pop("clusterIPs", None)
