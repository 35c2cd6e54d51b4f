"""Where audit events go: what every sink does, and what stands between requests and a sink."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from pinnace.apiserver.audit.config import TruncateConfig
from pinnace.apiserver.audit.events import Event
from pinnace.apiserver.audit.policy import Level

_log = logging.getLogger(__name__)
# Whether all events were taken; who has to wait for that gets an awaitable.
Taken = bool | Awaitable[bool]
# Is told of events that are lost: which part lost them, and why.
Lost = Callable[[str, str, Sequence[Event]], None]


class Sink(Protocol):
    """Takes events; never raises."""

    def take(self, events: Sequence[Event]) -> Taken:
        """Take events in order; False if any of them could not be kept."""
        ...

    def start(self) -> None:
        """Begin with what is done beside the requests."""
        ...

    async def close(self) -> None:
        """Pass on what is held, and let go of everything."""
        ...


async def settled(taken: Taken) -> bool:
    """Return whether events were taken, waiting for that if need be."""
    return taken if isinstance(taken, bool) else await taken


class Everywhere:
    """Several sinks, all of which get all events."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = tuple(sinks)

    def take(self, events: Sequence[Event]) -> Taken:
        """Give the events to every sink, whatever the others say."""
        taken = [sink.take(events) for sink in self._sinks]
        if all(isinstance(one, bool) for one in taken):
            return all(taken)
        return _all(taken)

    def start(self) -> None:
        for sink in self._sinks:
            sink.start()

    async def close(self) -> None:
        for sink in self._sinks:
            await sink.close()


async def _all(taken: Sequence[Taken]) -> bool:
    return all([await settled(one) for one in taken])


class Lenient:
    """A sink that is waited for, and whose failures fail no request (mode `blocking`)."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def take(self, events: Sequence[Event]) -> Taken:
        taken = self._sink.take(events)
        return True if isinstance(taken, bool) else _ignored(taken)

    def start(self) -> None:
        self._sink.start()

    async def close(self) -> None:
        await self._sink.close()


async def _ignored(taken: Awaitable[bool]) -> bool:
    await taken
    return True


class Truncating:
    """Takes the objects out of events that are too large, and splits batches that are."""

    def __init__(self, sink: Sink, config: TruncateConfig, lost: Lost) -> None:
        self._sink = sink
        self._config = config
        self._lost = lost

    def take(self, events: Sequence[Event]) -> Taken:
        batches: list[list[Event]] = [[]]
        size, dropped = 0, []
        for event in events:
            fitting, own = self._fitting(event)
            if fitting is None:
                dropped.append(event)
                continue
            if batches[-1] and size + own > self._config.max_batch_size:
                batches.append([])
                size = 0
            size += own
            batches[-1].append(fitting)
        if dropped:
            self._lost("truncate", "event is too large even after truncating", dropped)
        taken = [self._sink.take(batch) for batch in batches if batch]
        if all(isinstance(one, bool) for one in taken):
            return all(taken)
        return _all(taken)

    def _fitting(self, event: Event) -> tuple[Event | None, int]:
        """Return an event that is no larger than it may be, if there is one, and its size."""
        most = self._config.max_event_size
        size = len(event.encoded()) + 1
        if size > most and event.level >= Level.REQUEST:
            event = event.truncated()
            size = len(event.encoded()) + 1
        return (event if size <= most else None), size

    def start(self) -> None:
        self._sink.start()

    async def close(self) -> None:
        await self._sink.close()
