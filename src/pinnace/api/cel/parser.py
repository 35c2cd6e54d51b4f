"""Tokens into nodes: the grammar of CEL, with macros replaced as they are read."""

from collections.abc import Callable, Container
from math import isinf

from pinnace.api.cel.escaping import RESERVED
from pinnace.api.cel.lexer import Token, bytes_value, string_value, tokens
from pinnace.api.cel.macros import MacroError, expand
from pinnace.api.cel.syntax import (
    MOST_ISSUES,
    NOWHERE,
    Call,
    CompileError,
    Entry,
    Expr,
    Ident,
    Issue,
    Literal,
    MakeList,
    MakeMap,
    MakeStruct,
    Select,
)
from pinnace.api.cel.values import INT_MAX, INT_MIN, UINT_MAX, UInt

_STARTS = "'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, "
_EXPECTED = "{" + _STARTS + "STRING, BYTES, IDENTIFIER}"
_RELATIONS = frozenset(("<", "<=", ">", ">=", "==", "!=", "in"))
_SUMS, _PRODUCTS = frozenset("+-"), frozenset("*/%")
_MAX_DEPTH = 250
_MAX_SIZE = 100_000


class _Stop(Exception):
    """The text cannot be read further; what is wrong has been noted."""


def parse(source: str) -> Expr:
    """Return the expression; raises CompileError with all that is wrong with its syntax."""
    if len(source) > _MAX_SIZE:
        text = f"expression code point size exceeds limit: size: {len(source)}, limit {_MAX_SIZE}"
        raise CompileError(source, [Issue(NOWHERE, text)])
    found, issues = tokens(source)
    if len(issues) > MOST_ISSUES:
        raise CompileError(source, issues)
    parser = _Parser(found, issues)
    try:
        made = parser.expr()
        if parser.here.kind != "<EOF>":
            parser.unexpected("<EOF>")
        if parser.height > _MAX_DEPTH:
            parser.issues.append(Issue(NOWHERE, "max recursion depth exceeded"))
    except _Stop:
        pass
    if parser.issues:
        raise CompileError(source, parser.issues)
    return made


