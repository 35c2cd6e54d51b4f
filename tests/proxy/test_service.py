"""What the proxy asks of the kernel."""

from pathlib import Path

import pytest

from pinnace.proxy.service import prepare_kernel

PLAIN = ("net/ipv4/ip_forward", "net/bridge/bridge-nf-call-iptables")
LOOPBACK = "net/ipv4/conf/pin-a/route_localnet"


def write(settings: Path, name: str) -> None:
    path = settings / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("0\n")


def test_a_bridge_that_comes_later_gets_node_ports_on_loopback(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in PLAIN:
        write(tmp_path, name)
    prepare_kernel("pin-a", tmp_path)
    assert not caplog.records
    write(tmp_path, LOOPBACK)
    prepare_kernel("pin-a", tmp_path)
    assert [(tmp_path / name).read_text() for name in (*PLAIN, LOOPBACK)] == ["1", "1", "1"]


def test_what_the_kernel_lacks_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    prepare_kernel("pin-a", tmp_path)
    assert "cannot set net.ipv4.ip_forward to 1" in caplog.text
