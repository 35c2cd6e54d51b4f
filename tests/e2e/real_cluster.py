"""A real cluster from `pinnace up --detach`, kubectl on it, and what it must not leave behind."""

import http.client
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pinnace.cluster.config import load
from pinnace.node import command

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "pinnace.local/busybox:stable"
PROGRAMS = ("containerd", "ctr", "runc", "nft", "ip", "conntrack", "busybox", "catatonit")


def lacking() -> str:
    """Return why a real cluster cannot be tried here, in a few words; empty if it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "needs root on Linux"
    missing = [program for program in PROGRAMS if command.which(program) is None]
    if missing:
        return f"not installed: {' '.join(missing)}"
    kubectl = shutil.which("kubectl")
    said = subprocess.run(
        [kubectl or "true", "version", "--client"], capture_output=True, text=True, check=False
    ).stdout
    found = re.search(r"Client Version: v1\.(\d+)", said)
    return "" if found and int(found[1]) >= 32 else "needs kubectl 1.32 or newer"


MARKS = [
    pytest.mark.e2e,
    pytest.mark.skipif(bool(lacking()), reason=lacking() or "can run here"),
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def free_node_port() -> int:
    """Return a port of the NodePort range that nobody listens on, by our own number."""
    for port in range(30000 + os.getpid() % 2000, 32767):
        with socket.socket() as probe:
            try:
                probe.bind(("0.0.0.0", port))
            except OSError:
                continue
            return port
    raise AssertionError("every node port is taken")


@dataclass
class Done:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def all(self) -> str:
        return self.out + self.err


class RealCluster:
    """One cluster in its own directory, ranges and port."""

    def __init__(self, directory: Path, *, second_octet: int) -> None:
        self.directory = directory
        self.data = directory / "data"
        self.kubeconfig = directory / "kubeconfig"
        self.port = free_port()
        self.pods, self.services = f"10.{second_octet}.0.0/16", f"10.{second_octet + 1}.0.0/16"
        self.node = "e2e-node"

    @property
    def identity(self) -> str:
        """The name that everything on this machine carries."""
        config = load(self.data)
        assert config is not None
        return config.cluster_id

    def pinnace(self, *arguments: str, check: bool = True, timeout: float = 120) -> Done:
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        run = subprocess.run(
            [sys.executable, "-m", "pinnace.cli.main", *arguments],
            capture_output=True,
            text=True,
            timeout=timeout,
            env=environment,
            cwd=self.directory,
            check=False,
        )
        done = Done(run.returncode, run.stdout, run.stderr)
        assert not check or done.code == 0, done.all
        return done

    def up(self, *, again: bool = False) -> Done:
        first = [
            "--port", str(self.port), "--nodes", "real", "--pod-cidr", self.pods,
            "--service-cidr", self.services, "--node-name", self.node,
        ]  # fmt: skip
        told = ["--data-dir", str(self.data), "--kubeconfig", str(self.kubeconfig)]
        return self.pinnace("up", *told, *([] if again else first), "--detach")

    def down(self, *arguments: str) -> Done:
        return self.pinnace("down", "--data-dir", str(self.data), *arguments)

    def environment(self) -> dict[str, str]:
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig)}

    def __call__(
        self,
        *arguments: str,
        stdin: str | bytes | None = None,
        check: bool = True,
        timeout: float = 60,
        environment: dict[str, str] | None = None,
    ) -> Done:
        """Run kubectl to its end."""
        given = stdin.encode() if isinstance(stdin, str) else stdin
        run = subprocess.run(
            ["kubectl", *arguments],
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            timeout=timeout,
            env={**self.environment(), **(environment or {})},
            check=False,
        )
        done = Done(run.returncode, run.stdout.decode(), run.stderr.decode())
        assert not check or done.code == 0, f"kubectl {' '.join(arguments)}: {done.all}"
        return done

    def start(
        self, *arguments: str, environment: dict[str, str] | None = None
    ) -> "subprocess.Popen[str]":
        """Run kubectl beside the test; the test ends it."""
        return subprocess.Popen(
            ["kubectl", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.environment() | (environment or {}),
        )

    def apply(self, *objects: dict[str, Any], namespace: str = "default") -> None:
        document = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self("apply", "-n", namespace, "-f", "-", stdin=json.dumps(document))

    def get(self, *arguments: str) -> Any:
        return json.loads(self("get", *arguments, "-o", "json").out)

    def ready(self, *pods: str, namespace: str = "default", seconds: int = 30) -> None:
        names = [f"pod/{pod}" for pod in pods]
        self("wait", "-n", namespace, "--for=condition=Ready", f"--timeout={seconds}s", *names)

    def on_terminal(self, *arguments: str, keys: bytes = b"", seconds: float = 20) -> Done:
        """Run kubectl on a pseudo terminal, type keys once it has said something, read all."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.execvpe("kubectl", ["kubectl", *arguments], self.environment())
        said, deadline, typed = b"", time.monotonic() + seconds, not keys
        try:
            while time.monotonic() < deadline:
                if not select.select([terminal], [], [], 0.2)[0]:
                    continue
                try:
                    part = os.read(terminal, 65536)
                except OSError:
                    break
                if not part:
                    break
                said += part
                if not typed:
                    os.write(terminal, keys)
                    typed = True
            else:
                os.kill(pid, signal.SIGKILL)
        finally:
            os.close(terminal)
        _, status = os.waitpid(pid, 0)
        return Done(os.waitstatus_to_exitcode(status), said.decode(errors="replace"), "")


