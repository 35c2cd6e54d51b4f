"""What a policy's expressions say that cannot fit the kinds it matches; told, and never enforced.

Upstream: apiserver `admission/plugin/policy/validating/typechecking.go`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pinnace.api.cel.admission import environment
from pinnace.api.cel.authorizer import AUTHORIZER
from pinnace.api.cel.declared import declare
from pinnace.api.cel.environment import Environment
from pinnace.api.cel.syntax import CompileError
from pinnace.api.cel.types import DYN, Type

MOST_TYPES = 10


@dataclass(frozen=True, slots=True, order=True)
class KindName:
    """A kind, printed as upstream prints it."""

    group: str
    version: str
    kind: str

    def __str__(self) -> str:
        return f"{self.group}/{self.version}, Kind={self.kind}"


Schemas = Mapping[KindName, Mapping[str, Any] | None]


def wanted_resources(policy: Mapping[str, Any]) -> list[list[tuple[str, str, str]]]:
    """Return for each rule the groups, versions and resources that it names without wildcards."""
    rules = (policy["spec"].get("matchConstraints") or {}).get("resourceRules") or ()
    return [
        [
            (group, version, resource)
            for group in _plain(rule.get("apiGroups"))
            for version in _plain(rule.get("apiVersions"))
            for resource in sorted(rule.get("resources") or ())
            if not set(resource) & set("*/")
        ]
        for rule in rules
    ]


def _plain(names: Iterable[str] | None) -> list[str]:
    """Return the names sorted, or none at all where one is a wildcard."""
    found = sorted(names or ())
    return [] if any("*" in name for name in found) else found


def param_kind(policy: Mapping[str, Any]) -> KindName | None:
    """Return the kind of a policy's parameters, or None."""
    kind = policy["spec"].get("paramKind")
    if not kind:
        return None
    group, _, version = str(kind.get("apiVersion") or "").rpartition("/")
    return KindName(group, version, str(kind.get("kind") or ""))


def warnings(
    policy: Mapping[str, Any], kinds: Sequence[KindName], schemas: Schemas
) -> list[dict[str, str]]:
    """Return the `expressionWarnings` of a policy for the kinds that it matches.

    Kinds without a schema are passed over; parameters without one may be anything.
    """
    scopes = [(kind, _scope(policy, kind, schemas)) for kind in kinds if schemas.get(kind)]
    found = []
    for index, validation in enumerate(policy["spec"].get("validations") or ()):
        for name in ("expression", "messageExpression"):
            text = "\n".join(_issues(scopes, validation.get(name) or ""))
            if text:
                path = f"spec.validations[{index}].{name}"
                found.append({"fieldRef": path, "warning": text})
    return found


def _issues(scopes: Iterable[tuple[KindName, Environment]], source: str) -> Iterable[str]:
    if not source:
        return
    for kind, scope in scopes:
        try:
            scope.compile(source)
        except CompileError as error:
            yield f"{kind}: {error}\n"


def _scope(policy: Mapping[str, Any], kind: KindName, schemas: Schemas) -> Environment:
    structs: dict[str, Mapping[str, Type]] = {}
    object_type = _declared(schemas.get(kind), kind.kind, structs)
    params = param_kind(policy)
    names: dict[str, Type] = {"object": object_type, "oldObject": object_type}
    names["authorizer"] = AUTHORIZER
    if params is not None:
        names["params"] = _declared(schemas.get(params), f"{params.kind}.@params", structs)
    variables: dict[str, Type] = {}
    scope = _typed(names, structs, variables)
    for variable in policy["spec"].get("variables") or ():
        try:
            found = scope.compile(variable["expression"]).type
        except CompileError:
            found = DYN
        variables = {**variables, variable["name"]: found}
        scope = _typed(names, structs, variables)
    return scope


def _typed(
    names: Mapping[str, Type],
    structs: Mapping[str, Mapping[str, Type]],
    variables: Mapping[str, Type],
) -> Environment:
    plain = environment(params=False, authorizer=False, variables=variables)
    return Environment(
        variables={**plain.variables, **names},
        structs={**plain.structs, **structs},
        functions=plain.functions,
    )


def _declared(
    schema: Mapping[str, Any] | None, name: str, structs: dict[str, Mapping[str, Type]]
) -> Type:
    found = declare(schema, name, structs, root=True) if schema else None
    return DYN if found is None else found.type
