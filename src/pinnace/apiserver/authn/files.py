"""What authentication takes from files that may change while the server runs."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from pinnace.apiserver.authn.table import AuthnConfig, Parts, SigningKeys
from pinnace.kit.x509 import X509Error, certificates

_log = logging.getLogger(__name__)
# How often the files are looked at; what they hold is small.
SECONDS = 2.0


class Files:
    """Reads the files again, and has what has changed taken over.

    `signed_by` takes another key to sign with, `trusted` other authorities of client certificates.
    Files that cannot be read leave everything as it is, and are told of once.
    """

    def __init__(
        self,
        config: AuthnConfig,
        parts: Parts,
        *,
        signed_by: Callable[[bytes], None],
        trusted: Callable[[bytes], Awaitable[None]],
    ) -> None:
        self._config = config
        self._parts = parts
        self._signed_by = signed_by
        self._trusted = trusted
        self._private: bytes | None = None
        self._authorities = config.client_authorities
        self._complaint = ""

    async def run(self) -> None:
        """Look again and again; files are of the world, whose time this is."""
        async with asyncio.TaskGroup() as group:
            group.create_task(_for_ever(self.look))
            if self._parts.oidc is not None:
                # On its own, since it may have to wait for providers.
                group.create_task(_for_ever(self._parts.oidc.reload))

    async def look(self) -> None:
        """Look once at keys and authorities."""
        try:
            await self._look()
        except (OSError, ValueError, X509Error) as error:
            if str(error) != self._complaint:
                _log.error("cannot read what authentication is to know: %s", error)
            self._complaint = str(error)
        else:
            self._complaint = ""

    async def _look(self) -> None:
        if self._config.reread_keys is not None:
            self._take_keys(await asyncio.to_thread(self._config.reread_keys))
        if self._config.reread_authorities is not None:
            await self._take_authorities(await asyncio.to_thread(self._config.reread_authorities))

    def _take_keys(self, keys: SigningKeys) -> None:
        if keys.public != self._parts.keys.pems:
            # Before the key that signs, so that none of its tokens is ever refused.
            self._parts.keys.replace(keys.public)
            _log.info("service account tokens are checked with %d keys now", len(keys.public))
        if keys.private != self._private:
            if self._private is not None:
                self._signed_by(keys.private)
                _log.info("service account tokens are signed with another key now")
            self._private = keys.private

    async def _take_authorities(self, bundle: bytes) -> None:
        if bundle == self._authorities:
            return
        old = set(certificates(self._authorities)) if self._authorities else set()
        new = set(certificates(bundle))
        self._parts.certificates.believe(new)
        for gone in old - new:
            self._parts.certificates.disbelieve(gone)
        self._authorities = bundle
        await self._trusted(bundle)
        _log.info("client certificates are of %d authorities now", len(new))


async def _for_ever(look: Callable[[], Awaitable[None]]) -> None:
    while True:
        await look()
        await asyncio.sleep(SECONDS)
