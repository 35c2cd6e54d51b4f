"""The type checker: gives every node its type and every call its overloads.

Upstream: cel-go `checker/checker.go`.
"""

from collections.abc import Mapping

from pinnace.api.cel.escaping import RESERVED
from pinnace.api.cel.functions import Overload
from pinnace.api.cel.syntax import (
    Call,
    Entry,
    Expr,
    Fold,
    Ident,
    Issue,
    Literal,
    MakeList,
    MakeMap,
    MakeStruct,
    Select,
    qualified_name,
)
from pinnace.api.cel.types import (
    BOOL,
    DYN,
    ERROR,
    INT,
    Bindings,
    Structs,
    Type,
    list_of,
    map_of,
    most_general,
    optional_of,
    param,
    signature,
    unwrap_optional,
)
from pinnace.api.cel.values import type_of

_TYPE_NAMES: Mapping[str, Type] = {
    name: Type("type", params=(Type(kind),))
    for name, kind in {
        "bool": "bool",
        "int": "int",
        "uint": "uint",
        "double": "double",
        "string": "string",
        "bytes": "bytes",
        "null_type": "null",
        "google.protobuf.Timestamp": "timestamp",
        "google.protobuf.Duration": "duration",
    }.items()
} | {
    "list": Type("type", params=(list_of(DYN),)),
    "map": Type("type", params=(map_of(DYN, DYN),)),
    "type": Type("type", params=(Type("type"),)),
    "optional_type": Type("type", params=(optional_of(DYN),)),
}


