"""Leader election by a Lease: of several equal processes one works, the others wait.

A candidate does not compare its clock with the holder's: a lease is expired when it has not
*changed* for its duration on the candidate's own clock. A leader that cannot renew within the
renew deadline, which is shorter, stops before anybody else can start.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pinnace.api.errors import ApiError, NotFound
from pinnace.api.kinds.coordination import LEASES
from pinnace.api.objects import Object, format_micro_time
from pinnace.client.base import Client
from pinnace.kit.clock import Clock

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How long a lease holds, in seconds; upstream's defaults."""

    lease_duration: float = 15.0
    renew_deadline: float = 10.0
    retry_period: float = 2.0


class LeaderElector:
    """Runs something while this process holds a Lease."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        *,
        name: str,
        identity: str,
        namespace: str = "kube-system",
        terms: Terms | None = None,
    ) -> None:
        self._client = client
        self._clock = clock
        self._name = name
        self._namespace = namespace
        self._identity = identity
        self._terms = terms or Terms()
        self._observed: Object | None = None
        self._observed_at = 0.0

    @property
    def leader(self) -> str:
        """Who holds the lease, as last seen; empty when nobody does."""
        spec = (self._observed or {}).get("spec") or {}
        return str(spec.get("holderIdentity") or "")

    async def run(self, lead: Callable[[], Awaitable[None]]) -> None:
        """Wait for the lease, then run `lead` until it returns or the lease is lost.

        `lead` is cancelled when the lease is lost. The lease is given back in the end.
        """
        while not await self._try():
            await self._clock.sleep(self._terms.retry_period)
        log.info("%s leads %s/%s", self._identity, self._namespace, self._name)
        leading = asyncio.ensure_future(lead())
        renewing = asyncio.ensure_future(self._renew())
        try:
            await asyncio.wait((leading, renewing), return_when=asyncio.FIRST_COMPLETED)
        finally:
            renewing.cancel()
            lost = not leading.done()
            leading.cancel()
            await asyncio.gather(leading, renewing, return_exceptions=True)
            await self._release()
        if not lost:
            leading.result()

    async def _renew(self) -> None:
        """Renew until that has failed for the renew deadline.

        The deadline holds for a request under way as well: one that hangs must not let us lead
        when the lease is somebody else's. What counts is when a renewal was sent.
        """
        renewed_at = self._clock.monotonic()
        while True:
            await self._clock.sleep(self._terms.retry_period)
            sent = self._clock.monotonic()
            left = renewed_at + self._terms.renew_deadline - sent
            if left <= 0:
                break
            if await self._try_within(left):
                renewed_at = sent
        log.warning("%s lost the lease %s/%s", self._identity, self._namespace, self._name)

    async def _try_within(self, seconds: float) -> bool:
        trying = asyncio.ensure_future(self._try())
        waiting = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait((trying, waiting), return_when=asyncio.FIRST_COMPLETED)
            return trying.done() and trying.result()
        finally:
            trying.cancel()
            waiting.cancel()
            await asyncio.gather(trying, waiting, return_exceptions=True)

    async def _try(self) -> bool:
        """Take or renew the lease; False while someone else has it or the server is away."""
        try:
            return await self._take()
        except ApiError as error:
            log.debug("lease %s/%s: %s", self._namespace, self._name, error.message)
            return False

    async def _take(self) -> bool:
        try:
            lease = await self._client.get(LEASES, self._name, namespace=self._namespace)
        except NotFound:
            meta = {"name": self._name, "namespace": self._namespace}
            fresh = {"metadata": meta, "spec": self._claim(None)}
            self._observe(await self._client.create(LEASES, fresh))
            return True
        spec = lease.get("spec") or {}
        if spec != (self._observed or {}).get("spec"):
            self._observe(lease)
        held = bool(spec.get("holderIdentity")) and self._is_valid(spec)
        if held and spec["holderIdentity"] != self._identity:
            return False
        self._observe(await self._client.update(LEASES, {**lease, "spec": self._claim(spec)}))
        return True

    def _observe(self, lease: Object) -> None:
        self._observed = lease
        self._observed_at = self._clock.monotonic()

    def _is_valid(self, spec: Object) -> bool:
        duration = float(spec.get("leaseDurationSeconds") or 0)
        return self._clock.monotonic() < self._observed_at + duration

    def _claim(self, old: Object | None) -> Object:
        now = format_micro_time(self._clock.now())
        old = old or {}
        mine = old.get("holderIdentity") == self._identity
        transitions = int(old.get("leaseTransitions") or 0)
        return {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": int(self._terms.lease_duration),
            "acquireTime": old.get("acquireTime", now) if mine else now,
            "renewTime": now,
            "leaseTransitions": transitions + 1 if old and not mine else transitions,
        }

    async def _release(self) -> None:
        """Let the next one in at once, instead of after the lease's duration."""
        try:
            lease = await self._client.get(LEASES, self._name, namespace=self._namespace)
            spec = lease.get("spec") or {}
            if spec.get("holderIdentity") != self._identity:
                return
            now = format_micro_time(self._clock.now())
            given_back = {
                **spec,
                "holderIdentity": "",
                "leaseDurationSeconds": 1,
                "renewTime": now,
                "acquireTime": now,
            }
            self._observe(await self._client.update(LEASES, {**lease, "spec": given_back}))
        except ApiError as error:
            log.debug("lease %s/%s not given back: %s", self._namespace, self._name, error.message)
