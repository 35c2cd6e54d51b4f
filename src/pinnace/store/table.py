"""Which store a server has: a file of its own, or an etcd that it may share with others."""

import importlib
from pathlib import Path

from pinnace.store.base import Store
from pinnace.store.etcd.settings import EtcdSettings

_ETCD = "pinnace.store.etcd.store"
_SQLITE = "pinnace.store.sqlite"


async def open_store(path: Path, etcd: EtcdSettings | None, *, flush: bool = True) -> Store:
    """Open etcd if it is given, else the file; raises StoreError, in one line.

    Without `flush` no commit to the file waits for the disk.

    Only what is opened is imported: gRPC takes as much memory as all objects of a small cluster.
    """
    found: Store
    if etcd is not None:
        found = await importlib.import_module(_ETCD).EtcdStore.open(etcd)
    else:
        found = await importlib.import_module(_SQLITE).SqliteStore.open(path, flush=flush)
    return found
