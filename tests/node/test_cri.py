"""The CRI client against a server made of the same facts, and of nothing else."""

import asyncio
import contextlib
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import grpc
import grpc.aio
import pytest

from pinnace.node.cri import requests
from pinnace.node.cri.client import CriRuntime, uncut
from pinnace.node.cri.wire import load_methods
from pinnace.node.runtime import (
    ContainerConfig,
    Device,
    DNSConfig,
    LinuxResources,
    Mount,
    NotSupported,
    PortMapping,
    RuntimeCallError,
    RuntimeDeadline,
    RuntimeNotFound,
    RuntimeUnavailable,
    SandboxConfig,
)
from pinnace.node.runtime_security import (
    MASKED_PATHS,
    ContainerSecurity,
    IdMapping,
    Namespaces,
    SandboxSecurity,
    SecurityProfile,
)

METHODS = load_methods()
NOW = 1_700_000_000_123_456_789
NEVER = object()
SANDBOX = SandboxConfig(name="web", namespace="default", uid="u")


class Server(grpc.GenericRpcHandler):
    """Answers with the given fields, or status codes, and remembers what it was asked."""

    def __init__(self, answers):
        self.answers = answers
        self.asked = []
        self.held = asyncio.Event()

    def service(self, details):
        name = details.method.rpartition("/")[2]
        if name not in self.answers:
            return None
        method, answer = METHODS[name], self.answers[name]

        async def unary(request, context):
            self.asked.append((name, request))
            if answer is NEVER:
                self.held.set()
                await asyncio.Event().wait()
            if isinstance(answer, grpc.StatusCode):
                await context.abort(answer, f"no {name}")
            return method.answer(**answer)

        async def stream(request, context):
            for fields in answer:
                yield method.answer(**fields)

        make = grpc.unary_stream_rpc_method_handler if isinstance(answer, list) else None
        make = make or grpc.unary_unary_rpc_method_handler
        return make(
            stream if isinstance(answer, list) else unary,
            request_deserializer=method.request.FromString,
            response_serializer=lambda message: message.SerializeToString(),
        )


@contextlib.asynccontextmanager
async def served(deadline=30.0, **answers):
    with tempfile.TemporaryDirectory() as directory:
        socket = Path(directory, "cri.sock")
        handler = Server(answers)
        server = grpc.aio.server()
        server.add_generic_rpc_handlers([handler])
        server.add_insecure_port(f"unix:{socket}")
        await server.start()
        runtime = CriRuntime(socket, deadline=deadline)
        try:
            yield runtime, handler
        finally:
            await runtime.close()
            await server.stop(0)


async def test_sandboxes_are_read_as_listed():
    item = {
        "id": "s1",
        "metadata": {"name": "web", "uid": "u", "namespace": "default", "attempt": 2},
        "state": "SANDBOX_NOTREADY",
        "created_at": NOW,
        "labels": {"a": "b"},
    }
    async with served(ListPodSandbox={"items": [item]}) as (runtime, server):
        (found,) = await runtime.sandboxes(labels={"a": "b"})
    assert (found.id, found.name, found.attempt, found.state) == ("s1", "web", 2, "notready")
    assert found.created == datetime(2023, 11, 14, 22, 13, 20, 123456, tzinfo=UTC)
    assert dict(server.asked[0][1].filter.label_selector) == {"a": "b"}


async def test_a_container_that_never_ran_has_no_times():
    status = {
        "id": "c1",
        "metadata": {"name": "main", "attempt": 1},
        "state": "CONTAINER_EXITED",
        "created_at": NOW,
        "finished_at": -1,
        "exit_code": 128,
        "reason": "StartError",
        "image": {"image": "busybox"},
        "image_ref": "sha256:1",
    }
    async with served(ContainerStatus={"status": status}) as (runtime, _):
        found = await runtime.container_status("c1")
    assert (found.state, found.exit_code, found.reason) == ("exited", 128, "StartError")
    assert found.started is found.finished is found.resources is found.user is None
    assert found.image_id == found.image_ref == "sha256:1"


async def test_an_image_that_is_not_here_is_none():
    async with served(ImageStatus={}) as (runtime, _):
        assert await runtime.image_status("x") is None


async def test_events_come_as_they_happen():
    event = {"container_id": "c", "container_event_type": "CONTAINER_STOPPED_EVENT"}
    async with served(GetContainerEvents=[event]) as (runtime, _):
        kinds = [found.kind async for found in runtime.container_events()]
    assert kinds == ["stopped"]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (grpc.StatusCode.NOT_FOUND, RuntimeNotFound),
        (grpc.StatusCode.DEADLINE_EXCEEDED, RuntimeDeadline),
        (grpc.StatusCode.UNAVAILABLE, RuntimeUnavailable),
        (grpc.StatusCode.UNIMPLEMENTED, NotSupported),
        (grpc.StatusCode.UNKNOWN, RuntimeCallError),
    ],
)
async def test_errors_are_the_rooms_own(code, error):
    async with served(ContainerStatus=code) as (runtime, _):
        with pytest.raises(RuntimeCallError) as caught:
            await runtime.container_status("c")
    assert type(caught.value) is error
    assert "ContainerStatus" in str(caught.value)


async def test_what_is_gone_already_need_not_be_removed():
    gone = grpc.StatusCode.NOT_FOUND
    async with served(RemoveContainer=gone, StopPodSandbox=gone, RemoveImage=gone) as (runtime, _):
        await runtime.remove_container("c")
        await runtime.stop_sandbox("s")
        await runtime.remove_image("i")


