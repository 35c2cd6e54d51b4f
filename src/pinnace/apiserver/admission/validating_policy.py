"""ValidatingAdmissionPolicy: expressions that refuse, warn of, or note a write.

Upstream: apiserver `admission/plugin/policy/validating`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from time import perf_counter
from typing import Any

import orjson

from pinnace.api.cel.admission import Answer, Budget, OutOfBudget, Variables, evaluate
from pinnace.api.cel.values import CelError
from pinnace.api.errors import ApiError
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.apiserver.admission.base import Attributes, Operation, Outcome
from pinnace.apiserver.admission.counts import Counts, error_type
from pinnace.apiserver.authz.base import Authorizer
from pinnace.apiserver.hooks.compiled import is_exempt
from pinnace.apiserver.hooks.dispatch import Convert, converted
from pinnace.apiserver.policies.asking import settled
from pinnace.apiserver.policies.compiled import Binding, Policies, Policy
from pinnace.apiserver.policies.inputs import variables

# How metrics call what is done when a rule is broken.
_ACTIONS = {"Deny": "deny", "Audit": "audit", "Warn": "warn"}
_CODES = {"Forbidden": 403, "Unauthorized": 401, "RequestEntityTooLarge": 413}
_MAX_MESSAGE = 5 * 1024
_MAX_NOTE = 10 * 1024
_FAILURE = "validation.policy.admission.k8s.io/validation_failure"


@dataclass(frozen=True, slots=True)
class _Denial:
    """A broken rule; without a binding, the policy itself could not be asked."""

    policy: str
    binding: str | None
    message: str
    reason: str = "Invalid"
    # The place of the rule in its policy.
    index: int = 0
    seconds: float = 0.0
    # The rule could not be evaluated, and that is ignored.
    tolerated: bool = False

    def text(self) -> str:
        where = f" with binding '{self.binding}'" if self.binding is not None else ""
        return f"ValidatingAdmissionPolicy '{self.policy}'{where} denied request: {self.message}"


class ValidatingAdmissionPolicy:
    """Asks every policy that is bound to a write."""

    name = "ValidatingAdmissionPolicy"

    def __init__(
        self, policies: Policies, authorizer: Authorizer, convert: Convert, counts: Counts
    ) -> None:
        self._counts = counts
        self._policies = policies
        self._authorizer = authorizer
        self._convert = convert

    def handles(self, operation: Operation, row: Resource, subresource: str) -> bool:
        """Any write may concern a policy, but those to what steers admission."""
        return not is_exempt(row)

    def validate(self, attributes: Attributes) -> Outcome:
        """Ask the policies, if there are any."""
        found = self._policies.known()
        return None if found is not None and not found else self._ask(attributes)

    async def _ask(self, attributes: Attributes) -> None:
        policies = await self._policies.all(attributes.apart)
        if not policies:
            return
        denied: list[_Denial] = []
        for policy in policies:
            try:
                row = policy.constraints.match(attributes)
            except ApiError as error:
                denied += _misconfigured(policy, None, error.message)
                continue
            if row is not None:
                denied += await self._of_policy(attributes, policy, row)
        if denied:
            raise refusal(attributes, denied[0])

    async def _of_policy(
        self, attributes: Attributes, policy: Policy, row: Resource
    ) -> list[_Denial]:
        denied: list[_Denial] = []
        noted: dict[str, list[str]] = {}
        given: dict[str, Any] | None = None
        for binding in policy.bindings:
            try:
                bound = binding.constraints
                if bound is not None and bound.match(attributes) is None:
                    continue
                params = await self._policies.params(policy, binding, attributes.namespace)
            except ApiError as error:
                denied += _misconfigured(policy, binding, error.message)
                continue
            except ValueError as error:
                denied += _misconfigured(policy, binding, str(error))
                continue
            if given is None:
                obj = await converted(self._convert, attributes.obj, row)
                old = await converted(self._convert, attributes.old, row)
                given = variables(attributes, row, self._authorizer, obj, old)
            for param in params:
                decided = await settled(
                    partial(_decide, policy, binding, given, param), attributes.apart
                )
                self._count(attributes, binding, decided)
                found = [each for each in decided.found if not each.tolerated]
                denied += _told(attributes, binding, found) + decided.errors
                for key, text in decided.notes:
                    if text not in noted.setdefault(key, []):
                        noted[key].append(text)
        if attributes.trail is not None:
            for key, values in noted.items():
                attributes.trail.annotate_checked(f"{policy.name}/{key}", ", ".join(values))
        return denied

    def _count(self, attributes: Attributes, binding: Binding, decided: "_Decided") -> None:
        if decided.matched is not None:
            answer, seconds = decided.matched
            where = decided.policy, "policy", "validate", attributes.operation
            self._counts.matched(where, seconds, answer)
        for each in decided.found:
            actions = ["allow"] if each.tolerated else [_ACTIONS[a] for a in binding.actions]
            for action in actions:
                key = each.policy, binding.name, error_type(each.message), action
                self._counts.validating.add(key, each.seconds)


@dataclass(slots=True)
class _Decided:
    """What a policy says for one parameter.

    `found` are broken rules, `errors` what refuses whatever the binding says: errors in what is
    noted for the audit log, which is in `notes`. `matched` has what its conditions said.
    """

    policy: str
    found: list[_Denial] = field(default_factory=list)
    errors: list[_Denial] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    matched: tuple[Answer, float] | None = None


def _misconfigured(policy: Policy, binding: Binding | None, why: str) -> list[_Denial]:
    if policy.ignores_failures:
        return []
    what = "policy" if binding is None else "binding"
    name = None if binding is None else binding.name
    return [_Denial(policy.name, name, f"failed to configure {what}: {why}")]


def _told(attributes: Attributes, binding: Binding, found: list[_Denial]) -> list[_Denial]:
    """Warn of and note broken rules where that is wanted; return those that refuse the write."""
    if "Audit" in binding.actions and attributes.trail is not None:
        for denial in found:
            failure = {
                "message": denial.message,
                "policy": denial.policy,
                "binding": denial.binding,
                "expressionIndex": denial.index,
                "validationActions": list(binding.actions),
            }
            attributes.trail.annotate(_FAILURE, orjson.dumps([failure]).decode())
    if "Warn" in binding.actions:
        for denial in found:
            attributes.warnings.append(
                f"Validation failed for ValidatingAdmissionPolicy '{denial.policy}' with binding "
                f"'{denial.binding}': {denial.message}"
            )
    return found if "Deny" in binding.actions else []


def refusal(attributes: Attributes, denial: _Denial) -> ApiError:
    """Return the Status that a denied client gets."""
    message = denial.text()
    error = attributes.refuse(message)
    error.code = _CODES.get(denial.reason, 422)
    error.reason = denial.reason
    error.details = {**(error.details or {}), "causes": [{"message": message}]}
    return error


def _decide(
    policy: Policy, binding: Binding, given: Mapping[str, Any], param: Object | None
) -> _Decided:
    """Evaluate a policy for one parameter."""
    own = Variables(policy.variables)
    own.outer.update(given, params=param, variables=own)
    decided = _Decided(policy.name)
    try:
        if policy.conditions is not None:
            began = perf_counter()
            answer = policy.conditions.ask(own.outer)
            decided.matched = answer, perf_counter() - began
            if answer.why:
                raise ValueError(answer.why)
            if not answer.met:
                return decided
        budget = Budget()
        results = [_result(policy, index, own.outer, budget) for index in _indexes(policy)]
        broken = [
            _denied(policy, binding, index, result, own.outer, budget)
            for index, (result, _) in enumerate(results)
        ]
        annotated = _annotated(policy, binding, own.outer)
    except (ValueError, OutOfBudget) as error:
        ignored = policy.ignores_failures
        decided.found = [_Denial(policy.name, binding.name, str(error), tolerated=ignored)]
        return decided
    decided.found = [
        replace(each, seconds=seconds)
        for each, (_, seconds) in zip(broken, results, strict=True)
        if each is not None
    ]
    decided.errors, decided.notes = annotated
    return decided


def _indexes(policy: Policy) -> range:
    return range(len(policy.validations))


def _result(
    policy: Policy, index: int, given: Mapping[str, Any], budget: Budget
) -> tuple[Any, float]:
    """Return what a rule gives, an error maybe, and how long that took."""
    began, result = perf_counter(), None
    try:
        result = evaluate(policy.validations[index], given, budget)
    except CelError as error:
        result = error
    return result, perf_counter() - began


def _denied(
    policy: Policy,
    binding: Binding,
    index: int,
    result: Any,
    given: Mapping[str, Any],
    budget: Budget,
) -> _Denial | None:
    spec = policy.spec["validations"][index]
    if isinstance(result, CelError):
        ignored = policy.ignores_failures
        return _Denial(policy.name, binding.name, str(result), index=index, tolerated=ignored)
    if result is True:
        return None
    message = _message(policy, index, given, budget) or (spec.get("message") or "").strip()
    message = message or f"failed expression: {spec['expression'].strip()}"
    return _Denial(policy.name, binding.name, message, spec.get("reason") or "Invalid", index)


def _message(policy: Policy, index: int, given: Mapping[str, Any], budget: Budget) -> str:
    """Return what a message expression makes, or nothing if that cannot be used."""
    wanted = policy.messages[index]
    if wanted is None:
        return ""
    try:
        made = evaluate(wanted, given, budget)
    except CelError:
        return ""
    text = made.strip() if isinstance(made, str) else ""
    return "" if "\n" in text or len(text.encode()) > _MAX_MESSAGE else text


def _annotated(
    policy: Policy, binding: Binding, given: Mapping[str, Any]
) -> tuple[list[_Denial], list[tuple[str, str]]]:
    """Return the errors in what the policy has for the audit log, and the rest of that."""
    errors, notes, budget = [], [], Budget()
    for key, annotation in zip(policy.keys, policy.annotations, strict=True):
        try:
            value = evaluate(annotation, given, budget)
        except CelError as error:
            if not policy.ignores_failures:
                errors.append(_Denial(policy.name, binding.name, str(error)))
            continue
        text = value.strip()[:_MAX_NOTE] if isinstance(value, str) else ""
        if text:
            notes.append((key, text))
    return errors, notes
