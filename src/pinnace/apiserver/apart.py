"""Takes what is long to compute out of the event loop, so that everybody else is answered on time.

A body of three megabytes, which upstream takes as well, is seconds of decoding, defaulting,
validating and encoding. These are functions of the object alone; for a large one they run in a
thread, one at a time, while the loop has the interpreter every millisecond.
"""

import asyncio
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from pinnace.api.cel.patience import TooSlow, hurried

T = TypeVar("T")
# Bytes of JSON that are about 25 ms of work on the way of a write.
LARGE = 32 * 1024
# For how long one thread keeps the interpreter while another waits for it, in seconds.
_TURN = 0.001


class Apart:
    """Runs work at once if it is small, and in the one thread for large work otherwise."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="large-objects")

    async def run(self, size: int, work: Callable[[], T]) -> T:
        """Return what the work returns, or raise what it raises.

        `size` is that of the objects in question as JSON, in bytes. The work may read and change
        what belongs to its request alone, and read what is never changed.
        """
        if size < LARGE:
            return work()
        return await asyncio.get_running_loop().run_in_executor(self._executor, _in_turns, work)

    async def patiently(self, size: int, work: Callable[[], T]) -> T:
        """Return what the work returns, which may evaluate expressions.

        It is called here, and if its expressions take more than some milliseconds, called anew in
        the thread: it must not have changed anything by then.
        """
        if size < LARGE:
            try:
                return hurried(work)
            except TooSlow:
                size = LARGE
        return await self.run(size, work)

    def close(self) -> None:
        """Start nothing any more; what runs comes to its end by itself."""
        self._executor.shutdown(wait=False, cancel_futures=True)


_lock = threading.Lock()


def _in_turns(work: Callable[[], T]) -> T:
    """Run work in this thread, with short turns of the threads of this process."""
    # The switch is the process's, of which several servers may be part: one at a time moves it.
    with _lock:
        before = sys.getswitchinterval()
        sys.setswitchinterval(_TURN)
        try:
            return work()
        finally:
            sys.setswitchinterval(before)