async def test_no_socket_is_unavailable(tmp_path):
    runtime = CriRuntime(tmp_path / "none.sock")
    with pytest.raises(RuntimeUnavailable):
        await runtime.version()
    await runtime.close()


async def test_a_runtime_that_does_not_answer_runs_into_the_deadline():
    async with served(Status=NEVER, deadline=0.05) as (runtime, _):
        with pytest.raises(RuntimeDeadline):
            await runtime.status()


async def test_closing_ends_calls_with_an_error_and_not_with_a_cancellation():
    async with served(Status=NEVER) as (runtime, server):
        call = asyncio.create_task(runtime.status())
        await server.held.wait()
        await runtime.close()
        with pytest.raises(RuntimeUnavailable):
            await call
        with pytest.raises(RuntimeUnavailable):
            await runtime.version()


async def test_a_cancelled_caller_is_cancelled():
    async with served(Status=NEVER) as (runtime, server):
        call = asyncio.create_task(runtime.status())
        await server.held.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call


async def test_the_grace_period_reaches_the_runtime():
    async with served(StopContainer={}) as (runtime, server):
        await runtime.stop_container("c", timeout=30)
    assert server.asked[0][1].timeout == 30


async def test_calls_at_once_share_the_connection():
    async with served(Version={"runtime_name": "fake"}) as (runtime, _):
        found = await asyncio.gather(*(runtime.version() for _ in range(20)))
    assert {version.name for version in found} == {"fake"}


def created(config, sandbox=SANDBOX):
    """Return the message that a request would carry."""
    fields = {"config": requests.container(config), "sandbox_config": requests.sandbox(sandbox)}
    return METHODS["CreateContainer"].request(
        **{**fields, "config": {k: v for k, v in fields["config"].items() if v is not None}}
    )


def test_a_container_is_asked_for_in_full():
    config = ContainerConfig(
        name="main",
        image="sha256:1",
        user_image="busybox:1",
        command=["sh"],
        args=["-c", "true"],
        env=[("A", "b"), ("BYTES", "\udcff")],
        mounts=[Mount(container_path="/c", host_path="/h", propagation="BIDIRECTIONAL")],
        devices=[Device(container_path="/dev/x", host_path="/dev/y", permissions="r")],
        stop_signal="SIGRTMIN+3",
        resources=LinuxResources(cpu_shares=2, memory_limit=3, hugepage_limits={"2Mi": 4}),
        security=ContainerSecurity(
            run_as_user=0,
            add_capabilities=["NET_ADMIN"],
            seccomp=SecurityProfile("Localhost", "/p.json"),
            namespaces=Namespaces(pid="TARGET", target_id="other"),
        ),
    )
    message = created(config).config
    assert (message.image.image, message.image.user_specified_image) == ("sha256:1", "busybox:1")
    assert [(env.key, env.value) for env in message.envs] == [("A", b"b"), ("BYTES", b"\xff")]
    assert message.mounts[0].propagation == 2
    assert message.devices[0].permissions == "r"
    assert message.stop_signal == 38
    assert message.linux.resources.hugepage_limits[0].limit == 4
    security = message.linux.security_context
    assert security.HasField("run_as_user")
    assert not security.HasField("run_as_group")
    assert not security.HasField("apparmor")
    assert security.seccomp.localhost_ref == "/p.json"
    assert (security.namespace_options.pid, security.namespace_options.target_id) == (3, "other")
    assert tuple(security.masked_paths) == MASKED_PATHS


def test_a_sandbox_is_asked_for_in_full():
    config = SandboxConfig(
        name="web",
        namespace="default",
        uid="u",
        attempt=3,
        dns=DNSConfig(servers=["10.0.0.10"], searches=["cluster.local"], options=["ndots:5"]),
        ports=[PortMapping(container_port=80, host_port=8080, protocol="UDP")],
        sysctls={"net.ipv4.ip_forward": "1"},
        security=SandboxSecurity(
            namespaces=Namespaces(network="NODE", uid_mappings=[IdMapping(1000, 0, 65536)])
        ),
        resources=LinuxResources(cpu_shares=2),
    )
    message = created(ContainerConfig(name="c", image="i"), config).sandbox_config
    assert message.metadata.attempt == 3
    assert list(message.dns_config.options) == ["ndots:5"]
    assert (message.port_mappings[0].protocol, message.port_mappings[0].host_port) == (1, 8080)
    options = message.linux.security_context.namespace_options
    assert (options.network, options.userns_options.uids[0].length) == (2, 65536)
    assert not message.linux.HasField("overhead")
    assert message.linux.resources.cpu_shares == 2


def test_the_hosts_resolver_is_kept_when_no_dns_is_given():
    assert not created(ContainerConfig(name="c", image="i")).sandbox_config.HasField("dns_config")


async def test_a_call_that_must_not_be_cut_ends_before_its_caller():
    begun, let_go, ended = asyncio.Event(), asyncio.Event(), []

    async def call() -> None:
        begun.set()
        await let_go.wait()
        ended.append(True)
        raise RuntimeCallError("too late")

    caller = asyncio.create_task(uncut(call()))
    await begun.wait()
    caller.cancel()
    await asyncio.sleep(0)
    assert not caller.done()
    let_go.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert ended