class Checker:
    """Checks one expression against declared variables, functions and object types.

    `structs` are asked for the type of an object literal's name and for the types of fields.
    """

    def __init__(
        self,
        variables: Mapping[str, Type],
        functions: Mapping[str, tuple[Overload, ...]],
        structs: Structs,
    ) -> None:
        self._variables = variables
        self._functions = functions
        self._structs = structs
        self._scopes: list[dict[str, Type]] = []
        self._bindings = Bindings()
        self._fresh = 0
        self._seen: list[Expr] = []
        self.issues: list[Issue] = []

    def check(self, expr: Expr) -> None:
        """Check a whole expression; what is wrong is in `issues` afterwards."""
        self._check(expr)
        for each in self._seen:
            each.type = self._bindings.substitute(each.type, to_dyn=True)

    def _report(self, pos: int, text: str) -> None:
        self.issues.append(Issue(pos, text))

    def _check(self, expr: Expr) -> None:
        self._seen.append(expr)
        if isinstance(expr, Literal):
            expr.type = type_of(expr.value)
        elif isinstance(expr, Ident):
            self._ident(expr)
        elif isinstance(expr, Select):
            self._select(expr)
        elif isinstance(expr, Call):
            self._call(expr)
        elif isinstance(expr, MakeList):
            self._list(expr)
        elif isinstance(expr, MakeMap):
            self._map(expr)
        elif isinstance(expr, MakeStruct):
            self._struct(expr)
        elif isinstance(expr, Fold):
            self._fold(expr)

    def _lookup(self, name: str) -> Type | None:
        if not name.startswith("."):
            for scope in reversed(self._scopes):
                if name in scope:
                    return scope[name]
        name = name.removeprefix(".")
        found = self._variables.get(name) or _TYPE_NAMES.get(name)
        if found is None and name in self._structs:
            return Type("type", params=(Type("struct", name),))
        return found

    def _ident(self, expr: Ident) -> None:
        found = self._lookup(expr.name)
        if found is None:
            self._undeclared(expr.pos, expr.name)
            expr.type = ERROR
            return
        expr.name = expr.name.removeprefix(".")
        expr.type = found

    def _undeclared(self, pos: int, name: str) -> None:
        self._report(pos, f"undeclared reference to '{name}' (in container '')")

    def _select(self, expr: Select) -> None:
        name = qualified_name(expr)
        found = self._lookup(name) if name else None
        if found is not None and found.kind == "type":
            # The name of a type; the compiler looks at the type alone.
            expr.type = found
            return
        if found is not None and name:
            expr.type, expr.variable = found, name
            return
        result = self._field(expr, expr.operand, expr.field, False)
        expr.type = BOOL if expr.test else self._bindings.substitute(result)

    def _field(self, expr: Expr, operand: Expr, field: str, optional: bool) -> Type:
        self._check(operand)
        target, is_optional = unwrap_optional(self._bindings.substitute(operand.type))
        result = ERROR
        if target.kind == "map":
            result = target.params[1]
        elif target.kind == "struct":
            found = self._declared(target.name, field)
            if found is None:
                self._report(expr.pos, f"undefined field '{field}'")
            else:
                result = found
        elif target.kind == "param":
            self._bindings.assignable([DYN], [target])
            result = DYN
        else:
            if target.kind not in ("dyn", "error"):
                self._report(expr.pos, f"type '{target}' does not support field selection")
            result = DYN
        return optional_of(result) if is_optional or optional else result

    def _declared(self, struct: str, field: str) -> Type | None:
        """Return the type of an object's field; a reserved word needs no escape after a dot."""
        fields = self._structs.get(struct, {})
        found = fields.get(field)
        return fields.get(f"__{field}__") if found is None and field in RESERVED else found

    def _call(self, expr: Call) -> None:
        if expr.function == "_?._":
            operand, field = expr.args
            assert isinstance(field, Literal)
            result = self._field(expr, operand, field.value, True)
            expr.type = self._bindings.substitute(result)
            expr.overloads = ["select_optional_field"]
            return
        for arg in expr.args:
            self._check(arg)
        if expr.target is not None:
            prefix = qualified_name(expr.target)
            whole = f"{prefix}.{expr.function}"
            if prefix is not None and whole in self._functions:
                expr.function, expr.target = whole, None
            else:
                self._check(expr.target)
        else:
            expr.function = expr.function.removeprefix(".")
        found = self._functions.get(expr.function)
        if found is None:
            expr.type = ERROR
            self._undeclared(expr.pos, expr.function)
            return
        self._resolve(expr, found)

    def _resolve(self, expr: Call, found: tuple[Overload, ...]) -> None:
        args = ([expr.target] if expr.target is not None else []) + expr.args
        if expr.function in ("_&&_", "_||_"):
            self._logical(expr)
            return
        given = [arg.type for arg in args]
        result: Type | None = None
        for overload in found:
            if overload.member != (expr.target is not None):
                continue
            wanted, returned = self._instance(overload)
            if not self._bindings.assignable(given, wanted):
                continue
            expr.overloads.append(overload.id)
            returned = self._bindings.substitute(returned)
            if result is None:
                result = returned
            elif result.kind != "dyn" and returned != result:
                result = DYN
        if result is None:
            given = [self._bindings.substitute(each, to_dyn=True) for each in given]
            shown = signature(expr.function, given, expr.target is not None)
            text = f"found no matching overload for '{expr.function}' applied to '{shown}'"
            self._report(expr.pos, text)
        expr.type = ERROR if result is None else result

    def _logical(self, expr: Call) -> None:
        expr.type = BOOL
        expr.overloads = ["logical_and" if expr.function == "_&&_" else "logical_or"]
        for arg in expr.args:
            if not self._bindings.assignable([arg.type], [BOOL]):
                self._mismatch(arg, BOOL, arg.type)
                expr.type = ERROR

    def _mismatch(self, expr: Expr, wanted: Type, given: Type) -> None:
        wanted = self._bindings.substitute(wanted)
        given = self._bindings.substitute(given)
        self._report(expr.pos, f"expected type '{wanted}' but found '{given}'")

    def _instance(self, overload: Overload) -> tuple[list[Type], Type]:
        """Return the types of an overload with type parameters of their own."""
        if not overload.generic:
            return list(overload.params), overload.result
        fresh = Bindings({param(name): self._variable() for name in overload.generic})
        return [fresh.substitute(each) for each in overload.params], fresh.substitute(
            overload.result
        )

    def _variable(self) -> Type:
        self._fresh += 1
        return param(f"_var{self._fresh - 1}")

    def _joined(self, expr: Expr, before: Type | None, given: Type) -> Type:
        if before is None:
            return given
        if self._bindings.assignable([before], [given]):
            return most_general(before, given)
        self._mismatch(expr, before, given)
        return ERROR

    def _unwrapped(self, expr: Expr, optional: bool) -> Type:
        if not optional:
            return expr.type
        inner, is_optional = unwrap_optional(expr.type)
        if not is_optional and inner.kind != "dyn":
            self._mismatch(expr, optional_of(inner), inner)
        return inner

    def _list(self, expr: MakeList) -> None:
        inner: Type | None = None
        for index, element in enumerate(expr.elements):
            self._check(element)
            given = self._unwrapped(element, index in expr.optional)
            inner = self._joined(element, inner, given)
        expr.type = list_of(inner or self._variable())

    def _map(self, expr: MakeMap) -> None:
        key: Type | None = None
        value: Type | None = None
        for entry in expr.entries:
            self._check(entry.key)
            key = self._joined(entry.key, key, entry.key.type)
            self._check(entry.value)
            given = self._unwrapped(entry.value, entry.optional)
            value = self._joined(entry.value, value, given)
        expr.type = map_of(key or self._variable(), value or self._variable())

    def _struct(self, expr: MakeStruct) -> None:
        found = self._lookup(expr.name)
        expr.name = expr.name.removeprefix(".")
        if found is None:
            self._undeclared(expr.pos, expr.name)
            expr.type = ERROR
            return
        expr.type = found.params[0] if found.kind == "type" else ERROR
        if found.kind != "type":
            self._report(expr.pos, f"'{found}' is not a type")
        elif expr.type.kind != "struct":
            self._report(expr.pos, f"'{expr.type}' is not a message type")
            expr.type = ERROR
        for entry in expr.entries:
            self._struct_field(expr, entry)

    def _struct_field(self, expr: MakeStruct, entry: Entry) -> None:
        assert isinstance(entry.key, Literal)
        name = entry.key.value
        self._check(entry.value)
        wanted = self._declared(expr.name, name)
        if wanted is None:
            self._report(entry.pos, f"undefined field '{name}'")
            return
        given = self._unwrapped(entry.value, entry.optional)
        if not self._bindings.assignable([wanted], [given]):
            given = self._bindings.substitute(given)
            text = f"expected type of field '{name}' is '{wanted}' but provided type is '{given}'"
            self._report(entry.pos, text)

    def _fold(self, expr: Fold) -> None:
        self._check(expr.range)
        self._check(expr.init)
        over = self._bindings.substitute(expr.range.type)
        first, second = self._iterated(expr, over)
        accu = expr.init.type
        self._scopes.append({expr.accu: accu})
        inner = {expr.var: first}
        if expr.var2:
            inner[expr.var2] = second
        self._scopes.append(inner)
        self._check(expr.condition)
        self._assert(expr.condition, BOOL)
        self._check(expr.step)
        self._assert(expr.step, accu)
        self._scopes.pop()
        self._check(expr.result)
        self._scopes.pop()
        expr.type = self._bindings.substitute(expr.result.type)

    def _iterated(self, expr: Fold, over: Type) -> tuple[Type, Type]:
        if over.kind == "list":
            return (INT, over.params[0]) if expr.var2 else (over.params[0], DYN)
        if over.kind == "map":
            return over.params[0], over.params[1]
        if over.kind in ("dyn", "error", "param"):
            self._bindings.assignable([DYN], [over])
            return DYN, DYN
        text = f"expression of type '{over}' cannot be range of a comprehension"
        self._report(expr.range.pos, f"{text} (must be list, map, or dynamic)")
        return ERROR, ERROR

    def _assert(self, expr: Expr, wanted: Type) -> None:
        if not self._bindings.assignable([wanted], [expr.type]):
            self._mismatch(expr, wanted, expr.type)
