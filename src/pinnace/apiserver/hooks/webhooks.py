"""All that calls webhooks, put together for one server."""

from collections.abc import Iterable, Sequence

from pinnace.api.kinds.admissionregistration import (
    MUTATINGADMISSIONPOLICIES,
    MUTATINGADMISSIONPOLICYBINDINGS,
    MUTATINGWEBHOOKCONFIGURATIONS,
    VALIDATINGADMISSIONPOLICIES,
    VALIDATINGADMISSIONPOLICYBINDINGS,
    VALIDATINGWEBHOOKCONFIGURATIONS,
)
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.apiserver import rules
from pinnace.apiserver.admission.counts import Counts
from pinnace.apiserver.authz.base import Authorizer
from pinnace.apiserver.hooks.caller import Caller
from pinnace.apiserver.hooks.conversion import convert_all
from pinnace.apiserver.hooks.dispatch import Hooks, Sort
from pinnace.apiserver.hooks.target import Objects
from pinnace.apiserver.policies.compiled import Policies

MUTATING = (MUTATINGADMISSIONPOLICIES, MUTATINGADMISSIONPOLICYBINDINGS)
VALIDATING = (VALIDATINGADMISSIONPOLICIES, VALIDATINGADMISSIONPOLICYBINDINGS)
CONFIGURATIONS = (MUTATINGWEBHOOKCONFIGURATIONS, VALIDATINGWEBHOOKCONFIGURATIONS)
# Whatever changes which webhooks and policies a write concerns.
FOLLOWED = (*CONFIGURATIONS, *MUTATING, *VALIDATING)


class Webhooks:
    """A server's webhooks and policies; to be closed with it."""

    def __init__(self, objects: Objects, rows: Iterable[Resource], authorizer: Authorizer) -> None:
        self._caller = Caller(objects)
        self.counts = Counts()

        def hooks(row: Resource, sort: Sort) -> Hooks:
            return Hooks(
                lambda: objects.list(row), rows, self._caller.post, self.convert, authorizer, sort
            )

        self.admission = (
            hooks(CONFIGURATIONS[0], Sort("admit", "admit", self.counts)),
            hooks(CONFIGURATIONS[1], Sort("validating", "validate", self.counts)),
        )
        self.policies = Policies(*MUTATING, objects, rows), Policies(*VALIDATING, objects, rows)

    def forget(self) -> None:
        """Look at configurations and rows again: some of them changed."""
        for hooks in self.admission:
            hooks.forget()
        for policies in self.policies:
            policies.forget()

    async def convert(self, obj: Object, row: Resource) -> Object:
        """Return an object in the version of a row; raises ApiError."""
        if row.custom is None or row.custom.conversion is None:
            return rules.convert(obj, row)
        return (await self.convert_all([obj], row))[0]

    async def convert_all(self, objects: Sequence[Object], row: Resource) -> list[Object]:
        """Return objects of a kind that a webhook converts in the version of a row."""
        return await convert_all(self._caller.post, objects, row)

    async def close(self) -> None:
        """Let go of all connections."""
        await self._caller.close()
