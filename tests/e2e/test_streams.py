"""Talking to containers: exec, attach, run, logs, cp and port-forward."""

import hashlib
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.real_cluster import IMAGE, MARKS, RealCluster, container, fetch, pod, until

pytestmark = MARKS
AT = ("-n", "streams")
# Answers a line, and goes on after whoever sent it has nothing more to say.
LATE = (
    "while true; do nc -l -p 9000 -e sh -c 'read line; sleep 0.3; echo got $line; seq 20000'; done"
)
COUNT = "i=0; while true; do i=$((i+1)); echo line $i; sleep 0.2; done"


@pytest.fixture(scope="module", autouse=True)
def talker(k: RealCluster) -> Iterator[None]:
    k("create", "namespace", "streams")
    web = container("web", "hostname > /tmp/index.html; exec httpd -f -p 8080 -h /tmp")
    k.apply(
        pod("talker", container(script=COUNT), web),
        pod("echo", container(script="cat", stdin=True)),
        pod("late", container(script=LATE)),
        namespace="streams",
    )
    k.ready("talker", "echo", "late", namespace="streams")
    yield
    k("delete", "namespace", "streams", "--wait=false")


def test_exec_passes_stdin_output_and_the_exit_code(k: RealCluster) -> None:
    main = ("exec", "talker", *AT, "-c", "main")
    done = k(*main, "--", "sh", "-c", "echo out; echo err >&2; exit 7", check=False)
    assert (done.code, done.out) == (7, "out\n")
    assert done.err == "err\ncommand terminated with exit code 7\n"
    data = os.urandom(2_000_000)
    done = k(*main, "-i", "--", "sha256sum", stdin=data)
    assert done.out.split()[0] == hashlib.sha256(data).hexdigest()
    done = k(*main, "--", "no-such-program", check=False)
    assert done.code != 0
    assert "no-such-program" in done.err


def test_exec_on_a_terminal_has_one_with_its_size(k: RealCluster) -> None:
    done = k.on_terminal(
        "exec", "-it", "talker", *AT, "-c", "main", "--", "sh", keys=b"tty; exit 3\n"
    )
    assert "/dev/pts/" in done.out
    assert done.code == 3


def test_logs_are_cut_followed_and_stamped(k: RealCluster) -> None:
    until(lambda: k("logs", "talker", *AT, "-c", "main").out.count("\n") > 5)
    last = k("logs", "talker", *AT, "-c", "main", "--tail=2").out.splitlines()
    assert len(last) == 2
    assert all(line.startswith("line ") for line in last)
    assert 0 < len(k("logs", "talker", *AT, "-c", "main", "--since=1s").out.splitlines()) <= 8
    stamped = k("logs", "talker", *AT, "-c", "main", "--tail=1", "--timestamps").out
    assert stamped.startswith("20")
    assert k("logs", "talker", *AT, "-c", "main", "--limit-bytes=6").out == "line 1"
    assert "[pod/talker/main] line " in (
        k("logs", "-l", "pod=talker", *AT, "--all-containers", "--prefix").out
    )
    following = k.start("logs", "-f", "talker", *AT, "-c", "main", "--tail=1")
    assert following.stdout is not None
    try:
        lines = [following.stdout.readline() for _ in range(4)]
        numbers = [int(line.split()[1]) for line in lines]
        assert numbers == list(range(numbers[0], numbers[0] + 4))
    finally:
        following.kill()
        following.communicate()
    assert "container nope is not valid for pod talker" in (
        k("logs", "talker", *AT, "-c", "nope", check=False).err
    )


def test_files_are_copied_both_ways(k: RealCluster, tmp_path: Path) -> None:
    sent, back = tmp_path / "sent", tmp_path / "back"
    sent.write_bytes(os.urandom(1_500_000))
    k("cp", str(sent), "streams/talker:/tmp/got", "-c", "main")
    k("cp", "streams/talker:/tmp/got", str(back), "-c", "main")
    assert back.read_bytes() == sent.read_bytes()
    directory = tmp_path / "directory"
    (directory / "below").mkdir(parents=True)
    (directory / "below" / "file").write_text("deep")
    k("cp", str(directory), "streams/talker:/tmp/tree", "-c", "main")
    assert k("exec", "talker", *AT, "-c", "main", "--", "cat", "/tmp/tree/below/file").out == "deep"


def test_ports_are_forwarded(k: RealCluster) -> None:
    forwarding = k.start("port-forward", "pod/talker", *AT, ":8080")
    assert forwarding.stdout is not None
    try:
        line = forwarding.stdout.readline()
        port = int(line.partition("127.0.0.1:")[2].split()[0])
        assert [fetch("127.0.0.1", port) for _ in range(3)] == ["talker\n"] * 3
    finally:
        forwarding.kill()
        forwarding.communicate()


@pytest.mark.parametrize("tunnel", ["true", "false"])
def test_who_has_sent_all_still_reads_all(k: RealCluster, tunnel: str) -> None:
    way = {"KUBECTL_PORT_FORWARD_WEBSOCKETS": tunnel}
    forwarding = k.start("port-forward", "pod/late", *AT, ":9000", environment=way)
    assert forwarding.stdout is not None
    try:
        line = forwarding.stdout.readline()
        port = int(line.partition("127.0.0.1:")[2].split()[0])
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.sendall(b"this\n")
            connection.shutdown(socket.SHUT_WR)
            with connection.makefile("r") as said:
                lines = said.read().splitlines()
        assert lines[0] == "got this"
        assert lines[1:] == [str(number + 1) for number in range(20000)]
    finally:
        forwarding.kill()
        forwarding.communicate()


def test_attach_reaches_the_running_process(k: RealCluster) -> None:
    attached = subprocess.Popen(
        ["kubectl", "attach", "-i", "echo", *AT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=k.environment(),
    )
    assert attached.stdin is not None
    assert attached.stdout is not None
    try:
        attached.stdin.write(b"hello\n")
        attached.stdin.flush()
        assert attached.stdout.readline() == b"hello\n"
    finally:
        attached.kill()
        attached.communicate()


def test_run_starts_talks_and_removes(k: RealCluster) -> None:
    told = ("--rm", f"--image={IMAGE}", "--restart=Never", *AT)
    done = k("run", "piped", "-i", *told, "--", "sh", "-c", "cat; exit 0", stdin="through\n")
    assert "through" in done.out
    done = k.on_terminal("run", "typed", "-it", *told, "--", "sh", keys=b"echo a$((40+2))b; exit\n")
    assert "a42b" in done.out
    assert 'pod "typed" deleted' in done.out
    assert "NotFound" in k("get", "pod/typed", "pod/piped", *AT, check=False).err


def test_a_debugging_container_joins_a_running_pod(k: RealCluster) -> None:
    k("debug", "talker", *AT, f"--image={IMAGE}", "-c", "look", "--", "sh", "-c", "echo seen")
    until(lambda: "seen" in k("logs", "talker", *AT, "-c", "look", check=False).out)
