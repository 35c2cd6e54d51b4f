"""What `doctor` tells of the port."""

import json
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pinnace.cli.main import main
from pinnace.cluster import instance
from pinnace.node import host


@pytest.fixture(autouse=True)
def fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that lacks nothing."""

    async def examine(**_: object) -> list[host.Check]:
        return [host.Check("everything", True, "there")]

    monkeypatch.setattr(host, "examine", examine)
    monkeypatch.setattr("sys.platform", "linux")


def doctor(data: Path, port: int) -> Result:
    return CliRunner().invoke(main, ["doctor", "--data-dir", str(data), "--port", str(port)])


def test_a_port_of_somebody_else_is_no_lack_of_the_machine(tmp_path: Path) -> None:
    with socket.create_server(("0.0.0.0", 0)) as server:
        port = server.getsockname()[1]
        told = CliRunner().invoke(
            main, ["doctor", "--data-dir", str(tmp_path), "--port", str(port)]
        )
    assert told.exit_code == 1
    assert "taken" in told.output
    assert "real containers can run here\nport" in told.output
    assert "`pinnace up --port` takes another" in told.output


def test_the_port_of_the_running_cluster_is_as_it_should(tmp_path: Path) -> None:
    with socket.create_server(("0.0.0.0", 0)) as server, instance.claim(tmp_path / "run"):
        port = server.getsockname()[1]
        known = {"format": 1, "port": port, "node_port_range": [1, 2], "names": []}
        (tmp_path / "cluster.json").write_text(json.dumps(known))
        told = CliRunner().invoke(
            main, ["doctor", "--data-dir", str(tmp_path), "--port", str(port)]
        )
    assert told.exit_code == 0, told.output
    assert "used by this cluster" in told.output
