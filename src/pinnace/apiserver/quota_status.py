"""Charges quotas: the conditional write of a quota's status that admission asks for."""

from pinnace.api.codec.canonical import canonical_bytes
from pinnace.api.kinds.core import RESOURCEQUOTAS
from pinnace.api.objects import Object
from pinnace.store.base import Compare, CompareFailed, Store


class QuotaStatus:
    """Writes `status.used` straight to the store, past strategies and admission."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def charge(self, quota: Object, used: dict[str, str]) -> bool:
        """Set `status.used` of the quota as it was read; False if it has changed since."""
        metadata = {**quota["metadata"]}
        read = int(metadata.pop("resourceVersion"))
        key = f"{RESOURCEQUOTAS.prefix}/{metadata['namespace']}/{metadata['name']}"
        status = {**(quota.get("status") or {}), "used": used}
        value = canonical_bytes({**quota, "metadata": metadata, "status": status})
        try:
            await self._store.commit(compares=[Compare(key, read)], puts=[(key, value)])
        except CompareFailed:
            return False
        return True
