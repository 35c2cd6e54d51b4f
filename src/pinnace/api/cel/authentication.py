"""Expressions of authentication: what they may name, and their values.

Upstream: apiserver `authentication/cel`. An expression is about the claims of a token, or about the
user that was made of them.
"""

from collections.abc import Mapping
from typing import Any

from pinnace.api.cel.environment import Environment, nodes
from pinnace.api.cel.escaping import unescape
from pinnace.api.cel.program import Program
from pinnace.api.cel.syntax import Call, CompileError, Expr, Ident, Literal, Select
from pinnace.api.cel.types import DYN, STRING, list_of, map_of, struct
from pinnace.api.cel.values import CelError

_USER = "kubernetes.UserInfo"
_TEXTS = list_of(STRING)
CLAIMS = Environment(variables={"claims": map_of(STRING, DYN)})
USER = Environment(
    variables={"user": struct(_USER)},
    structs={
        _USER: {
            "username": STRING,
            "uid": STRING,
            "groups": _TEXTS,
            "extra": map_of(STRING, _TEXTS),
        }
    },
)
# Upstream sets none, and waits as long as it takes.
_LIMIT = 10_000_000


def compiled(source: str, scope: Environment, *, condition: bool = False) -> Program:
    """Compile an expression, or a condition; raises ValueError in upstream's words.

    What the claims are is not known before there are some, so other types are not checked here.
    """
    try:
        program = scope.compile(source)
    except CompileError as error:
        raise ValueError(f"compilation failed: {error}") from error
    if condition and str(program.type) != "bool":
        raise ValueError("must evaluate to bool")
    return program


def evaluated(program: Program, **variables: Any) -> Any:
    """Return the value of an expression; raises CelError in upstream's words."""
    outcome = program.run(variables, _LIMIT)
    if outcome.error is not None:
        raise CelError(f"expression '{program.source}' resulted in error: {outcome.error}")
    return outcome.value


class Escaped(dict[str, Any]):
    """A JSON object whose keys expressions may also name as CEL's identifiers escape them."""

    def __missing__(self, key: str) -> Any:
        return dict.__getitem__(self, _name(key))

    def __contains__(self, key: object) -> bool:
        if dict.__contains__(self, key):
            return True
        return isinstance(key, str) and dict.__contains__(self, _name(key))

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value by the key or its escaped form."""
        return self[key] if key in self else default  # noqa: SIM401  # that would be this


def claim_values(value: Any) -> Any:
    """Return decoded JSON as expressions see it: as Go decodes it, every number is a double."""
    if isinstance(value, Mapping):
        return Escaped({key: claim_values(inner) for key, inner in value.items()})
    if isinstance(value, list | tuple):
        return [claim_values(inner) for inner in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


def names_claim(expr: Expr, claim: str) -> bool:
    """Say whether an expression looks at `claims.CLAIM`, and be it optionally."""
    return any(_is_claim(node, claim) for node in nodes(expr))


def _is_claim(node: Expr, claim: str) -> bool:
    if isinstance(node, Select):
        return node.field == claim and _is_claims(node.operand)
    if isinstance(node, Call) and node.function == "_?._" and len(node.args) == 2:
        name = node.args[1]
        named = isinstance(name, Literal) and name.value == claim
        return named and _is_claims(node.args[0])
    return False


def _is_claims(node: Expr) -> bool:
    return isinstance(node, Ident) and node.name == "claims"


def _name(key: str) -> str:
    try:
        return unescape(key)
    except ValueError:
        return key
