"""`x-kubernetes-validations`: the rules of a schema, compiled, and asked about objects.

Upstream: apiextensions-apiserver `pkg/apiserver/schema/cel`. A rule is compiled at the node it
stands on; rules under allOf see the type of the node that the branch speaks of.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pinnace.api.cel.declared import Declared, declare
from pinnace.api.cel.environment import Environment
from pinnace.api.cel.escaping import escape
from pinnace.api.cel.program import Outcome, Program
from pinnace.api.cel.syntax import CompileError
from pinnace.api.cel.types import Type, optional_of
from pinnace.api.cel.values import NONE, CostExceeded, Optional
from pinnace.api.errors import Cause
from pinnace.api.validation.base import duplicate, forbidden, invalid, required

Schema = Mapping[str, Any]
RULES = "x-kubernetes-validations"
PER_CALL, BUDGET = 1_000_000, 10_000_000
_MAX_MESSAGE = 5 * 1024
_OUT_OF_BUDGET = (
    "validation failed due to running out of cost budget, no further validation rules will be run"
)
_STEP = re.compile(r"\.([^.\[\]]+)|\['((?:\\.|[^'\\])*)'\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: its programs, or why there is none."""

    raw: Mapping[str, Any]
    program: Program | None = None
    error: str = ""
    message: Program | None = None
    message_error: str = ""
    field_path: str = ""

    @property
    def uses_old(self) -> bool:
        """Whether the rule compares with what was there before."""
        return self.program is not None and "oldSelf" in self.program.names

    @property
    def optional_old(self) -> bool:
        """Whether the rule runs without a former value, too."""
        return bool(self.raw.get("optionalOldSelf"))

    @property
    def title(self) -> str:
        """What errors call the rule."""
        return str(self.raw.get("message") or self.raw["rule"]).strip()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Node:
    """The rules of a node of the schema, and those below it."""

    type: str
    declared: Declared | None
    rules: Sequence[Rule] = ()
    items: "Node | None" = None
    values: "Node | None" = None
    properties: Mapping[str, "Node"] = field(default_factory=dict)
    all_of: Sequence["Node"] = ()
    list_type: str = ""
    map_keys: tuple[str, ...] = ()
    map_type: str = ""

    @property
    def empty(self) -> bool:
        """Whether nothing here or below has a rule."""
        below = self.items or self.values or self.properties or self.all_of
        return not self.rules and not below


_Structs = dict[str, Mapping[str, Type]]


def compile_rules(schema: Schema) -> Node | None:
    """Compile the rules of a whole resource; None if it has none."""
    if not _has_rules(schema):
        return None
    structs: _Structs = {}
    declared = declare(schema, "selfType", structs, root=True)
    made = _node(schema, schema, declared, structs, True)
    return made


def _has_rules(schema: Any) -> bool:
    if not isinstance(schema, dict):
        return False
    if schema.get(RULES):
        return True
    below = [schema.get("items"), schema.get("additionalProperties")]
    below += (schema.get("properties") or {}).values()
    below += schema.get("allOf") or ()
    return any(map(_has_rules, below))


def _node(
    given: Schema, shape: Schema, declared: Declared | None, structs: _Structs, root: bool
) -> Node | None:
    """Compile the rules in `given`, which speaks of the values of `shape`."""
    if not _has_rules(given):
        return None
    element = declared.element if declared else None
    branches = [
        _node(each, shape, declared, structs, root)
        for each in given.get("allOf") or ()
        if isinstance(each, dict)
    ]
    made = Node(
        type=shape.get("type") or "",
        declared=declared,
        rules=compile_all(given, shape, declared, structs),
        items=_child(given, shape, "items", element, structs),
        values=_child(given, shape, "additionalProperties", element, structs),
        properties=_properties(given, shape, declared, structs),
        all_of=[each for each in branches if each],
        list_type=shape.get("x-kubernetes-list-type") or "",
        map_keys=tuple(shape.get("x-kubernetes-list-map-keys") or ()),
        map_type=shape.get("x-kubernetes-map-type") or "",
    )
    return None if made.empty else made


def _child(
    given: Schema, shape: Schema, key: str, declared: Declared | None, structs: _Structs
) -> Node | None:
    inner, below = given.get(key), shape.get(key)
    if not isinstance(inner, dict) or not isinstance(below, dict):
        return None
    return _node(inner, below, declared, structs, bool(below.get("x-kubernetes-embedded-resource")))


def _properties(
    given: Schema, shape: Schema, declared: Declared | None, structs: _Structs
) -> Mapping[str, Node]:
    made = {}
    for name, inner in (given.get("properties") or {}).items():
        below = (shape.get("properties") or {}).get(name)
        if not isinstance(below, dict) or not isinstance(inner, dict):
            continue
        embedded = bool(below.get("x-kubernetes-embedded-resource"))
        typed = property_of(declared, name)
        if typed is None:
            typed = declare(below, f"property.{name}", structs, root=embedded)
        found = _node(inner, below, typed, structs, embedded) if typed else None
        if found is not None:
            made[name] = found
    return made


