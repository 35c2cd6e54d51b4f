import asyncio
import re

from pinnace.api.errors import NotFound, ServiceUnavailable
from pinnace.client.events import EventRecorder
from pinnace.kit.clock import VirtualClock

POD = {
    "kind": "Pod",
    "apiVersion": "v1",
    "metadata": {"name": "p", "namespace": "n", "uid": "u", "resourceVersion": "7"},
}


class Sink:
    def __init__(self):
        self.created = []
        self.patched = []
        self.fail = None

    async def create(self, resource, obj, **_):
        if self.fail:
            raise self.fail
        self.created.append(obj)
        return obj

    async def patch(self, resource, name, patch, **_):
        if self.fail:
            fail, self.fail = self.fail, None
            raise fail
        self.patched.append((name, patch))
        return {}


class Recording:
    def __init__(self):
        self.sink, self.clock = Sink(), VirtualClock()
        self.recorder = EventRecorder(self.sink, self.clock, component="tester", host="here")

    async def __aenter__(self):
        self.task = asyncio.create_task(self.recorder.run())
        return self

    async def __aexit__(self, *_):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def say(self, message, reason="Testing"):
        self.recorder.event(POD, type="Normal", reason=reason, message=message)
        for _ in range(5):
            await asyncio.sleep(0)


async def test_an_event_tells_of_whom_by_whom_and_when():
    async with Recording() as it:
        await it.say("hello")
        (event,) = it.sink.created
    assert re.fullmatch(r"p\.[0-9a-f]+", event["metadata"].pop("name"))
    assert event == {
        "kind": "Event",
        "apiVersion": "v1",
        "metadata": {"namespace": "n"},
        "involvedObject": {
            "kind": "Pod",
            "namespace": "n",
            "name": "p",
            "uid": "u",
            "apiVersion": "v1",
            "resourceVersion": "7",
        },
        "reason": "Testing",
        "message": "hello",
        "source": {"component": "tester", "host": "here"},
        "firstTimestamp": "2030-01-01T00:00:00Z",
        "lastTimestamp": "2030-01-01T00:00:00Z",
        "count": 1,
        "type": "Normal",
        "eventTime": None,
        "reportingComponent": "tester",
        "reportingInstance": "here",
    }


async def test_the_same_event_again_counts_up():
    async with Recording() as it:
        await it.say("hello")
        await it.say("hello")
        ((name, patch),) = it.sink.patched
        assert name == it.sink.created[0]["metadata"]["name"]
        assert patch["count"] == 2


async def test_a_counted_event_that_has_expired_is_created_anew():
    async with Recording() as it:
        await it.say("hello")
        it.sink.fail = NotFound("expired")
        await it.say("hello")
        assert [event["count"] for event in it.sink.created] == [1, 2]


async def test_ten_events_that_differ_by_message_are_combined():
    async with Recording() as it:
        for number in range(12):
            await it.say(f"number {number}")
        assert len(it.sink.created) == 10
        assert it.sink.created[-1]["message"] == "(combined from similar events): number 9"
        assert [patch["count"] for _, patch in it.sink.patched] == [2, 3]


async def test_more_than_twenty_five_about_one_object_are_spam_until_time_passes():
    async with Recording() as it:
        for number in range(40):
            await it.say("x", reason=f"Reason{number}")
        assert len(it.sink.created) == 25
        await it.clock.advance(301)
        await it.say("y", reason="Later")
        assert len(it.sink.created) == 26


async def test_a_server_that_is_away_loses_events_and_nothing_else():
    async with Recording() as it:
        it.sink.fail = ServiceUnavailable("away")
        await it.say("lost")
        it.sink.fail = None
        await it.say("told", reason="Other")
        assert [event["message"] for event in it.sink.created] == ["told"]
