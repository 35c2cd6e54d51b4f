"""What both sorts of admission webhooks share: who is asked, how, and what failures mean."""

import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

from pinnace.api.errors import ApiError, BadRequest, forbidden, internal, not_found
from pinnace.api.kinds.core import NAMESPACES
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.api.validation.base import quoted
from pinnace.apiserver import rules
from pinnace.apiserver.admission.base import Attributes
from pinnace.apiserver.admission.counts import Counts
from pinnace.apiserver.authz.base import Authorizer
from pinnace.apiserver.hooks.compiled import Hook, Match, Table, hooks_of
from pinnace.apiserver.hooks.failures import CallFailed
from pinnace.apiserver.hooks.review import Denied, Verdict, denial, review, verdict, version_of
from pinnace.apiserver.policies.asking import settled
from pinnace.apiserver.policies.inputs import variables
from pinnace.kit.uids import new_uid

_log = logging.getLogger(__name__)
_HARMLESS = ("None", "NoneOnDryRun")

Post = Callable[[Mapping[str, Any], Object, int], Awaitable[Object]]
Convert = Callable[[Object, Resource], Awaitable[Object]]


class CallingFailed(Exception):
    """A webhook could not be asked; whether that matters is its failure policy's to say."""

    def __init__(self, why: str, code: int) -> None:
        super().__init__(why)
        self.code = code


@dataclass(frozen=True, slots=True)
class Sort:
    """How metrics call one sort of webhooks: the step, and the step of their match conditions."""

    step: str
    excluded: str
    counts: Counts


class Hooks:
    """The webhooks of one kind of configuration, and how they are asked.

    `rows` are what is served; `forget` is to be called when they or the configurations change.
    """

    def __init__(
        self,
        configurations: Callable[[], Iterable[Object]],
        rows: Iterable[Resource],
        post: Post,
        convert: Convert,
        authorizer: Authorizer,
        sort: Sort,
    ) -> None:
        self._sort = sort
        self._configurations = configurations
        self._rows = rows
        self._post = post
        self.convert = convert
        self._authorizer = authorizer
        self._table: Table | None = None
        self._none = False
        self._forgotten = 0

    def forget(self) -> None:
        """Compile the configurations anew when a write comes."""
        self._table, self._none = None, False
        self._forgotten += 1

    def known(self, attributes: Attributes) -> Sequence[Match] | None:
        """Return what `matches` does, or None if configurations are to be compiled first."""
        if self._none:
            return ()
        return None if self._table is None else self._table.matches(attributes)

    async def matches(self, attributes: Attributes) -> Sequence[Match]:
        """Return the webhooks whose rules fit a write, in order."""
        table = self._table
        if table is None:
            forgotten, configurations = self._forgotten, list(self._configurations())
            hooks = await attributes.apart.patiently(0, partial(hooks_of, configurations))
            table = Table(hooks, self._rows)
            if forgotten == self._forgotten:
                self._table, self._none = table, not hooks
        return table.matches(attributes)

    async def is_met(
        self, match: Match, attributes: Attributes, obj: Object | None, old: Object | None
    ) -> bool:
        """Say whether a webhook's conditions are met; raises Forbidden if they cannot be told."""
        hook, row = match
        if hook.conditions is None:
            return True
        began, sort = perf_counter(), self._sort
        given = variables(attributes, row, self._authorizer, obj, old)
        answer = await settled(partial(hook.conditions.ask, given), attributes.apart)
        name, operation = hook.name, attributes.operation
        where = name, "webhook", sort.step, operation
        sort.counts.matched(where, perf_counter() - began, answer)
        if answer.why:
            asked = attributes.row
            raise forbidden(asked.plural, asked.group, attributes.name, answer.why)
        if not answer.met:
            sort.counts.match_exclusions.add((name, "webhook", sort.excluded, operation))
        return answer.met

    @contextmanager
    def counted(self, hook: Hook, attributes: Attributes) -> Iterator[None]:
        """Count that a webhook is asked, and what comes of it."""
        key = hook.name, self._sort.step, attributes.operation
        code, error, began = 200, None, perf_counter()
        try:
            yield
        except CallingFailed as failure:
            code = failure.code
            error = None if hook.ignores_failures else "calling_webhook_error"
            if error is None:
                self._sort.counts.webhook_ignored.add(key[:2])
            raise
        except Denied as refusal:
            code, error = refusal.code, "no_error"
            raise
        except ApiError:
            code, error = 0, "apiserver_internal_error"
            raise
        finally:
            self._sort.counts.webhook(key, perf_counter() - began, code, error)

    async def ask(
        self,
        match: Match,
        attributes: Attributes,
        obj: Object | None,
        old: Object | None,
        *,
        mutating: bool,
    ) -> Verdict:
        """Return what a webhook says; raises CallingFailed, and ApiError for what is refused."""
        hook, row = match
        if attributes.dry_run and hook.spec.get("sideEffects") not in _HARMLESS:
            raise BadRequest(f"admission webhook {quoted(hook.name)} does not support dry run")
        try:
            version = version_of(hook.spec.get("admissionReviewVersions") or ())
            uid = new_uid()
            asked = review(attributes, row, version=version, uid=uid, obj=obj, old=old)
            answer = await self._posted(hook, asked)
            found = verdict(answer, version=version, uid=uid, mutating=mutating)
        except CallFailed as error:
            why = f"failed calling webhook {quoted(hook.name)}: {error}"
            raise CallingFailed(why, error.code) from error
        attributes.warnings.extend(found.warnings)
        if attributes.trail is not None:
            for key, value in found.annotations.items():
                attributes.trail.annotate_checked(f"{hook.name}/{key}", value)
        if not found.allowed:
            raise denial(hook.name, found.result)
        return found

    async def _posted(self, hook: Hook, asked: Object) -> Object:
        try:
            return await self._post(hook.spec["clientConfig"], asked, hook.seconds)
        except CallFailed as error:
            raise CallFailed(f"failed to call webhook: {error}", error.code) from error


