"""The same expressions put to another implementation of the language."""

import importlib.util
from typing import Any

import pytest

from pinnace.api.cel.environment import Environment
from pinnace.api.cel.syntax import CompileError

_OTHER = "cel_expr_python"
needs_other = pytest.mark.skipif(
    importlib.util.find_spec(_OTHER + ".cel") is None if importlib.util.find_spec(_OTHER) else True,
    reason=f"{_OTHER} is not installed",
)


@needs_other
@pytest.mark.parametrize(
    "source",
    [
        "1 + 2 * 3 - 4 / 2 % 3",
        "-5 / 2 + -5 % 2",
        "'a' + 'b' == 'ab' && 'abc'.contains('b')",
        "[1, 2, 3].map(x, x * x) == [1, 4, 9]",
        "[1, 2, 3].exists_one(x, x > 2)",
        "{'a': 1, 'b': 2}.all(k, k.size() == 1)",
        "size('h\\u00e9llo') + size([1]) + size({1: 2})",
        "timestamp('2021-03-04T05:06:07Z').getDayOfYear()",
        "duration('90m').getHours()",
        "string(timestamp('2021-03-04T05:06:07Z') - duration('1s'))",
        "int(uint(3)) + int('4') + int(5.9)",
        "1.5 < 2.5 && 'a' < 'b' && b'a' < b'b'",
        "'abc'.matches('b')",
        "true ? 1 : 2",
        "has({'a': 1}.a)",
        "timestamp('0001-01-01T00:00:00Z').getHours('-08:00')",
        "timestamp('9999-12-31T23:59:59Z').getDayOfYear('+05:30')",
        "timestamp('0001-01-01T00:00:00Z').getDayOfWeek('-08:00')",
        "string(-0.0)",
        "string(1e6)",
        "string(-1234567.5)",
        "string(100000.0)",
        "string(1e-5)",
        "string(0.0001)",
        "string(0.0 * -2.25)",
        "dyn(9223372036854775807) < 9223372036854775808.0",
        "dyn(18446744073709551615u) == 18446744073709551615.0",
        "false && 1 / 0 > 0 || true",
    ],
)
def test_both_agree(source: str) -> None:
    cel = importlib.import_module(_OTHER + ".cel")
    theirs: Any = cel.NewEnv(variables={}).compile(source).eval(data={}).value()
    assert Environment(variables={}).compile(source).run({}, 10_000).value == theirs


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("timestamp('0001-01-01T00:00:00Z').getFullYear('-08:00')", 0),
        ("timestamp('9999-12-31T23:59:59Z').getFullYear('+05:30')", 10000),
        ("timestamp('2020-01-01T00:00:00Z').getHours('5:30')", 5),
        ("timestamp('2020-01-01T00:00:00Z').getHours('+25:00')", 1),
        ("timestamp('2020-01-01T00:00:00Z').getMinutes('-0:30')", 30),
        ("string(duration('2562047h47m16.854775807s'))", "9223372036.854776s"),
        ("string(duration('1ns'))", "0.000000001s"),
        ("string(duration('-90m'))", "-5400s"),
        ("double('0x1p4')", 16.0),
        ("'%s'.format([1e6])", "1e+06"),
        ("double('1_0')", 10.0),
        ("double('.5e1')", 5.0),
    ],
)
def test_go_has_answers_of_its_own(source: str, result: object) -> None:
    outcome = Environment(variables={}).compile(source).run({}, 10_000)
    assert (outcome.value, outcome.error) == (result, None)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("-9223372036854775808 % -1", "integer overflow"),
        ("timestamp('9999-12-31T00:00:00Z') - timestamp('0001-01-01T00:00:00Z')",
         "integer overflow"),
        ("timestamp('2020-01-01T00:00:00Z').getHours('a:b')",
         'strconv.Atoi: parsing "a": invalid syntax'),
        ("double('0x10')", 'strconv.ParseFloat: parsing "0x10": invalid syntax'),
        ("double('1e999')", 'strconv.ParseFloat: parsing "1e999": value out of range'),
        ("double('+nan')", 'strconv.ParseFloat: parsing "+nan": invalid syntax'),
        ("double('\u0661')", 'strconv.ParseFloat: parsing "\u0661": invalid syntax'),
    ],
)  # fmt: skip
def test_go_has_errors_of_its_own(source: str, why: str) -> None:
    assert str(Environment(variables={}).compile(source).run({}, 10_000).error) == why


@pytest.mark.parametrize("source", ["timestamp(253402300800)", "timestamp('2020-01-01t00:00:00z')"])
def test_a_constant_that_is_no_moment_is_refused(source: str) -> None:
    with pytest.raises(CompileError, match="invalid timestamp argument"):
        Environment(variables={}).compile(source)
