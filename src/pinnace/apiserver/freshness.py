"""How new the caches must be for a request, where other servers write to the same store.

A write, and a read that names no resourceVersion, sees all that was stored when it came; a read
that names one sees at least that; resourceVersion=0 takes what is there. Who is refused is looked
at a second time with what is known then: the right may have been given through another server.
"""

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from pinnace.api.errors import ApiError
from pinnace.api.wire import User
from pinnace.apiserver.core import Call, Core

_READING = ("get", "list", "watch")


async def freshen(core: Core, call: Call) -> None:
    """Wait until the caches are new enough for a request; raises StoreError."""
    if not core.store.shared:
        return
    version = call.request.param("resourceVersion")
    reading = call.info.verb in _READING
    if not reading or not version or call.request.param("continue"):
        with _waiting(core, call):
            await core.caches.catch_up()
    elif version.isdigit() and len(version) < 20:
        await core.caches.reach(int(version))


@contextmanager
def _waiting(core: Core, call: Call) -> Iterator[None]:
    began, fresh = time.perf_counter(), False
    try:
        yield
        fresh = True
    finally:
        where = call.row.group, call.row.plural
        core.store_metrics.waited(where, time.perf_counter() - began, fresh=fresh)


async def twice(core: Core, admit: Callable[[], Awaitable[User]]) -> User:
    """Return whom a request acts as; if it is refused, ask again with what is known by then."""
    try:
        return await admit()
    except ApiError:
        if not core.store.shared:
            raise
    await core.caches.catch_up()
    return await admit()
