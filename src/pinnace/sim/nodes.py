"""Simulated Nodes and their Leases: the objects, and what is wrong with a Node's status. Pure.

A simulated Node has no kubelet endpoint (`status.daemonEndpoints` is not set). The API server
knows it by its label and refuses exec, logs, attach and port-forward into its pods plainly.
`spec.podCIDR` is left to the node IPAM controller.
"""

import ipaddress
from datetime import datetime
from typing import Any

from pinnace.api.objects import Object, format_micro_time, format_time
from pinnace.api.simulated import SIMULATED
from pinnace.sim.config import KUBELET_VERSION, NOTE, SAYS, SimConfig

_HEALTHY = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory",
     "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)  # fmt: skip


def node_name(config: SimConfig, number: int) -> str:
    """Return the name of one of the nodes that are made at the start."""
    return f"{config.prefix}{number}"


def new_node(config: SimConfig, number: int, now: datetime) -> Object:
    """Return a Node as a kubelet registers itself, ready from the start."""
    name = node_name(config, number)
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
        "beta.kubernetes.io/arch": "amd64",
        SIMULATED: "true",
    }
    if config.zones:
        labels["topology.kubernetes.io/zone"] = config.zones[number % len(config.zones)]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {**labels, **config.labels},
            "annotations": {NOTE: SAYS},
        },
        "spec": {},
        "status": node_status(config, name, node_address(config, number), {}, now),
    }


def node_address(config: SimConfig, number: int) -> str:
    """Return the address of the node with a number."""
    network = ipaddress.ip_network(config.node_network)
    return str(network[1 + number % (network.num_addresses - 2)])


def node_status(
    config: SimConfig, name: str, address: str, old: dict[str, Any], now: datetime
) -> Object:
    """Return a healthy status; resources that others have put there stay."""
    capacity = old.get("capacity") or dict(config.capacity)
    return {
        "capacity": capacity,
        "allocatable": old.get("allocatable") or capacity,
        "conditions": _conditions(old, now),
        "addresses": [
            {"type": "InternalIP", "address": address},
            {"type": "Hostname", "address": name},
        ],
        "nodeInfo": {
            "machineID": "",
            "systemUUID": "",
            "bootID": "",
            "kernelVersion": "simulated",
            "osImage": "simulated (nothing runs here)",
            "containerRuntimeVersion": f"simulated://{KUBELET_VERSION}",
            "kubeletVersion": KUBELET_VERSION,
            "kubeProxyVersion": "",
            "operatingSystem": "linux",
            "architecture": "amd64",
        },
    }


def _conditions(old: dict[str, Any], now: datetime) -> list[Object]:
    before = {each["type"]: each for each in old.get("conditions") or ()}
    stamp = format_time(now)
    made = []
    for kind, verdict, reason, message in _HEALTHY:
        known = before.get(kind) or {}
        since = known.get("lastTransitionTime") if known.get("status") == verdict else None
        made.append({
            "type": kind,
            "status": verdict,
            "lastHeartbeatTime": stamp,
            "lastTransitionTime": since or stamp,
            "reason": reason,
            "message": message,
        })  # fmt: skip
    return made


def repair(node: Object, config: SimConfig, address: str, now: datetime) -> Object | None:
    """Return what to patch into the status of a Node that is not shown ready, or None.

    That is a Node that a user made and labelled, or one whose lease was late (time jumped).
    """
    old = node.get("status") or {}
    shown = {each["type"]: each["status"] for each in old.get("conditions") or ()}
    if all(shown.get(kind) == verdict for kind, verdict, _, _ in _HEALTHY) and old.get("addresses"):
        return None
    return node_status(config, node["metadata"]["name"], address, old, now)


def host_ip(node: Object) -> str:
    """Return the InternalIP of a Node, empty while it has none."""
    for each in (node.get("status") or {}).get("addresses") or ():
        if each.get("type") == "InternalIP":
            return str(each["address"])
    return ""


def new_lease(node: Object, config: SimConfig, now: datetime) -> Object:
    """Return the Lease by which a kubelet says that it lives."""
    meta = node["metadata"]
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {
            "name": meta["name"],
            "namespace": "kube-node-lease",
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "Node", "name": meta["name"], "uid": meta["uid"]}
            ],
        },
        "spec": {
            "holderIdentity": meta["name"],
            "leaseDurationSeconds": config.lease_seconds,
            "renewTime": format_micro_time(now),
        },
    }


def renewal(now: datetime) -> Object:
    """Return the merge patch that renews a Lease."""
    return {"spec": {"renewTime": format_micro_time(now)}}
