"""The value rules of a schema: types, bounds, patterns, enums, formats and the junctors.

Upstream: kube-openapi `pkg/validation/validate`, and its ratcheting in apiextensions-apiserver: a
value that an update leaves as it was is not held to the rules, if the old value can be found.
Which branch of anyOf or oneOf is complained about follows upstream's count of passed checks.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import re2

from pinnace.api.custom.formats import check_for, is_supported
from pinnace.api.custom.numbers import number_errors
from pinnace.api.custom.results import Result, Wrong, go_value, type_wrong
from pinnace.api.errors import Cause
from pinnace.api.validation.base import quoted

_MISSING: Any = object()
_INT64, _EXACT = 1 << 63, 1 << 53
_RE2 = re2.Options()
_RE2.log_errors = False
_NUMBER_FORMATS = {"integer": ("int32", "int64"), "number": ("float", "double")}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Node:
    """One schema, compiled for checking values."""

    raw: Mapping[str, Any]
    types: tuple[str, ...]
    format: str
    pattern: Callable[[str], bool] | None
    properties: Mapping[str, "Node"]
    items: "Node | None"
    additional: "Node | None"
    any_of: Sequence["Node"] = ()
    one_of: Sequence["Node"] = ()
    all_of: Sequence["Node"] = ()
    never: "Node | None" = None
    required: tuple[str, ...] = ()
    enum: Sequence[Any] = field(default_factory=tuple)
    # Those of them that are strings.
    names: frozenset[str] = frozenset()


def compile_values(schema: Mapping[str, Any]) -> Node:
    """Compile an openAPIV3Schema for `check_values`."""
    kind = schema.get("type") or ""
    types: tuple[str, ...] = (kind,) if kind else ()
    if schema.get("x-kubernetes-int-or-string"):
        types = ("integer", "string")
    items, additional = schema.get("items"), schema.get("additionalProperties")
    never = schema.get("not")
    return Node(
        raw=schema,
        types=types,
        format=_format(schema.get("format") or "", types),
        pattern=_pattern(schema.get("pattern") or ""),
        properties={
            name: compile_values(inner) for name, inner in (schema.get("properties") or {}).items()
        },
        items=compile_values(items) if isinstance(items, dict) else None,
        additional=compile_values(additional) if isinstance(additional, dict) else None,
        any_of=[compile_values(inner) for inner in schema.get("anyOf") or ()],
        one_of=[compile_values(inner) for inner in schema.get("oneOf") or ()],
        all_of=[compile_values(inner) for inner in schema.get("allOf") or ()],
        never=compile_values(never) if isinstance(never, dict) else None,
        required=tuple(schema.get("required") or ()),
        enum=schema.get("enum") or (),
        names=frozenset(one for one in schema.get("enum") or () if isinstance(one, str)),
    )


def check_values(node: Node, value: Any, old: Any = _MISSING) -> list[Cause]:
    """Return a cause for everything in a value that breaks the schema; with `old`, ratcheted."""
    return [wrong.cause() for wrong in _check(node, value, "", old).errors]


def _format(name: str, types: tuple[str, ...]) -> str:
    """Return a format if it is one that is checked for such values."""
    if not types or types == ("string",):
        return name if is_supported(name) else ""
    return name if len(types) == 1 and name in _NUMBER_FORMATS.get(types[0], ()) else ""


def _pattern(text: str) -> Callable[[str], bool] | None:
    if not text:
        return None
    try:
        compiled = re2.compile(text, options=_RE2)
    except re2.error:
        return lambda value: False
    return lambda value: compiled.search(value) is not None


def _check(node: Node, value: Any, path: str, old: Any = _MISSING) -> Result:
    """Check a value with all below it; an unchanged one is never wrong."""
    result = Result()
    if value is None:
        result.merge(_check_type(node, value, path))
        result.merge(_check_enum(node, value, path))
    else:
        for check in _checks(node, value):
            result.merge(check(node, value, path, old))
            result.matches += 1
        result.matches += 1
    if result.errors and old is not _MISSING and _same(old, value):
        return Result(matches=result.matches)
    return result


Check = Callable[[Node, Any, str, Any], "Result | None"]


def _checks(node: Node, value: Any) -> list[Check]:
    """Return the checks that apply to such a value, in upstream's order."""
    found: list[Check] = []
    if node.types or node.format:
        found.append(_check_type)
    found.append(_check_junctors)
    if isinstance(value, str):
        found.append(_check_text)
        if check_for(node.format) is not None and node.format:
            found.append(_check_format)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        found.append(_check_number)
    elif isinstance(value, list):
        found.append(_check_list)
    found.append(_check_enum)
    if isinstance(value, dict):
        found.append(_check_object)
    return found


