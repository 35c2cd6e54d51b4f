"""CEL rules of definitions: they must compile, and may not cost too much.

Upstream: apiextensions-apiserver `apis/apiextensions/validation/validation.go`, the parts about
x-kubernetes-validations, and `cel_validation.go`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pinnace.api.cel.declared import Declared, declare
from pinnace.api.cel.estimate import Estimator, factor_text
from pinnace.api.cel.program import Program
from pinnace.api.cel.ranges import MOST
from pinnace.api.cel.types import Type
from pinnace.api.custom.rules import RULES, Rule, compile_all, property_of
from pinnace.api.errors import Cause
from pinnace.api.validation.base import Report
from pinnace.api.validation.schemaprinting import printed_rule

_RULE_LIMIT, _TOTAL_LIMIT = 10_000_000, 100_000_000
_TRY = (
    "(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, "
    "maps, and strings are declared)"
)
_CONTRIBUTED = "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3"
_TOTAL = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema"
Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A node: how often it may be there at most (None: no telling), and what it lies within."""

    path: str
    declared: Declared | None
    root: bool = False
    cardinality: int | None = 1
    uncorrelated: str = ""


@dataclass(slots=True)
class _Walk:
    report: Report
    structs: dict[str, Mapping[str, Type]] = field(default_factory=dict)
    total: int = 0
    dear: list[tuple[int, str]] = field(default_factory=list)

    def visit(self, schema: Schema, place: _Place) -> None:
        """Check the rules of a node and of all below it."""
        for inner, below in self._below(schema, place):
            self.visit(inner, below)
        self._rules(schema, place)

    def _below(self, schema: Schema, place: _Place) -> Iterator[tuple[Schema, _Place]]:
        additional, items = schema.get("additionalProperties"), schema.get("items")
        element = place.declared.element if place.declared else None
        if isinstance(additional, dict):
            path = f"{place.path}.additionalProperties"
            yield additional, self._place(schema, place, additional, path, element)
        for name, inner in (schema.get("properties") or {}).items():
            if isinstance(inner, dict):
                path = f"{place.path}.properties[{name}]"
                typed = property_of(place.declared, name)
                yield inner, self._place(schema, place, inner, path, typed)
        if isinstance(items, dict):
            yield items, self._place(schema, place, items, f"{place.path}.items", element)

    def _place(
        self, schema: Schema, place: _Place, inner: Schema, path: str, typed: Declared | None
    ) -> _Place:
        count, most = place.cardinality, _max_elements(schema)
        known = None if count is None or most is None else min(count * most, MOST)
        return replace(
            place,
            path=path,
            root=bool(inner.get("x-kubernetes-embedded-resource")),
            declared=typed,
            cardinality=known,
            uncorrelated=place.uncorrelated or _uncorrelated(schema, place.path),
        )

    def _rules(self, schema: Schema, place: _Place) -> None:
        if not schema.get(RULES):
            return
        declared = place.declared
        if declared is None:
            declared = declare(schema, f"of.{place.path}", self.structs, root=place.root)
        if declared is None:
            text = (
                "internal error: failed to construct type information for x-kubernetes-validations"
            )
            why = "unable to convert structural schema to CEL declarations"
            self.report.add(
                Cause("InternalError", f"{place.path}.{RULES}", f"Internal error: {text}: {why}")
            )
            return
        for index, rule in enumerate(compile_all(schema, schema, declared, self.structs)):
            self._rule(rule, declared, f"{place.path}.{RULES}[{index}]", place)

    def _rule(self, rule: Rule, declared: Declared, path: str, place: _Place) -> None:
        where = f"{path}.rule"
        cost = _cost(rule.program, declared) if rule.program else 0
        times = declared.max_count if place.cardinality is None else place.cardinality
        cost = min(cost * times, MOST)
        if cost > _RULE_LIMIT:
            self.report.forbidden(where, _over("estimated rule cost", cost, _RULE_LIMIT))
        self._observe(where, cost)
        if rule.error:
            self.report.invalid(where, printed_rule(dict(rule.raw)), rule.error)
        made = f"{path}.messageExpression"
        if rule.message_error:
            self.report.invalid(made, printed_rule(dict(rule.raw)), rule.message_error)
        elif rule.message is not None:
            cost = _cost(rule.message, declared)
            if cost > _RULE_LIMIT:
                name = "estimated messageExpression cost"
                self.report.forbidden(made, _over(name, cost, _RULE_LIMIT))
            self._observe(made, cost)
        if rule.uses_old:
            if place.uncorrelated:
                detail = "oldSelf cannot be used on the uncorrelatable portion of the schema within"
                self.report.invalid(where, rule.raw["rule"], f"{detail} {place.uncorrelated}")
        elif rule.raw.get("optionalOldSelf") is not None:
            given, detail = (
                rule.raw["optionalOldSelf"],
                "may not be set if oldSelf is not used in rule",
            )
            self.report.invalid(f"{path}.optionalOldSelf", given, detail)

    def _observe(self, path: str, cost: int) -> None:
        self.total = min(self.total + cost, MOST)
        if cost >= _TOTAL_LIMIT // 100:
            self.dear.append((cost, path))
            self.dear.sort(key=lambda each: -each[0])
            del self.dear[4:]


def check_definition_rules(report: Report, schema: Schema, path: str) -> None:
    """Compile the rules of a schema that is otherwise in order, and weigh them."""
    walk = _Walk(report)
    declared = declare(schema, "selfType", walk.structs, root=True)
    walk.visit(schema, _Place(path=path, declared=declared, root=True))
    if walk.total > _TOTAL_LIMIT:
        for _, where in walk.dear:
            report.forbidden(where, f"{_CONTRIBUTED} schema")
        report.forbidden(path, _over(_TOTAL, walk.total, _TOTAL_LIMIT))


def _cost(program: Program, declared: Declared) -> int:
    return Estimator(declared.size_at).cost(program.expr)[1]


def _over(name: str, cost: int, limit: int) -> str:
    return f"{name} exceeds budget by factor of {factor_text(cost, limit)} {_TRY}"


def _max_elements(schema: Schema) -> int | None:
    kind = schema.get("type")
    if kind == "object" and schema.get("additionalProperties") is not None:
        limit = schema.get("maxProperties")
        return None if limit is None else max(limit, 0)
    if kind == "array":
        limit = schema.get("maxItems")
        return None if limit is None else max(limit, 0)
    return 1


def _uncorrelated(schema: Schema, path: str) -> str:
    """Return a node's own path if what is inside it cannot be told from what was there before."""
    if schema.get("type") == "array" and schema.get("x-kubernetes-list-type") != "map":
        return path
    return ""
