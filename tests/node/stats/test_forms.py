"""The forms in which usage is told, read back by the library that scrapers use."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pinnace.node.runtime import FilesystemUsage
from pinnace.node.stats.cadvisor import cadvisor_metrics
from pinnace.node.stats.disks import Disks, Taken, VolumeUse
from pinnace.node.stats.exposition import Family, number, rendered
from pinnace.node.stats.machine import Filesystem, Interface, Machine
from pinnace.node.stats.probes import ProbeTallies, probe_metrics
from pinnace.node.stats.resource import resource_metrics
from pinnace.node.stats.snapshot import ContainerUse, GroupUse, PodUse, Snapshot, rates
from pinnace.node.stats.summary import summary
from pinnace.node.stats.usage import Averages, DeviceIO, Pressure, Usage

AT = datetime(2030, 1, 1, 12, 0, 0, 250_000, tzinfo=UTC)
BEGAN = datetime(2030, 1, 1, 11, 0, 0, tzinfo=UTC)
STAMP = AT.timestamp()
MI = 1 << 20
ETH0 = Interface("eth0", 1000, 10, 1, 2, 2000, 20, 3, 4)
DISK = Filesystem(60, 100, 40, 6, 10, 4)
_STALL = Averages(7, 1.0, 0.5, 0.25)
MAIN = Usage(
    cpu=2_500_000_000,
    cpu_user=2_000_000_000,
    cpu_system=500_000_000,
    cpu_quota=50_000,
    cpu_period=100_000,
    periods=10,
    throttled_periods=3,
    throttled=70_000_000,
    memory=80 * MI,
    working_set=64 * MI,
    rss=60 * MI,
    swap=0,
    swap_limit=5 * MI,
    memory_limit=100 * MI,
    page_faults=9,
    major_faults=1,
    devices=(DeviceIO("254:0", 4096, 8192, 1, 2),),
    pressure={"cpu": Pressure(_STALL, _STALL)},
    threads=4,
)


def container(name, id, usage):
    group = f"/pinnace/podu/{id}"
    return ContainerUse(
        id=id, name=name, image="img", started=BEGAN, group=group, usage=usage, at=AT
    )


def snapshot(*, at=AT, main=MAIN, node_cpu=100_000_000_000):
    pod = PodUse(
        namespace="default",
        name='we"b',
        uid="u",
        started=BEGAN,
        group="/pinnace/podu",
        containers=(replace(container("main", "c1", main), at=at),),
        usage=replace(MAIN, cpu=2_600_000_000, working_set=65 * MI, processes=2),
        sandbox=container("", "s1", Usage(cpu=1000, memory=MI, working_set=MI)),
        interfaces=(ETH0,),
    )
    machine = Machine(
        usage=Usage(cpu=node_cpu, memory=900 * MI, working_set=800 * MI),
        boot=BEGAN.timestamp(),
        memory=1000 * MI,
        swap=10,
        swap_free=4,
        processes=99,
        most_processes=4000,
        interfaces=(ETH0,),
    )
    group = GroupUse(path="/pinnace", usage=Usage(cpu=3, memory=9, working_set=8))
    return Snapshot(
        node="n1", at=at, machine=machine, pods=(pod,), groups=(group,), filesystem=DISK
    )


def read(text):
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample)
    return found


def one(found, name, **labels):
    fitting = [each for each in found[name] if labels.items() <= each.labels.items()]
    assert len(fitting) == 1, (name, labels, found[name])
    return fitting[0]


def test_the_resource_metrics_are_upstreams():
    found = read(resource_metrics(snapshot()))
    labels = {"container": "main", "pod": 'we"b', "namespace": "default"}
    expected = {
        "node_cpu_usage_seconds_total": ({}, 100.0, STAMP),
        "node_memory_working_set_bytes": ({}, 800.0 * MI, STAMP),
        "node_swap_usage_bytes": ({}, 6.0, STAMP),
        "container_cpu_usage_seconds_total": (labels, 2.5, STAMP),
        "container_memory_working_set_bytes": (labels, 64.0 * MI, STAMP),
        "container_swap_usage_bytes": (labels, 0.0, STAMP),
        "container_swap_limit_bytes": (labels, 5.0 * MI, STAMP),
        "container_start_time_seconds": (labels, BEGAN.timestamp(), None),
        "pod_cpu_usage_seconds_total": ({"pod": 'we"b', "namespace": "default"}, 2.6, STAMP),
        "pod_memory_working_set_bytes": (
            {"pod": 'we"b', "namespace": "default"},
            65.0 * MI,
            STAMP,
        ),
        "pod_swap_usage_bytes": ({"pod": 'we"b', "namespace": "default"}, 0.0, STAMP),
        "resource_scrape_error": ({}, 0.0, None),
        "scrape_error": ({}, 0.0, None),
    }
    assert set(found) == set(expected)
    for name, told in expected.items():
        sample = one(found, name)
        assert (sample.labels, sample.value, sample.timestamp) == told


def test_what_is_not_known_is_left_out():
    bare = replace(snapshot(main=Usage()), machine=replace(snapshot().machine, usage=Usage()))
    found = read(resource_metrics(bare))
    assert "container_cpu_usage_seconds_total" not in found
    assert "node_cpu_usage_seconds_total" not in found
    assert "container_start_time_seconds" in found


def test_cadvisors_families_tell_of_every_group():
    found = read(cadvisor_metrics(snapshot(), {"254:0": "/dev/vda"}))
    ids = {each.labels["id"] for each in found["container_memory_working_set_bytes"]}
    pod = "/pinnace/podu"
    assert ids == {"/", "/pinnace", pod, f"{pod}/c1", f"{pod}/s1"}
    cpu = one(found, "container_cpu_usage_seconds_total", id=f"{pod}/c1")
    assert (cpu.value, cpu.timestamp) == (2.5, STAMP)
    assert cpu.labels == {
        "container": "main",
        "cpu": "total",
        "id": f"{pod}/c1",
        "image": "img",
        "name": "c1",
        "namespace": "default",
        "pod": 'we"b',
    }
    assert one(found, "container_cpu_cfs_throttled_seconds_total", id=f"{pod}/c1").value == 0.07
    assert one(found, "container_spec_memory_limit_bytes", id=f"{pod}/c1").value == 100 * MI
    assert one(found, "container_spec_memory_limit_bytes", id="/").value == 0
    waiting = one(found, "container_pressure_cpu_waiting_seconds_total", id=f"{pod}/c1")
    assert waiting.value == 7e-6
    read_bytes = one(found, "container_fs_reads_bytes_total", id=f"{pod}/c1", device="/dev/vda")
    assert read_bytes.value == 4096
    received = found["container_network_receive_bytes_total"]
    assert {(each.labels["id"], each.value) for each in received} == {
        ("/", 1000),
        (f"{pod}/s1", 1000),
    }
    assert one(found, "machine_memory_bytes").value == 1000 * MI
    assert one(found, "container_fs_limit_bytes").value == 100


def test_probes_are_counted_by_result():
    tallies = ProbeTallies("default", "web", "u")
    tallies.note("liveness", "main", "successful", 0.02)
    tallies.note("liveness", "main", "successful", 0.5)
    tallies.note("liveness", "main", "failed", 0.1)
    found = read(probe_metrics([tallies]))
    assert one(found, "prober_probe_total", result="successful").value == 2
    assert one(found, "prober_probe_total", result="failed").labels == {
        "container": "main",
        "namespace": "default",
        "pod": "web",
        "pod_uid": "u",
        "probe_type": "Liveness",
        "result": "failed",
    }
    assert one(found, "prober_probe_duration_seconds_count").value == 2
    assert one(found, "prober_probe_duration_seconds_bucket", le="0.025").value == 1
    assert one(found, "prober_probe_duration_seconds_bucket", le="+Inf").value == 2


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0"),
        (999_999, "999999"),
        (1_000_000, "1e+06"),
        (12_582_912, "1.2582912e+07"),
        (0.07, "0.07"),
        (0.00001, "1e-05"),
        (-5.0, "-5"),
        (1795387107.244, "1.795387107244e+09"),
        (float("inf"), "+Inf"),
    ],
)
def test_numbers_are_written_as_go_does(value, expected):
    assert number(value) == expected


def test_labels_and_help_are_escaped():
    family = Family("a", "one\ntwo\\")
    family.add(1, {"l": 'x"\\\n'})
    assert rendered([family]) == '# HELP a one\\ntwo\\\\\n# TYPE a gauge\na{l="x\\"\\\\\\n"} 1\n'


def test_the_summary_has_rates_and_what_is_left_to_the_limit():
    before = snapshot(
        at=AT - timedelta(seconds=10),
        main=replace(MAIN, cpu=1_500_000_000),
        node_cpu=80_000_000_000,
    )
    now = snapshot()
    found = summary(now, rates(now, before), None)
    assert found["node"]["cpu"]["usageNanoCores"] == 2_000_000_000
    assert found["node"]["memory"]["availableBytes"] == 200 * MI
    assert "fs" not in found["node"]
    (pod,) = found["pods"]
    assert pod["podRef"] == {"name": 'we"b', "namespace": "default", "uid": "u"}
    (main,) = pod["containers"]
    assert main["cpu"] == {
        "time": "2030-01-01T12:00:00Z",
        "usageNanoCores": 100_000_000,
        "usageCoreNanoSeconds": 2_500_000_000,
        "psi": {
            "full": {"total": 7000, "avg10": 1.0, "avg60": 0.5, "avg300": 0.25},
            "some": {"total": 7000, "avg10": 1.0, "avg60": 0.5, "avg300": 0.25},
        },
    }
    assert main["memory"]["availableBytes"] == 36 * MI
    assert [each["name"] for each in found["node"]["systemContainers"]] == ["kubelet", "pods"]


def test_the_whole_summary_has_disks_and_networks():
    images = FilesystemUsage(mountpoint="/", used_bytes=33, inodes_used=3, when=AT)
    volumes = (
        VolumeUse("data", "emptydir", Taken(10, 1), DISK),
        VolumeUse("claim", "persistentvolumeclaim", Taken(50, 5), DISK),
    )
    disks = Disks(
        at=AT,
        layers={"c1": Taken(5, 2)},
        logs={"c1": Taken(3, 1)},
        volumes={"u": volumes},
        images=images,
        image_filesystem=DISK,
    )
    found = summary(snapshot(), {}, disks)
    node, (pod,) = found["node"], found["pods"]
    assert "usageNanoCores" not in node["cpu"]
    assert (node["fs"]["usedBytes"], node["runtime"]["imageFs"]["usedBytes"]) == (40, 33)
    assert node["rlimit"] == {"time": "2030-01-01T12:00:00Z", "maxpid": 4000, "curproc": 99}
    assert (pod["network"]["name"], pod["network"]["rxBytes"]) == ("eth0", 1000)
    assert pod["network"]["interfaces"][0]["txErrors"] == 3
    assert [(each["name"], each["usedBytes"]) for each in pod["volume"]] == [
        ("data", 10),
        ("claim", 50),
    ]
    # The claim does not go with the Pod.
    assert pod["ephemeral-storage"]["usedBytes"] == 18
    assert pod["containers"][0]["rootfs"]["usedBytes"] == 5
    assert pod["containers"][0]["logs"]["inodesUsed"] == 1
