"""Tables show what upstream's printers show."""

import os
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import orjson
import pytest

from pinnace.api.errors import BadRequest
from pinnace.api.kinds.apps import DEPLOYMENTS
from pinnace.api.kinds.autoscaling import ROWS as AUTOSCALING
from pinnace.api.kinds.batch import JOBS
from pinnace.api.kinds.core import CONFIGMAPS, EVENTS, LIMITRANGES, NODES, PODS, SERVICES
from pinnace.api.kinds.table import RESOURCES
from pinnace.api.objects import format_time
from pinnace.api.resources import Resource
from pinnace.api.schema.load import load
from pinnace.apiserver.printers.base import human_duration
from pinnace.apiserver.printers.table import PRINTERS, printer_for, table

NOW = datetime(2030, 1, 1, tzinfo=UTC)
HPAS = AUTOSCALING[0]


def ago(**length: float) -> str:
    return format_time(NOW - timedelta(**length))


def cells(row: Resource, obj: dict[str, Any]) -> list[Any]:
    obj = {"metadata": {"name": "x", "creationTimestamp": ago(minutes=5)}} | obj
    found: list[Any] = table(row, [obj], now=NOW)["rows"][0]["cells"]
    return found


def running(*, restarts: int = 0, ready: bool = True, **state: Any) -> dict[str, Any]:
    return {
        "name": "c",
        "ready": ready,
        "restartCount": restarts,
        "state": state or {"running": {}},
    }


def exited(code: int, reason: str = "", **more: Any) -> dict[str, Any]:
    return running(ready=False, terminated={"exitCode": code, "reason": reason, **more})


def waiting(reason: str, **more: Any) -> dict[str, Any]:
    return running(ready=False, waiting={"reason": reason}, **more)


INIT = {"initContainers": [{"name": "a"}, {"name": "b"}], "containers": [{"name": "c"}]}
SIDECAR = {
    "initContainers": [{"name": "s", "restartPolicy": "Always"}],
    "containers": [{"name": "c"}],
}
READY = [{"type": "Ready", "status": "True"}]


