"""Which servers of a cluster are alive: each keeps a record in the store that goes away with it.

As upstream's do, under /registry/masterleases; the record is an Endpoints object. A server on a
store of its own is alone and keeps none.
"""

import json
from typing import Any

from pinnace.api.codec import protobuf
from pinnace.api.errors import ApiError
from pinnace.api.objects import Object
from pinnace.apiserver.core import Core

_PREFIX = "/registry/masterleases/"
# Upstream's: a little more than the ten seconds after which it is written again.
_SECONDS = 15
_USUAL_PORT = 6443

Address = tuple[str, int]


async def announce(core: Core, address: str, port: int) -> list[Address]:
    """Say that this server is alive and return all that are, in order."""
    if not core.store.shared:
        return [(address, port)]
    subset = {"addresses": [{"ip": address}], "ports": [{"name": "https", "port": port}]}
    record: Object = {
        "kind": "Endpoints",
        "apiVersion": "v1",
        "metadata": {"name": address},
        "subsets": [subset],
    }
    value = json.dumps(record, separators=(",", ":")).encode()
    await core.store.commit(puts=[(_key(address, port), value)], ttl=_SECONDS)
    return await alive(core, port)


async def withdraw(core: Core, address: str, port: int) -> list[Address]:
    """Say that this server ends and return those that are still alive."""
    await core.store.commit(deletes=[_key(address, port)])
    return await alive(core, port)


async def alive(core: Core, port: int) -> list[Address]:
    """Return where the servers are that have said so lately; `port` is that of those who do not."""
    page = await core.store.range(_PREFIX)
    found = set()
    for entry in page.entries:
        try:
            subset = _record(entry.value)["subsets"][0]
            ports = subset.get("ports") or [{"port": port}]
            found.add((str(subset["addresses"][0]["ip"]), int(ports[0]["port"])))
        except (ApiError, ValueError, LookupError, TypeError):
            continue  # nothing that upstream's servers or ours would write
    return sorted(found)


def _record(value: bytes) -> Any:
    """Return a record; upstream's servers write protobuf, without a port."""
    return protobuf.decode(value) if value.startswith(b"k8s\0") else json.loads(value)


def _key(address: str, port: int) -> str:
    # Upstream has one server on an address; those on other ports get a name of their own.
    return f"{_PREFIX}{address}" if port == _USUAL_PORT else f"{_PREFIX}{address}:{port}"
