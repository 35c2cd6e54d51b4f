"""Label and field selectors: apimachinery's `pkg/labels` and `pkg/fields`, grammar and wording."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pinnace.api import names
from pinnace.api.errors import BadRequest

# Up to so many conditions are looked at one by one.
_FEW = 16
_OPERATORS = ("in", "notin", "=", "==", "!=", "gt", "lt")
_SYMBOLS = {">": "gt", "<": "lt"}
_TOKEN = re.compile(r"==|!=|[=!(),<>]|[^=!(),<> \t\r\n]+")
_PLAIN = re.compile(r"[^\\,=]*")
_ESCAPED = re.compile(r"\\([\\,=])")
_TERM = re.compile("!=|==|=")
_INTEGER = re.compile(r"[-+]?[0-9]+", re.ASCII)
_LABEL_OPERATORS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}
_PUNCTUATION = frozenset(("", "=", "==", "!=", "!", "(", ")", ",", "<", ">"))


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on a label; `values` are sorted and without repeats."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether a set of labels meets this condition."""
        value = labels.get(self.key)
        if self.operator in ("in", "=", "=="):
            return value is not None and value in self.values
        if self.operator in ("notin", "!="):
            return value is None or value not in self.values
        if self.operator in ("exists", "!"):
            return (value is not None) == (self.operator == "exists")
        have, want = _int64(value), _int64(self.values[0])
        if have is None or want is None:
            return False
        return have > want if self.operator == "gt" else have < want

    def __str__(self) -> str:
        if self.operator == "exists":
            return self.key
        if self.operator == "!":
            return f"!{self.key}"
        if self.operator in ("in", "notin"):
            return f"{self.key} {self.operator} ({','.join(self.values)})"
        symbol = {"gt": ">", "lt": "<"}.get(self.operator, self.operator)
        return f"{self.key}{symbol}{','.join(self.values)}"


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """All of some requirements, sorted by key; or, with `nothing`, no object at all."""

    requirements: tuple[Requirement, ...] = ()
    nothing: bool = False

    def matches(self, labels: Mapping[str, str] | None) -> bool:
        """Tell whether an object with these labels is selected."""
        if self.nothing:
            return False
        have = labels or {}
        return all(requirement.matches(have) for requirement in self.requirements)

    def test(self) -> Callable[[Mapping[str, str]], bool]:
        """Return `matches` in a form that is quick to ask however long the selector is."""
        few = len(self.requirements) <= _FEW
        if self.nothing or (few and all(len(one.values) <= _FEW for one in self.requirements)):
            return self.matches
        return _Compiled(self.requirements).matches

    def empty(self) -> bool:
        """Tell whether every object is selected."""
        return not self.requirements and not self.nothing

    def exact(self, key: str) -> str | None:
        """Return the one value that a label must have, if this demands one."""
        for requirement in self.requirements:
            if requirement.key == key:
                one = requirement.operator in ("=", "==", "in") and len(requirement.values) == 1
                return requirement.values[0] if one else None
        return None

    def __str__(self) -> str:
        return ",".join(str(requirement) for requirement in self.requirements)


