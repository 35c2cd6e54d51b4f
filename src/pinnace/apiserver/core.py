"""What every verb works with: the caches, the clock, the rows, and one request on its way."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.api.wire import Request, User
from pinnace.apiserver import rules
from pinnace.apiserver.admission.base import Chain
from pinnace.apiserver.apart import Apart
from pinnace.apiserver.audit.trail import Trail
from pinnace.apiserver.auth import Auth
from pinnace.apiserver.config import ServerConfig
from pinnace.apiserver.fairness.gate import PASSING, Held
from pinnace.apiserver.hooks.webhooks import Webhooks
from pinnace.apiserver.resourcemetrics.provider import Provider
from pinnace.apiserver.routes import RequestInfo, Rows, is_true
from pinnace.apiserver.store_metrics import StoreMetrics
from pinnace.apiserver.tallies import Tallies
from pinnace.kit.alarms import Alarms
from pinnace.kit.clock import Clock
from pinnace.store.base import Store
from pinnace.store.encryption.base import TransformError
from pinnace.store.encryption.store import EncryptedStore
from pinnace.store.watchcache.cache import WatchCache
from pinnace.store.watchcache.caches import Caches


class CacheLookup:
    """Other objects, from the caches; those asked for must have been loaded with `ensure`."""

    def __init__(self, caches: Caches, rows: Rows) -> None:
        self._caches = caches
        self._rows = rows

    async def ensure(self, row: Resource) -> None:
        """Load a resource, so that it can be looked up without waiting."""
        await cache_of(self._caches, self._rows.storage_row(row))

    def get(self, row: Resource, namespace: str, name: str) -> Object | None:
        """Return one object, shared: never change it."""
        cache = self._caches.loaded(row.prefix)
        item = cache.get(namespace, name) if cache is not None else None
        return item.shared() if item is not None else None

    def list(self, row: Resource, namespace: str = "") -> Iterable[Object]:
        """Return the objects of a kind, shared: never change them."""
        cache = self._caches.loaded(row.prefix)
        if cache is None:
            return ()
        return [item.shared() for item in cache.items(namespace)]


async def cache_of(caches: Caches, stored: Resource) -> WatchCache:
    """Return the cache of a stored row."""
    found = caches.loaded(stored.prefix)
    if found is not None:
        return found
    return await caches.cache(
        stored.prefix,
        namespaced=stored.namespaced,
        pick=rules.strategy_for(stored).selectable_fields,
        refine=stored.custom.refined if stored.custom is not None else None,
    )


@dataclass(slots=True, kw_only=True)
class Core:
    """The server without its pipeline: what verbs and bootstrap hooks use."""

    store: Store
    clock: Clock
    config: ServerConfig
    rows: Rows
    caches: Caches
    alarms: Alarms
    lookup: CacheLookup
    auth: Auth
    admission: Chain
    webhooks: Webhooks
    # Where what is stored is encrypted.
    encrypted: EncryptedStore | None = None
    usage: Provider
    apart: Apart = field(default_factory=Apart)
    tallies: Tallies = field(default_factory=Tallies)
    store_metrics: StoreMetrics = field(default_factory=StoreMetrics)

    async def cache(self, row: Resource) -> WatchCache:
        """Return the cache of a resource."""
        found = self.caches.loaded(row.prefix)
        return found or await cache_of(self.caches, self.rows.storage_row(row))

    async def reread(self, keys: Sequence[str]) -> None:
        """Load anew what has values under these keys, which can perhaps be read now."""
        for key in keys:
            self.caches.drop_key(key)
        for row in self.rows:
            if row.prefix and self.caches.loaded(row.prefix) is None:
                prefix = row.prefix + "/"
                if any(key.startswith(prefix) for key in keys):
                    await self.cache(row)

    def check_readable(self, key: str) -> None:
        """Raise TransformError for a key whose value is there and cannot be decrypted."""
        if self.encrypted is not None:
            self.encrypted.check_key(key)

    def is_readable(self, key: str) -> bool:
        """Say whether the value of a key, if there is one, can be decrypted."""
        try:
            self.check_readable(key)
        except TransformError:
            return False
        return True

    async def check_may_create(self, call: "Call") -> None:
        """Raise Forbidden if a PUT or PATCH would create what its sender may not create."""
        await self.auth.check(call.user, replace(call.info, verb="create"))


@dataclass(slots=True, kw_only=True)
class Call:
    """One request to a resource, understood and allowed.

    `trail` is told what the audit log is to have of it; None if there is no such log.
    """

    request: Request
    info: RequestInfo
    row: Resource
    user: User
    warnings: list[str] = field(default_factory=list)
    trail: Trail | None = None
    # How many bytes of JSON what is stored has, if that is to be changed.
    stored_size: int = 0
    # How many bytes of defaults have been added to what the client sent.
    filled: int = 0
    # What the request holds of the server, and gives back.
    held: Held = PASSING

    @property
    def size(self) -> int:
        """How large the objects in question are, for `Apart.run`."""
        return max(len(self.request.body), self.stored_size) + self.filled

    @property
    def namespace(self) -> str:
        """The namespace of the objects in question; empty for cluster-wide kinds."""
        return self.info.namespace if self.row.namespaced else ""

    @property
    def dry_run(self) -> bool:
        """Whether nothing may be stored."""
        return bool(self.request.query.get("dryRun"))

    def flag(self, name: str) -> bool:
        """Return a boolean query parameter."""
        return is_true(self.request, name)
