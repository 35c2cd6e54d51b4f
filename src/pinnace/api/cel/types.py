"""The types of CEL expressions, and when one may stand for another.

Upstream: cel-go `common/types/types.go` and `checker/types.go`. A type is a value: two types are
the same if they are equal.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import is_

_NULLABLE = frozenset(("opaque", "struct", "duration", "timestamp"))
_NESTED = frozenset(("opaque", "list", "map", "type"))


@dataclass(frozen=True, slots=True)
class Type:
    """A kind, the name of a struct, an opaque type or a parameter, and the types inside."""

    kind: str
    name: str = ""
    params: tuple["Type", ...] = ()

    def __str__(self) -> str:
        shown = self.name if self.kind in ("opaque", "struct", "param") else self.kind
        if self.kind == "error":
            return "!error!"
        inner = ", ".join(map(str, self.params))
        return f"{shown}({inner})" if inner else shown


DYN = Type("dyn")
ERROR = Type("error")
NULL = Type("null")
BOOL = Type("bool")
INT = Type("int")
UINT = Type("uint")
DOUBLE = Type("double")
STRING = Type("string")
BYTES = Type("bytes")
TIMESTAMP = Type("timestamp")
DURATION = Type("duration")
TYPE = Type("type")


def list_of(element: Type) -> Type:
    """Return the type of lists of such elements."""
    return Type("list", params=(element,))


def map_of(key: Type, value: Type) -> Type:
    """Return the type of maps of such entries."""
    return Type("map", params=(key, value))


def optional_of(inner: Type) -> Type:
    """Return the type of optional values."""
    return Type("opaque", "optional_type", (inner,))


def param(name: str) -> Type:
    """Return a type parameter of a function."""
    return Type("param", name)


def struct(name: str) -> Type:
    """Return a type of objects whose fields the environment knows."""
    return Type("struct", name)


def opaque(name: str) -> Type:
    """Return a type of values that only functions look into."""
    return Type("opaque", name)


def unwrap_optional(given: Type) -> tuple[Type, bool]:
    """Return what an optional type holds and True, or the type itself and False."""
    if given.kind == "opaque" and given.name == "optional_type":
        return given.params[0], True
    return given, False


def signature(name: str, types: list[Type], member: bool) -> str:
    """Return how an error shows the types that a function was called with."""
    shown = [str(each) for each in types]
    if member:
        return f"{shown[0]}.({', '.join(shown[1:])})"
    return f"({', '.join(shown)})"


@dataclass(slots=True)
class Bindings:
    """What the type parameters met so far stand for."""

    known: dict[Type, Type] = field(default_factory=dict)

    def assignable(self, given: list[Type], wanted: list[Type]) -> bool:
        """Say whether all types fit; what that says of parameters is kept only if they do."""
        tried = Bindings(dict(self.known))
        if not tried._all_fit(given, wanted):
            return False
        self.known = tried.known
        return True

    def substitute(self, given: Type, *, to_dyn: bool = False) -> Type:
        """Replace bound parameters; unbound ones become dyn if that is asked for."""
        # Only parameters are looked up: to hash or compare a type takes as long as it is deep.
        if given.kind == "param":
            found = self.known.get(given)
            if found is not None:
                return self.substitute(found, to_dyn=to_dyn)
            return DYN if to_dyn else given
        if given.kind in _NESTED and given.params:
            inner = tuple([self.substitute(each, to_dyn=to_dyn) for each in given.params])
            same = all(map(is_, inner, given.params))
            return given if same else Type(given.kind, given.name, inner)
        return given

    def _all_fit(self, given: list[Type], wanted: list[Type]) -> bool:
        return len(given) == len(wanted) and all(map(self._fits, given, wanted))

    def _fits(self, one: Type, two: Type) -> bool:
        if two.kind == "param":
            valid, bound = self._stands_for(one, two)
            if valid or bound:
                return valid
        if one.kind == "param":
            return self._stands_for(two, one)[0]
        if one.kind in ("dyn", "error") or two.kind in ("dyn", "error"):
            return True
        if one.kind == "null" or two.kind == "null":
            other = two if one.kind == "null" else one
            return other.kind in _NULLABLE or other.kind == "null"
        if one.kind == "type":
            return two.kind == "type"
        if one.kind in ("opaque", "list", "map"):
            same = one.kind == two.kind and one.name == two.name
            return same and self._all_fit(list(one.params), list(two.params))
        return one == two

    def _stands_for(self, one: Type, two: Type) -> tuple[bool, bool]:
        """Say whether the parameter `two` may stand for `one`, and whether it was bound before."""
        if one == two:
            return True, True
        bound = self.known.get(two)
        if bound is not None:
            if one == bound:
                return True, True
            if self._fits(one, bound):
                general = most_general(one, bound)
                if self._absent(two, general):
                    self.known[two] = general
                return True, True
            return False, True
        if self._absent(two, one):
            self.known[two] = one
            return True, False
        return False, False

    def _absent(self, wanted: Type, within: Type) -> bool:
        if wanted == within:
            return False
        if within.kind == "param":
            bound = self.known.get(within)
            return bound is None or self._absent(wanted, bound)
        return all(self._absent(wanted, each) for each in within.params)


def most_general(one: Type, two: Type) -> Type:
    """Return the more general of two types that fit each other."""
    return one if _less_specific(one, two) else two


def _less_specific(one: Type, two: Type) -> bool:
    if one.kind in ("dyn", "param"):
        return True
    if two.kind in ("dyn", "param") or one.kind != two.kind:
        return False
    if one.kind in ("opaque", "list", "map"):
        same = one.name == two.name and len(one.params) == len(two.params)
        return same and all(map(_less_specific, one.params, two.params))
    return one.kind == "type" or one == two


# The fields of struct types by the name of the type.
Structs = Mapping[str, Mapping[str, Type]]
