"""Own writes that the cache does not show yet: upstream's expectations.

A controller that counts from its cache must not count again before the cache has its last
writes, or it creates and deletes twice. A creation is in when the cache has reached its
revision; a deletion when the object is gone or on its way out.
"""

from dataclasses import dataclass, field

from pinnace.api.objects import Key, Object, key_of
from pinnace.client.base import Informer
from pinnace.kit.clock import Clock

# After this long the cache is believed whatever is missing: a lost event must not block forever.
_PATIENCE = 300.0


@dataclass(slots=True)
class _Writes:
    revision: int = 0
    deleted: dict[str, Key] = field(default_factory=dict)
    at: float = 0.0


class Pending:
    """The writes of one controller, by the key of the object for which they were done."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._writes: dict[Key, _Writes] = {}

    def created(self, key: Key, obj: Object) -> None:
        """Note an object as the server answered its creation or update."""
        writes = self._touch(key)
        writes.revision = max(writes.revision, int(obj["metadata"]["resourceVersion"]))

    def deleted(self, key: Key, obj: Object) -> None:
        """Note that an object's deletion was asked for."""
        self._touch(key).deleted[obj["metadata"]["uid"]] = key_of(obj)

    def settled(self, key: Key, informer: Informer) -> bool:
        """Whether the informer shows all that was written for the key."""
        writes = self._writes.get(key)
        if writes is None:
            return True
        for uid, where in list(writes.deleted.items()):
            cached = informer.get(where)
            meta = cached["metadata"] if cached is not None else {}
            if meta.get("uid") != uid or "deletionTimestamp" in meta:
                del writes.deleted[uid]
        waiting = writes.revision > informer.revision or bool(writes.deleted)
        if waiting and self._clock.monotonic() - writes.at < _PATIENCE:
            return False
        del self._writes[key]
        return True

    def forget(self, key: Key) -> None:
        """Drop a key whose object is gone."""
        self._writes.pop(key, None)

    def _touch(self, key: Key) -> _Writes:
        writes = self._writes.setdefault(key, _Writes())
        writes.at = self._clock.monotonic()
        return writes
