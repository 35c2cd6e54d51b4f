"""Expressions that take long run in a thread, so that the server answers others meanwhile."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from pinnace.api.cel.patience import TooSlow, hurried

T = TypeVar("T")


async def patiently(run: Callable[[], T]) -> T:
    """Return what a function returns, which may evaluate expressions.

    It is called here, and if its expressions take more than some milliseconds, called anew in a
    thread: it must not have changed anything by then.
    """
    try:
        return hurried(run)
    except TooSlow:
        return await asyncio.to_thread(run)
