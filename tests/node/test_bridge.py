import json

import pytest

from pinnace.node.bridge import loose_ports, repair_commands


@pytest.fixture
def interfaces(tmp_path):
    folder = tmp_path / "net"
    (folder / "pin-1").mkdir(parents=True)
    return folder


def result(folder, port):
    made = [{"name": "pin-1"}, {"name": port}, {"name": "eth0", "sandbox": "/netns/x"}]
    text = json.dumps({"result": {"interfaces": made}})
    (folder / f"pinnace-1-{port}-eth0").write_text(text)


def test_links_that_are_not_on_the_bridge_are_found(tmp_path, interfaces):
    for port in ("tied", "loose", "elsewhere"):
        (interfaces / port).mkdir()
    (interfaces / "tied/master").symlink_to(interfaces / "pin-1")
    (interfaces / "elsewhere/master").symlink_to(interfaces / "loose")
    for port in ("tied", "loose", "elsewhere", "gone"):
        result(tmp_path, port)
    (tmp_path / "pinnace-1-broken").write_text("{")
    assert loose_ports("pin-1", tmp_path, "pinnace-1-*", interfaces) == ["elsewhere", "loose"]


def test_a_missing_bridge_is_made_with_the_gateways_addresses():
    text = repair_commands("pin-1", ["10.244.0.0/24", "fd00::/64"], ["v1"], missing=True)
    assert text.splitlines() == [
        "link add pin-1 type bridge",
        "address add 10.244.0.1/24 dev pin-1",
        "address add fd00::1/64 dev pin-1",
        "link set pin-1 up",
        "link set v1 master pin-1",
        "link set v1 type bridge_slave hairpin on",
    ]


def test_a_bridge_that_is_there_is_left_alone():
    text = repair_commands("pin-1", ["10.244.0.0/24"], ["v1"], missing=False)
    assert "link add" not in text
    assert "address add" not in text
