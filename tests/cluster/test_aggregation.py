"""Extension servers behind a whole cluster: passed on to, watched over, and told of."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import orjson
import pytest
import trustme
from tests.cluster.extension_server import GROUP, LONG, VERSION, ExtensionServer

from pinnace import Cluster
from pinnace.api.errors import ApiError, Forbidden, NotFound, ServiceUnavailable
from pinnace.api.kinds.apiregistration import APISERVICES
from pinnace.api.kinds.core import CONFIGMAPS, NAMESPACES, SERVICES
from pinnace.api.objects import Object, condition
from pinnace.api.wire import Request, Response, Stream, User
from pinnace.client import kubeconfig

BASE = f"/apis/{GROUP}/{VERSION}"
NAME = f"{VERSION}.{GROUP}"
THINGS = f"{BASE}/namespaces/default/things"
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


async def until(look: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20.0):
        while not await look():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def state(cluster: Cluster) -> Object:
    return condition(await cluster.client.get(APISERVICES, NAME), "Available") or {}


async def is_told(cluster: Cluster, reason: str) -> bool:
    return (await state(cluster)).get("reason") == reason


async def entry(cluster: Cluster) -> Object:
    found = orjson.loads(await cluster.client.raw("GET", "/apis", accept=AGGREGATED))
    groups = [each for each in found["items"] if each["metadata"]["name"] == GROUP]
    return groups[0]["versions"][0] if groups else {}


async def is_current(cluster: Cluster) -> bool:
    return (await entry(cluster)).get("freshness") == "Current"


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    async with Cluster(nodes=0) as found:
        yield found


@pytest.fixture
async def server(cluster: Cluster) -> AsyncIterator[ExtensionServer]:
    told = await cluster.client.get(
        CONFIGMAPS, "extension-apiserver-authentication", namespace="kube-system"
    )
    server = ExtensionServer(told["data"]["requestheader-client-ca-file"])
    await server.start()
    await cluster.client.create(SERVICES, server.service(), namespace="default")
    await cluster.client.create(APISERVICES, server.api_service())
    await until(lambda: is_told(cluster, "Passed"))
    await until(lambda: is_current(cluster))
    yield server
    await server.close()


async def ask(cluster: Cluster, path: str, method: str = "GET", **more: object) -> Response:
    user = User("jo", ("system:masters",), "u1", {"k/y": ("a", "b")})
    headers = {
        "authorization": "Bearer secret", "x-remote-user": "root", "x-remote-extra-x": "y",
        "x-remote-group": "system:nodes", "accept": "application/json",
    }  # fmt: skip
    answer = await cluster.server.handle(
        Request(method=method, path=path, headers=headers, user=user, remote="192.0.2.9", **more)  # type: ignore[arg-type]
    )
    if isinstance(answer, Stream):
        body = b"".join([frame async for frame in answer.frames])
        return Response(status=answer.status, headers=answer.headers, body=body)
    assert isinstance(answer, Response)
    return answer


async def test_a_server_is_asked_for_the_user_and_not_with_his_credentials(
    cluster: Cluster, server: ExtensionServer
) -> None:
    answer = await ask(cluster, THINGS, query={"b": ["2 3"], "a": ["/"]})
    assert answer.status == 200
    assert orjson.loads(answer.body)["kind"] == "ThingList"
    head = server.heads[-1]
    assert head.path_qs == f"{THINGS}?a=%2F&b=2+3"
    headers = head.headers
    assert headers["x-remote-user"] == "jo"
    assert headers["x-remote-uid"] == "u1"
    assert headers.getall("x-remote-group") == ["system:masters", "system:authenticated"]
    assert headers.getall("x-remote-extra-k%2Fy") == ["a", "b"]
    assert "authorization" not in headers
    assert "x-remote-extra-x" not in headers
    assert headers["x-forwarded-for"] == "192.0.2.9"
    assert headers["x-forwarded-uri"] == THINGS
    assert headers["x-forwarded-proto"] == "https"
    assert headers["host"] == headers["x-forwarded-host"] == f"127.0.0.1:{server.port}"
    assert headers["audit-id"] == answer.headers["audit-id"]


async def test_who_may_not_is_refused_here(cluster: Cluster, server: ExtensionServer) -> None:
    before = len(server.heads)
    answer = await cluster.server.handle(Request(method="GET", path=THINGS, user=User("nobody")))
    assert isinstance(answer, Response)
    assert answer.status == Forbidden.code
    assert len(server.heads) == before


async def test_a_path_is_passed_on_as_it_was_allowed(
    cluster: Cluster, server: ExtensionServer
) -> None:
    path = f"{BASE}/namespaces/default/../kube-system/things"
    await ask(cluster, path)
    assert server.heads[-1].raw_path == path


async def test_redirects_are_not_passed_on(cluster: Cluster, server: ExtensionServer) -> None:
    answer = await ask(cluster, f"{THINGS}/moved")
    assert answer.status == 502
    assert b"attempted to redirect this request" in answer.body
    assert "location" not in answer.headers


async def test_bodies_and_watches_stream_over_the_socket(
    cluster: Cluster, server: ExtensionServer
) -> None:
    context = kubeconfig.load(cluster.kubeconfig).ssl_context()
    async with aiohttp.ClientSession(cluster.url, read_bufsize=2**16) as session:

        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(LONG // 50_000):
                yield b"y" * 50_000

        async with session.post(THINGS, data=pieces(), ssl=context) as answer:
            assert (answer.status, await answer.json()) == (201, {"size": LONG})
        async with session.get(f"{THINGS}/long", ssl=context) as answer:
            assert len(await answer.read()) == LONG
        async with session.get(f"{THINGS}?watch=true", ssl=context) as answer:
            assert await answer.content.readline() == b'{"type":"ADDED"}\n'
            server.more.set()
            assert await answer.content.readline() == b'{"type":"DELETED"}\n'
        async with session.ws_connect(f"{THINGS}/x/exec", ssl=context) as socket:
            await socket.send_str("hello")
            assert (await socket.receive()).data == "hello kubernetes-admin"


async def test_discovery_and_openapi_tell_of_it(cluster: Cluster, server: ExtensionServer) -> None:
    [things] = (await entry(cluster))["resources"]
    assert (things["resource"], things["scope"]) == ("things", "Namespaced")
    listed = orjson.loads(await cluster.client.raw("GET", "/apis"))["groups"]
    names = [group["name"] for group in listed]
    assert names[0] == "apiregistration.k8s.io"
    assert names[-2:] == [GROUP, "metrics.k8s.io"]
    group = orjson.loads(await cluster.client.raw("GET", f"/apis/{GROUP}"))
    assert group["preferredVersion"]["version"] == VERSION

    async def merged() -> bool:
        index = orjson.loads(await cluster.client.raw("GET", "/openapi/v3"))["paths"]
        return f"apis/{GROUP}/{VERSION}" in index

    await until(merged)
    document = orjson.loads(await cluster.client.raw("GET", f"/openapi/v3{BASE}"))
    assert document == {"openapi": "3.0.0", "paths": {}}
    second = orjson.loads(await cluster.client.raw("GET", "/openapi/v2"))
    assert f"{BASE}/things" in second["paths"]
    assert second["definitions"]["Thing"] == {"type": "object"}


async def test_a_server_that_is_away_is_told_of_and_comes_back(
    cluster: Cluster, server: ExtensionServer
) -> None:
    port = server.port
    await server.close()
    answer = await ask(cluster, THINGS)
    assert (answer.status, answer.headers["content-type"]) == (503, "text/plain; charset=utf-8")
    assert answer.body.startswith(b"error trying to reach service: dial tcp 127.0.0.1:")
    # Whatever is changed of an APIService has it looked at again.
    await cluster.client.patch(APISERVICES, NAME, {"metadata": {"labels": {"a": "b"}}})
    await until(lambda: is_told(cluster, "FailedDiscoveryCheck"))
    url = f"https://127.0.0.1:{port}{BASE}"
    assert (await state(cluster))["message"] == (
        f'failing or missing response from {url}: Get "{url}": '
        f"dial tcp 127.0.0.1:{port}: connect: connection refused"
    )
    answer = await ask(cluster, THINGS)
    assert (answer.status, answer.body) == (503, b"service unavailable\n")

    async def is_stale() -> bool:
        return await entry(cluster) == {"version": VERSION, "freshness": "Stale"}

    await until(is_stale)
    metrics = (await cluster.client.raw("GET", "/metrics")).decode()
    assert f'aggregator_unavailable_apiservice{{name="{NAME}"}} 1.0' in metrics
    total = f'aggregator_unavailable_apiservice_total{{name="{NAME}",reason='
    assert f'{total}"FailedDiscoveryCheck"}} 1.0' in metrics
    await server.start(port)
    await cluster.client.patch(APISERVICES, NAME, {"metadata": {"labels": {"a": "c"}}})
    await until(lambda: is_told(cluster, "Passed"))


async def test_a_namespace_waits_for_what_cannot_be_discovered(
    cluster: Cluster, server: ExtensionServer
) -> None:
    await server.close()
    await cluster.client.patch(APISERVICES, NAME, {"metadata": {"labels": {"a": "b"}}})

    async def is_stale() -> bool:
        return (await entry(cluster)).get("freshness") == "Stale"

    await until(is_stale)
    await cluster.client.create(NAMESPACES, {"metadata": {"name": "n"}})
    await cluster.client.delete(NAMESPACES, "n")

    async def is_failing() -> bool:
        found = await cluster.client.get(NAMESPACES, "n")
        told = condition(found, "NamespaceDeletionDiscoveryFailure") or {}
        return told.get("message") == (
            "Discovery failed for some groups, 1 failing: unable to retrieve the complete list of "
            f"server APIs: {GROUP}/{VERSION}: stale GroupVersion discovery: {GROUP}/{VERSION}"
        )

    await until(is_failing)
    await cluster.client.delete(APISERVICES, NAME)

    async def is_gone() -> bool:
        try:
            await cluster.client.get(NAMESPACES, "n")
        except NotFound:
            return True
        return False

    await until(is_gone)
    with pytest.raises(NotFound):
        await cluster.client.raw("GET", THINGS)


async def test_a_certificate_that_nobody_vouches_for_is_not_believed(
    cluster: Cluster, server: ExtensionServer
) -> None:
    other = base64.b64encode(trustme.CA().cert_pem.bytes()).decode()
    await cluster.client.patch(APISERVICES, NAME, {"spec": {"caBundle": other}}, type="merge")
    await until(lambda: is_told(cluster, "FailedDiscoveryCheck"))
    assert (await state(cluster))["message"].endswith(
        "tls: failed to verify certificate: x509: certificate signed by unknown authority"
    )
    with pytest.raises((ServiceUnavailable, ApiError)):
        await cluster.client.raw("GET", THINGS)
    insecure = {"spec": {"caBundle": None, "insecureSkipTLSVerify": True}}
    await cluster.client.patch(APISERVICES, NAME, insecure, type="merge")
    await until(lambda: is_told(cluster, "Passed"))
    await cluster.client.raw("GET", THINGS)