class _Compiled:
    """Many requirements in a form that looks at each label of an object once."""

    def __init__(self, requirements: Sequence[Requirement]) -> None:
        # What the value of a label must be, or None for any value; then limits of that value.
        self._wanted: dict[str, frozenset[str] | None] = {}
        self._limits: dict[tuple[str, str], Requirement] = {}
        # What the value of a label may not be; None for any value.
        self._unwanted: dict[str, set[str] | None] = {}
        for requirement in requirements:
            self._add(requirement)

    def _add(self, requirement: Requirement) -> None:
        key, operator, values = requirement.key, requirement.operator, requirement.values
        if operator == "!":
            self._unwanted[key] = None
        elif operator in ("notin", "!="):
            known = self._unwanted.setdefault(key, set())
            if known is not None:
                known.update(values)
        elif operator in ("in", "=", "=="):
            before = self._wanted.get(key)
            wanted = frozenset(values)
            self._wanted[key] = wanted if before is None else wanted & before
        else:
            self._wanted.setdefault(key, None)
            if operator in ("gt", "lt"):
                self._limit(requirement)

    def _limit(self, requirement: Requirement) -> None:
        at = requirement.key, requirement.operator
        held = self._limits.get(at)
        if held is None:
            self._limits[at] = requirement
            return
        old, new = _int64(held.values[0]) or 0, _int64(requirement.values[0]) or 0
        if (new > old) == (requirement.operator == "gt"):
            self._limits[at] = requirement

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether a set of labels meets all requirements."""
        if len(self._wanted) > len(labels):
            return False
        for key, values in self._wanted.items():
            value = labels.get(key)
            if value is None or (values is not None and value not in values):
                return False
        if not all(limit.matches(labels) for limit in self._limits.values()):
            return False
        unwanted = self._unwanted
        fewer = labels if len(labels) < len(unwanted) else unwanted
        return not any(
            key in unwanted and key in labels and _is_in(labels[key], unwanted[key])
            for key in fewer
        )


def _is_in(value: str, values: set[str] | None) -> bool:
    return values is None or value in values


EVERYTHING = LabelSelector()
NOTHING = LabelSelector(nothing=True)


@dataclass(frozen=True, slots=True)
class FieldSelector:
    """All of some terms (field, `=` or `!=`, value)."""

    terms: tuple[tuple[str, str, str], ...] = ()

    def matches(self, fields: Mapping[str, str]) -> bool:
        """Tell whether an object with these fields is selected; an absent field is empty."""
        return all(
            (fields.get(name, "") == value) == (operator == "=")
            for name, operator, value in self.terms
        )

    def test(self) -> Callable[[Mapping[str, str]], bool]:
        """Return `matches` in a form that is quick to ask however long the selector is."""
        if len(self.terms) <= _FEW:
            return self.matches
        wanted: dict[str, set[str]] = {}
        unwanted: dict[str, set[str]] = {}
        for name, operator, value in self.terms:
            (wanted if operator == "=" else unwanted).setdefault(name, set()).add(value)

        def matches(fields: Mapping[str, str]) -> bool:
            return all(values == {fields.get(name, "")} for name, values in wanted.items()) and (
                all(fields.get(name, "") not in values for name, values in unwanted.items())
            )

        return matches

    def empty(self) -> bool:
        """Tell whether every object is selected."""
        return not self.terms

    def exact(self, field: str) -> str | None:
        """Return the one value that a field must have, if this demands one."""
        for name, operator, value in self.terms:
            if name == field and operator == "=":
                return value
        return None

    def __str__(self) -> str:
        return ",".join(f"{name}{op}{_escape(value)}" for name, op, value in self.terms)


def parse_label_selector(text: str) -> LabelSelector:
    """Read a selector such as `app in (a,b),!old,tier=web`; raises BadRequest."""
    if not text:
        return EVERYTHING
    requirements = _Parser(text).parse()
    return LabelSelector(tuple(sorted(requirements, key=lambda item: item.key)))


def label_selector_from_object(selector: Mapping[str, Any] | None) -> LabelSelector:
    """Turn a metav1.LabelSelector into a selector: None selects nothing, {} everything.

    Raises BadRequest on what upstream's LabelSelectorAsSelector refuses.
    """
    if selector is None:
        return NOTHING
    requirements = [
        _requirement(key, "=", (value,))
        for key, value in (selector.get("matchLabels") or {}).items()
    ]
    for expression in selector.get("matchExpressions") or ():
        operator = expression.get("operator", "")
        if operator not in _LABEL_OPERATORS:
            raise BadRequest(f"{_quote(operator)} is not a valid label selector operator")
        values = tuple(expression.get("values") or ())
        requirements.append(
            _requirement(expression.get("key", ""), _LABEL_OPERATORS[operator], values)
        )
    return LabelSelector(tuple(sorted(requirements, key=lambda item: item.key)))


def label_selector_from_labels(labels: Mapping[str, str] | None) -> LabelSelector:
    """Return a selector for exactly these labels, unchecked: labels.SelectorFromSet."""
    items = sorted((labels or {}).items())
    return LabelSelector(tuple(Requirement(key, "=", (value,)) for key, value in items))


def _int64(text: str | None) -> int | None:
    if text is None or not _INTEGER.fullmatch(text) or len(text) > 40:
        return None
    number = int(text)
    return number if -(2**63) <= number < 2**63 else None


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _requirement(key: str, operator: str, values: Sequence[str]) -> Requirement:
    """Check a requirement as labels.NewRequirement does; raises BadRequest with every error."""
    errors = []
    said = names.qualified_name(key)
    if said:
        errors.append(f"key: Invalid value: {_quote(key)}: {'; '.join(said)}")
    if operator in ("in", "notin") and not values:
        errors.append(
            "values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty"
        )
    elif operator in ("exists", "!") and values:
        shown = json.dumps(list(values), ensure_ascii=False, separators=(",", ":"))
        errors.append(
            f"values: Invalid value: {shown}: "
            "values set must be empty for exists and does not exist"
        )
    elif operator in ("gt", "lt") and _int64(values[0]) is None:
        errors.append(
            f"values[0]: Invalid value: {_quote(values[0])}: "
            "for 'Gt', 'Lt' operators, the value must be an integer"
        )
    for index, value in enumerate(values):
        said = names.label_value(value)
        if said:
            errors.append(
                f"values[{index}][{key}]: Invalid value: {_quote(value)}: {'; '.join(said)}"
            )
    if errors:
        errors = list(dict.fromkeys(errors))
        raise BadRequest(errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]")
    return Requirement(key, operator, tuple(sorted(set(values))))


class _Parser:
    """Recursive descent over tokens, found one by one; an empty one is the end of the text."""

    def __init__(self, text: str) -> None:
        # Upstream's lexer takes a zero byte for the end.
        self._found = _TOKEN.finditer(text.partition("\0")[0])
        self._next = self._read()

    def _read(self) -> str:
        found = next(self._found, None)
        return found[0] if found is not None else ""

    def parse(self) -> list[Requirement]:
        found: list[Requirement] = []
        while True:
            token = self._peek()
            if token == "":
                return found
            if not _is_identifier(token) and token != "!":
                raise _expected(token, "!, identifier, or 'end of string'")
            try:
                found.append(self._requirement())
            except BadRequest as error:
                raise BadRequest(f"unable to parse requirement: {error.message}") from None
            token = self._take()
            if token == "":
                return found
            if token != ",":
                raise _expected(token, "',' or 'end of string'")
            token = self._peek()
            if not _is_identifier(token) and token != "!":
                raise _expected(token, "identifier after ','")

    def _peek(self) -> str:
        return self._next

    def _take(self) -> str:
        taken, self._next = self._next, self._read()
        return taken

    def _requirement(self) -> Requirement:
        token = self._take()
        absent = token == "!"
        if absent:
            token = self._take()
        if not _is_identifier(token):
            raise _expected(token, "identifier")
        said = names.qualified_name(token)
        if said:
            raise BadRequest(f"<nil>: Invalid value: {_quote(token)}: {'; '.join(said)}")
        if absent:
            return _requirement(token, "!", ())
        if self._peek() in ("", ","):
            return _requirement(token, "exists", ())
        taken = self._take()
        operator = _SYMBOLS.get(taken, taken)
        if operator not in _OPERATORS or taken in ("gt", "lt"):
            raise _expected(taken, ", ".join(_OPERATORS))
        values = self._set() if operator in ("in", "notin") else [self._value()]
        return _requirement(token, operator, sorted(set(values)))

    def _value(self) -> str:
        if self._peek() in ("", ","):
            return ""
        token = self._take()
        if not _is_identifier(token):
            raise _expected(token, "identifier")
        return token

    def _set(self) -> list[str]:
        token = self._take()
        if token != "(":
            raise BadRequest(f"found '{token}' expected: '('")
        if self._peek() == ")":
            self._take()
            return [""]
        if not _is_identifier(self._peek()) and self._peek() != ",":
            raise _expected(self._peek(), "',', ')' or identifier")
        values = self._identifiers()
        self._take()
        return values

    def _identifiers(self) -> list[str]:
        values: list[str] = []
        while True:
            token = self._take()
            if _is_identifier(token):
                values.append(token)
                if self._peek() == ")":
                    return values
                if self._peek() != ",":
                    raise _expected(self._peek(), "',' or ')'")
            elif token == ",":
                if not values:
                    values.append("")
                if self._peek() == ")":
                    return [*values, ""]
                if self._peek() == ",":
                    values.append("")
            else:
                raise _expected(token, "',', or identifier")


def _is_identifier(token: str) -> bool:
    return token not in _PUNCTUATION


def _expected(found: str, wanted: str) -> BadRequest:
    return BadRequest(f"found '{found}', expected: {wanted}")


def parse_field_selector(text: str) -> FieldSelector:
    """Read a selector such as `metadata.name=a,status.phase!=Failed`; raises BadRequest."""
    terms = []
    for part in sorted(_split_terms(text)):
        if not part:
            continue
        match = _TERM.search(part)
        if match is None:
            raise BadRequest(f"invalid selector: '{text}'; can't understand '{part}'")
        operator = "!=" if match.group() == "!=" else "="
        terms.append((part[: match.start()], operator, _unescape(part[match.end() :])))
    return FieldSelector(tuple(terms))


def _split_terms(text: str) -> list[str]:
    if "\\" not in text:
        return text.split(",")
    terms: list[str] = []
    pieces: list[str] = []
    for part in text.split(","):
        pieces.append(part)
        if (len(part) - len(part.rstrip("\\"))) % 2 == 0:
            terms.append(",".join(pieces))
            pieces.clear()
    # What ends in a backslash is refused when it is read.
    return [*terms, ",".join(pieces)] if pieces else terms


def _unescape(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    if _PLAIN.fullmatch(_ESCAPED.sub("", value)):
        return _ESCAPED.sub(r"\1", value)
    plain, escaped = [], False
    for letter in value:
        if escaped:
            if letter not in "\\,=":
                raise BadRequest(f"invalid field selector: invalid escape sequence: \\{letter}")
            plain.append(letter)
            escaped = False
        elif letter == "\\":
            escaped = True
        elif letter in ",=":
            raise BadRequest(f"invalid field selector: unescaped character in value: {ord(letter)}")
        else:
            plain.append(letter)
    if escaped:
        raise BadRequest("invalid field selector: invalid escape sequence: \\")
    return "".join(plain)


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")
