"""What an admission plug-in is: a name, what it handles, and a mutate or a validate, or both.

Plug-ins are plain functions on one `Attributes`. They read other objects through a `Lookup`, which
the server answers from its watch cache. One that has to wait returns an awaitable, which the chain
awaits; the others cost no more than a call.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from pinnace.api.errors import Forbidden, forbidden
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.api.wire import User
from pinnace.apiserver.apart import Apart

Operation = Literal["CREATE", "UPDATE", "DELETE", "CONNECT"]
Outcome = Awaitable[None] | None


class Lookup(Protocol):
    """Other objects as the server's own cache has them; never change what comes out."""

    def get(self, row: Resource, namespace: str, name: str) -> Object | None:
        """Return one object, or None; the namespace is empty for cluster-wide kinds."""
        ...

    def list(self, row: Resource, namespace: str = "") -> Iterable[Object]:
        """Return all objects of a kind, or those of one namespace."""
        ...


@dataclass(slots=True)
class Reinvocation:
    """Whether the chain's mutators run once more, as upstream's reinvocation policies ask.

    A plug-in that changed the object and knows of others that want to see that sets `wanted`;
    `again` says that this is the second time. `kept` is what plug-ins remember, by their names.
    """

    wanted: bool = False
    again: bool = False
    kept: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Attributes:
    """One write on its way in.

    `obj` is the chain's own copy, changed in place by mutators; None for DELETE. `old` is what is
    stored; None for CREATE. `name` is what the URL says and may be empty on CREATE. `options`
    returns the decoded CreateOptions, UpdateOptions or DeleteOptions; there are none for CONNECT,
    where `obj` is what the connection is asked for. `warnings` go to the client.
    """

    row: Resource
    operation: Operation
    obj: Object | None
    old: Object | None
    user: User
    lookup: Lookup
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    dry_run: bool = False
    options: Callable[[], Object] = dict
    warnings: list[str] = field(default_factory=list)
    reinvocation: Reinvocation = field(default_factory=Reinvocation)
    apart: Apart = field(default_factory=Apart)

    def of(self, group: str, plural: str) -> bool:
        """Say whether the write is to that resource, in any version."""
        return self.row.plural == plural and self.row.group == group

    def object_name(self) -> str:
        """Return the name that a refusal gives: the URL's, the object's, or its generateName."""
        meta = (self.obj or {}).get("metadata") or {}
        return self.name or str(meta.get("name") or meta.get("generateName") or "Unknown")

    def refuse(self, why: str) -> Forbidden:
        """Return upstream's `admission.NewForbidden` for this write."""
        return forbidden(self.row.plural, self.row.group, self.object_name(), why)


@runtime_checkable
class Plugin(Protocol):
    """What every plug-in has."""

    name: str

    def handles(self, operation: Operation, row: Resource, subresource: str) -> bool:
        """Say, from these three alone, whether writes of this sort concern the plug-in."""
        ...


@runtime_checkable
class Mutator(Plugin, Protocol):
    """A plug-in that may change the object; raises ApiError to refuse it."""

    def mutate(self, attributes: Attributes) -> Outcome: ...


@runtime_checkable
class Validator(Plugin, Protocol):
    """A plug-in that looks at the final object; raises ApiError to refuse it."""

    def validate(self, attributes: Attributes) -> Outcome: ...


_Concerned = tuple[tuple[Mutator, ...], tuple[Validator, ...]]


class Chain:
    """The plug-ins in order. Which ones concern a sort of write is worked out once per sort."""

    def __init__(self, plugins: Iterable[Plugin]) -> None:
        self.plugins = tuple(plugins)
        # Grows by a handful of entries per resource served, so it needs no bound.
        self._chosen: dict[tuple[str, str, str, str], _Concerned] = {}

    async def mutate(self, attributes: Attributes) -> None:
        """Let every mutator that is concerned change the object; raises the first refusal."""
        mutators = self._concerned(attributes)[0]
        await _mutate(mutators, attributes)
        if attributes.reinvocation.wanted:
            attributes.reinvocation.again = True
            await _mutate(mutators, attributes)

    async def validate(self, attributes: Attributes) -> None:
        """Let every validator that is concerned look at the object; raises the first refusal."""
        for plugin in self._concerned(attributes)[1]:
            waiting = plugin.validate(attributes)
            if waiting is not None:
                await waiting

    def _concerned(self, attributes: Attributes) -> _Concerned:
        row = attributes.row
        key = (row.group, row.plural, attributes.subresource, attributes.operation)
        found = self._chosen.get(key)
        if found is None:
            asked = [
                plugin
                for plugin in self.plugins
                if plugin.handles(attributes.operation, row, attributes.subresource)
            ]
            found = self._chosen[key] = (
                tuple(plugin for plugin in asked if isinstance(plugin, Mutator)),
                tuple(plugin for plugin in asked if isinstance(plugin, Validator)),
            )
        return found


async def _mutate(mutators: Iterable[Mutator], attributes: Attributes) -> None:
    for plugin in mutators:
        waiting = plugin.mutate(attributes)
        if waiting is not None:
            await waiting