def _check_type(node: Node, value: Any, path: str, old: Any = None) -> Result | None:
    wanted = ",".join(node.types)
    if value is None:
        if node.types and not node.raw.get("nullable"):
            return Result([type_wrong(path, wanted, "null")])
        return Result(matches=1)
    given = _json_type(value)
    whole = given == "number" and "integer" in node.types and _is_whole(value)
    fits = given in node.types or whole or (given == "integer" and "number" in node.types)
    numeric = "number" in node.types or "integer" in node.types
    if not isinstance(value, str | list) and node.format and not fits:
        return Result([type_wrong(path, node.format, _go_format(value))])
    if not numeric and node.format and isinstance(value, str | list):
        return Result(matches=1)
    return Result(matches=1) if fits else Result([type_wrong(path, wanted, given)])


def _is_whole(value: float) -> bool:
    """Say whether upstream takes a float for an integer: those that are exact."""
    return abs(value) < _EXACT and float(value).is_integer()


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        # Go decodes what an int64 cannot hold as a float.
        return "integer" if isinstance(value, int) and -_INT64 <= value < _INT64 else "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def _go_format(value: Any) -> str:
    """Return the format that upstream gives a value of Go's types."""
    if isinstance(value, bool | dict):
        return ""
    return "int64" if isinstance(value, int) else "float64"


def _check_junctors(node: Node, value: Any, path: str, old: Any) -> Result | None:
    result = Result()
    below = partial(_check_branch, value=value, path=path, old=old)
    if node.any_of:
        result.merge(_any_of(node.any_of, below, path))
    if node.one_of:
        result.merge(_one_of(node.one_of, below, path))
    if node.all_of:
        passed = 0
        for inner in node.all_of:
            got = below(inner)
            passed += not got.errors
            result.merge(got)
        if passed != len(node.all_of):
            more = "" if passed else ". None validated"
            result.add(Wrong(f"{quoted(path)} must validate all the schemas (allOf){more}"))
    if node.never is not None and not below(node.never).errors:
        result.add(Wrong(f"{quoted(path)} must not validate the schema (not)"))
    result.matches += 1
    return result


def _check_branch(node: Node, *, value: Any, path: str, old: Any) -> Result:
    """Check against one branch: what is below it may be ratcheted, the branch itself not."""
    result = Result()
    if value is None:
        result.merge(_check_type(node, value, path))
        result.merge(_check_enum(node, value, path))
        return result
    for check in _checks(node, value):
        result.merge(check(node, value, path, old))
        result.matches += 1
    result.matches += 1
    return result


def _any_of(branches: Sequence[Node], below: Callable[[Node], Result], path: str) -> Result:
    best: Result | None = None
    for inner in branches:
        got = below(inner)
        if not got.errors:
            return got
        if best is None or got.matches > best.matches:
            best = got
    result = Result([Wrong(f"{quoted(path)} must validate at least one schema (anyOf)")])
    result.merge(best)
    return result


def _one_of(branches: Sequence[Node], below: Callable[[Node], Result], path: str) -> Result:
    best: Result | None = None
    good: list[Result] = []
    for inner in branches:
        got = below(inner)
        if not got.errors:
            good.append(got)
        elif not good and (best is None or got.matches > best.matches):
            best = got
    if len(good) == 1:
        return good[0]
    why = f"Found {len(good)} valid alternatives" if good else "Found none valid"
    text = f"{quoted(path)} must validate one and only one schema (oneOf). {why}"
    result = Result([Wrong(text)])
    result.merge(None if good else best)
    return result


def _check_text(node: Node, value: str, path: str, old: Any) -> Result | None:
    raw = node.raw
    most, least = raw.get("maxLength"), raw.get("minLength")
    if most is not None and len(value) > most:
        text = f"{path} in body should be at most {most} chars long"
        return Result([Wrong(text, path, value, kind="too-long", limit=most)])
    if least is not None and len(value) < least:
        text = f"{path} in body should be at least {least} chars long"
        return Result([Wrong(text, path, value)])
    if node.pattern is not None and not node.pattern(value):
        return Result([Wrong(f"{path} in body should match '{raw['pattern']}'", path, value)])
    return None


