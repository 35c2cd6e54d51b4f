"""Where audit events go: files that rotate, batches, webhooks, truncation."""

import asyncio
import gzip
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from pinnace.apiserver.audit import log_file
from pinnace.apiserver.audit.batches import Batches
from pinnace.apiserver.audit.config import BatchConfig, LogConfig, TruncateConfig, WebhookConfig
from pinnace.apiserver.audit.events import Event
from pinnace.apiserver.audit.log_file import LogFile, ensure_file
from pinnace.apiserver.audit.policy import Level
from pinnace.apiserver.audit.sinks import Everywhere, Lenient, Truncating, settled
from pinnace.apiserver.audit.webhook import Webhook
from pinnace.kit.clock import VirtualClock

START = datetime(2030, 1, 1, tzinfo=UTC)


async def soon(true: Callable[[], bool]) -> None:
    for _ in range(1000):
        if true():
            return
        await asyncio.sleep(0)
    raise AssertionError


def event(number: int, level: Level = Level.METADATA, **more: Any) -> Event:
    fields = {
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata",
        "auditID": str(number), "stage": "RequestReceived", "requestURI": "/", "verb": "get",
        "user": {"username": "u", "groups": ["a", "b"]}, **more,
        "requestReceivedTimestamp": "2030-01-01T00:00:00.000000Z",
        "stageTimestamp": "2030-01-01T00:00:00.000000Z",
    }  # fmt: skip
    return Event(level, fields)


class Kept:
    """A sink that keeps batches; `answer` is what it says."""

    def __init__(self, answer: bool = True) -> None:
        self.batches: list[list[str]] = []
        self.events: list[Event] = []
        self.answer = answer

    def take(self, events: Sequence[Event]) -> bool:
        self.batches.append([one.fields["auditID"] for one in events])
        self.events += events
        return self.answer

    async def give(self, events: Sequence[Event]) -> bool:
        return self.take(events)

    def start(self) -> None: ...

    async def close(self) -> None: ...


class Lost(list[tuple[str, str, int]]):
    def __call__(self, plugin: str, why: str, events: Sequence[Event]) -> None:
        self.append((plugin, why, len(events)))


def test_the_legacy_format_is_one_line_of_text() -> None:
    status = {"metadata": {}, "code": 200}
    made = event(1, userAgent="k", responseStatus=status, sourceIPs=["1.2.3.4"])
    assert made.line() == (
        '2030-01-01T00:00:00.000000Z AUDIT: id="1" stage="RequestReceived" ip="1.2.3.4" '
        'method="get" user="u" groups="\\"a\\",\\"b\\"" as="<self>" asgroups="<lookup>" '
        'user-agent="k" namespace="<none>" uri="/" response="200"'
    )


def test_a_full_file_is_put_aside_under_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_file, "_MIB", 600)
    now = START
    path = tmp_path / "sub" / "audit.log"
    ensure_file(str(path))
    assert path.stat().st_mode & 0o777 == 0o600
    config = LogConfig(path=str(path), max_size=1, max_backups=2, compress=True)
    file = LogFile(config, Lost(), lambda: now)
    for number in range(7):
        now = START + timedelta(seconds=number)
        assert file.take([event(number)])
        if file._tidying is not None:
            file._tidying.join()
    asyncio.run(file.close())
    names = sorted(each.name for each in path.parent.iterdir())
    assert names == [
        "audit-2030-01-01T00-00-04.000.log.gz",
        "audit-2030-01-01T00-00-06.000.log.gz",
        "audit.log",
    ]
    old = gzip.decompress((path.parent / names[0]).read_bytes()).splitlines()
    assert [orjson.loads(line)["auditID"] for line in old] == ["2", "3"]


def test_old_files_go_by_age(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    (tmp_path / "audit-2029-01-01T00-00-00.000.log").touch()
    (tmp_path / "audit-2029-12-31T00-00-00.000.log").touch()
    (tmp_path / "audit-of-somebody.log").touch()
    file = LogFile(LogConfig(path=str(path), max_age=2), Lost(), lambda: START)
    file.take([event(1)])
    asyncio.run(file.close())
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "audit-2029-12-31T00-00-00.000.log", "audit-of-somebody.log", "audit.log",
    ]  # fmt: skip


async def test_what_cannot_be_written_is_said_to_be_lost() -> None:
    lost = Lost()
    file = LogFile(LogConfig(path="/dev/full", max_size=0), lost, lambda: START)
    assert not file.take([event(1)])
    assert lost == [("log", "No space left on device", 1)]
    await file.close()