def property_of(declared: Declared | None, name: str) -> Declared | None:
    """Return what a node declares for a property, by the property's own name."""
    from_name = declared.fields if declared else {}
    return from_name.get(escape(name) or "")


def compile_all(
    given: Schema, shape: Schema, declared: Declared | None, structs: _Structs
) -> list[Rule]:
    """Compile the rules that stand on one node."""
    rules = [rule for rule in given.get(RULES) or () if isinstance(rule, dict)]
    if declared is None:
        why = "failed to convert to declType for CEL validation rules"
        return [Rule(raw=rule, error=why) for rule in rules]
    return [_compiled(rule, shape, declared, structs) for rule in rules]


def _compiled(
    rule: Mapping[str, Any], shape: Schema, declared: Declared, structs: _Structs
) -> Rule:
    text = str(rule.get("rule") or "")
    if not text.strip():
        return Rule(raw=rule)
    former = optional_of(declared.type) if rule.get("optionalOldSelf") else declared.type
    variables = {"self": declared.type, "oldSelf": former}
    environment = Environment(variables=variables, structs=structs)
    try:
        program = environment.compile(text)
    except CompileError as error:
        return Rule(raw=rule, error=f"compilation failed: {error}")
    if program.type.kind != "bool":
        return Rule(raw=rule, error="cel expression must evaluate to a bool")
    path = normalized(str(rule.get("fieldPath") or ""), shape)
    made = str(rule.get("messageExpression") or "")
    if not made:
        return Rule(raw=rule, program=program, field_path=path)
    message, why = _message(environment, made)
    return Rule(raw=rule, program=program, message=message, message_error=why, field_path=path)


def _message(environment: Environment, text: str) -> tuple[Program | None, str]:
    try:
        program = environment.compile(text)
    except CompileError as error:
        return None, f"messageExpression compilation failed: {error}"
    if program.type.kind != "string":
        return None, "messageExpression must evaluate to a string"
    return program, ""


def normalized(path: str, schema: Schema) -> str:
    """Return a rule's fieldPath as errors show it; a map's key stands in brackets."""
    made, node = "", schema
    for match in _STEP.finditer(path):
        name = match[1] if match[1] is not None else re.sub(r"\\(.)", r"\1", match[2])
        known = node.get("properties")
        if known:
            made, node = f"{made}.{name}" if made else name, known.get(name) or {}
        else:
            below = node.get("additionalProperties")
            made, node = f"{made}[{name}]", below if isinstance(below, dict) else {}
    return made


_Correlated = tuple[Any, Any] | None


@dataclass(slots=True)
class _Check:
    """One look at one object; the budget is shared by all rules."""

    budget: int = BUDGET
    causes: list[Cause] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def look(
        self, node: Node, path: str, value: Any, old: Any, now: _Correlated, nearest: _Correlated
    ) -> None:
        """Ask the rules of a node and of all below it.

        `now` pairs the value with its former self where the two can be told to be the same thing,
        `nearest` does so for the nearest node above.
        """
        if value is None or self.budget < 0:
            return
        self._ask(node, path, value, old, now, nearest)
        for branch in node.all_of:
            if self.budget < 0:
                return
            self.look(branch, path, value, old, None, nearest)
        if self.budget < 0:
            return
        if isinstance(value, list):
            self._look_at_items(node, path, value, old, now, nearest)
        elif isinstance(value, dict):
            self._look_at_fields(node, path, value, old, now, nearest)

    def _look_at_items(
        self, node: Node, path: str, value: Any, old: Any, now: _Correlated, nearest: _Correlated
    ) -> None:
        if node.items is None:
            return
        known, paired = _by_key(node, old), _by_key(node, now[1] if now else None)
        for index, item in enumerate(value):
            former = known(item)
            before = paired(item)
            below = None if before is None else (item, before)
            self.look(node.items, f"{path}[{index}]", item, former, below, now or nearest)

    def _look_at_fields(
        self, node: Node, path: str, value: Any, old: Any, now: _Correlated, nearest: _Correlated
    ) -> None:
        before = old if isinstance(old, dict) else {}
        for name, inner in value.items():
            if node.values is not None:
                below, above = _below(node, name, inner, now, nearest)
                self.look(node.values, f"{path}[{name}]", inner, before.get(name), below, above)
            found = node.properties.get(name)
            if found is not None:
                below, above = _below(node, name, inner, now, nearest)
                where = f"{path}.{name}" if path else name
                self.look(found, where, inner, before.get(name), below, above)

    def _ask(
        self, node: Node, path: str, value: Any, old: Any, now: _Correlated, nearest: _Correlated
    ) -> None:
        if not node.rules:
            return
        where = path or "<nil>"
        if self.budget <= 0:
            self._stop(invalid(where, node.type, _OUT_OF_BUDGET))
            return
        declared = node.declared
        shown = declared.value(value) if declared else value
        former = declared.value(old) if declared else old
        pair = now if now is not None else nearest
        # What an update leaves as it was may break its rules, except those about the change.
        same = pair is not None and pair[0] == pair[1]
        for rule in node.rules:
            if self.budget < 0:
                return
            if rule.error:
                self.causes.append(invalid(where, node.type, f"rule compile error: {rule.error}"))
            elif rule.program is not None and not (
                rule.uses_old and old is None and not rule.optional_old
            ):
                self._run(
                    rule, rule.program, node, path, value, _variables(rule, shown, former), same
                )

    def _run(
        self,
        rule: Rule,
        program: Program,
        node: Node,
        path: str,
        value: Any,
        variables: Mapping[str, Any],
        same: bool,
    ) -> None:
        where = path or "<nil>"
        outcome = program.run(variables, PER_CALL)
        if outcome.cost > self.budget:
            self._stop(invalid(where, node.type, _OUT_OF_BUDGET))
            return
        self.budget -= outcome.cost
        if outcome.error is not None:
            text = _failure(rule, outcome)
            cause = invalid(where, node.type, text)
            if isinstance(outcome.error, CostExceeded):
                self._stop(cause)
            else:
                self.causes.append(cause)
            return
        if outcome.value is True:
            return
        if rule.field_path:
            where = f"{path}.{rule.field_path}" if path else rule.field_path
        detail, fatal = self._detail(rule, variables)
        keep = same and not rule.uses_old
        if fatal:
            self._add(invalid(where, node.type, detail), keep)
            self.budget = -1
            return
        self._add(_broken(rule, where, node, value, detail), keep)

    def _detail(self, rule: Rule, variables: Mapping[str, Any]) -> tuple[str, bool]:
        """Return what to say of a broken rule, and whether the look ends with it."""
        default = str(rule.raw.get("message") or "").strip() or f"failed rule: {rule.title}"
        if rule.message is None:
            return default, False
        text = rule.raw["messageExpression"]
        outcome = rule.message.run(variables, PER_CALL)
        if outcome.cost > self.budget:
            why = "messageExpression evaluation failed due to running out of cost budget"
            return f"{why}, no further validation rules will be run", True
        if isinstance(outcome.error, CostExceeded):
            why = "no further validation rules will be run due to call cost exceeds limit"
            return f'{why} for messageExpression: "{text}"', True
        self.budget -= outcome.cost
        made = outcome.value.strip() if isinstance(outcome.value, str) else ""
        usable = made and "\n" not in made and len(made.encode()) <= _MAX_MESSAGE
        return (made if usable else default), False

    def _add(self, cause: Cause, keep: bool) -> None:
        if keep:
            self.warnings.append(f"{cause.field}: {cause.body()}")
        else:
            self.causes.append(cause)

    def _stop(self, cause: Cause) -> None:
        self.causes.append(cause)
        self.budget = -1


