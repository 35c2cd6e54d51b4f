"""Makes good what somebody broke by hand: addresses of Services without their IPAddress objects.

A Service and its IPAddress are written and deleted together, so only a client that deletes or
makes IPAddress objects itself can part them.
"""

import ipaddress
import logging

from pinnace.api.codec.canonical import canonical_bytes
from pinnace.api.kinds.core import SERVICES
from pinnace.api.kinds.networking import IPADDRESSES
from pinnace.api.objects import Object, parse_time
from pinnace.apiserver.core import Core
from pinnace.apiserver.services.allocation import MANAGED_BY, MANAGER, address_of, ip_key, ips_of
from pinnace.kit.clock import Clock
from pinnace.store.base import Compare, CompareFailed, StoreError

_log = logging.getLogger(__name__)
# As upstream's repair loop, and how long an address may be without its Service.
SECONDS = 180.0
_LEAKED_AFTER = 60.0


async def repair_for_ever(core: Core, clock: Clock) -> None:
    """Look again and again."""
    while True:
        await clock.sleep(SECONDS)
        try:
            await repair(core)
        except StoreError as error:
            _log.warning("cannot repair the Services' addresses: %s", error)


async def repair(core: Core) -> None:
    """Give each address of a Service its object, and delete objects that have no Service."""
    for service in core.lookup.list(SERVICES):
        meta = service["metadata"]
        for ip in ips_of(service):
            if core.lookup.get(IPADDRESSES, "", ip) is None:
                where = f"{meta['namespace']}/{meta['name']}"
                family = f"IPv{ipaddress.ip_address(ip).version}"
                text = "Cluster IP [%s]:%s for Service %s is not allocated; repairing"
                _log.warning(text, family, ip, where)
                value = canonical_bytes(address_of(core, service, ip))
                await _commit(core, Compare(ip_key(ip), 0), puts=((ip_key(ip), value),))
    cache = await core.cache(IPADDRESSES)
    for item in cache.items():
        if _is_leaked(core, item.shared()):
            _log.warning("IPAddress %s appears to be a leak; it is deleted", item.name)
            await _commit(core, Compare(item.key, item.revision), deletes=(item.key,))


async def _commit(
    core: Core,
    compare: Compare,
    *,
    puts: tuple[tuple[str, bytes], ...] = (),
    deletes: tuple[str, ...] = (),
) -> None:
    try:
        await core.store.commit(compares=(compare,), puts=puts, deletes=deletes)
    except CompareFailed:
        return  # somebody did so already


def _is_leaked(core: Core, address: Object) -> bool:
    meta = address["metadata"]
    if (meta.get("labels") or {}).get(MANAGED_BY) != MANAGER:
        return False
    parent = address["spec"].get("parentRef") or {}
    service = core.lookup.get(SERVICES, parent.get("namespace") or "", parent.get("name") or "")
    if service is not None and meta["name"] in ips_of(service):
        return False
    age = core.clock.now() - parse_time(meta["creationTimestamp"])
    return age.total_seconds() > _LEAKED_AFTER
