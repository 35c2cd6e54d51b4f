import pytest

from pinnace.node.facts import cpu, memory, system
from pinnace.node.facts.allocatable import allocatable
from pinnace.node.facts.base import Host
from pinnace.node.facts.table import FACTS, gather


@pytest.fixture
def host(tmp_path):
    files = {
        "sys/devices/system/cpu/online": "0-3,8\n",
        "proc/meminfo": "MemTotal:       16393244 kB\nSwapTotal: 2048 kB\nHugePages_Total: 3\n",
        "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages": "10\n",
        "sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages": "0\n",
        "etc/machine-id": "abc\n",
        "proc/sys/kernel/random/boot_id": "boot\n",
        "proc/sys/kernel/osrelease": "6.1.0-9-amd64\n",
        "usr/lib/os-release": 'NAME=x\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Host(root=tmp_path, data=tmp_path)


def test_capacity_is_written_as_upstream_writes_it(host):
    capacity = dict(gather(host).capacity)
    assert capacity.pop("ephemeral-storage")
    assert capacity == {
        "cpu": "5",
        "memory": "16393244Ki",
        "hugepages-1Gi": "0",
        "hugepages-2Mi": "20Mi",
    }


def test_node_info_falls_back_where_a_file_is_missing(host):
    info = gather(host).node_info
    assert info["machineID"] == info["systemUUID"] == "abc"
    assert info["bootID"] == "boot"
    assert info["osImage"] == "Debian GNU/Linux 12 (bookworm)"
    assert info["kernelVersion"] == "6.1.0-9-amd64"
    assert info["swap"] == {"capacity": 2048 * 1024}


def test_an_empty_host_has_facts_too(tmp_path):
    found = gather(Host(root=tmp_path, data=tmp_path))
    assert found.capacity["memory"] == "0"
    assert found.node_info["osImage"] == "Linux"


@pytest.mark.parametrize(("text", "number"), [("0", 1), ("0-1", 2), ("0-3,5,7-8", 7), ("", 0)])
def test_counts_processors(text, number):
    assert cpu.count(text) == number


def test_meminfo_lines_without_a_unit_are_numbers():
    assert memory.parse("HugePages_Total:  7\nMemFree: 2 kB\nbad\n") == {
        "HugePages_Total": 7,
        "MemFree": 2048,
    }


def test_os_image_reads_values_without_quotes():
    assert system.os_image("PRETTY_NAME=Alpine") == "Alpine"


def test_allocatable_is_what_reservations_eviction_and_huge_pages_leave():
    capacity = {
        "cpu": "4",
        "memory": "1000Mi",
        "hugepages-2Mi": "20Mi",
        "ephemeral-storage": "1001Ki",
        "pods": "110",
    }
    assert allocatable(capacity, reserved=[{"cpu": "100m", "memory": "30Mi"}]) == {
        "cpu": "3900m",
        "memory": "850Mi",
        "hugepages-2Mi": "20Mi",
        "ephemeral-storage": "922522",
        "pods": "110",
    }


def test_allocatable_is_never_negative():
    assert allocatable({"memory": "50Mi"}) == {"memory": "0"}


def test_facts_have_distinct_names():
    assert len({fact.name for fact in FACTS}) == len(FACTS)
