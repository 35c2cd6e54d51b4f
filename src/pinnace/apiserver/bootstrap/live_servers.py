"""Which servers of a cluster are alive: each keeps a record in the store that goes away with it.

As upstream's do, under /registry/masterleases; the record is an Endpoints object. A server on a
store of its own is alone and keeps none.
"""

import json

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
    return await alive(core)


async def withdraw(core: Core, address: str, port: int) -> list[Address]:
    """Say that this server ends and return those that are still alive."""
    await core.store.commit(deletes=[_key(address, port)])
    return await alive(core)


async def alive(core: Core) -> list[Address]:
    """Return where the servers are that have said so lately."""
    page = await core.store.range(_PREFIX)
    found = set()
    for entry in page.entries:
        try:
            subset = json.loads(entry.value)["subsets"][0]
            ports = subset.get("ports") or [{"port": _USUAL_PORT}]
            found.add((str(subset["addresses"][0]["ip"]), int(ports[0]["port"])))
        except (ValueError, LookupError, TypeError):
            continue  # upstream's own server keeps its records as protobuf
    return sorted(found)


def _key(address: str, port: int) -> str:
    # Upstream has one server on an address; those on other ports get a name of their own.
    return f"{_PREFIX}{address}" if port == _USUAL_PORT else f"{_PREFIX}{address}:{port}"