@pytest.mark.parametrize(
    ("spec", "status", "ready", "word"),
    [
        ({}, {"phase": "Pending"}, "0/1", "Pending"),
        ({}, {"phase": "Failed", "reason": "Evicted"}, "0/1", "Evicted"),
        (
            {},
            {
                "phase": "Pending",
                "conditions": [{"type": "PodScheduled", "reason": "SchedulingGated"}],
            },
            "0/1",
            "SchedulingGated",
        ),
        ({}, {"phase": "Running", "containerStatuses": [running()]}, "1/1", "Running"),
        (
            {},
            {"phase": "Running", "containerStatuses": [waiting("CrashLoopBackOff")]},
            "0/1",
            "CrashLoopBackOff",
        ),
        (
            {},
            {"phase": "Succeeded", "containerStatuses": [exited(0, "Completed")]},
            "0/1",
            "Completed",
        ),
        ({}, {"phase": "Failed", "containerStatuses": [exited(3)]}, "0/1", "ExitCode:3"),
        ({}, {"phase": "Failed", "containerStatuses": [exited(137, signal=9)]}, "0/1", "Signal:9"),
        (
            {"containers": [{"name": "a"}, {"name": "b"}]},
            {
                "phase": "Running",
                "containerStatuses": [exited(0, "Completed"), running()],
                "conditions": READY,
            },
            "1/2",
            "Running",
        ),
        (
            {"containers": [{"name": "a"}, {"name": "b"}]},
            {"phase": "Running", "containerStatuses": [exited(0, "Completed"), running()]},
            "1/2",
            "NotReady",
        ),
        (
            {"containers": [{"name": "a"}, {"name": "b"}]},
            {"phase": "Failed", "containerStatuses": [exited(0, "Completed"), exited(1, "Error")]},
            "0/2",
            "Error",
        ),
        (
            INIT,
            {"phase": "Pending", "initContainerStatuses": [exited(0), running(ready=False)]},
            "0/1",
            "Init:1/2",
        ),
        (
            INIT,
            {"phase": "Pending", "initContainerStatuses": [waiting("PodInitializing")]},
            "0/1",
            "Init:0/2",
        ),
        (
            INIT,
            {"phase": "Pending", "initContainerStatuses": [waiting("ErrImagePull")]},
            "0/1",
            "Init:ErrImagePull",
        ),
        (
            INIT,
            {"phase": "Failed", "initContainerStatuses": [exited(2)]},
            "0/1",
            "Init:ExitCode:2",
        ),
        (
            SIDECAR,
            {
                "phase": "Running",
                "initContainerStatuses": [running() | {"name": "s", "started": True}],
                "containerStatuses": [running()],
            },
            "2/2",
            "Running",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_pod_is_told_in_one_word(
    spec: dict[str, Any], status: dict[str, Any], ready: str, word: str
) -> None:
    pod = {"spec": {"containers": [{"name": "c"}]} | spec, "status": status}
    assert cells(PODS, pod)[1:3] == [ready, word]


def test_a_pod_on_its_way_out_is_terminating_unless_it_is_done() -> None:
    meta = {"name": "x", "creationTimestamp": ago(days=1), "deletionTimestamp": ago(seconds=1)}
    assert cells(PODS, {"metadata": meta, "status": {"phase": "Running"}})[2] == "Terminating"
    assert cells(PODS, {"metadata": meta, "status": {"phase": "Succeeded"}})[2] == "Succeeded"
    lost = {"phase": "Running", "reason": "NodeLost"}
    assert cells(PODS, {"metadata": meta, "status": lost})[2] == "Unknown"


def test_restarts_say_when_the_last_one_was() -> None:
    last = {"lastState": {"terminated": {"finishedAt": ago(minutes=5)}}}
    pod = {"status": {"containerStatuses": [running(restarts=2) | last]}}
    assert cells(PODS, pod)[3] == "2 (5m ago)"
    assert cells(PODS, {"status": {"containerStatuses": [running()]}})[3] == "0"


def test_wide_cells_of_a_pod() -> None:
    pod = {
        "spec": {"nodeName": "n1", "readinessGates": [{"conditionType": "g"}]},
        "status": {
            "podIPs": [{"ip": "10.0.0.1"}],
            "conditions": [{"type": "g", "status": "True"}],
        },
    }
    assert cells(PODS, pod)[5:] == ["10.0.0.1", "n1", "<none>", "1/1"]
    priorities = [column.priority for column in printer_for(PODS).columns]
    assert priorities == [0, 0, 0, 0, 0, 1, 1, 1, 1]


def test_a_done_pod_marks_its_row() -> None:
    pod = {"metadata": {"name": "x"}, "status": {"phase": "Succeeded"}}
    row = table(PODS, [pod], now=NOW)["rows"][0]
    assert row["conditions"][0]["type"] == "Completed"
    assert "conditions" not in table(PODS, [{"metadata": {}}], now=NOW)["rows"][0]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"), (-1.5, "0s"), (0, "0s"), (119, "119s"), (120, "2m"), (190, "3m10s"),
        (600, "10m"), (10_799, "179m"), (10_800, "3h"), (18_720, "5h12m"), (28_800, "8h"),
        (172_799, "47h"), (172_800, "2d"), (187_200, "2d4h"), (691_200, "8d"),
        (63_072_000, "2y"), (65_664_000, "2y30d"), (252_288_000, "8y"),
    ],
)  # fmt: skip
def test_ages_have_two_or_three_figures(seconds: float, text: str) -> None:
    assert human_duration(seconds) == text


def test_nodes_tell_status_roles_and_kernel() -> None:
    node = {
        "metadata": {
            "name": "n1",
            "creationTimestamp": ago(days=3),
            "labels": {"node-role.kubernetes.io/control-plane": "", "kubernetes.io/role": "x"},
        },
        "spec": {"unschedulable": True},
        "status": {
            "conditions": [{"type": "Ready", "status": "True"}],
            "addresses": [{"type": "InternalIP", "address": "10.1.1.1"}],
            "nodeInfo": {
                "kubeletVersion": "v1.36.0",
                "kernelVersion": "6.1",
                "architecture": "amd64",
            },
        },
    }
    assert cells(NODES, node) == [
        "n1", "Ready,SchedulingDisabled", "control-plane,x", "3d", "v1.36.0", "10.1.1.1",
        "<none>", "<unknown>", "6.1 (amd64)", "<unknown>",
    ]  # fmt: skip


def test_services_tell_their_addresses_and_ports() -> None:
    spec = {
        "type": "LoadBalancer",
        "clusterIPs": ["10.96.0.9"],
        "ports": [
            {"port": 80, "protocol": "TCP", "nodePort": 30080},
            {"port": 53, "protocol": "UDP"},
        ],
        "selector": {"b": "2", "a": "1"},
    }
    assert cells(SERVICES, {"spec": spec})[1:] == [
        "LoadBalancer", "10.96.0.9", "<pending>", "80:30080/TCP,53/UDP", "5m", "a=1,b=2",
    ]  # fmt: skip


def test_deployments_tell_ready_of_desired_and_the_selector() -> None:
    deployment = {
        "spec": {
            "replicas": 3,
            "selector": {
                "matchExpressions": [{"key": "t", "operator": "In", "values": ["b", "a"]}]
            },
            "template": {"spec": {"containers": [{"name": "c", "image": "i:1"}]}},
        },
        "status": {"readyReplicas": 2, "updatedReplicas": 3, "availableReplicas": 2},
    }
    assert cells(DEPLOYMENTS, deployment)[1:] == ["2/3", 3, 2, "5m", "c", "i:1", "t in (a,b)"]


def test_jobs_tell_status_and_duration() -> None:
    job = {
        "spec": {"completions": 3, "selector": {"matchLabels": {"a": "b"}}},
        "status": {
            "succeeded": 3,
            "startTime": ago(minutes=5),
            "completionTime": ago(minutes=4),
            "conditions": [{"type": "Complete", "status": "True"}],
        },
    }
    assert cells(JOBS, job)[1:4] == ["Complete", "3/3", "60s"]


def test_autoscalers_show_two_metrics_and_count_the_rest() -> None:
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"averageUtilization": 80}},
    }
    current = {"type": "Resource", "resource": {"current": {"averageUtilization": 20}}}
    obj = {
        "spec": {
            "metrics": [metric] * 3,
            "maxReplicas": 5,
            "scaleTargetRef": {"kind": "D", "name": "d"},
        },
        "status": {"currentMetrics": [current]},
    }
    assert cells(HPAS, obj)[1:6] == [
        "D/d", "cpu: 20%/80%, cpu: <unknown>/80% + 1 more...", "<unset>", 5, 0,
    ]  # fmt: skip
    old = {"spec": {"targetCPUUtilizationPercentage": 50}}
    assert cells(HPAS, old)[2] == "cpu: <unknown>/50%"


