"""Policies with their bindings, compiled when a write first needs them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pinnace.api.cel.admission import Conditions, Expression, compile_variables, expression
from pinnace.api.cel.admission import environment as scope_of
from pinnace.api.cel.environment import Environment
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.api.selectors import label_selector_from_object
from pinnace.apiserver.apart import Apart
from pinnace.apiserver.hooks.target import Objects
from pinnace.apiserver.policies.matching import Constraints


@dataclass(frozen=True, slots=True, eq=False)
class Binding:
    """Where a policy applies, with which parameters, and what a broken rule means there."""

    name: str
    spec: Mapping[str, Any]
    constraints: Constraints | None

    @property
    def actions(self) -> Sequence[str]:
        """What is done when a rule is broken."""
        return self.spec.get("validationActions") or ()


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """A policy: its expressions, by what they are for."""

    name: str
    spec: Mapping[str, Any]
    constraints: Constraints
    bindings: Sequence[Binding]
    conditions: Conditions | None
    variables: Mapping[str, Expression]
    validations: Sequence[Expression]
    messages: Sequence[Expression | None]
    annotations: Sequence[Expression]
    mutations: Sequence[Expression]

    @property
    def ignores_failures(self) -> bool:
        """Whether a write goes on when the policy cannot be asked."""
        return bool(self.spec.get("failurePolicy") == "Ignore")


class Policies:
    """The policies of one sort; `forget` is to be called when they or what is served change."""

    def __init__(
        self, policies: Resource, bindings: Resource, objects: Objects, rows: Iterable[Resource]
    ) -> None:
        self._rows_of = policies, bindings
        self._objects = objects
        self._rows = rows
        self._compiled: list[Policy] | None = None
        self._forgotten = 0

    def forget(self) -> None:
        """Compile anew when a write comes."""
        self._compiled = None
        self._forgotten += 1

    def known(self) -> Sequence[Policy] | None:
        """Return the policies that have bindings, or None if they are to be compiled first."""
        return self._compiled

    async def all(self, apart: Apart) -> Sequence[Policy]:
        """Return the policies that have bindings, in the order of their names."""
        if self._compiled is not None:
            return self._compiled
        forgotten = self._forgotten
        made = await apart.patiently(0, lambda: list(self._compile()))
        if forgotten == self._forgotten:
            self._compiled = made
        return made

    def _compile(self) -> Iterator[Policy]:
        bound: dict[str, list[Object]] = {}
        for binding in list(self._objects.list(self._rows_of[1])):
            bound.setdefault(binding["spec"]["policyName"], []).append(binding)
        for policy in sorted(self._objects.list(self._rows_of[0]), key=_name):
            bindings = sorted(bound.get(_name(policy), ()), key=_name)
            if bindings:
                yield compile_policy(policy, bindings, self._rows)

    async def params(self, policy: Policy, binding: Binding, namespace: str) -> list[Object | None]:
        """Return the parameters to ask a policy with; raises ValueError for what is amiss."""
        kind, ref = policy.spec.get("paramKind"), binding.spec.get("paramRef")
        if kind is None or ref is None:
            return [None]
        row = self._param_row(kind)
        namespace = _params_namespace(row, ref, namespace)
        await self._objects.ensure(row)
        found = _chosen(self._objects, row, ref, namespace)
        if not found and ref.get("parameterNotFoundAction") == "Deny":
            raise ValueError(
                "no params found for policy binding with `Deny` parameterNotFoundAction"
            )
        return [{**each, "apiVersion": row.group_version, "kind": row.kind} for each in found]

    def _param_row(self, kind: Mapping[str, Any]) -> Resource:
        for row in self._rows:
            if (row.group_version, row.kind) == (kind["apiVersion"], kind["kind"]) and row.prefix:
                return row
        shown = f"&ParamKind{{APIVersion:{kind['apiVersion']},Kind:{kind['kind']},}}"
        raise ValueError(f"paramKind kind `{shown}` not known")


def _name(obj: Object) -> str:
    return str(obj["metadata"]["name"])


def _params_namespace(row: Resource, ref: Mapping[str, Any], namespace: str) -> str:
    given = ref.get("namespace") or ""
    if not row.namespaced:
        if given:
            raise ValueError(
                "paramRef.namespace must not be provided for a cluster-scoped `paramKind`"
            )
        return ""
    if not given and not namespace:
        raise ValueError(
            "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources"
        )
    return given or namespace


def _chosen(
    objects: Objects, row: Resource, ref: Mapping[str, Any], namespace: str
) -> list[Object]:
    if ref.get("name"):
        found = objects.get(row, namespace, ref["name"])
        return [] if found is None else [found]
    selector = label_selector_from_object(ref.get("selector") or {})
    return [
        each
        for each in objects.list(row, namespace)
        if selector.matches(each["metadata"].get("labels") or {})
    ]


def compile_policy(policy: Object, bindings: Iterable[Object], rows: Iterable[Resource]) -> Policy:
    """Compile a policy and its bindings."""
    spec = policy["spec"]
    params, patches = spec.get("paramKind") is not None, bool(spec.get("mutations"))
    own, types = compile_variables(spec.get("variables") or (), params=params, patches=patches)
    scope = scope_of(params=params, authorizer=True, patches=patches, variables=types)
    plain = scope_of(params=params, authorizer=False, variables=types)
    validations = spec.get("validations") or ()
    conditions = spec.get("matchConditions") or ()
    ignoring = spec.get("failurePolicy") == "Ignore"
    return Policy(
        name=_name(policy),
        spec=spec,
        constraints=Constraints(spec.get("matchConstraints") or {}, rows),
        bindings=[_binding(binding, rows) for binding in bindings],
        conditions=(
            Conditions(conditions, params=params, ignore_failures=ignoring) if conditions else None
        ),
        variables=own,
        validations=[expression(each["expression"], scope, "bool") for each in validations],
        messages=[_optional(each.get("messageExpression"), plain) for each in validations],
        annotations=[
            expression(each["valueExpression"], scope, "audit")
            for each in spec.get("auditAnnotations") or ()
        ],
        mutations=[_mutation(each, scope) for each in spec.get("mutations") or ()],
    )


def _binding(binding: Object, rows: Iterable[Resource]) -> Binding:
    spec = binding["spec"]
    match = spec.get("matchResources")
    return Binding(_name(binding), spec, Constraints(match, rows) if match else None)


def _optional(text: str | None, scope: Environment) -> Expression | None:
    return expression(text, scope, "string") if text else None


def _mutation(mutation: Mapping[str, Any], scope: Environment) -> Expression:
    kind = mutation["patchType"]
    own = mutation["jsonPatch" if kind == "JSONPatch" else "applyConfiguration"]
    return expression(own["expression"], scope, kind)
