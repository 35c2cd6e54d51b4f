"""Writes the status of one Pod to the API, only when it says something new."""

import logging
from typing import Any

from pinnace.api.errors import ApiError, Conflict, NotFound
from pinnace.api.kinds.core import PODS
from pinnace.api.objects import Object
from pinnace.client.base import Client
from pinnace.node.mergediff import merge_diff
from pinnace.node.podspec import full_name, name_of, namespace_of, uid_of

_log = logging.getLogger(__name__)
_ATTEMPTS = 3


def _revision(pod: Object) -> int:
    text = str(pod["metadata"].get("resourceVersion") or "0")
    return int(text) if text.isdigit() else 0


class StatusReporter:
    """Knows what the API shows of one Pod's status, and brings it up to date.

    Writes are merge patches at an expected revision, so that conditions which others own are
    never lost. A server that stores something else than what was sent is not asked again and
    again: the answer to the last write counts as agreed.
    """

    def __init__(self, client: Client, pod: Object) -> None:
        self._client = client
        self._base = pod
        self._sent: Object | None = None
        self._agreed: Any = None

    def learn(self, pod: Object) -> None:
        """Take note of the Pod as the informer has it, unless our own write is newer."""
        if _revision(pod) >= _revision(self._base) or uid_of(pod) != uid_of(self._base):
            self._base = pod

    @property
    def shown(self) -> Object:
        """The status that the API shows, as far as is known."""
        return dict(self._base.get("status") or {})

    async def report(self, status: Object) -> bool:
        """Write the status if it is news; False when it could not be written now."""
        try:
            return await self._report(status)
        except ApiError as error:
            # Of a Pod that has just gone a node may not even read that it is gone.
            _log.warning("status of %s not written: %s", full_name(self._base), error.message)
            return False

    async def _report(self, status: Object) -> bool:
        for _ in range(_ATTEMPTS):
            shown = self.shown
            if status == shown or (status == self._sent and shown == self._agreed):
                return True
            try:
                await self._write(shown, status)
            except NotFound:
                return True
            except Conflict:
                if not await self._refresh():
                    return True
            else:
                return True
        return False

    async def _write(self, shown: Object, status: Object) -> None:
        meta = self._base["metadata"]
        patch = {
            "metadata": {"uid": meta["uid"], "resourceVersion": meta.get("resourceVersion")},
            "status": merge_diff(shown, status),
        }
        self._base = await self._client.patch(
            PODS,
            name_of(self._base),
            patch,
            namespace=namespace_of(self._base),
            type="merge",
            subresource="status",
        )
        self._sent, self._agreed = status, self.shown

    async def _refresh(self) -> bool:
        """Read the Pod anew; False when it is another one by now."""
        uid = uid_of(self._base)
        try:
            fresh = await self._client.get(
                PODS, name_of(self._base), namespace=namespace_of(self._base)
            )
        except NotFound:
            return False
        if uid_of(fresh) != uid:
            return False
        self._base = fresh
        return True

    async def delete(self) -> bool:
        """Remove the Pod from the API for good; False when that could not be done now."""
        try:
            await self._client.delete(
                PODS,
                name_of(self._base),
                namespace=namespace_of(self._base),
                uid=uid_of(self._base),
                grace_period=0,
            )
        except (NotFound, Conflict):
            return True
        except ApiError as error:
            _log.warning("%s not deleted: %s", full_name(self._base), error.message)
            return False
        return True