class _Parser:
    """Reads tokens. Each method leaves in `height` how many levels what it returned has.

    Levels are counted as upstream counts them, twice: `_depth` of rules of the grammar that are
    being read within themselves, and `height` of selections, calls of methods, and operators.
    """

    def __init__(self, found: list[Token], issues: list[Issue]) -> None:
        self._tokens = found
        self._at = 0
        self._depth = {"expr": 0, "relation": 0, "calc": 0}
        self.height = 0
        self.here = found[0]
        self.issues = issues

    def _next(self) -> Token:
        token = self.here
        if token.kind != "<EOF>":
            self._at += 1
            self.here = self._tokens[self._at]
        return token

    def _accept(self, *kinds: str) -> Token | None:
        return self._next() if self.here.kind in kinds else None

    def _expect(self, kind: str, expecting: str = "") -> Token:
        if self.here.kind != kind:
            self.unexpected(expecting or f"'{kind}'")
        return self._next()

    def unexpected(self, expecting: str) -> None:
        """Note that the token here is not one of those expected, and stop."""
        token = self.here
        what = "extraneous" if expecting == "<EOF>" and self._is_last() else "mismatched"
        text = f"Syntax error: {what} input '{token.text}' expecting {expecting}"
        self._fail(token.pos, text)

    def _is_last(self) -> bool:
        return self._tokens[self._at + 1].kind == "<EOF>"

    def _fail(self, pos: int, text: str) -> None:
        self.issues.append(Issue(pos, text))
        raise _Stop

    def _enter(self, rule: str) -> None:
        self._depth[rule] += 1
        if self._depth[rule] > _MAX_DEPTH:
            self._fail(NOWHERE, f"expression recursion limit exceeded: {_MAX_DEPTH}")

    def _within(self, rule: str, read: Callable[[], Expr]) -> Expr:
        self._enter(rule)
        made = read()
        self._depth[rule] -= 1
        return made

    def expr(self) -> Expr:
        self._enter("expr")
        made = self._or()
        if token := self._accept("?"):
            height = self.height
            yes = self._or()
            height = max(height, self.height)
            self._expect(":")
            made = Call(token.pos, "_?_:_", None, [made, yes, self.expr()])
            self.height = max(height, self.height) + 1
        self._depth["expr"] -= 1
        return made

    def _or(self) -> Expr:
        return self._joined("||", self._and)

    def _and(self) -> Expr:
        return self._joined("&&", self._relation)

    def _joined(self, operator: str, read: Callable[[], Expr]) -> Expr:
        terms, ops = [read()], []
        height = self.height
        while token := self._accept(operator):
            ops.append(token.pos)
            terms.append(read())
            height = max(height, self.height)
        self.height = height
        return _balanced(f"_{operator}_", terms, ops)

    def _relation(self) -> Expr:
        self._enter("relation")
        made = self._chain("relation", _RELATIONS, self._sum)
        self._depth["relation"] -= 1
        return made

    def _sum(self) -> Expr:
        self._enter("calc")
        made = self._chain("calc", _SUMS, self._product)
        self._depth["calc"] -= 1
        return made

    def _product(self) -> Expr:
        return self._chain("calc", _PRODUCTS, self._unary)

    def _chain(self, rule: str, operators: Container[str], read: Callable[[], Expr]) -> Expr:
        made = read()
        while self.here.kind in operators:
            token, height = self._next(), self.height
            name = "@in" if token.kind == "in" else f"_{token.kind}_"
            made = Call(token.pos, name, None, [made, self._within(rule, read)])
            self.height = max(height, self.height) + 1
        return made

    def _unary(self) -> Expr:
        first = self._accept("!", "-")
        if first is None:
            return self._member()
        count = 1
        if first.kind == "-" and self.here.kind in ("int", "float"):
            return self._member(first)
        while self._accept(first.kind):
            count += 1
        inner = self._member()
        name = "!_" if first.kind == "!" else "-_"
        return Call(first.pos, name, None, [inner]) if count % 2 else inner

    def _member(self, minus: Token | None = None) -> Expr:
        made = self._primary(minus)
        while token := self._accept(".", "["):
            height = self.height
            if token.kind == ".":
                made = self._selection(made, token)
                self.height = max(height, self.height) + 1
                continue
            optional = self._accept("?")
            index = self.expr()
            self.height = max(height, self.height) + 1
            self._expect("]")
            made = Call(token.pos, "_[?_]" if optional else "_[_]", None, [made, index])
        return made

    def _selection(self, target: Expr, dot: Token) -> Expr:
        optional = self._accept("?")
        token = self.here
        if token.kind == "escaped":
            self._fail(token.pos, "unsupported syntax: '`'")
        if token.kind != "ident" and token.kind != "in":
            self._no_field(token)
        self._next()
        if optional:
            field = Literal(token.pos, token.text)
            return Call(dot.pos, "_?._", None, [target, field])
        if opening := self._accept("("):
            args = self._arguments(")")
            return self._macro(opening.pos, token.text, target, args)
        return Select(dot.pos, target, token.text)

    def _no_field(self, token: Token) -> None:
        if token.kind == "<EOF>":
            self._fail(token.pos, "Syntax error: no viable alternative at input '.'")
        self._fail(token.pos, f"Syntax error: no viable alternative at input '.{token.text}'")

    def _macro(self, pos: int, name: str, target: Expr | None, args: list[Expr]) -> Expr:
        call = Call(pos, name, target, args)
        try:
            return expand(call) or call
        except MacroError as error:
            self.issues.append(Issue(error.pos, error.text))
            return call

    def _arguments(self, closing: str) -> list[Expr]:
        args: list[Expr] = []
        height = self.height = 0
        if not self._accept(closing):
            args.append(self.expr())
            height = self.height
            while self._accept(","):
                args.append(self.expr())
                height = max(height, self.height)
            self._expect(closing)
        self.height = height
        return args

    def _primary(self, minus: Token | None) -> Expr:
        token = self.here
        self.height = 0
        if token.kind in ("ident", "."):
            return self._named()
        if token.kind == "(":
            self._next()
            made = self.expr()
            self._expect(")")
            return made
        if token.kind == "[":
            return self._list()
        if token.kind == "{":
            self._next()
            return MakeMap(token.pos, self._entries())
        if token.kind in ("int", "uint", "float", "string", "bytes", "true", "false", "null"):
            self._next()
            return self._literal(token, minus)
        self.unexpected(_EXPECTED)
        raise _Stop

    def _named(self) -> Expr:
        dot = self._accept(".")
        token = self._expect("ident", "IDENTIFIER")
        if token.text in RESERVED:
            self.issues.append(Issue(token.pos, f"reserved identifier: {token.text}"))
        name = f".{token.text}" if dot else token.text
        if opening := self._accept("("):
            return self._macro(opening.pos, name, None, self._arguments(")"))
        after, where = self._message_name(name)
        if after:
            return MakeStruct(where, after, self._fields())
        return Ident(dot.pos if dot else token.pos, name)

    def _message_name(self, name: str) -> tuple[str, int]:
        """Return the full name if `a.b.C{` starts here, having read up to the brace."""
        at = self._at
        while self._tokens[at].kind == "." and self._tokens[at + 1].kind == "ident":
            name += f".{self._tokens[at + 1].text}"
            at += 2
        if self._tokens[at].kind != "{":
            return "", 0
        self._at, self.here = at + 1, self._tokens[at + 1]
        return name, self._tokens[at].pos

    def _list(self) -> Expr:
        opening = self._next()
        elements: list[Expr] = []
        optional = set()
        height = 0
        while self.here.kind != "]":
            if self._accept("?"):
                optional.add(len(elements))
            elements.append(self.expr())
            height = max(height, self.height)
            if not self._accept(","):
                break
        self._expect("]")
        self.height = height
        return MakeList(opening.pos, elements, frozenset(optional))

    def _entries(self) -> list[Entry]:
        made = []
        height = 0
        while self.here.kind != "}":
            optional = bool(self._accept("?"))
            key = self.expr()
            height = max(height, self.height)
            colon = self._expect(":")
            made.append(Entry(colon.pos, key, self.expr(), optional))
            height = max(height, self.height)
            if not self._accept(","):
                break
        self._expect("}")
        self.height = height
        return made

    def _fields(self) -> list[Entry]:
        made = []
        height = 0
        while self.here.kind != "}":
            optional = bool(self._accept("?"))
            token = self._expect("ident", "{'}', IDENTIFIER}")
            colon = self._expect(":")
            key = Literal(token.pos, token.text)
            made.append(Entry(colon.pos, key, self.expr(), optional))
            height = max(height, self.height)
            if not self._accept(","):
                break
        self._expect("}")
        self.height = height
        return made

    def _literal(self, token: Token, minus: Token | None) -> Expr:
        text, pos = token.text, minus.pos if minus else token.pos
        if token.kind in ("true", "false", "null"):
            return Literal(pos, {"true": True, "false": False, "null": None}[token.kind])
        if token.kind == "float":
            if isinf(float(text)):
                self.issues.append(Issue(pos, "invalid double literal"))
            return Literal(pos, -float(text) if minus else float(text))
        if token.kind in ("int", "uint"):
            return self._integer(token, pos, minus is not None)
        try:
            read = bytes_value if token.kind == "bytes" else string_value
            return Literal(pos, read(text))
        except ValueError as error:
            self.issues.append(Issue(pos, str(error)))
            return Literal(pos, "")

    def _integer(self, token: Token, pos: int, negative: bool) -> Expr:
        digits = token.text.rstrip("uU").lstrip("0") or "0"
        # More digits than any number has are not worth reading.
        digits = digits[: len("x") + len(str(UINT_MAX))]
        number = int(digits[1:], 16) if digits.startswith("x") else int(digits)
        number = -number if negative else number
        if token.kind == "uint":
            if number > UINT_MAX:
                self.issues.append(Issue(pos, "invalid uint literal"))
            return Literal(pos, UInt(number))
        if not INT_MIN <= number <= INT_MAX:
            self.issues.append(Issue(pos, "invalid int literal"))
        return Literal(pos, number)


def _balanced(name: str, terms: list[Expr], ops: list[int]) -> Expr:
    """Join terms by an operator into a tree that is as flat as can be, as upstream does."""
    if len(terms) == 1:
        return terms[0]
    if len(terms) == 2:
        return Call(ops[0], name, None, terms)
    middle = len(ops) // 2
    left = _balanced(name, terms[: middle + 1], ops[:middle])
    right = _balanced(name, terms[middle + 1 :], ops[middle + 1 :])
    return Call(ops[middle], name, None, [left, right])
