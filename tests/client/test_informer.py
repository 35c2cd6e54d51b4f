import asyncio
import contextlib

import pytest

from pinnace.api.errors import ApiError, Expired, Invalid, ServiceUnavailable
from pinnace.api.kinds.core import CONFIGMAPS
from pinnace.api.objects import Key
from pinnace.client.base import WatchEvent
from pinnace.client.informer import SharedInformers
from pinnace.kit.clock import VirtualClock


def cm(name, revision, *, uid="", **data):
    return {
        "metadata": {
            "name": name,
            "namespace": "n",
            "uid": uid or name,
            "resourceVersion": str(revision),
        },
        "data": data,
    }


def bookmark(revision, *, end=False):
    meta = {"resourceVersion": str(revision)}
    if end:
        meta["annotations"] = {"k8s.io/initial-events-end": "true"}
    return WatchEvent("BOOKMARK", {"metadata": meta})


class Scripted:
    """A client whose lists and watches are given; a watch past the script hangs."""

    def __init__(self, *, watches, lists=()):
        self.watches = list(watches)
        self.lists = list(lists)
        self.asked = []

    async def list(self, resource, **options):
        found = self.lists.pop(0)
        if isinstance(found, Exception):
            raise found
        items, revision = found
        return {"items": items, "metadata": {"resourceVersion": str(revision)}}

    async def watch(self, resource, *, resource_version="", initial_events=False, **options):
        self.asked.append("stream" if initial_events else resource_version)
        if not self.watches:
            await asyncio.Event().wait()
        for event in self.watches.pop(0):
            if isinstance(event, Exception):
                raise event
            yield event


@contextlib.asynccontextmanager
async def informed(client):
    clock = VirtualClock()
    async with SharedInformers(client, clock) as informers:
        informer = informers.informer(CONFIGMAPS)
        seen = []
        informer.add_handler(
            lambda type, old, new: seen.append((type, (new or old)["metadata"]["name"]))
        )
        yield informer, seen, clock


async def settle(clock, seconds=0.0):
    for _ in range(30):
        await asyncio.sleep(0)
    if seconds:
        await clock.advance(seconds)
        for _ in range(30):
            await asyncio.sleep(0)


def added(obj):
    return WatchEvent("ADDED", obj)


async def test_a_streaming_list_becomes_the_state_at_its_end_bookmark():
    client = Scripted(
        watches=[[added(cm("a", 1)), added(cm("b", 2)), bookmark(5, end=True), added(cm("c", 6))]]
    )
    async with informed(client) as (informer, seen, clock):
        await settle(clock)
        assert informer.synced
        assert seen == [("ADDED", "a"), ("ADDED", "b"), ("ADDED", "c")]
        assert client.asked == ["stream", "6"]


@pytest.mark.parametrize(
    "error",
    [
        Invalid("sendInitialEvents is forbidden"),
        ApiError("the required storage feature RequestWatchProgress is disabled"),
    ],
)
async def test_a_server_without_streaming_lists_is_listed(error):
    client = Scripted(watches=[[error]], lists=[([cm("a", 1)], 7)])
    async with informed(client) as (informer, seen, clock):
        await settle(clock, 2)
        assert informer.get(Key("n", "a"))["kind"] == "ConfigMap"
        assert client.asked == ["stream", "7"]
        assert seen == [("ADDED", "a")]


async def test_a_forgotten_revision_lists_again_and_tells_what_vanished():
    client = Scripted(
        watches=[
            [
                added(cm("a", 1)),
                added(cm("b", 2)),
                added(cm("c", 3, uid="1")),
                bookmark(5, end=True),
            ],
            [Expired("too old resource version")],
            [added(cm("b", 2)), added(cm("c", 8, uid="2")), bookmark(9, end=True)],
        ]
    )
    async with informed(client) as (_, seen, clock):
        await settle(clock, 60)
        assert client.asked[:3] == ["stream", "5", "stream"]
        assert seen[3:] == [("DELETED", "a"), ("DELETED", "c"), ("ADDED", "c")]


async def test_a_lost_connection_resumes_at_the_last_revision():
    client = Scripted(
        watches=[
            [bookmark(5, end=True), added(cm("a", 6)), ServiceUnavailable("gone")],
            [WatchEvent("MODIFIED", cm("a", 7)), bookmark(20)],
        ]
    )
    async with informed(client) as (_, seen, clock):
        await settle(clock, 60)
        assert seen == [("ADDED", "a"), ("MODIFIED", "a")]
        assert client.asked == ["stream", "6", "20"]


async def test_nothing_is_taken_before_the_end_of_the_initial_events():
    client = Scripted(watches=[[added(cm("a", 1))]])
    async with informed(client) as (informer, seen, clock):
        await settle(clock)
        assert not informer.synced
        assert seen == []


async def test_a_late_handler_is_told_of_what_is_there():
    client = Scripted(watches=[[added(cm("a", 1)), bookmark(1, end=True)]])
    async with informed(client) as (informer, _, clock):
        await settle(clock)
        late = []
        remove = informer.add_handler(lambda type, old, new: late.append(type))
        assert late == ["ADDED"]
        remove()


async def test_a_failing_handler_does_not_stop_the_others(caplog):
    client = Scripted(watches=[[bookmark(1, end=True), added(cm("a", 2))]])
    async with informed(client) as (informer, _, clock):
        informer.add_handler(lambda *_: 1 / 0)
        late = []
        informer.add_handler(lambda type, old, new: late.append(type))
        await settle(clock)
        assert late == ["ADDED"]
        assert "ZeroDivisionError" in caplog.text


async def test_indexes_follow_the_objects():
    client = Scripted(
        watches=[
            [
                added(cm("a", 1, app="x")),
                bookmark(1, end=True),
                WatchEvent("MODIFIED", cm("a", 2, app="y")),
                added(cm("b", 3, app="y")),
                WatchEvent("DELETED", cm("a", 4, app="y")),
            ]
        ]
    )
    async with informed(client) as (informer, _, clock):
        informer.add_index("app", lambda obj: (obj["data"]["app"],))
        await settle(clock)
        assert list(informer.by_index("app", "x")) == []
        assert [o["metadata"]["name"] for o in informer.by_index("app", "y")] == ["b"]
        assert len(list(informer.list("n"))) == 1
        assert list(informer.list("other")) == []


async def test_managed_fields_are_not_kept():
    obj = cm("a", 1)
    obj["metadata"]["managedFields"] = [{"manager": "me"}]
    client = Scripted(watches=[[added(obj), bookmark(1, end=True)]])
    async with informed(client) as (informer, _, clock):
        await settle(clock)
        assert "managedFields" not in informer.get(Key("n", "a"))["metadata"]


async def test_one_informer_per_resource_is_shared():
    client = Scripted(watches=[])
    async with SharedInformers(client, VirtualClock()) as informers:
        assert informers.informer(CONFIGMAPS) is informers.informer(CONFIGMAPS)
        assert informers.informer(CONFIGMAPS) is not informers.informer(CONFIGMAPS, namespace="n")
