"""Expressions of admission: what they may name, and groups of them evaluated within a budget.

Upstream: apiserver `admission/plugin/cel`. Used by policies, and for the match conditions of
webhooks.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pinnace.api.cel.authorizer import AUTHORIZER, FUNCTIONS, RESOURCE_CHECK
from pinnace.api.cel.environment import Environment
from pinnace.api.cel.program import Program
from pinnace.api.cel.syntax import CompileError
from pinnace.api.cel.types import (
    BOOL,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    Structs,
    Type,
    list_of,
    map_of,
    struct,
)
from pinnace.api.cel.values import CelError, Lookups

PER_CALL, BUDGET, CONDITION_BUDGET = 1_000_000, 10_000_000, 2_500_000
OUT_OF_BUDGET = (
    "validation failed due to running out of cost budget, no further validation rules will be run"
)
_VARIABLES = "kubernetes.variables"
_TEXTS, _LABELS = list_of(STRING), map_of(STRING, STRING)
_GVK, _GVR = "kubernetes.GroupVersionKind", "kubernetes.GroupVersionResource"
_STRUCTS: Structs = {
    _GVK: {"group": STRING, "version": STRING, "kind": STRING},
    _GVR: {"group": STRING, "version": STRING, "resource": STRING},
    "kubernetes.UserInfo": {
        "username": STRING,
        "uid": STRING,
        "groups": _TEXTS,
        "extra": map_of(STRING, _TEXTS),
    },
    "kubernetes.AdmissionRequest": {
        "kind": struct(_GVK),
        "resource": struct(_GVR),
        "subResource": STRING,
        "requestKind": struct(_GVK),
        "requestResource": struct(_GVR),
        "requestSubResource": STRING,
        "name": STRING,
        "namespace": STRING,
        "operation": STRING,
        "userInfo": struct("kubernetes.UserInfo"),
        "dryRun": BOOL,
        "options": DYN,
    },
    "kubernetes.NamespaceSpec": {"finalizers": _TEXTS},
    "kubernetes.NamespaceCondition": {
        "status": STRING,
        "type": STRING,
        "lastTransitionTime": TIMESTAMP,
        "message": STRING,
        "reason": STRING,
    },
    "kubernetes.NamespaceStatus": {
        "conditions": list_of(struct("kubernetes.NamespaceCondition")),
        "phase": STRING,
    },
    "kubernetes.NamespaceMetadata": {
        "name": STRING,
        "generateName": STRING,
        "namespace": STRING,
        "labels": _LABELS,
        "annotations": _LABELS,
        "UID": STRING,
        "creationTimestamp": TIMESTAMP,
        "deletionGracePeriodSeconds": INT,
        "deletionTimestamp": TIMESTAMP,
        "generation": INT,
        "resourceVersion": STRING,
        "finalizers": _TEXTS,
    },
    "kubernetes.Namespace": {
        "metadata": struct("kubernetes.NamespaceMetadata"),
        "spec": struct("kubernetes.NamespaceSpec"),
        "status": struct("kubernetes.NamespaceStatus"),
    },
}


class _AnyFields(Mapping[str, Type]):
    """The fields of an object that is yet to be made: any name, any type."""

    def __getitem__(self, name: str) -> Type:
        return DYN

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


_ANY_FIELDS = _AnyFields()
_PATCH = {"op": STRING, "path": STRING, "from": STRING, "value": DYN}


class _PatchStructs(Mapping[str, Mapping[str, Type]]):
    """The object types of admission, with those that mutations make."""

    def __init__(self, known: Structs) -> None:
        self._known = known

    def __getitem__(self, name: str) -> Mapping[str, Type]:
        if name == "JSONPatch":
            return _PATCH
        if name == "Object" or name.startswith("Object."):
            return _ANY_FIELDS
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def environment(
    *,
    params: bool,
    authorizer: bool,
    patches: bool = False,
    variables: Mapping[str, Type] | None = None,
) -> Environment:
    """Return what an expression may name; `variables` are those of the policy, by their names."""
    names = {
        "object": DYN,
        "oldObject": DYN,
        "namespaceObject": struct("kubernetes.Namespace"),
        "request": struct("kubernetes.AdmissionRequest"),
    }
    if params:
        names["params"] = DYN
    if authorizer:
        names["authorizer"] = AUTHORIZER
        names["authorizer.requestResource"] = RESOURCE_CHECK
    structs: Structs = _STRUCTS
    if variables is not None:
        names["variables"] = struct(_VARIABLES)
        structs = {**_STRUCTS, _VARIABLES: variables}
    return Environment(
        variables=names,
        structs=_PatchStructs(structs) if patches else structs,
        functions=FUNCTIONS,
    )


_WANTED: Mapping[str, tuple[str, ...]] = {
    "bool": ("bool",),
    "string": ("string",),
    "audit": ("string", "null_type"),
    "JSONPatch": ("list(JSONPatch)",),
    "ApplyConfiguration": ("Object",),
}


def compiled(source: str, scope: Environment, result: str) -> Program:
    """Compile an expression that must give a result; raises ValueError in upstream's words."""
    try:
        program = scope.compile(source)
    except CompileError as error:
        raise ValueError(f"compilation failed: {error}") from error
    wanted = _WANTED.get(result)
    given = "null_type" if program.type.kind == "null" else str(program.type)
    if wanted is None or given in wanted:
        return program
    if len(wanted) == 1:
        raise ValueError(f"must evaluate to {wanted[0]} but got {given}")
    raise ValueError(f"must evaluate to one of [{' '.join(wanted)}] but got {given}")


