"""The Lease by which a server says that it lives: `apiserver-...` in kube-system, as upstream's do.

Renewed every ten seconds; whichever server comes by deletes those that have not been for an hour.
"""

import base64
import hashlib
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from pinnace.api.codec.canonical import canonical_bytes
from pinnace.api.kinds.coordination import LEASES
from pinnace.api.objects import Object, format_micro_time, format_time, parse_time
from pinnace.apiserver import rules
from pinnace.apiserver.core import Core
from pinnace.store.base import Compare, CompareFailed
from pinnace.store.watchcache.item import Item

_NAMESPACE = "kube-system"
_LABEL = "apiserver.kubernetes.io/identity"
_COMPONENT = "kube-apiserver"
_ADDRESS = "kubernetes.io/peer-advertise-address"
_SECONDS = 3600


def lease_name(host: str, identity: str) -> str:
    """Return the name of a server's Lease: a digest of where it runs and what it is."""
    data = b"".join(len(part).to_bytes(2) + part for part in (host.encode(), identity.encode()))
    digest = hashlib.sha256(data).digest()[:16]
    return "apiserver-" + base64.b32encode(digest).decode().rstrip("=").lower()


class Identity:
    """One server's Lease."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.name = lease_name(core.config.host_name, core.config.identity)
        self._holder = f"{self.name}_{uuid.uuid4()}"

    async def renew(self, address: str, port: int) -> None:
        """Write the Lease anew, and look after those of servers that are gone."""
        core = self._core
        cache = await core.cache(LEASES)
        item = cache.get(_NAMESPACE, self.name)
        lease = self._lease(item, f"{address}:{port}")
        key = cache.key(_NAMESPACE, self.name)
        try:
            await core.store.commit(
                compares=[Compare(key, item.revision if item else 0)],
                puts=[(key, canonical_bytes(lease))],
                durable=False,
            )
        except CompareFailed:
            return  # somebody wrote it just now; the next round comes soon
        for gone in _expired(cache.items(_NAMESPACE), core.clock.now()):
            await self._remove(gone)

    def _lease(self, item: Item | None, address: str) -> Object:
        core, now = self._core, self._core.clock.now()
        if item is None:
            labels = {_LABEL: _COMPONENT, "kubernetes.io/hostname": core.config.host_name}
            lease: Object = {
                "kind": LEASES.kind,
                "apiVersion": LEASES.group_version,
                "metadata": {
                    "name": self.name,
                    "namespace": _NAMESPACE,
                    "uid": str(uuid.uuid4()),
                    "creationTimestamp": format_time(now),
                    "labels": labels,
                    "annotations": {_ADDRESS: address},
                },
                "spec": {},
            }
            rules.apply_defaults(LEASES, lease)
        else:
            lease = item.decode()
            del lease["metadata"]["resourceVersion"]
            lease["metadata"].setdefault("annotations", {})[_ADDRESS] = address
        lease["spec"] |= {
            "holderIdentity": self._holder,
            "leaseDurationSeconds": _SECONDS,
            "renewTime": format_micro_time(now),
        }
        return lease

    async def _remove(self, item: Item) -> None:
        try:
            await self._core.store.commit(
                compares=[Compare(item.key, item.revision)], deletes=[item.key]
            )
        except CompareFailed:
            return  # renewed, or removed by another server


def _expired(items: Iterable[Item], now: datetime) -> list[Item]:
    """Return the Leases of servers that have not renewed them in their time."""
    found = []
    for item in items:
        if item.labels.get(_LABEL) != _COMPONENT:
            continue
        spec = item.shared().get("spec") or {}
        renewed, seconds = spec.get("renewTime"), spec.get("leaseDurationSeconds")
        if not renewed or not seconds or parse_time(renewed) + timedelta(seconds=seconds) < now:
            found.append(item)
    return found