def test_truncation_takes_objects_out_and_drops_what_is_too_large_all_the_same() -> None:
    kept, lost = Kept(), Lost()
    sink = Truncating(kept, TruncateConfig(max_event_size=500, max_batch_size=800), lost)
    large = event(2, Level.REQUEST, requestObject={"x": "y" * 500})
    hopeless = event(3, userAgent="z" * 500)
    assert sink.take([event(1), large, hopeless, event(4)])
    assert kept.batches == [["1", "2"], ["4"]]
    assert kept.events[1].fields["annotations"] == {"audit.k8s.io/truncated": "true"}
    assert "requestObject" not in kept.events[1].fields
    assert lost == [("truncate", "event is too large even after truncating", 1)]


async def test_all_sinks_get_events_and_the_lenient_forgive() -> None:
    good, bad = Kept(), Kept(answer=False)
    assert await settled(Everywhere([bad, good]).take([event(1)])) is False
    assert await settled(Everywhere([Lenient(bad), good]).take([event(2)])) is True
    assert good.batches == [["1"], ["2"]]


def batches(kept: Kept, clock: VirtualClock, lost: Lost, **config: Any) -> Batches:
    return Batches(kept.give, BatchConfig(**config), clock, lost, end=kept.close, at_once=False)


async def test_a_batch_goes_out_when_it_is_full_or_has_waited() -> None:
    clock, kept = VirtualClock(), Kept()
    sink = batches(kept, clock, Lost(), max_size=3, max_wait=30.0)
    sink.start()
    for number in range(4):
        sink.take([event(number)])
    await soon(lambda: bool(kept.batches))
    assert kept.batches == [["0", "1", "2"]]
    await soon(lambda: clock.next_deadline() is not None)
    await clock.advance(30)
    await soon(lambda: len(kept.batches) == 2)
    sink.take([event(9)])
    await sink.close()
    assert kept.batches == [["0", "1", "2"], ["3"], ["9"]]


async def test_what_does_not_fit_into_the_queue_is_lost() -> None:
    kept, lost = Kept(), Lost()
    sink = batches(kept, VirtualClock(), lost, buffer_size=2)
    assert sink.take([event(1), event(2), event(3)])
    assert lost == [("buffered", "audit buffer queue blocked", 1)]
    sink.start()
    await sink.close()
    assert kept.batches == [["1"], ["2"]]
    assert sink.take([event(4)])
    assert lost[1:] == [("buffered", "audit backend shut down", 1)]


async def test_batches_go_out_no_faster_than_they_may() -> None:
    clock, kept = VirtualClock(), Kept()
    sink = batches(kept, clock, Lost(), throttle=True, rate=1.0, burst=2)
    sink.start()
    sink.take([event(number) for number in range(4)])
    await soon(lambda: len(kept.batches) == 2 and clock.next_deadline() is not None)
    await clock.advance(1)
    await soon(lambda: len(kept.batches) == 3)
    await sink.close()
    assert len(kept.batches) == 4


@pytest.fixture
async def receiver() -> Any:
    lists: list[Any] = []
    failures: list[int] = []

    async def take(request: web.Request) -> web.Response:
        assert request.headers["authorization"] == "Bearer t"
        if failures:
            return web.Response(status=failures.pop())
        lists.append(await request.json())
        return web.Response()

    app = web.Application()
    app.router.add_post("/audit", take)
    async with TestServer(app) as server:
        yield str(server.make_url("/audit")), lists, failures


async def test_a_webhook_gets_a_list_of_events_and_is_asked_again(receiver: Any) -> None:
    url, lists, failures = receiver
    clock, lost = VirtualClock(), Lost()
    hook = Webhook(WebhookConfig(url=url, token=lambda: "t"), clock, lost)
    failures.append(503)
    taking = asyncio.create_task(hook.take([event(1), event(2)]))
    for _ in range(2000):
        if clock.next_deadline() is not None:
            break
        await asyncio.sleep(0.001)
    await clock.advance(20)
    assert await taking
    [found] = lists
    assert (found["kind"], found["apiVersion"]) == ("EventList", "audit.k8s.io/v1")
    assert [item["auditID"] for item in found["items"]] == ["1", "2"]
    await hook.close()
    assert lost == []


async def test_a_webhook_that_nobody_answers_loses_its_events() -> None:
    lost = Lost()
    config = WebhookConfig(url="http://127.0.0.1:1/", initial_backoff=0.0)
    hook = Webhook(config, VirtualClock(), lost)
    assert not await hook.take([event(1)])
    [(plugin, why, count)] = lost
    assert (plugin, count) == ("webhook", 1)
    assert why.startswith('Post "http://127.0.0.1:1/": ')
    await hook.close()
