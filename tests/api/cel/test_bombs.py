"""Expressions made to exhaust a server: refused as upstream refuses them, and soon."""

import pytest

from pinnace.api.cel.admission import environment
from pinnace.api.cel.patience import TooSlow, hurried
from pinnace.api.cel.syntax import CompileError

SCOPE = environment(params=False, authorizer=False)
LIMIT = "ERROR: <input>:-1:0: expression recursion limit exceeded: 250"
DEPTH = "ERROR: <input>:-1:0: max recursion depth exceeded"
OVER = "operation cancelled: actual cost limit exceeded"


def refusal(source):
    with pytest.raises(CompileError) as raised:
        SCOPE.compile(source)
    return str(raised.value)


def outcome(source, limit=1_000_000, **values):
    return SCOPE.compile(source).run({"object": values}, limit)


@pytest.mark.parametrize(
    "nested",
    [
        "(" * 249 + "true" + ")" * 249,
        "[" * 248 + "]" * 248 + " == []",
        "{'a':" * 248 + "1" + "}" * 248 + " == {}",
        "!" * 10_001 + "false",
        "1" + "+1" * 249 + " == 250",
        "object" + ".a" * 249 + " == 1",
        "'a'" + ".lowerAscii()" * 249 + " == 'a'",
        "true == (" * 124 + "true" + ")" * 124,
        "&&".join(["true"] * 5_000),
    ],
)
def test_as_much_as_the_language_allows_compiles(nested):
    SCOPE.compile(nested)


@pytest.mark.parametrize(
    ("nested", "told"),
    [
        ("(" * 250 + "true" + ")" * 250, LIMIT),
        ("(" * 10_000 + "true" + ")" * 10_000, LIMIT),
        ("[" * 10_000 + "]" * 10_000, LIMIT),
        ("{'a':" * 300 + "1" + "}" * 300, LIMIT),
        ("true?true:" * 1_000 + "true", LIMIT),
        ("size(" * 10_000 + "''" + ")" * 10_000, LIMIT),
        ("true == (" * 125 + "true" + ")" * 125, LIMIT),
        ("1 + (" * 125 + "1" + ")" * 125, LIMIT),
        ("1" + "+1" * 251, DEPTH),
        ("object" + ".a" * 251, DEPTH),
        ("object" + "[0]" * 10_000, DEPTH),
        ("'a'" + ".lowerAscii()" * 251, DEPTH),
    ],
)
def test_what_nests_deeper_is_refused(nested, told):
    assert refusal(nested) == told


def test_what_is_too_long_is_refused_without_being_shown():
    text = "expression code point size exceeds limit: size: 100001, limit 100000"
    assert refusal("true" + " " * 99_997) == f"ERROR: <input>:-1:0: {text}"


def test_a_hundred_errors_are_told():
    told = refusal("[" + ",".join(f"u{n}" for n in range(300)) + "]")
    assert told.count("ERROR:") == 100
    assert told.endswith("\n200 more errors were truncated")
    assert refusal(" ".join("@" * 2000)).endswith("\n1 more errors were truncated")


def test_long_lines_are_not_shown():
    assert "\n" not in refusal("a" * 20_000)
    assert "\n" in refusal("a" * 10_000)


@pytest.mark.parametrize(
    ("source", "told"),
    [("9" * 10_000, "int"), ("9" * 10_000 + "u", "uint"), ("1e999999", "double")],
)
def test_numbers_that_are_none_are_refused(source, told):
    assert f"invalid {told} literal" in refusal(source)


@pytest.mark.parametrize(
    "source",
    [
        "object.s.replace('', object.s).replace('', object.s).size() > 0",
        "object.l.map(x, object.s).join(object.s + object.s).size() > 0 || true",
        "'%s%s'.format([object.s, object.s]).replace('a', object.s).size() > 0",
        "'%.999999999999999f'.format([1.0]) == ''",
        "'%.99999999f'.format([1.0]) == ''",
    ],
)
def test_texts_without_measure_are_not_made(source):
    found = outcome(source, s="a" * 20_000, l=list(range(1000)))
    assert str(found.error) == OVER


def test_lists_without_measure_are_not_made():
    doubled = ".map(x, x + x)" * 40
    found = outcome(f"[object.l]{doubled}.size() > 0", l=list(range(1000)))
    assert str(found.error) == OVER


def test_nested_loops_end_at_their_limit():
    loops = "".join(f"object.l.all(x{n}, " for n in range(12)) + "true" + ")" * 12
    found = outcome(loops, limit=10_000, l=list(range(100)))
    assert str(found.error) == OVER
    assert found.cost < 11_000


def test_patience_ends_with_dear_expressions_and_lasts_for_cheap_ones():
    dear = SCOPE.compile("object.l.all(a, object.l.all(b, a + b >= 0))")
    with pytest.raises(TooSlow):
        hurried(lambda: dear.run({"object": {"l": list(range(1000))}}, 1_000_000))
    with pytest.raises(TooSlow):
        hurried(lambda: SCOPE.compile("true || " * 1000 + "true"))
    assert hurried(lambda: dear.run({"object": {"l": [1]}}, 1_000_000)).value is True
