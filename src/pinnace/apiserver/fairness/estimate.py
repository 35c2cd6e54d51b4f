"""How much work a request will be: the seats it takes, and for how long. Pure."""

import math
from dataclasses import dataclass

from pinnace.api.errors import BadRequest
from pinnace.api.wire import Request
from pinnace.apiserver.numbers import int64
from pinnace.apiserver.routes import RequestInfo, is_true

_MOST_LIST, _MOST_MUTATING = 100, 10
_BYTES_PER_SEAT = 100_000
# A list from the cache is sent while it is made, so it needs no more memory than this.
_CACHED_BYTES = 1_000_000
_MOST_OBJECT = 1_500_000
_WATCHES_PER_SEAT = 10.0
# What each event of a write costs behind it, in seconds and for each of those watches.
_EVENT_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Work:
    """Seats while a request is served, and others for some seconds afterwards."""

    seats: int = 1
    final: int = 0
    linger: float = 0.0

    @property
    def most(self) -> int:
        """The seats that are held all the time."""
        return max(self.seats, self.final)


LITTLE = Work()


@dataclass(frozen=True, slots=True)
class Stored:
    """What is known of the objects of a resource."""

    count: int
    size: int


def of_list(request: Request, info: RequestInfo, stored: Stored | None, most: int) -> Work:
    """Return the work of a list, or of a watch that begins with one; `most` 0 is no limit."""
    limit = _MOST_LIST if most == 0 or most > _MOST_LIST else most
    try:
        int64(request.param("limit") or "0")
    except BadRequest:
        return Work(limit)  # refused later; upstream is careful until then
    version = request.param("resourceVersion")
    watching = info.verb == "watch"
    if watching and not is_true(request, "sendInitialEvents") and version not in ("", "0"):
        return LITTLE
    if stored is None:
        return LITTLE
    cached = watching or not _from_store(request, version)
    seats = _seats(request, stored, cached=cached, single=bool(info.name))
    return Work(min(max(seats, 1), limit)) if seats > 1 else LITTLE


def _from_store(request: Request, version: str) -> bool:
    """Say whether upstream would ask its store and not its cache."""
    match = request.param("resourceVersionMatch")
    if match == "NotOlderThan":
        return False
    if match:
        return True
    if request.param("continue"):
        return True
    return version not in ("", "0") and int64(request.param("limit") or "0") > 0


def _seats(request: Request, stored: Stored, *, cached: bool, single: bool) -> int:
    count, size = stored.count, stored.size
    if size <= 0 and count:
        size = _MOST_OBJECT
    asked = int64(request.param("limit") or "0")
    loaded = min(asked, count) if asked > 0 else count
    if single:
        loaded = 1
    elif not cached and (request.param("fieldSelector") or request.param("labelSelector")):
        loaded = max(loaded, count // 2)
    memory = loaded * size
    if cached:
        memory = min(memory, _CACHED_BYTES)
    return math.ceil(memory / _BYTES_PER_SEAT)


def of_change(info: RequestInfo, watches: int, most: int) -> Work:
    """Return the work of a write that so many watches will hear of."""
    if watches < _WATCHES_PER_SEAT or (info.resource, info.subresource) == (
        "serviceaccounts", "token",
    ):  # fmt: skip
        return LITTLE
    limit = _MOST_MUTATING if most == 0 or most > _MOST_MUTATING else most
    final = math.ceil(watches / _WATCHES_PER_SEAT)
    # The same work in fewer seats takes longer.
    return Work(1, min(final, limit), final * _EVENT_SECONDS / min(final, limit))
