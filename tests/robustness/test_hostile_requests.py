"""What an outsider, or somebody with few rights, may send: each gets its refusal, and soon."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs

import orjson
import pytest

from pinnace.api.wire import Request, Response, User
from pinnace.apiserver.app import ApiServer
from pinnace.apiserver.authz.configuration import NODE_AND_RBAC
from pinnace.apiserver.config import ServerConfig
from pinnace.kit.clock import SystemClock
from pinnace.store.memory import MemoryStore

ROOT = User("root", ("system:masters", "system:authenticated"))
ANYBODY = User("anybody", ("system:authenticated",))
MAPS = "/api/v1/namespaces/default/configmaps"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
THINGS = "/apis/example.com/v1/namespaces/default/things"
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
DIGITS = "9" * 100_000


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    made = ApiServer(
        MemoryStore(), SystemClock(), ServerConfig(admission=True, authorization=NODE_AND_RBAC)
    )
    await made.start()
    yield made
    await made.close()


async def send(
    server: ApiServer,
    method: str,
    path: str,
    body: Any = None,
    *,
    user: User = ROOT,
    media: str = "application/json",
    **headers: str,
) -> tuple[int, dict[str, Any]]:
    where, _, query = path.partition("?")
    sent = body if isinstance(body, bytes) else orjson.dumps(body) if body is not None else b""
    request = Request(
        method=method, path=where, query=parse_qs(query, keep_blank_values=True), body=sent,
        user=user, raw_query=query,
        headers={"content-type": media, "accept": "application/json", **headers},
    )  # fmt: skip
    answer = await server.handle(request)
    if not isinstance(answer, Response):
        return answer.status, {}  # type: ignore[union-attr]
    is_json = answer.headers.get("content-type") == "application/json"
    return answer.status, orjson.loads(answer.body) if is_json else {}


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(f"{MAPS}?limit={DIGITS}", id="limit"),
        pytest.param(f"{MAPS}?limit=%C2%B2", id="a digit that is none"),
        pytest.param(f"{MAPS}?limit=%205", id="space"),
        pytest.param(f"{MAPS}?limit=99999999999999999999", id="more than 64 bits"),
        pytest.param(f"{MAPS}?resourceVersion={DIGITS}", id="resourceVersion"),
        pytest.param(f"{MAPS}?watch=1&timeoutSeconds={DIGITS}", id="timeoutSeconds"),
    ],
)
async def test_numbers_of_any_length_are_refused_and_do_no_harm(
    server: ApiServer, path: str
) -> None:
    status, _ = await send(server, "GET", path)
    assert status == 400


async def test_a_grace_period_of_many_digits_is_refused(server: ApiServer) -> None:
    path = f"{MAPS}/x?gracePeriodSeconds={DIGITS}"
    assert (await send(server, "DELETE", path))[0] == 400


@pytest.mark.parametrize("number", ["9" * 5000, "1e999", "-1e999"])
async def test_a_number_that_is_too_large_for_any_field_is_refused(
    server: ApiServer, number: str
) -> None:
    body = '{"metadata":{"name":"x","generation":' + number + "}}"
    status, answer = await send(server, "POST", MAPS, body.encode())
    assert status == 400
    assert f"cannot unmarshal number {number} into Go struct field" in answer["message"]


def token(**fields: Any) -> str:
    made = orjson.dumps({"v": "meta.k8s.io/v1", "rv": 1, "start": "a\0", **fields})
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


@pytest.mark.parametrize(
    ("forged", "code", "says"),
    [
        (token(start="../other/\0"), 400, "continue key is not valid: ../other/"),
        (token(start="/registry/secrets/"), 400, "continue key is not valid: /registry/secrets/"),
        (token(start="a//b"), 400, "continue key is not valid: a//b"),
        (token(rv=1 << 60), 504, "Too large resource version"),
        (token(rv="1"), 400, "cannot unmarshal string into Go struct field continueToken.rv"),
        (token(v=["x"]), 400, "cannot unmarshal array into Go struct field continueToken.v of"),
    ],
)
async def test_forged_continue_tokens_lead_nowhere(
    server: ApiServer, forged: str, code: int, says: str
) -> None:
    status, answer = await send(server, "GET", f"{MAPS}?limit=1&continue={forged}")
    assert status == code
    assert says in answer["message"]


LONG = ",".join(f"!a{i}" for i in range(100_000))
REQUIREMENTS = [{"key": f"a{i}", "operator": "In", "values": ["b"]} for i in range(30_000)]


@pytest.mark.parametrize(
    ("method", "path", "body", "media"),
    [
        pytest.param("GET", f"{MAPS}?labelSelector={LONG}", None, "", id="label selector"),
        pytest.param(
            "POST", REVIEWS,
            {"spec": {"resourceAttributes": {"labelSelector": {"rawSelector": LONG}}}},
            "application/json", id="review of a long selector",
        ),
        pytest.param(
            "POST", REVIEWS,
            {"spec": {"resourceAttributes": {"labelSelector": {"requirements": REQUIREMENTS}}}},
            "application/json", id="review of many requirements",
        ),
        pytest.param(
            "DELETE", f"{MAPS}/x", b"x: [" + b"{}," * 100_000 + b"{}]",
            "application/yaml", id="options of a delete",
        ),
    ],
)  # fmt: skip
async def test_what_is_long_to_read_is_read_beside_the_event_loop(
    server: ApiServer,
    method: str,
    path: str,
    body: Any,
    media: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    large = 0
    run = server.core.apart.run

    async def noted(size: int, work: Any) -> Any:
        nonlocal large
        large = max(large, size)
        return await run(size, work)

    monkeypatch.setattr(type(server.core.apart), "run", staticmethod(noted))
    await send(server, method, path, body, user=ROOT, media=media)
    assert large > 100_000


async def test_clauses_of_accept_are_read_up_to_a_bound(server: ApiServer) -> None:
    # Each is better than all before it, so to sort them takes the square of their number.
    accept = ",".join(f"a/b;q=0.{i:06d}" for i in range(60_000)) + ",*/*"
    began = time.process_time()
    status, _ = await send(server, "GET", MAPS, accept=accept)
    assert status == 406
    assert time.process_time() - began < 5


async def define(server: ApiServer, spec: dict[str, Any]) -> None:
    schema = {"type": "object", "properties": {"spec": spec}}
    version = {
        "name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema},
    }  # fmt: skip
    names = {"plural": "things", "kind": "Thing"}
    body = {
        "metadata": {"name": "things.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced", "names": names, "versions": [version],
        },
    }  # fmt: skip
    assert (await send(server, "POST", DEFINITIONS, body))[0] == 201
    for _ in range(200):
        if (await send(server, "GET", THINGS))[0] == 200:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the definition is not served")


def thing(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "x"}, "spec": spec,
    }  # fmt: skip


async def test_defaults_do_not_make_gigabytes_of_a_small_object(server: ApiServer) -> None:
    field = {"type": "string", "default": "x" * 500_000}
    item = {"type": "object", "properties": {"d": field}}
    await define(server, {"type": "object", "properties": {"l": {"type": "array", "items": item}}})
    status, answer = await send(server, "POST", THINGS, thing(l=[{}] * 100_000))
    assert status == 500
    assert answer["message"] == "etcdserver: request is too large"
    assert (await send(server, "POST", THINGS, thing(l=[{}] * 2)))[0] == 201


async def test_a_patch_that_is_nested_too_deep_is_refused(server: ApiServer) -> None:
    await define(server, {"type": "object", "x-kubernetes-preserve-unknown-fields": True})
    assert (await send(server, "POST", THINGS, thing(a=1)))[0] == 201
    deep = b'{"spec":' + b'{"a":' * 900 + b"1" + b"}" * 901
    status, answer = await send(
        server, "PATCH", f"{THINGS}/x", deep, media="application/merge-patch+json"
    )
    assert status == 400
    assert answer["message"] == "error decoding patch: exceeded max depth"


async def test_an_object_that_is_wrong_everywhere_is_told_so_up_to_a_bound(
    server: ApiServer,
) -> None:
    item = {"type": "string", "enum": [f"choice-{i}" for i in range(100)]}
    await define(server, {"type": "object", "properties": {"l": {"type": "array", "items": item}}})
    began = time.process_time()
    status, answer = await send(server, "POST", THINGS, thing(l=["none of them"] * 100_000))
    assert status == 422
    assert len(answer["details"]["causes"]) <= 1001
    assert time.process_time() - began < 5
