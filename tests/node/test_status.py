from datetime import UTC, datetime, timedelta
from pathlib import Path

from pinnace.api.patch import merge
from pinnace.node.config import KubeletConfig, Taint
from pinnace.node.facts.base import HostFacts
from pinnace.node.mergediff import merge_diff
from pinnace.node.registration import node_object
from pinnace.node.runtime import (
    ImageStatus,
    RuntimeCondition,
    RuntimeStatus,
    RuntimeVersion,
)
from pinnace.node.status import Sight, node_status, same_but_heartbeat

NOW = datetime(2030, 1, 1, tzinfo=UTC)
CONFIG = KubeletConfig(
    node_name="n",
    root_dir=Path("/x"),
    log_dir=Path("/y"),
    addresses=("10.0.0.1",),
    labels={"zone": "a"},
    taints=(Taint("k", "NoSchedule"),),
)


def sight(runtime=None):
    ready = RuntimeStatus(
        conditions=[
            RuntimeCondition(type="RuntimeReady", status=True),
            RuntimeCondition(type="NetworkReady", status=True),
        ]
    )
    return Sight(
        facts=HostFacts(capacity={"cpu": "2", "memory": "2Gi"}, node_info={"machineID": "m"}),
        version=RuntimeVersion(name="containerd", version="1.7", api_version="v1"),
        runtime=runtime or ready,
        images=[ImageStatus(id="1", tags=["a:1"], size=5), ImageStatus(id="2", size=9)],
        port=10250,
        pressure={},
    )


def ready_condition(status):
    return next(each for each in status["conditions"] if each["type"] == "Ready")


def test_the_node_has_upstreams_labels_and_the_given_ones():
    node = node_object(CONFIG)
    labels = node["metadata"]["labels"]
    assert labels["kubernetes.io/hostname"] == "n"
    assert labels["kubernetes.io/os"] == labels["beta.kubernetes.io/os"] == "linux"
    assert labels["zone"] == "a"
    assert node["spec"]["taints"] == [{"key": "k", "effect": "NoSchedule"}]


def test_the_status_tells_of_capacity_addresses_and_images():
    status = node_status(CONFIG, sight(), {}, NOW)
    assert status["capacity"] == {"cpu": "2", "memory": "2Gi", "pods": "110"}
    assert status["allocatable"]["memory"] == "1948Mi"
    assert status["addresses"] == [
        {"type": "InternalIP", "address": "10.0.0.1"},
        {"type": "Hostname", "address": "n"},
    ]
    assert status["images"] == [{"names": ["a:1"], "sizeBytes": 5}]
    assert status["nodeInfo"]["containerRuntimeVersion"] == "containerd://1.7"
    assert ready_condition(status)["reason"] == "KubeletReady"


def test_what_others_own_stays():
    shown = {
        "capacity": {"example.com/x": "3", "cpu": "9"},
        "allocatable": {"example.com/x": "3"},
        "conditions": [{"type": "NetworkUnavailable", "status": "False"}],
    }
    status = node_status(CONFIG, sight(), shown, NOW)
    assert status["capacity"]["example.com/x"] == "3"
    assert status["capacity"]["cpu"] == "2"
    assert status["allocatable"]["example.com/x"] == "3"
    assert status["conditions"][0]["type"] == "NetworkUnavailable"


def test_a_runtime_without_network_makes_the_node_not_ready():
    broken = RuntimeStatus(
        conditions=[
            RuntimeCondition(type="RuntimeReady", status=True),
            RuntimeCondition(
                type="NetworkReady", status=False, reason="NetworkPluginNotReady", message="no cni"
            ),
        ]
    )
    condition = ready_condition(node_status(CONFIG, sight(broken), {}, NOW))
    assert condition["status"] == "False"
    assert condition["reason"] == "KubeletNotReady"
    assert condition["message"] == (
        "container runtime network not ready: NetworkReady=false "
        "reason:NetworkPluginNotReady message:no cni"
    )


def test_only_the_heartbeat_differs_from_report_to_report():
    one = node_status(CONFIG, sight(), {}, NOW)
    other = node_status(CONFIG, sight(), one, NOW + timedelta(seconds=10))
    assert one != other
    assert same_but_heartbeat(one, other)


def test_a_merge_diff_turns_one_object_into_the_other():
    old = {"a": 1, "b": {"c": 1, "d": 2}, "e": [1]}
    new = {"b": {"c": 1, "d": 3}, "e": [1, 2], "f": {"g": 1}}
    patch = merge_diff(old, new)
    assert patch == {"a": None, "b": {"d": 3}, "e": [1, 2], "f": {"g": 1}}
    assert merge.apply(old, patch) == new