def _check_format(node: Node, value: str, path: str, old: Any) -> Result | None:
    check = check_for(node.format)
    if check is None or check(value):
        return None
    text = f"{path} in body must be of type {node.format}: {quoted(value)}"
    return Result([Wrong(text, path, value, kind="type")])


def _check_number(node: Node, value: int | float, path: str, old: Any) -> Result | None:
    kind = node.types[0] if len(node.types) == 1 and node.types[0] in _NUMBER_FORMATS else ""
    errors = number_errors(node.raw, value, path, kind=kind, format=node.format if kind else "")
    return Result(errors, matches=1)


def _check_list(node: Node, value: list[Any], path: str, old: Any) -> Result | None:
    result = Result()
    raw = node.raw
    if node.items is not None:
        before = _old_items(node, old)
        for index, entry in enumerate(value):
            where = f"{path}[{index}]"
            result.merge(_check(node.items, entry, where, before(entry)))
            if result.is_full:
                break
    least, most, size = raw.get("minItems"), raw.get("maxItems"), len(value)
    if least is not None and size < least:
        text = f"{path} in body should have at least {least} items"
        result.add(Wrong(text, path, size))
    if most is not None and size > most:
        text = f"{path} in body should have at most {most} items"
        result.add(Wrong(text, path, size, kind="too-many", limit=most))
    if raw.get("uniqueItems") and _repeats(value):
        result.add(Wrong(f"{path} in body shouldn't contain duplicates", path, ""))
    result.matches += 1
    return result


def _old_items(node: Node, old: Any) -> Callable[[Any], Any]:
    """Return how to find an item's old value: by its keys in a list that is a map, else never."""
    names = node.raw.get("x-kubernetes-list-map-keys") or ()
    if node.raw.get("x-kubernetes-list-type") != "map" or not isinstance(old, list):
        return lambda entry: _MISSING

    def key(entry: Any) -> tuple[str, ...]:
        return tuple(repr(entry.get(name)) for name in names) if isinstance(entry, dict) else ()

    known = {key(entry): entry for entry in reversed(old)}
    return lambda entry: known.get(key(entry), _MISSING)


def _repeats(value: list[Any]) -> bool:
    return any(_same(value[at], other) for at in range(len(value)) for other in value[:at])


def _check_enum(node: Node, value: Any, path: str, old: Any = None) -> Result | None:
    if not node.enum:
        return None
    if isinstance(value, str):
        if value in node.names:
            return None
    elif value is not None and any(
        entry is not None and _same(entry, value) for entry in node.enum
    ):
        return None
    listed = " ".join(map(go_value, node.enum))
    text = f"{path} in body should be one of [{listed}]"
    return Result([Wrong(text, path, value, kind="enum", allowed=tuple(node.enum))])


def _check_object(node: Node, value: dict[str, Any], path: str, old: Any) -> Result | None:
    result = Result()
    raw, size = node.raw, len(value)
    least, most = raw.get("minProperties"), raw.get("maxProperties")
    if least is not None and size < least:
        text = f"{path} in body should have at least {least} properties"
        result.add(Wrong(text, path, size))
    if most is not None and size > most:
        text = f"{path} in body should have at most {most} properties"
        result.add(Wrong(text, path, size, kind="too-many", limit=most))
    before = old if isinstance(old, dict) else {}
    if raw.get("additionalProperties") is False:
        for name in value:
            if name not in node.properties:
                result.add(Wrong(f"{path}.{name} in body is a forbidden property", path, name))
    for name, inner in value.items():
        schema = node.properties.get(name)
        if schema is not None:
            where = f"{path}.{name}" if path else name
        elif node.additional is not None:
            schema, where = node.additional, f"{path}.{name}"
        else:
            continue
        hidden = not path and name in ("kind", "apiVersion")
        was = _MISSING if hidden else before.get(name, _MISSING)
        result.merge(_check(schema, inner, where, was))
        if result.is_full:
            break
    for name in node.required:
        if name not in value:
            where = f"{path}.{name}"
            result.add(Wrong(f"{where} in body is required", where, kind="required"))
    return result


def _same(one: Any, other: Any) -> bool:
    """Compare JSON values as Go does: a boolean is no number, an integer is not a float's equal."""
    if isinstance(one, dict) and isinstance(other, dict):
        return len(one) == len(other) and all(
            name in other and _same(inner, other[name]) for name, inner in one.items()
        )
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)
