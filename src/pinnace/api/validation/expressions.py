"""CEL expressions inside objects: the one place where a validator meets them.

`check_expression` refuses an expression that is missing, and one that does not compile for what it
is told that the expression may use.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pinnace.api.cel.admission import compiled, environment
from pinnace.api.cel.types import DYN, Type
from pinnace.api.validation.base import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What an expression must be and which variables it sees.

    `result` names the type it evaluates to. `composed` are the policy's own variables, which it
    may name; None if there are none.
    """

    result: str = "bool"
    params: bool = False
    authorizer: bool = True
    patch_types: bool = False
    composed: Mapping[str, Type] | None = None


def check_expression(report: Report, text: str, path: str, use: Use, *, missing: str = "") -> Type:
    """Check an expression that must be there; `missing` says why when it is not.

    Returns the type of its result.
    """
    if not text.strip():
        report.required(path, missing)
        return DYN
    scope = environment(
        params=use.params,
        authorizer=use.authorizer,
        patches=use.patch_types,
        variables=use.composed,
    )
    try:
        return compiled(text, scope, use.result).type
    except ValueError as error:
        report.invalid(path, text, str(error))
    return DYN
