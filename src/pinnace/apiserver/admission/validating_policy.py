"""ValidatingAdmissionPolicy: expressions that refuse, warn of, or note a write.

Upstream: apiserver `admission/plugin/policy/validating`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from pinnace.api.cel.admission import Budget, OutOfBudget, Variables, evaluate
from pinnace.api.cel.values import CelError
from pinnace.api.errors import ApiError
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.apiserver.admission.base import Attributes, Operation, Outcome
from pinnace.apiserver.authz.base import Authorizer
from pinnace.apiserver.hooks.compiled import is_exempt
from pinnace.apiserver.hooks.dispatch import Convert, converted
from pinnace.apiserver.policies.compiled import Binding, Policies, Policy
from pinnace.apiserver.policies.inputs import variables

_CODES = {"Forbidden": 403, "Unauthorized": 401, "RequestEntityTooLarge": 413}
_MAX_MESSAGE = 5 * 1024


@dataclass(frozen=True, slots=True)
class _Denial:
    """A broken rule; without a binding, the policy itself could not be asked."""

    policy: str
    binding: str | None
    message: str
    reason: str = "Invalid"

    def text(self) -> str:
        where = f" with binding '{self.binding}'" if self.binding is not None else ""
        return f"ValidatingAdmissionPolicy '{self.policy}'{where} denied request: {self.message}"


class ValidatingAdmissionPolicy:
    """Asks every policy that is bound to a write."""

    name = "ValidatingAdmissionPolicy"

    def __init__(self, policies: Policies, authorizer: Authorizer, convert: Convert) -> None:
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
                found = await attributes.apart.patiently(
                    0, partial(_decide, policy, binding, given, param)
                )
                denied += _told(attributes, binding, found)
        return denied


def _misconfigured(policy: Policy, binding: Binding | None, why: str) -> list[_Denial]:
    if policy.ignores_failures:
        return []
    what = "policy" if binding is None else "binding"
    name = None if binding is None else binding.name
    return [_Denial(policy.name, name, f"failed to configure {what}: {why}")]


def _told(attributes: Attributes, binding: Binding, found: list[_Denial]) -> list[_Denial]:
    """Warn of broken rules where that is wanted; return those that refuse the write."""
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
) -> list[_Denial]:
    """Evaluate a policy for one parameter and return the rules that are broken."""
    own = Variables(policy.variables)
    own.outer.update(given, params=param, variables=own)
    try:
        if policy.conditions is not None and not policy.conditions.match(own.outer):
            return []
        budget = Budget()
        results = [_result(policy, index, own.outer, budget) for index in _indexes(policy)]
        found = [
            _denied(policy, binding, index, result, own.outer, budget)
            for index, result in enumerate(results)
        ]
        broken = [denial for denial in found if denial is not None]
        return broken + _annotation_errors(policy, binding, own.outer)
    except (ValueError, OutOfBudget) as error:
        if policy.ignores_failures:
            return []
        return [_Denial(policy.name, binding.name, str(error))]


def _indexes(policy: Policy) -> range:
    return range(len(policy.validations))


def _result(policy: Policy, index: int, given: Mapping[str, Any], budget: Budget) -> Any:
    try:
        return evaluate(policy.validations[index], given, budget)
    except CelError as error:
        return error


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
        if policy.ignores_failures:
            return None
        return _Denial(policy.name, binding.name, str(result))
    if result is True:
        return None
    message = _message(policy, index, given, budget) or (spec.get("message") or "").strip()
    message = message or f"failed expression: {spec['expression'].strip()}"
    return _Denial(policy.name, binding.name, message, spec.get("reason") or "Invalid")


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


def _annotation_errors(policy: Policy, binding: Binding, given: Mapping[str, Any]) -> list[_Denial]:
    """Evaluate what audit would note (there is no audit log here) for the errors in it."""
    found, budget = [], Budget()
    for annotation in policy.annotations:
        try:
            evaluate(annotation, given, budget)
        except CelError as error:
            if not policy.ignores_failures:
                found.append(_Denial(policy.name, binding.name, str(error)))
    return found