def check_rules(node: Node, obj: Any, old: Any = None) -> tuple[list[Cause], list[str]]:
    """Return the rules that an object breaks, and warnings of those that it broke before."""
    check = _Check()
    check.look(node, "", obj, old, None if old is None else (obj, old), None)
    return check.causes, check.warnings


def _variables(rule: Rule, value: Any, old: Any) -> Mapping[str, Any]:
    if rule.optional_old:
        return {"self": value, "oldSelf": NONE if old is None else Optional(old, True)}
    return {"self": value} if old is None else {"self": value, "oldSelf": old}


def _below(
    node: Node, name: str, inner: Any, now: _Correlated, nearest: _Correlated
) -> tuple[_Correlated, _Correlated]:
    if now is None:
        return None, nearest
    if nearest is None and name in ("apiVersion", "kind"):
        return None, None
    before = now[1].get(name) if isinstance(now[1], dict) else None
    return ((inner, before) if before is not None else None), now


def _by_key(node: Node, old: Any) -> Callable[[Any], Any]:
    """Return a look-up of the former item with the same key, in lists that have keys."""
    if node.list_type != "map" or not isinstance(old, list):
        return lambda item: None
    keys = node.map_keys

    def key(item: Any) -> tuple[str, ...]:
        return tuple(repr(item.get(name)) for name in keys) if isinstance(item, dict) else ()

    known = {key(item): item for item in old}
    return lambda item: known.get(key(item))


def _failure(rule: Rule, outcome: Outcome) -> str:
    text = str(outcome.error)
    if isinstance(outcome.error, CostExceeded):
        why = "no further validation rules will be run due to call cost exceeds limit for rule"
        return f"'{text}': {why}: {rule.title}"
    if text.startswith("no such overload"):
        why = "call arguments did not match a supported operator, function or macro signature"
        return f"'{text}': {why} for rule: {rule.title}"
    return f"{text} evaluating rule: {rule.title}"


def _broken(rule: Rule, path: str, node: Node, value: Any, detail: str) -> Cause:
    reason = rule.raw.get("reason")
    omitted = node.type in ("object", "array")
    if reason == "FieldValueForbidden":
        return forbidden(path, detail)
    if reason == "FieldValueRequired":
        return required(path, detail)
    if reason == "FieldValueDuplicate":
        return Cause(reason, path, "Duplicate value") if omitted else duplicate(path, value)
    if omitted:
        return Cause("FieldValueInvalid", path, f"Invalid value: {detail}")
    return invalid(path, value, detail)
