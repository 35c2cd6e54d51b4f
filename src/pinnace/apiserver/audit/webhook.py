"""Posts events to a server, as often as it takes; gives up after five times, as upstream does."""

import random
from collections.abc import Sequence

from pinnace.apiserver.audit.config import WebhookConfig
from pinnace.apiserver.audit.events import Event, event_list
from pinnace.apiserver.audit.sinks import Lost
from pinnace.kit.clock import Clock
from pinnace.kit.deferred import aiohttp, yarl

_TRIES = 5
_FACTOR = 1.5
_JITTER = 0.2
# As long as upstream's client waits for one answer.
_SECONDS = 30.0
_HEADERS = {
    "content-type": "application/json",
    "accept": "application/json, */*",
    "user-agent": "kube-apiserver",
}


class Webhook:
    """Sends each batch in one request."""

    def __init__(self, config: WebhookConfig, clock: Clock, lost: Lost) -> None:
        self._config = config
        self._clock = clock
        self._lost = lost
        self._session: aiohttp.ClientSession | None = None

    async def take(self, events: Sequence[Event]) -> bool:
        """Post events; those that nobody takes are said to be lost."""
        body, wait, why = event_list(events), self._config.initial_backoff, ""
        for attempt in range(_TRIES):
            if attempt:
                await self._clock.sleep(wait * (1 + random.random() * _JITTER))
                wait *= _FACTOR
            why = await self._posted(body)
            if not why:
                return True
        self._lost("webhook", why, events)
        return False

    def start(self) -> None:
        """Do nothing: connections are made when there is something to send."""

    async def close(self) -> None:
        """Close all connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _posted(self, body: bytes) -> str:
        """Return why the events could not be posted, empty if they could."""
        config = self._config
        headers = {**_HEADERS, **config.headers}
        if config.token is not None:
            headers["authorization"] = f"Bearer {config.token()}"
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_SECONDS))
        try:
            async with self._session.post(
                yarl.URL(config.url, encoded=True),
                data=body,
                headers=headers,
                ssl=config.tls or True,
                server_hostname=config.server_name,
                allow_redirects=False,
            ) as answer:
                await answer.read()
                return "" if 200 <= answer.status < 300 else f"status code {answer.status}"
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            return f'Post "{config.url}": {error or type(error).__name__}'