class OutOfBudget(Exception):
    """All that may be spent on a policy is spent; nothing more is evaluated."""

    def __init__(self) -> None:
        super().__init__(OUT_OF_BUDGET)


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression with its program, or with why there is none."""

    source: str
    program: Program | None
    error: str = ""


def expression(source: str, scope: Environment, result: str) -> Expression:
    """Compile an expression; what is wrong with it is told when it is evaluated."""
    try:
        return Expression(source, compiled(source, scope, result))
    except ValueError as error:
        return Expression(source, None, str(error))


@dataclass(slots=True)
class Budget:
    """What may still be spent."""

    left: int = BUDGET

    def spend(self, cost: int) -> None:
        """Take a cost off; raises OutOfBudget if there is not that much."""
        if cost > self.left:
            raise OutOfBudget
        self.left -= cost


def evaluate(given: Expression, variables: Mapping[str, Any], budget: Budget) -> Any:
    """Return the value; raises CelError in upstream's words, and OutOfBudget."""
    if given.program is None:
        raise CelError(f"compilation error: {given.error}")
    outcome = given.program.run(variables, PER_CALL)
    own = variables.get("variables")
    if isinstance(own, Variables):
        budget.spend(own.spent())
    budget.spend(outcome.cost)
    if outcome.error is not None:
        raise CelError(f"expression '{given.source}' resulted in error: {outcome.error}")
    return outcome.value


@dataclass(slots=True, eq=False)
class Variables(Lookups):
    """The variables of a policy, each evaluated when an expression first names it."""

    expressions: Mapping[str, Expression]
    outer: dict[str, Any] = field(default_factory=dict)
    _values: dict[str, Any] = field(default_factory=dict)
    _cost: int = 0

    def spent(self) -> int:
        """Return what evaluating cost since this was last asked."""
        cost, self._cost = self._cost, 0
        return cost

    def field(self, name: str) -> Any:
        """Return the value of a variable."""
        if name not in self._values:
            self._values[name] = self._evaluated(name)
        value = self._values[name]
        if isinstance(value, CelError):
            raise value
        return value

    def _evaluated(self, name: str) -> Any:
        given = self.expressions[name]
        if given.program is None:
            return CelError(f'composited variable "{name}" fails to compile: {given.error}')
        outcome = given.program.run(self.outer, PER_CALL)
        self._cost += outcome.cost
        if outcome.error is not None:
            return CelError(f'composited variable "{name}" fails to evaluate: {outcome.error}')
        return outcome.value


def compile_variables(
    variables: Sequence[Mapping[str, Any]], *, params: bool, patches: bool = False
) -> tuple[dict[str, Expression], dict[str, Type]]:
    """Compile a policy's variables, each of which may name those before it."""
    made: dict[str, Expression] = {}
    types: dict[str, Type] = {}
    for variable in variables:
        scope = environment(params=params, authorizer=True, patches=patches, variables=dict(types))
        name = variable["name"]
        made[name] = found = expression(variable["expression"], scope, "any")
        types[name] = found.program.type if found.program else DYN
    return made, types


@dataclass(frozen=True, slots=True)
class Answer:
    """What match conditions say; `errors` is how many could not be told, `why` what that means.

    Where failures are ignored, conditions that cannot be told are not met.
    """

    met: bool
    errors: int = 0
    why: str = ""


class Conditions:
    """The matchConditions of a webhook or policy, compiled once and asked about each request."""

    def __init__(
        self,
        conditions: Sequence[Mapping[str, Any]],
        *,
        params: bool = False,
        ignore_failures: bool = False,
    ) -> None:
        scope = environment(params=params, authorizer=True)
        self._all = [expression(each["expression"], scope, "bool") for each in conditions]
        self._ignore = ignore_failures

    def match(self, variables: Mapping[str, Any]) -> bool:
        """Say whether all are true; raises ValueError, for `Fail`, if some cannot be told."""
        answer = self.ask(variables)
        if answer.why:
            raise ValueError(answer.why)
        return answer.met

    def ask(self, variables: Mapping[str, Any]) -> Answer:
        """Say whether all are true, or why that cannot be told."""
        budget = Budget(CONDITION_BUDGET)
        errors: list[str] = []
        try:
            for each in self._all:
                try:
                    if evaluate(each, variables, budget) is False:
                        return Answer(met=False, errors=len(errors))
                except CelError as error:
                    errors.append(str(error))
        except OutOfBudget as error:
            return Answer(met=False, why="" if self._ignore else str(error))
        if not errors:
            return Answer(met=True)
        distinct = list(dict.fromkeys(errors))
        why = distinct[0] if len(distinct) == 1 else f"[{', '.join(distinct)}]"
        return Answer(met=False, errors=len(errors), why="" if self._ignore else why)
