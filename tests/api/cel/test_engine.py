"""Expressions, what they evaluate to, and what upstream says of those that are wrong."""

import math
from typing import Any

import pytest

from pinnace.api.cel.environment import Environment
from pinnace.api.cel.syntax import CompileError
from pinnace.api.cel.types import DYN, INT, STRING, list_of, map_of, struct

SCOPE = Environment(
    variables={"self": struct("o"), "d": DYN, "l": list_of(INT)},
    structs={
        "o": {
            "a": INT,
            "s": STRING,
            "m": map_of(STRING, STRING),
            "l": list_of(struct("o")),
            "__namespace__": STRING,
            "x__dot__y": STRING,
        }
    },
)
GIVEN = {
    "self": {
        "a": 3, "s": "hello", "m": {"x": "1"}, "l": [{"a": 1}, {"a": 2}], "namespace": "n",
        "x.y": "z",
    },
    "d": {"q": [1, "a"], "t": True},
    "l": [3, 1, 2],
}  # fmt: skip


def value_of(source: str) -> Any:
    outcome = SCOPE.compile(source).run(GIVEN, 1_000_000)
    return outcome.value if outcome.error is None else str(outcome.error)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("self.a + 1 == 4 && self.s.size() == 5", True),
        ("1/0 == 1 || true", True),
        ("true || 1/0 == 1", True),
        ("false && 1/0 == 1", False),
        ("1/0 == 1 && false", False),
        ("1/0 == 1", "division by zero"),
        ("5 % 0", "modulus by zero"),
        ("-7 / 2", -3),
        ("-7 % 2", -1),
        ("9223372036854775807 + 1", "integer overflow"),
        ("-(-9223372036854775807 - 1)", "integer overflow"),
        ("0u - 1u", "unsigned integer overflow"),
        ("dyn(1) == 1.0 && dyn(1u) == 1", True),
        ("dyn(true) == 1", False),
        ("1.0 / 0.0", math.inf),
        ("self.__namespace__ + self.x__dot__y", "nz"),
        ("has(self.namespace) && self.namespace == self.__namespace__", True),
        ("self.?namespace.orValue('none')", "n"),
        ("has(self.x__dot__y) && !has(self.l[0].s)", True),
        ("self.l[0].s", "no such key: s"),
        ("l[7]", "index out of bounds: 7"),
        ("{'a': 1}['b']", "no such key: b"),
        ("d.q[1] < 2", "no such overload"),
        ("d.q[0] < 2", True),
        ("self.l.all(x, x.a > 0)", True),
        ("self.l.exists(x, x.a > 1)", True),
        ("self.l.exists_one(x, x.a > 0)", False),
        ("self.l.map(x, x.a > 1, x.a * 2)", [4]),
        ("self.l.filter(x, x.a > 1).size()", 1),
        ("[0, 1].all(x, 1 / x == 1)", "division by zero"),
        ("[0, 1, 2].exists(x, 2 / x == 1)", True),
        ("[0, 2].all(x, 1 / x == 1)", False),
        ("l.all(i, v, v > i - 1)", True),
        ("self.m.exists(k, v, k == 'x' && v == '1')", True),
        ("l.transformList(i, v, v > 1, i + v)", [3, 4]),
        ("{'a': 1}.transformMap(k, v, v + 1)", {"a": 2}),
        ("{'a': 1}.transformMapEntry(k, v, {v: k})", {1: "a"}),
        ("self.m.?x.orValue('no') + self.m[?'y'].orValue('no')", "1no"),
        ("[?self.m.?y, ?self.m.?x]", ["1"]),
        ("{?'a': optional.none()}", {}),
        ("optional.ofNonZeroValue('').hasValue()", False),
        ("optional.of(2).optMap(x, x + 1).value()", 3),
        ("optional.of(2).optFlatMap(x, optional.none()).hasValue()", False),
        ("optional.none().value()", "optional.none() dereference"),
        ("l.sum() + l.min() + l.max()", 10),
        ("l.isSorted()", False),
        ("l.sort() == [1, 2, 3] && l.sortBy(x, -x) == [3, 2, 1]", True),
        ("l.indexOf(2)", 2),
        ("[1, 1, 2].distinct().reverse()", [2, 1]),
        ("[[1], [2]].flatten() == lists.range(3).slice(1, 3)", True),
        ("[].min() == 1", "min called on empty list"),
        ("sets.contains([1, 2], [1]) && !sets.intersects([1], [2])", True),
        ("sets.equivalent([1, 1], [1])", True),
        ("'Hello'.lowerAscii() + 'a'.upperAscii()", "helloA"),
        ("'a,b,c'.split(',', 2)", ["a", "b,c"]),
        ("'abc'.substring(1, 2) + 'abc'.charAt(2)", "bc"),
        ("'abc'.substring(4)", "index out of range: 4"),
        ("['a', 'b'].join('-')", "a-b"),
        ("' x '.trim() + 'aXa'.replace('a', 'b', 1)", "xbXa"),
        ("'%s is %d, %.2f, %x, %b'.format(['a', dyn(1), dyn(2.5), dyn(255), dyn(5)])",
         "a is 1, 2.50, ff, 101"),
        ("'a1b22'.findAll('[0-9]+') == ['1', '22']", True),
        ("'abc'.matches('^a.c$')", True),
        ("string(1.5) + string(100000.0) + string(true)", "1.5100000true"),
        ("string(1e30)", "1e+30"),
        ("int('12') + int(2.9) + int(3u)", 17),
        ("timestamp('2020-02-03T04:05:06.5Z').getMonth()", 1),
        ("timestamp('2020-02-03T04:05:06Z') + duration('1h') > timestamp('2020-02-03T05:00:00Z')",
         True),
        ("string(timestamp('2020-02-03T04:05:06.5+01:00'))", "2020-02-03T03:05:06.5Z"),
        ("duration('1h30m').getMinutes()", 90),
        ("string(duration('1.5s'))", "1.5s"),
        ("quantity('1Gi').isLessThan(quantity('2Gi'))", True),
        ("quantity('50k').add(quantity('20k')).compareTo(quantity('70k'))", 0),
        ("quantity('1.5').isInteger()", False),
        ("isQuantity('x')", False),
        ("semver('1.2.3-a').isLessThan(semver('1.2.3')) && semver('v1', true).major() == 1", True),
        ("isSemver('1.2')", False),
        ("ip('::1').isLoopback() && ip('10.0.0.1').family() == 4", True),
        ("isIP('010.0.0.1')", False),
        ("cidr('10.0.0.0/8').containsIP('10.1.1.1')", True),
        ("cidr('10.0.0.0/8').containsCIDR(cidr('11.0.0.0/9'))", False),
        ("string(cidr('10.1.2.3/8').masked())", "10.0.0.0/8"),
        ("url('https://u@h:80/a%20b?k=v&k=w').getQuery()['k']", ["v", "w"]),
        ("url('https://[::1]:80/').getHostname()", "::1"),
        ("isURL('no')", False),
        ("format.dns1123Label().validate('-').hasValue()", True),
        ("format.named('uuid').value().validate('x').value()", ["does not match the UUID format"]),
        ("type(self.a) == int && type(d.t) == bool", True),
        ("'\\u00e9' == 'é' && b'\\xff' != b'a' && r'\\d' == '\\\\d'", True),
        ("1 in l && 'x' in self.m && !(7 in [1, 2])", True),
        ("jsonpatch.escapeKey('a/b~c')", "a~1b~0c"),
    ],
)  # fmt: skip
def test_expressions_have_upstreams_values(source: str, value: Any) -> None:
    assert value_of(source) == value


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("self.a + 'x'",
         "ERROR: <input>:1:8: found no matching overload for '_+_' applied to '(int, string)'\n"
         " | self.a + 'x'\n | .......^"),
        ("self.b", "ERROR: <input>:1:5: undefined field 'b'\n | self.b\n | ....^"),
        ("foo(1)", "<input>:1:4: undeclared reference to 'foo' (in container '')"),
        ("bar", "<input>:1:1: undeclared reference to 'bar' (in container '')"),
        ("self.a.b", "<input>:1:7: type 'int' does not support field selection"),
        ("self.s.size(1)",
         "found no matching overload for 'size' applied to 'string.(int)'"),
        ("[1, 'a']", "<input>:1:5: expected type 'int' but found 'string'"),
        ("['a', d.q]", "<input>:1:8: expected type 'string' but found 'dyn'"),
        ("self.a.all(x, true)",
         "expression of type 'int' cannot be range of a comprehension (must be list, map, or "
         "dynamic)"),
        ("has(self)", "invalid argument to has() macro"),
        ("l.all(1, true)", "argument must be a simple name"),
        ("1 +", "<input>:1:4: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '('"),
        ("a b", "Syntax error: extraneous input 'b' expecting <EOF>"),
        ("99999999999999999999", "invalid int literal"),
        ("duration('x')", "<input>:1:10: invalid duration argument"),
        ("self.s.matches('(')", "<input>:1:16: invalid matches argument"),
        ("namespace == 1", "reserved identifier: namespace"),
        ("self.a\n == 'x'", "<input>:2:2: found no matching overload for '_==_'"),
    ],
)  # fmt: skip
def test_what_does_not_compile_is_told_as_upstream_tells_it(source: str, told: str) -> None:
    with pytest.raises(CompileError) as caught:
        SCOPE.compile(source)
    assert told in str(caught.value)


def test_an_evaluation_ends_at_its_limit() -> None:
    program = SCOPE.compile("lists.range(1000).all(x, lists.range(1000).all(y, y >= 0))")
    outcome = program.run(GIVEN, 10_000)
    assert str(outcome.error) == "operation cancelled: actual cost limit exceeded"
    assert outcome.cost > 10_000


@pytest.mark.parametrize(
    ("source", "cost"),
    [
        ("self.a == 3", 3),
        ("has(self.a)", 1),
        ("self.l.all(x, x.a > 0)", 15),
        ("'a' in ['a', 'b']", 0),
        ("self.s in ['a', 'b']", 2),
    ],
)
def test_an_evaluation_costs_what_it_costs_upstream(source: str, cost: int) -> None:
    assert SCOPE.compile(source).run(GIVEN, 1000).cost == cost
