"""MutatingAdmissionPolicy: expressions that change what is written.

Upstream: apiserver `admission/plugin/policy/mutating`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import Any

import orjson

from pinnace.api import fieldvalidation
from pinnace.api.cel.admission import Answer, Budget, Expression, OutOfBudget, Variables, evaluate
from pinnace.api.cel.mutation import ATOMIC, apply_configuration, atomics, patch_operations
from pinnace.api.cel.values import CelError
from pinnace.api.errors import ApiError
from pinnace.api.objects import Object
from pinnace.api.patch import json as json_patch
from pinnace.api.patch.combine import merged
from pinnace.api.patch.shape import NoElement
from pinnace.api.patch.versions import Versions
from pinnace.api.resources import Resource
from pinnace.api.typed import normalized
from pinnace.apiserver.admission.base import Attributes, Operation, Outcome
from pinnace.apiserver.admission.counts import Counts, error_type
from pinnace.apiserver.authz.base import Authorizer
from pinnace.apiserver.hooks.compiled import is_exempt
from pinnace.apiserver.hooks.dispatch import Convert, converted, defaulted, is_of
from pinnace.apiserver.policies.asking import settled
from pinnace.apiserver.policies.compiled import Binding, Policies, Policy
from pinnace.apiserver.policies.inputs import variables

_Key = tuple[str, str, str]


@dataclass(slots=True)
class _Called:
    """What is kept of one write between the two times that the chain may run."""

    last: bytes = b""
    before: set[_Key] = field(default_factory=set)
    again: set[_Key] = field(default_factory=set)

    def changed(self) -> None:
        """Have those who were asked before look once more."""
        self.again |= self.before
        self.before.clear()


@dataclass(frozen=True, slots=True)
class _Invocation:
    policy: Policy
    binding: Binding
    row: Resource
    param: Object | None

    @property
    def key(self) -> _Key:
        meta = (self.param or {}).get("metadata") or {}
        name = f"{meta.get('namespace', '')}/{meta.get('name', '')}"
        return self.policy.name, self.binding.name, name


class _Failed(Exception):
    """A policy that cannot be followed; whether that matters is its failure policy's to say."""


class MutatingAdmissionPolicy:
    """Follows every policy that is bound to a write."""

    name = "MutatingAdmissionPolicy"

    def __init__(
        self, policies: Policies, authorizer: Authorizer, convert: Convert, counts: Counts
    ) -> None:
        self._counts = counts
        self._policies = policies
        self._authorizer = authorizer
        self._convert = convert

    def handles(self, operation: Operation, row: Resource, subresource: str) -> bool:
        """Any write may concern a policy, but deletions and those to what steers admission."""
        return operation != "DELETE" and not is_exempt(row)

    def mutate(self, attributes: Attributes) -> Outcome:
        """Follow the policies, if there are any."""
        found = self._policies.known()
        return None if found is not None and not found else self._follow(attributes)

    async def _follow(self, attributes: Attributes) -> None:
        policies = await self._policies.all(attributes.apart)
        if not policies:
            return
        failures: list[str] = []
        turn = attributes.reinvocation
        called: _Called = turn.kept.setdefault(self.name, _Called())
        if turn.again and called.last != orjson.dumps(attributes.obj):
            called.changed()
        for invocation in await self._invocations(attributes, policies, failures):
            if turn.again and invocation.key not in called.again:
                continue
            changed = await self._one(attributes, invocation, failures)
            if changed:
                called.changed()
                turn.wanted = True
            if invocation.policy.spec.get("reinvocationPolicy") == "IfNeeded":
                called.before.add(invocation.key)
        called.last = orjson.dumps(attributes.obj)
        if failures:
            error = attributes.refuse("admission request denied by policy")
            error.message, error.reason = failures[0], "Invalid"
            causes = [{"message": text} for text in failures]
            error.details = {**(error.details or {}), "causes": causes}
            raise error

    async def _invocations(
        self, attributes: Attributes, policies: Sequence[Policy], failures: list[str]
    ) -> list[_Invocation]:
        made = []
        for policy in policies:
            try:
                row = policy.constraints.match(attributes)
            except ApiError as error:
                _note(failures, policy, None, error.message)
                continue
            for binding in policy.bindings if row is not None else ():
                try:
                    bound = binding.constraints
                    if bound is not None and bound.match(attributes) is None:
                        continue
                    params = await self._policies.params(policy, binding, attributes.namespace)
                except (ApiError, ValueError) as error:
                    _note(failures, policy, binding, str(error))
                    continue
                assert row is not None
                made += [_Invocation(policy, binding, row, param) for param in params]
        return made

    async def _one(
        self, attributes: Attributes, invocation: _Invocation, failures: list[str]
    ) -> bool:
        """Follow one policy for one parameter; return whether the object changed."""
        policy, row = invocation.policy, invocation.row
        obj = await converted(self._convert, attributes.obj, row)
        old = await converted(self._convert, attributes.old, row)
        if obj is None:
            return False
        given = variables(attributes, row, self._authorizer, obj, old)
        given["params"] = invocation.param
        began = perf_counter()
        answer = await settled(partial(_concerns, policy, given), attributes.apart)
        where = policy.name, "policy", "validate", attributes.operation
        self._counts.matched(where, perf_counter() - began, answer)
        if answer.why:
            _note(failures, policy, invocation.binding, answer.why)
        if not answer.met:
            return False
        before = orjson.dumps(obj)
        for expression in policy.mutations:
            began, why = perf_counter(), ""
            try:
                obj = await settled(
                    partial(_mutated, policy, expression, given, obj, row), attributes.apart
                )
            except _Failed as error:
                why = str(error)
                _note(failures, policy, invocation.binding, why)
            key = policy.name, invocation.binding.name, error_type(why)
            self._counts.mutating.add(key, perf_counter() - began)
        if orjson.dumps(obj) == before:
            return False
        made = await converted(self._convert, obj, attributes.row)
        assert attributes.obj is not None
        assert made is not None
        attributes.obj.clear()
        attributes.obj.update(made)
        return True