def tolerate(hook: Hook, error: CallingFailed, attributes: Attributes, where: str) -> None:
    """Go on without a webhook if its failure policy allows it; raises ApiError if not.

    `where` names its sort and turn, for the audit log.
    """
    if not hook.ignores_failures:
        raise internal(str(error)) from error
    if attributes.trail is not None:
        attributes.trail.annotate(f"failed-open.{where}", hook.name)
    _log.warning("going on: %s", error)


def is_concerned(
    hook: Hook, attributes: Attributes, obj: Object | None, old: Object | None
) -> bool:
    """Say whether a webhook's selectors fit; raises ApiError if that is unknown."""
    missing: ApiError | None = None
    try:
        if not _selects_namespace(hook, attributes, obj):
            return False
    except ApiError as error:
        missing = error
    if not hook.objects.empty() and not (_has_labels(hook, obj) or _has_labels(hook, old)):
        return False
    if missing is not None:
        raise missing
    return True


def _labels(obj: Object | None) -> Mapping[str, str]:
    return ((obj or {}).get("metadata") or {}).get("labels") or {}


def _has_labels(hook: Hook, obj: Object | None) -> bool:
    return obj is not None and hook.objects.matches(_labels(obj))


def _selects_namespace(hook: Hook, attributes: Attributes, obj: Object | None) -> bool:
    plural, name = attributes.row.plural, attributes.namespace
    if hook.namespaces.empty() or (not name and plural != "namespaces"):
        return True
    written = attributes.operation in ("CREATE", "UPDATE") and not attributes.subresource
    if plural == "namespaces" and written:
        return hook.namespaces.matches(_labels(obj))
    namespace = attributes.lookup.get(NAMESPACES, "", name)
    if namespace is None:
        raise not_found("namespaces", "", name)
    return hook.namespaces.matches(_labels(namespace))


def is_of(obj: Object | None, row: Resource) -> bool:
    """Say whether an object is of a row's kind at all: a Scale is the same in every version."""
    return obj is not None and obj.get("kind") == row.kind


async def converted(convert: Convert, obj: Object | None, row: Resource) -> Object | None:
    """Return an object in the version of a row."""
    if obj is None or not is_of(obj, row) or obj.get("apiVersion") == row.group_version:
        return obj
    return await convert(obj, row)


def defaulted(row: Resource, obj: Object) -> None:
    """Fill in, in place, what a webhook's patch left open."""
    if is_of(obj, row):
        rules.apply_defaults(row, obj)
