"""The audit log of one server: its policy, where its events go, and what is counted of them."""

import asyncio
import logging
from collections.abc import Sequence

from pinnace.api.wire import Request, User
from pinnace.apiserver.audit.batches import Batches
from pinnace.apiserver.audit.config import AuditConfig, LogConfig, WebhookConfig
from pinnace.apiserver.audit.events import Event, level_name
from pinnace.apiserver.audit.log_file import LogFile
from pinnace.apiserver.audit.policy import Decision
from pinnace.apiserver.audit.sinks import Everywhere, Lenient, Sink, Truncating, settled
from pinnace.apiserver.audit.trail import Trail
from pinnace.apiserver.audit.webhook import Webhook
from pinnace.apiserver.routes import RequestInfo
from pinnace.apiserver.tallies import Tallies
from pinnace.kit.clock import Clock

_log = logging.getLogger(__name__)


class Auditing:
    """Begins a trail for each request, and passes on what the trails tell."""

    def __init__(self, config: AuditConfig, clock: Clock, tallies: Tallies) -> None:
        self._policy = config.policy
        self.clock = clock
        self._tallies = tallies
        sinks: list[Sink] = []
        if config.log is not None:
            sinks.append(self._log_sink(config.log))
        if config.webhook is not None:
            sinks.append(self._webhook_sink(config.webhook))
        self._sink = sinks[0] if len(sinks) == 1 else Everywhere(sinks)

    def start(self) -> None:
        """Begin with what is done beside the requests."""
        self._sink.start()

    async def close(self) -> None:
        """Pass on what is held."""
        await self._sink.close()

    def trail(self, request: Request, info: RequestInfo, audit_id: str) -> Trail:
        """Return what notes one request."""
        return Trail(self, request, info, audit_id, self.clock.now())

    def decide(self, user: User | None, info: RequestInfo) -> Decision:
        """Return what is noted of a request, and count it."""
        decision = self._policy.decide(user, info)
        self._tallies.audit_levels.add((level_name(decision.level),))
        return decision

    def now(self) -> str:
        """Return the time, as events have it."""
        return self.clock.now().replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"

    async def take(self, event: Event) -> bool:
        """Pass an event on; False if a request may not go on without it."""
        self._tallies.audit_events.add(())
        taken = self._sink.take((event,))
        return taken if isinstance(taken, bool) else await taken

    def rejected(self) -> None:
        """Count a request that is refused because it could not be noted."""
        self._tallies.audit_rejected.add(())

    def _lost(self, plugin: str, why: str, events: Sequence[Event]) -> None:
        self._tallies.audit_errors.add((plugin,), len(events))
        lines = "\n".join(event.line() for event in events)
        _log.error(
            "Error in audit plugin '%s' affecting %d audit events: %s\nImpacted events:\n%s",
            plugin, len(events), why, lines,
        )  # fmt: skip

    def _log_sink(self, config: LogConfig) -> Sink:
        file = LogFile(config, self._lost, self.clock.now)
        sink: Sink = file
        if config.mode == "batch":

            async def write(events: Sequence[Event]) -> bool:
                # Not in the loop: this is the mode for disks that one may have to wait for.
                return await asyncio.to_thread(file.take, events)

            sink = Batches(
                write, config.batch, self.clock, self._lost, end=file.close, at_once=False
            )
        elif config.mode == "blocking":
            sink = Lenient(file)
        return Truncating(sink, config.truncate, self._lost) if config.truncate else sink

    def _webhook_sink(self, config: WebhookConfig) -> Sink:
        webhook = Webhook(config, self.clock, self._lost)
        sink: Sink = webhook
        if config.mode == "batch":

            async def post(events: Sequence[Event]) -> bool:
                return await settled(webhook.take(events))

            sink = Batches(
                post, config.batch, self.clock, self._lost, end=webhook.close, at_once=True
            )
        elif config.mode == "blocking":
            sink = Lenient(webhook)
        return Truncating(sink, config.truncate, self._lost) if config.truncate else sink
