"""Doing something many times, starting slow."""

import asyncio
from collections.abc import Awaitable, Callable

from pinnace.api.errors import ApiError


async def slow_start(count: int, do: Callable[[int], Awaitable[None]]) -> ApiError | None:
    """Call `do` for 0..count-1 in batches of 1, 2, 4, ...; stop after a batch with a failure.

    So a quota that refuses every Pod is asked once and not five hundred times. Returns the first
    failure, after the batch that it happened in.
    """
    done, size = 0, 1
    while done < count:
        size = min(size, count - done)
        results = await asyncio.gather(
            *(do(number) for number in range(done, done + size)), return_exceptions=True
        )
        for result in results:
            if isinstance(result, ApiError):
                return result
            if isinstance(result, BaseException):
                raise result
        done += size
        size *= 2
    return None
