"""How new the caches must be for a request, where other servers write to the same store.

A write, and a read that names no resourceVersion, sees all that was stored when it came; a read
that names one sees at least that; resourceVersion=0 takes what is there. Who is refused is looked
at a second time with what is known then: the right may have been given through another server.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from pinnace.api.errors import ApiError
from pinnace.api.wire import Request, User
from pinnace.apiserver.core import Call, Core
from pinnace.apiserver.routes import RequestInfo

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


async def admitted(core: Core, request: Request, info: RequestInfo) -> User:
    """Return whom a request acts as, if that user may do this; raises Unauthorized, Forbidden."""
    try:
        return await _admitted(core, request, info)
    except ApiError:
        if not core.store.shared:
            raise
    await core.caches.catch_up()
    return await _admitted(core, request, info)


async def _admitted(core: Core, request: Request, info: RequestInfo) -> User:
    user = await core.auth.user(request)
    core.auth.check(user, info)
    return user
