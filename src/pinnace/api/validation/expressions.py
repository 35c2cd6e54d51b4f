"""CEL expressions inside objects: the one place where a validator meets them.

`check_expression` refuses an expression that is missing. It is told what the expression may use,
because compiling it, which comes with the CEL engine, belongs here.
"""

from dataclasses import dataclass

from pinnace.api.validation.base import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What an expression must be and which variables it sees.

    `result` names the type it evaluates to. `composed` lets it name the policy's own variables.
    """

    result: str = "bool"
    params: bool = False
    authorizer: bool = True
    patch_types: bool = False
    composed: bool = False


def check_expression(report: Report, text: str, path: str, use: Use, *, missing: str = "") -> None:
    """Check an expression that must be there; `missing` says why when it is not."""
    if not text.strip():
        report.required(path, missing)
