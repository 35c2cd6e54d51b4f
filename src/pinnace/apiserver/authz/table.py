"""Every authorization mode, and the authorizers of a server put together as it is configured.

With a configuration file they follow it: a file that changed is read, checked as a whole and taken
over at once; one that is wrong changes nothing and is told of in the log and the metrics.
"""

import asyncio
import hashlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from pinnace.apiserver.admission.base import Lookup
from pinnace.apiserver.authz import abac
from pinnace.apiserver.authz.always import AlwaysAllow, AlwaysDeny
from pinnace.apiserver.authz.base import Authorizer
from pinnace.apiserver.authz.configuration import AuthzConfig, Configured, from_data
from pinnace.apiserver.authz.counts import Counts
from pinnace.apiserver.authz.node import NodeAuthorizer, PodsOn
from pinnace.apiserver.authz.rbac import Rbac
from pinnace.apiserver.authz.union import Member, Union
from pinnace.apiserver.authz.webhook import WebhookAuthorizer
from pinnace.apiserver.hooks import kubeconfig
from pinnace.kit.clock import Clock

_log = logging.getLogger(__name__)
# Upstream is told of changes by the system, and looks once a minute all the same.
_LOOK_SECONDS = 1.0


class Authorizers:
    """The authorizers of one server; raises ValueError for what cannot be used.

    `rbac.changed` has to be called for every change of an RBAC object. `server` is by which name
    metrics know the server.
    """

    def __init__(
        self,
        config: AuthzConfig,
        rbac: Rbac,
        lookup: Lookup,
        pods_on: PodsOn,
        clock: Clock,
        *,
        server: str = "",
    ) -> None:
        self.counts = Counts()
        self._config = config
        self._clock = clock
        self._server = _digest(server.encode())
        self._data = config.data
        self._loaded = tuple(config.authorizers)
        kept = {one.type for one in config.authorizers if one.type != "Webhook"}
        self._required = frozenset(kept)
        self._kept = _modes(kept, config, rbac, lookup, pods_on)
        self._webhooks: list[WebhookAuthorizer] = []
        self._retired: list[WebhookAuthorizer] = []
        self.union = Union(self._members(config.authorizers), self.counts.decisions.add)
        if config.config_file:
            self._note_config()

    async def follow(self) -> None:
        """Take over what becomes of the configuration file, until cancelled."""
        while self._config.config_file:
            await self._clock.sleep(_LOOK_SECONDS)
            await self.look()
        await asyncio.Event().wait()

    async def look(self) -> None:
        """Look at the configuration file once."""
        try:
            data = await asyncio.to_thread(Path(self._config.config_file).read_bytes)
            if data == self._data:
                return
            self._data = data
            found = from_data(data, self._required)
            if found == self._loaded:
                return
            self._loaded = found
            before = self._webhooks
            self._webhooks = []
            try:
                members = self._members(found)
            except ValueError:
                self._webhooks = before
                raise
        except (OSError, ValueError) as error:
            _log.error("reloading authorization config: %s", error)
            self._note("failure")
            return
        self.union.replace(members)
        # Those that were retired the last time have answered all that was still asked.
        await _close(self._retired)
        self._retired = before
        _log.info("reloaded authz config")
        self._note("success")
        self._note_config()

    async def close(self) -> None:
        """Let go of all connections."""
        await _close([*self._retired, *self._webhooks])

    def _members(self, configured: Sequence[Configured]) -> list[Member]:
        return [Member(one.type, one.name, self._one(one)) for one in configured]

    def _one(self, configured: Configured) -> Authorizer:
        if configured.webhook is None:
            found = self._kept.get(configured.type)
            if found is None:
                raise ValueError(
                    f"authorizer type {configured.type} is not allowed if it was not enabled at "
                    "initial server startup"
                )
            return found
        place = kubeconfig.load(configured.kubeconfig)
        made = WebhookAuthorizer(configured.webhook, place, self._clock, self.counts)
        self._webhooks.append(made)
        return made

    def _note(self, status: str) -> None:
        labels = status, self._server
        self.counts.reloads.add(labels)
        self.counts.reloaded_at.values[labels] = self._clock.now().timestamp()

    def _note_config(self) -> None:
        self.counts.config.values = {(self._server, _digest(self._data)): 1}


def _modes(
    wanted: set[str], config: AuthzConfig, rbac: Rbac, lookup: Lookup, pods_on: PodsOn
) -> Mapping[str, Authorizer]:
    """Return the authorizers that stay as long as the server; ABAC's file is read if wanted."""
    made: dict[str, Authorizer] = {
        "AlwaysAllow": AlwaysAllow(),
        "AlwaysDeny": AlwaysDeny(),
        "Node": NodeAuthorizer(lookup, pods_on),
        "RBAC": rbac,
    }
    if "ABAC" in wanted:
        made["ABAC"] = abac.load(config.policy_file)
    for mode in ("Node", "RBAC"):
        if mode not in wanted:
            del made[mode]
    return made


async def _close(webhooks: Sequence[WebhookAuthorizer]) -> None:
    for webhook in webhooks:
        await webhook.close()


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}" if data else ""