def _note(failures: list[str], policy: Policy, binding: Binding | None, why: str) -> None:
    if policy.ignores_failures:
        return
    if binding is None:
        failures.append(f'policy "{policy.name}" denied request: {why}')
        return
    failures.append(f"policy '{policy.name}' with binding '{binding.name}' denied request: {why}")


def _concerns(policy: Policy, given: Mapping[str, Any]) -> Answer:
    own = Variables(policy.variables)
    own.outer.update(given, variables=own)
    return Answer(met=True) if policy.conditions is None else policy.conditions.ask(own.outer)


def _mutated(
    policy: Policy, expression: Expression, given: Mapping[str, Any], obj: Object, row: Resource
) -> Object:
    """Return the object that one mutation makes; raises _Failed."""
    own = Variables(policy.variables)
    own.outer.update(given, object=obj, variables=own)
    try:
        value = evaluate(expression, own.outer, Budget())
        if isinstance(value, list):
            made = _patched(obj, patch_operations(value))
        else:
            made = _applied(obj, apply_configuration(value), row)
    except (CelError, OutOfBudget, ValueError) as error:
        raise _Failed(str(error)) from error
    if is_of(made, row) and row.custom is None:
        faults = fieldvalidation.type_errors(made, row)
        if faults:
            raise _Failed(faults[0])
        made = normalized(made, row)
    defaulted(row, made)
    return made


def _patched(obj: Object, operations: list[Object]) -> Object:
    try:
        return json_patch.apply(obj, operations)
    except ApiError as error:
        if str(error.__cause__).endswith("test failed"):
            # A test that fails takes the whole patch back, without complaint.
            return obj
        raise ValueError(f"JSON Patch: {_complaint(error, operations)}") from error


def _complaint(error: ApiError, operations: list[Object]) -> str:
    """Return what upstream's patch library says of an operation that cannot be done."""
    why = str(error.__cause__ or error.message)
    if not why.startswith("Unable to remove"):
        return why
    key = why.rpartition(" ")[2]
    paths = (op["path"] for op in operations if op.get("op") == "remove")
    path = next((path for path in paths if path.endswith(f"/{key}")), "")
    return f"error in remove for path: '{path}': {why}: missing value"


def _applied(obj: Object, applied: Object, row: Resource) -> Object:
    kind = Versions(row).kind(row.group_version)
    applied = {**applied, "apiVersion": obj.get("apiVersion"), "kind": obj.get("kind")}
    found = atomics(applied, kind)
    if found:
        raise ValueError(f"error applying patch: invalid ApplyConfiguration: {ATOMIC}: {found}")
    try:
        made: Object = merged(obj, applied, kind)
    except NoElement as error:
        raise ValueError(f"error applying patch: failed to merge patch: {error}") from error
    return made
