"""Flow schemas say whether their priority level is there: the condition `Dangling`.

As upstream's config consumer does, every server applies it, whoever comes first; what is right
already is not written again.
"""

import logging
from datetime import datetime

from pinnace.api.errors import ApiError, NotFound
from pinnace.api.kinds.flowcontrol import FLOWSCHEMAS, PRIORITYLEVELCONFIGURATIONS
from pinnace.api.objects import Object, format_time
from pinnace.apiserver.core import Core
from pinnace.apiserver.managers import applied_status
from pinnace.apiserver.writes import rewrite
from pinnace.kit.queue import WorkQueue
from pinnace.store.base import StoreError
from pinnace.store.watchcache.changes import Change

MANAGER = "api-priority-and-fairness-config-consumer-v1"
_RETRY_SECONDS = 1.0
_TOLD = ("status", "reason", "message")
_log = logging.getLogger(__name__)


def condition(schema: Object, *, found: bool) -> Object:
    """Return what the condition of a schema has to say, its time apart."""
    level = ((schema.get("spec") or {}).get("priorityLevelConfiguration") or {}).get("name") or ""
    about = f'This FlowSchema references the PriorityLevelConfiguration object named "{level}"'
    return {
        "type": "Dangling",
        "status": "False" if found else "True",
        "reason": "Found" if found else "NotFound",
        "message": f"{about} and it exists" if found else f"{about} but there is no such object",
    }


def is_told(schema: Object, wanted: Object) -> bool:
    """Say whether a schema has the condition as it is to be."""
    conditions = (schema.get("status") or {}).get("conditions") or ()
    held: Object = next((one for one in conditions if one.get("type") == wanted["type"]), {})
    return all(held.get(key) == wanted[key] for key in _TOLD)


def as_told(schema: Object, *, found: bool, now: datetime) -> Object:
    """Return a schema with the condition applied."""
    told = {**condition(schema, found=found), "lastTransitionTime": format_time(now)}
    status = {"conditions": [told]}
    return applied_status(schema, FLOWSCHEMAS, status, manager=MANAGER, now=now)


class Dangling:
    """Keeps the condition of every schema true."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._queue: WorkQueue[str] = WorkQueue(core.clock)

    async def start(self) -> None:
        """Follow schemas and levels."""
        schemas = await self._core.cache(FLOWSCHEMAS)
        levels = await self._core.cache(PRIORITYLEVELCONFIGURATIONS)
        schemas.listeners.append(self._schema_changed)
        levels.listeners.append(lambda change: self._all())
        self._all()

    async def run(self) -> None:
        """Write what is to be written, until cancelled."""
        while True:
            name = await self._queue.get()
            try:
                await self._settle(name)
            except NotFound:
                pass
            except (ApiError, StoreError) as error:
                _log.info("flow schema %s: %s; trying again", name, error)
                self._queue.add_after(name, _RETRY_SECONDS)
            finally:
                self._queue.done(name)

    def _schema_changed(self, change: Change) -> None:
        if change.type != "DELETED":
            self._queue.add(change.item.name)

    def _all(self) -> None:
        for schema in self._core.lookup.list(FLOWSCHEMAS):
            self._queue.add(schema["metadata"]["name"])

    def _found(self, schema: Object) -> bool:
        level = schema["spec"]["priorityLevelConfiguration"]["name"]
        return self._core.lookup.get(PRIORITYLEVELCONFIGURATIONS, "", level) is not None

    async def _settle(self, name: str) -> None:
        schema = self._core.lookup.get(FLOWSCHEMAS, "", name)
        if schema is None or is_told(schema, condition(schema, found=self._found(schema))):
            return

        def make(held: Object) -> Object:
            return as_told(held, found=self._found(held), now=self._core.clock.now())

        await rewrite(self._core, FLOWSCHEMAS, "", name, make)
