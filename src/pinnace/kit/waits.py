"""Waiting for what may come first: something happens, or time is up."""

import asyncio

from pinnace.kit.clock import Clock


async def set_or_elapsed(event: asyncio.Event, clock: Clock, seconds: float | None) -> None:
    """Return once the event is set or the time has passed, whichever comes first; None waits
    for the event alone. Nothing is left waiting, whether it returns or is cancelled.
    """
    waits: list[asyncio.Future[object]] = [asyncio.ensure_future(event.wait())]
    if seconds is not None:
        waits.append(asyncio.ensure_future(clock.sleep(seconds)))
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
