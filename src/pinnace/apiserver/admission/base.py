"""What an admission plug-in is: a name, what it handles, and a mutate or a validate, or both.

Plug-ins are plain functions on one `Attributes`. They read other objects through a `Lookup`, which
the server answers from its watch cache. One that has to wait returns an awaitable, which the chain
awaits; the others cost no more than a call.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Literal, Protocol, runtime_checkable

from pinnace.api.errors import ApiError, Forbidden, forbidden
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.api.wire import User
from pinnace.apiserver.admission.counts import Counts, Pass, Step
from pinnace.apiserver.apart import Apart
from pinnace.apiserver.audit.trail import Trail

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
    stored; None for CREATE. `name` is what the URL or the object says and may be empty on CREATE,
    `asked` what the URL says. `options` returns the decoded CreateOptions, UpdateOptions or
    DeleteOptions; there are none for CONNECT, where `obj` is what the connection is asked for.
    `warnings` go to the client, the `trail`, if there is one, to the audit log.
    """

    row: Resource
    operation: Operation
    obj: Object | None
    old: Object | None
    user: User
    lookup: Lookup
    namespace: str = ""
    name: str = ""
    asked: str = ""
    subresource: str = ""
    dry_run: bool = False
    options: Callable[[], Object] = dict
    warnings: list[str] = field(default_factory=list)
    reinvocation: Reinvocation = field(default_factory=Reinvocation)
    apart: Apart = field(default_factory=Apart)
    trail: Trail | None = None

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


@dataclass(frozen=True, slots=True)
class _Step:
    """Those who are asked in one step about one sort of write."""

    calls: tuple[Callable[[Attributes], Outcome], ...]
    counted: Pass

    async def run(self, attributes: Attributes) -> None:
        """Ask all in order; raises the first refusal."""
        took: list[float] = []
        before = perf_counter()
        for call in self.calls:
            try:
                waiting = call(attributes)
                if waiting is not None:
                    await waiting
            except ApiError:
                self.counted.refused(took, perf_counter() - before)
                raise
            now = perf_counter()
            took.append(now - before)
            before = now
        self.counted.passed(took)


_Concerned = tuple[_Step, _Step]


class Chain:
    """The plug-ins in order. Which ones concern a sort of write is worked out once per sort."""

    def __init__(self, plugins: Iterable[Plugin], counts: Counts | None = None) -> None:
        self.plugins = tuple(plugins)
        self.counts = counts or Counts()
        # Grows by a handful of entries per resource served, so it needs no bound.
        self._chosen: dict[tuple[str, str, str, str], _Concerned] = {}

    async def mutate(self, attributes: Attributes) -> None:
        """Let every mutator that is concerned change the object; raises the first refusal."""
        step = self._concerned(attributes)[0]
        began = perf_counter()
        try:
            await step.run(attributes)
            if attributes.reinvocation.wanted:
                attributes.reinvocation.again = True
                await step.run(attributes)
        except ApiError:
            step.counted.ended(perf_counter() - began, rejected=True)
            raise
        step.counted.ended(perf_counter() - began, rejected=False)

    async def validate(self, attributes: Attributes) -> None:
        """Let every validator that is concerned look at the object; raises the first refusal."""
        step = self._concerned(attributes)[1]
        began = perf_counter()
        try:
            await step.run(attributes)
        except ApiError:
            step.counted.ended(perf_counter() - began, rejected=True)
            raise
        step.counted.ended(perf_counter() - began, rejected=False)

    def _concerned(self, attributes: Attributes) -> _Concerned:
        row = attributes.row
        key = (row.group, row.plural, attributes.subresource, attributes.operation)
        found = self._chosen.get(key)
        if found is None:
            asked = frozenset(
                plugin.name
                for plugin in self.plugins
                if plugin.handles(attributes.operation, row, attributes.subresource)
            )
            found = self._chosen[key] = (
                self._step("admit", attributes.operation, asked),
                self._step("validate", attributes.operation, asked),
            )
        return found

    def _step(self, step: Step, operation: Operation, asked: Collection[str]) -> _Step:
        if step == "admit":
            calls = {p.name: p.mutate for p in self.plugins if isinstance(p, Mutator)}
        else:
            calls = {p.name: p.validate for p in self.plugins if isinstance(p, Validator)}
        names = [(name, name in asked) for name in calls]
        chosen = tuple(call for name, call in calls.items() if name in asked)
        return _Step(chosen, self.counts.new_pass(step, operation, names))