def test_events_of_both_groups_show_the_same() -> None:
    core = {
        "involvedObject": {"kind": "Pod", "name": "p"},
        "message": " pulled \n",
        "lastTimestamp": ago(minutes=2),
        "firstTimestamp": ago(minutes=10),
        "count": 4,
        "source": {"component": "kubelet", "host": "n1"},
    }
    new = {
        "regarding": {"kind": "Pod", "name": "p"},
        "note": " pulled \n",
        "deprecatedLastTimestamp": ago(minutes=2),
        "deprecatedFirstTimestamp": ago(minutes=10),
        "deprecatedCount": 4,
        "deprecatedSource": {"component": "kubelet", "host": "n1"},
    }
    assert cells(EVENTS, core) == cells(EVENTS, new)
    assert cells(EVENTS, core) == [
        "2m", "", "", "pod/p", "", "kubelet, n1", "pulled", "10m", 4, "x",
    ]  # fmt: skip


def test_kinds_without_columns_show_when_they_were_created() -> None:
    columns = printer_for(LIMITRANGES).columns
    assert [column.name for column in columns] == ["Name", "Created At"]
    assert cells(LIMITRANGES, {}) == ["x", ago(minutes=5)]


def test_a_table_carries_what_was_asked_for() -> None:
    obj = {"kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"a": "1"}}
    full = table(CONFIGMAPS, [obj], now=NOW, include_object="Object")
    assert full["rows"][0]["object"] is obj
    partial = table(CONFIGMAPS, [obj], now=NOW, version="v1beta1")
    assert partial["apiVersion"] == "meta.k8s.io/v1beta1"
    assert partial["rows"][0]["object"] == {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1beta1",
        "metadata": {"name": "x"},
    }
    none = table(CONFIGMAPS, [obj], now=NOW, include_object="None", headers=False)
    assert none["rows"][0]["object"] is None
    assert none["columnDefinitions"] is None


def test_an_unknown_include_object_is_refused() -> None:
    with pytest.raises(BadRequest, match='includeObject: Invalid value: "All": must be'):
        table(CONFIGMAPS, [], now=NOW, include_object="All")


def test_every_printer_belongs_to_a_resource() -> None:
    assert set(PRINTERS) <= {(row.group, row.plural) for row in RESOURCES}


@pytest.mark.parametrize("row", RESOURCES, ids=lambda row: f"{row.plural}.{row.group_version}")
def test_an_empty_object_fills_every_column(row: Resource) -> None:
    made = table(row, [{"metadata": {"name": "x"}}], now=NOW)
    # Upstream prints an age of IPAddresses under no column.
    surplus = 1 if row.plural == "ipaddresses" else 0
    assert len(made["rows"][0]["cells"]) == len(made["columnDefinitions"]) + surplus


def test_a_list_of_nothing_is_null_where_upstream_makes_none() -> None:
    assert table(CONFIGMAPS, [], now=NOW)["rows"] == []
    assert table(LIMITRANGES, [], now=NOW)["rows"] is None


@pytest.mark.parametrize("row", RESOURCES, ids=lambda row: f"{row.plural}.{row.group_version}")
def test_an_object_with_every_field_set_fills_every_column(row: Resource) -> None:
    root = os.environ.get("PINNACE_SHARED")
    if not root:
        pytest.skip("PINNACE_SHARED does not name a directory of golden data")
    file = Path(root) / f"golden/objects/{row.group or 'core'}.{row.version}.{row.kind}.json"
    if not file.exists():
        pytest.skip(f"no golden {row.kind}")
    printer = printer_for(row)
    filled = printer.cells(orjson.loads(file.read_bytes()), NOW)
    assert len(filled) == len(printer.columns)


def test_descriptions_that_refer_to_fields_refer_to_fields_that_exist() -> None:
    texts = orjson.loads(
        resources.files("pinnace.apiserver.printers").joinpath("columns.json").read_bytes()
    )
    referred = [text[1:] for own in texts.values() for text in own.values() if text[:1] == "$"]
    assert referred
    for path in referred:
        definition, _, field = path.rpartition(".")
        kind = load().named(definition)
        assert kind is not None, path
        assert kind.field(field) is not None, path
