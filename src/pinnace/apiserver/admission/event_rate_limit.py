"""EventRateLimit: so many Events a second and no more, in all, by namespace, user or source."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pinnace.api.errors import TooManyRequests
from pinnace.api.resources import Resource
from pinnace.apiserver.admission.base import Attributes, Operation

_MOST_KEPT = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One limit of the configuration."""

    type: str
    qps: int
    burst: int
    kept: int = _MOST_KEPT


@dataclass(slots=True)
class _Bucket:
    tokens: float
    since: float


@dataclass(slots=True)
class _Enforcer:
    limit: Limit
    buckets: OrderedDict[str, _Bucket] = field(default_factory=OrderedDict)

    def accepts(self, key: str, now: float) -> bool:
        """Take a token of that key's bucket, if there is one; the oldest buckets are forgotten."""
        limit = self.limit
        bucket = self.buckets.pop(key, None) or _Bucket(limit.burst, now)
        self.buckets[key] = bucket
        while len(self.buckets) > limit.kept:
            self.buckets.popitem(last=False)
        earned = (now - bucket.since) * limit.qps
        bucket.tokens, bucket.since = min(limit.burst, bucket.tokens + earned), now
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True


class EventRateLimit:
    """Refuses Events beyond any of its limits; `now` counts seconds."""

    name = "EventRateLimit"

    def __init__(self, limits: Sequence[Limit], now: Callable[[], float]) -> None:
        self._enforcers = [_Enforcer(limit) for limit in limits]
        self._now = now

    def handles(self, operation: Operation, row: Resource, subresource: str) -> bool:
        return operation in ("CREATE", "UPDATE") and (row.group, row.kind) == ("", "Event")

    def validate(self, attributes: Attributes) -> None:
        """Take a token of each limit; raises TooManyRequests."""
        if attributes.dry_run:
            return
        now, full = self._now(), []
        for enforcer in self._enforcers:
            key = _KEYS[enforcer.limit.type](attributes)
            if not enforcer.accepts(key, now):
                full.append(f"limit reached on type {enforcer.limit.type} for key {key}")
        if full:
            why = full[0] if len(full) == 1 else f"[{', '.join(full)}]"
            raise TooManyRequests(f"Too many requests: {why}")


def _source(attributes: Attributes) -> str:
    event = attributes.obj or {}
    source, about = event.get("source") or {}, event.get("involvedObject") or {}
    parts = [source.get(name) for name in ("component", "host")]
    parts += [about.get(name) for name in ("kind", "namespace", "name", "uid", "apiVersion")]
    return "".join(part or "" for part in parts)


_KEYS: dict[str, Callable[[Attributes], str]] = {
    "Server": lambda attributes: "",
    "Namespace": lambda attributes: attributes.namespace,
    "User": lambda attributes: attributes.user.name,
    "SourceAndObject": _source,
}
TYPES = tuple(_KEYS)
