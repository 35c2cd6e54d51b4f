"""MutatingAdmissionWebhook: others change the object, one after another."""

from dataclasses import dataclass, field
from typing import Any

import orjson

from pinnace.api import fieldvalidation
from pinnace.api.errors import ApiError, internal
from pinnace.api.objects import Object
from pinnace.api.patch import json as json_patch
from pinnace.api.resources import Resource
from pinnace.api.typed import normalized
from pinnace.api.validation.base import quoted
from pinnace.apiserver.admission.base import Attributes, Operation, Outcome
from pinnace.apiserver.audit.policy import Level
from pinnace.apiserver.hooks.compiled import Hook, Match
from pinnace.apiserver.hooks.dispatch import (
    CallingFailed,
    Convert,
    Hooks,
    converted,
    defaulted,
    is_concerned,
    is_of,
    tolerate,
)

# Where the audit log has what webhooks did; patches from the level Request on.
_MUTATION = "mutation.webhook.admission.k8s.io/"
_PATCH = "patch.webhook.admission.k8s.io/"


@dataclass(slots=True)
class _Called:
    """What is kept of one write between the two times that the chain may run."""

    last: bytes = b""
    before: set[Hook] = field(default_factory=set)
    again: set[Hook] = field(default_factory=set)

    def changed(self) -> None:
        """Have those who were asked before look once more."""
        self.again |= self.before
        self.before.clear()


class MutatingAdmissionWebhook:
    """Asks every webhook that a write concerns, and does what they say to the object."""

    name = "MutatingAdmissionWebhook"

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks

    def handles(self, operation: Operation, row: Resource, subresource: str) -> bool:
        """Any write may concern a webhook."""
        return True

    def mutate(self, attributes: Attributes) -> Outcome:
        """Ask whoever is concerned, in order."""
        known = self._hooks.known(attributes)
        return None if known is not None and not known else self._ask(attributes)

    async def _ask(self, attributes: Attributes) -> None:
        matches = await self._hooks.matches(attributes)
        if not matches:
            return
        turn = attributes.reinvocation
        called: _Called = turn.kept.setdefault(self.name, _Called())
        if turn.again and called.last != orjson.dumps(attributes.obj):
            called.changed()
        view = _View(attributes, self._hooks.convert)
        for match in matches:
            hook, row = match
            if not is_concerned(hook, attributes, view.obj, view.old):
                continue
            if turn.again and hook not in called.again:
                continue
            await view.turn(row)
            if not await self._hooks.is_met(match, attributes, view.obj, view.old):
                continue
            try:
                if await self._changes(match, attributes, view):
                    called.changed()
                    turn.wanted = True
            except CallingFailed as error:
                tolerate(hook, error, attributes, f"{_MUTATION}{_turn(hook, attributes)}")
            if hook.reinvoked:
                called.before.add(hook)
        await view.put_back()
        called.last = orjson.dumps(attributes.obj)

    async def _changes(self, match: Match, attributes: Attributes, view: "_View") -> bool:
        """Ask one webhook and patch the object; return whether that changed anything."""
        changed = False
        try:
            with self._hooks.counted(match[0], attributes):
                changed = await self._changed(match, attributes, view)
        finally:
            if attributes.trail is not None:
                hook = match[0]
                key = f"{_MUTATION}{_turn(hook, attributes)}"
                attributes.trail.annotate(key, _mutated(hook, mutated=changed))
        return changed

    async def _changed(self, match: Match, attributes: Attributes, view: "_View") -> bool:
        asked = self._hooks.ask(match, attributes, view.obj, view.old, mutating=True)
        patch = (await asked).patch
        if not patch:
            return False
        if view.obj is None:
            raise internal(
                f"admission webhook {quoted(match[0].name)} attempted to modify the object, which "
                "is not supported for this operation"
            )
        changed = view.patch(patch)
        if attributes.trail is not None:
            hook = match[0]
            ordered = [dict(sorted(operation.items())) for operation in patch]
            shown = _mutated(hook, patch=ordered, patchType="JSONPatch")
            attributes.trail.annotate(_PATCH + _turn(hook, attributes), shown, Level.REQUEST)
        return changed


def _turn(hook: Hook, attributes: Attributes) -> str:
    """Name the turn of a webhook in the audit log."""
    return f"round_{int(attributes.reinvocation.again)}_index_{hook.index}"


def _mutated(hook: Hook, **what: Any) -> str:
    told = {"configuration": hook.configuration, "webhook": hook.name, **what}
    return orjson.dumps(told).decode()


class _View:
    """The object in the version that a webhook wants; changes are put back at the end."""

    def __init__(self, attributes: Attributes, convert: Convert) -> None:
        self._attributes = attributes
        self._convert = convert
        self._row = attributes.row
        self._dirty = False
        self.obj, self.old = attributes.obj, attributes.old

    async def turn(self, row: Resource) -> None:
        """See the objects in the version of a row from now on."""
        if row is self._row:
            return
        await self.put_back()
        self.obj = await converted(self._convert, self._attributes.obj, row)
        self.old = await converted(self._convert, self._attributes.old, row)
        self._row = row

    def patch(self, operations: list[Object]) -> bool:
        """Change the object, fill in its defaults, and return whether it is another now."""
        obj, row = self.obj, self._row
        assert obj is not None
        try:
            made = json_patch.apply(obj, operations)
        except ApiError as error:
            raise internal(str(error.__cause__ or error.message)) from error
        if (made.get("apiVersion"), made.get("kind")) != (obj["apiVersion"], obj["kind"]):
            raise internal(
                f"the patched object is a {made.get('kind')} in {made.get('apiVersion')}, and not "
                f"a {obj['kind']} in {obj['apiVersion']}"
            )
        if row.custom is None and is_of(obj, row):
            wrong = fieldvalidation.type_errors(made, row)
            if wrong:
                raise internal(wrong[0])
            made.setdefault("metadata", {})
            made = normalized(made, row)
        changed = made != obj
        defaulted(row, made)
        self.obj = made
        self._dirty = True
        return changed

    async def put_back(self) -> None:
        """Make the changes in the object that the rest of the chain sees."""
        row, own = self._attributes.row, self._attributes.obj
        if not self._dirty or own is None or self.obj is None:
            return
        made = await converted(self._convert, self.obj, row)
        assert made is not None
        if row.custom is not None and is_of(made, row):
            try:
                row.custom.prune(made)
            except ValueError as error:
                raise internal(str(error)) from error
        own_content = dict(made)
        own.clear()
        own.update(own_content)
        if self._row is row:
            self.obj = own
        self._dirty = False
