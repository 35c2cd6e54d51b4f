"""A request and its answers, without any HTTP library.

Both doors of the cluster speak these: the API server is a coroutine from a `Request` to an
`Answer`, the client's transports turn a `Request` into an `Answer` by TLS or by calling that
coroutine.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class User:
    """Who is asking, as authentication found."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))


@dataclass(slots=True, kw_only=True)
class Request:
    """One request.

    `path` is percent-decoded, without the query. `query` keeps every value of a repeated name, in
    order. `headers` have lower-case names. `peer_certificate` is the verified client certificate in
    DER. `user` is set by a transport that has authenticated already (the in-process one), else
    None. `upgrade` carries the adapter's own connection for handlers that take the raw stream
    over. `raw_query` is the query as it was sent, and `content` the body where it is passed on
    while it comes: `body` is empty then. `waiting` is told while the request only waits to be begun
    with, so that it ends with its connection whatever it is.
    """

    method: str
    path: str
    query: dict[str, list[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    user: User | None = None
    peer_certificate: bytes | None = None
    remote: str = ""
    upgrade: Any = None
    raw_query: str = ""
    content: AsyncIterator[bytes] | None = None
    waiting: Callable[[bool], None] | None = None

    def param(self, name: str, default: str = "") -> str:
        """Return the first value of a query parameter."""
        values = self.query.get(name)
        return values[0] if values else default


@dataclass(slots=True, kw_only=True)
class Response:
    """An answer with a body that is complete; `more` are headers that repeat a name.

    On its way out of the server, `late` makes a body that takes long to make; nobody else sees it.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    more: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    late: Callable[[], bytes] | None = None


@dataclass(slots=True, kw_only=True)
class Stream:
    """An answer whose body arrives in frames; closing the iterator ends what feeds it.

    `straight` is for what feeds hundreds of streams at a time: whoever writes the frames out calls
    it with a function that writes one at once, or returns False for want of room. It may be used
    while the next of `frames` is waited for, and spares waking up who waits.
    Frames that end in a ConnectionError break the connection off. `spent` is told the seconds that
    writing a frame has cost, and `slow` is called once if the client keeps us waiting.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    more: tuple[tuple[str, str], ...] = ()
    frames: AsyncIterator[bytes]
    straight: Callable[[Callable[[bytes], bool]], None] | None = None
    spent: Callable[[float], None] | None = None
    slow: Callable[[], None] | None = None


async def _nothing() -> None:
    """Have nothing to let go of."""


@dataclass(slots=True, kw_only=True)
class Hijack:
    """An answer that takes over the connection; the adapter calls `run` with its own request.

    If there is no connection any more it calls `abandon` instead.
    """

    run: Callable[[Any], Awaitable[Any]]
    abandon: Callable[[], Awaitable[None]] = _nothing


Answer = Response | Stream | Hijack
App = Callable[[Request], Awaitable[Answer]]
