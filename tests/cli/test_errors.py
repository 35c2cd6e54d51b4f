"""What a user can mend is told in one line, with status 1 or 2, and nothing is damaged."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import pinnace
from pinnace.cli.main import main
from pinnace.cluster import instance


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.create_server(("0.0.0.0", 0)) as server:
        yield int(server.getsockname()[1])


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def up(data: Path, *arguments: str | Path) -> Result:
    kubeconfig = data.parent / "kubeconfig"
    return run("up", "--data-dir", data, "--nodes", "none", "--kubeconfig", kubeconfig, *arguments)


def said(result: Result) -> str:
    """Return the one line of a refusal."""
    assert result.exit_code == 1, result.output
    lines = result.output.splitlines()
    assert len(lines) == 1, result.output
    return lines[0]


def test_a_port_in_use(tmp_path: Path, taken: int) -> None:
    line = said(up(tmp_path / "data", "--port", str(taken)))
    assert line == f"Error: port {taken} is in use: choose another with --port"
    assert not (tmp_path / "kubeconfig").exists()
    assert not (tmp_path / "data" / "cluster.json").exists()


def test_an_address_that_is_not_of_this_machine(tmp_path: Path) -> None:
    line = said(up(tmp_path / "data", "--bind", "203.0.113.7"))
    assert line.startswith("Error: cannot listen on 203.0.113.7:6443: ")


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    line = said(up(tmp_path / "file" / "below"))
    assert line.startswith(f"Error: cannot write {tmp_path}/file/below")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_file_where_the_directory_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    result = up(tmp_path / "file")
    assert result.exit_code == 2
    assert "is a file" in result.output


@pytest.mark.parametrize("command", ["up", "down", "status"])
@pytest.mark.parametrize(
    ("content", "told"),
    [
        pytest.param(json.dumps({"format": 99}), "has format 99, this version", id="newer"),
        pytest.param("junk", "cluster.json cannot be read", id="no-json"),
        pytest.param("[1]", "has format None, this version", id="no-object"),
        pytest.param(json.dumps({"format": 1}), "cluster.json cannot be read", id="incomplete"),
    ],
)
def test_a_data_directory_that_is_not_understood(
    tmp_path: Path, command: str, content: str, told: str
) -> None:
    path = tmp_path / "data" / "cluster.json"
    path.parent.mkdir()
    path.write_text(content)
    result = up(path.parent) if command == "up" else run(command, "--data-dir", path.parent)
    assert told in said(result)
    assert path.read_text() == content
    assert [entry.name for entry in path.parent.iterdir()] == ["cluster.json"]


def test_a_second_instance_on_one_directory(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with instance.claim(data / "run"):
        line = said(up(data))
    assert f"a cluster is running on {data} already (process " in line
    assert "`pinnace down` stops it" in line


@pytest.mark.parametrize("nodes", ["many", "sim:0", "sim:x", "sim:999999", "real:1"])
def test_nodes_that_there_are_none_of(tmp_path: Path, nodes: str) -> None:
    line = said(run("up", "--data-dir", tmp_path / "data", "--nodes", nodes))
    assert line == f"Error: --nodes {nodes}: choose auto, real, none or sim:N"


def test_ranges_that_do_not_fit(tmp_path: Path) -> None:
    assert "--pod-cidr x: " in said(up(tmp_path / "data", "--pod-cidr", "x"))
    both = ("--pod-cidr", "10.96.0.0/16", "--service-cidr", "10.96.0.0/12")
    assert said(up(tmp_path / "data", *both)) == "Error: --pod-cidr and --service-cidr overlap"


def test_a_kubeconfig_of_somebody_else_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Path(pinnace.__file__).parents[1]
    monkeypatch.setenv("PYTHONPATH", str(source))
    foreign = tmp_path / "kubeconfig"
    foreign.write_text("contexts: [{name: work}]\n")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    line = said(up(tmp_path / "data", "--port", str(port)))
    assert line == (
        f"Error: {foreign} is not a kubeconfig of Pinnace and is left alone: "
        "name another with --kubeconfig"
    )
    assert foreign.read_text() == "contexts: [{name: work}]\n"


def test_where_there_is_no_cluster(tmp_path: Path) -> None:
    told = f"there is no cluster in {tmp_path}\n"
    status = run("status", "--data-dir", tmp_path)
    assert (status.exit_code, status.output) == (3, told)
    down = run("down", "--data-dir", tmp_path)
    assert (down.exit_code, down.output) == (0, told)
    assert said(run("images", "list", "--data-dir", tmp_path)) == f"Error: {told.strip()}"
    assert said(run("kubelet")) == "Error: give --kubeconfig or --server"


def test_a_command_that_there_is_not() -> None:
    result = run("nope")
    assert result.exit_code == 2
    assert "No such command 'nope'" in result.output
