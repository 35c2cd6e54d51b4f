"""Large work is done beside the event loop, which answers others meanwhile."""

import asyncio
import threading
from collections.abc import Iterator

import orjson
import pytest

from pinnace.api.cel.environment import Environment
from pinnace.apiserver.apart import LARGE, Apart


@pytest.fixture
def apart() -> Iterator[Apart]:
    made = Apart()
    yield made
    made.close()


async def test_small_work_is_done_at_once(apart: Apart) -> None:
    assert await apart.run(LARGE - 1, threading.current_thread) is threading.current_thread()


async def test_the_loop_goes_on_beside_large_work(apart: Apart) -> None:
    began, may_end = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def work() -> str:
        loop.call_soon_threadsafe(began.set)
        assert may_end.wait(10)
        return "done"

    task = asyncio.create_task(apart.run(LARGE, work))
    await began.wait()
    assert not task.done()
    may_end.set()
    assert await task == "done"


async def test_large_work_raises_what_it_raises(apart: Apart) -> None:
    with pytest.raises(ZeroDivisionError):
        await apart.run(LARGE, lambda: 1 // 0)


async def test_slow_expressions_are_begun_anew_beside_the_loop(apart: Apart) -> None:
    program = Environment(variables={}).compile(
        "[0,1,2,3,4,5,6,7,8,9].all(a, " * 5 + "true" + ")" * 5
    )
    threads = []

    def work() -> object:
        threads.append(threading.current_thread())
        return program.run({}, 10**9).value

    assert await apart.patiently(0, work) is True
    assert threads[0] is threading.current_thread()
    assert threads[1] is not threads[0]


async def test_an_object_of_megabytes_is_answered_as_any_other(api: object) -> None:
    labels = {f"k{number}": "v" for number in range(5000)}
    body = {"metadata": {"name": "wide", "labels": labels}, "data": {"a": "b"}}
    path = "/api/v1/namespaces/default/configmaps"
    status, made = await api.do("POST", path, body)  # type: ignore[attr-defined]
    assert (status, made["metadata"]["labels"]) == (201, labels)
    assert len(orjson.dumps(body)) > LARGE
    patch = {"data": {"a": "c"}}
    status, made = await api.do(  # type: ignore[attr-defined]
        "PATCH", f"{path}/wide", patch, content_type="application/merge-patch+json"
    )
    assert (status, made["data"], made["metadata"]["labels"]) == (200, {"a": "c"}, labels)