def until(look: Any, *, seconds: float = 30, why: str = "") -> Any:
    """Look again and again until there is something; for what has no event to wait for."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, why or f"not within {seconds} s"
        time.sleep(0.1)


def container(name: str = "main", script: str = "", **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name, "image": IMAGE, **more}
    if script:
        made["command"] = ["sh", "-c", script]
    return made


def pod(name: str, *containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    labels = spec.pop("labels", {"pod": name})
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "containers": list(containers) or [container(script="exec sleep 3600")],
            **spec,
        },
    }


def deployment(name: str, replicas: int, script: str = "exec sleep 3600") -> dict[str, Any]:
    template = pod(name, container(script=script), labels={"app": name})
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": template["spec"]},
        },
    }


def service(name: str, selector: dict[str, str], **spec: Any) -> dict[str, Any]:
    ports = spec.pop("ports", [{"name": "http", "port": 80, "targetPort": 8080}])
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": selector, "ports": ports, **spec},
    }


def fetch(address: str, port: int, path: str = "/") -> str:
    """Return what a web server says, or nothing when it cannot be reached."""
    connection = http.client.HTTPConnection(address, port, timeout=3)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()


def traces(identity: str, data: Path) -> list[str]:
    """Return what of a cluster is on this machine outside of its data directory."""
    marks = (str(data), f"pinnace-{identity}", f"pinnace_{identity}", f"pin-{identity}")

    def ours(text: str) -> bool:
        return any(mark in text for mark in (*marks, f"pinnace_services_{identity}"))

    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            cgroups = (entry / "cgroup").read_text()
        except OSError:
            continue
        if ours(line) or ours(cgroups):
            found.append(f"process {entry.name}: {line}")
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    found += [f"mount {line}" for line in mounts if ours(line)]
    tables = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=False)
    found += [f"nftables {line}" for line in tables.stdout.splitlines() if ours(line)]
    found += [f"interface {name}" for _, name in socket.if_nameindex() if ours(name)]
    found += [f"namespace {path}" for path in Path("/run").glob(f"pin-{identity}/**/netns/*")]
    for top in (Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").glob("*")):
        found += [f"cgroup {path}" for path in top.glob(f"pinnace-{identity}*")]
    return found
