"""Claims, volumes and classes as the informers have them."""

from pinnace.api.kinds.core import PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES
from pinnace.api.kinds.storage import STORAGECLASSES
from pinnace.api.objects import Key, Object
from pinnace.client.base import Informer, Informers


class CachedStorage:
    """`plugins.base.Storage` over informers."""

    def __init__(self, informers: Informers) -> None:
        self._claims = informers.informer(PERSISTENTVOLUMECLAIMS)
        self._volumes = informers.informer(PERSISTENTVOLUMES)
        self._classes = informers.informer(STORAGECLASSES)

    @property
    def informers(self) -> tuple[Informer, ...]:
        """What must be watched for changes."""
        return (self._claims, self._volumes, self._classes)

    def claim(self, namespace: str, name: str) -> Object | None:
        return self._claims.get(Key(namespace, name))

    def volume(self, name: str) -> Object | None:
        return self._volumes.get(Key("", name))

    def storage_class(self, name: str) -> Object | None:
        return self._classes.get(Key("", name))
