"""ValidatingAdmissionWebhook: others look at the final object, all at once."""

import asyncio

from pinnace.api.resources import Resource
from pinnace.apiserver.admission.base import Attributes, Operation, Outcome
from pinnace.apiserver.hooks.compiled import Match
from pinnace.apiserver.hooks.dispatch import (
    CallingFailed,
    Hooks,
    converted,
    is_concerned,
    tolerate,
)


class ValidatingAdmissionWebhook:
    """Asks every webhook that a write concerns; one refusal is enough."""

    name = "ValidatingAdmissionWebhook"

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks

    def handles(self, operation: Operation, row: Resource, subresource: str) -> bool:
        """Any write may concern a webhook."""
        return True

    def validate(self, attributes: Attributes) -> Outcome:
        """Ask whoever is concerned; raises the refusal of the first in order."""
        known = self._hooks.known(attributes)
        return None if known is not None and not known else self._ask(attributes)

    async def _ask(self, attributes: Attributes) -> None:
        matches = await self._hooks.matches(attributes)
        if not matches:
            return
        obj, old = attributes.obj, attributes.old
        concerned = [match for match in matches if is_concerned(match[0], attributes, obj, old)]
        asked = (self._one(match, attributes, at) for at, match in enumerate(concerned))
        for result in await asyncio.gather(*asked, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result

    async def _one(self, match: Match, attributes: Attributes, index: int) -> None:
        hook, row = match
        convert = self._hooks.convert
        obj = await converted(convert, attributes.obj, row)
        old = await converted(convert, attributes.old, row)
        if not await self._hooks.is_met(match, attributes, obj, old):
            return
        try:
            with self._hooks.counted(hook, attributes):
                await self._hooks.ask(match, attributes, obj, old, mutating=False)
        except CallingFailed as error:
            where = f"validating.webhook.admission.k8s.io/round_0_index_{index}"
            tolerate(hook, error, attributes, where)
