"""The same expressions put to another implementation of the language."""

import importlib.util
from typing import Any

import pytest

from pinnace.api.cel.environment import Environment

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
    ],
)
def test_both_agree(source: str) -> None:
    cel = importlib.import_module(_OTHER + ".cel")
    theirs: Any = cel.NewEnv(variables={}).compile(source).eval(data={}).value()
    assert Environment(variables={}).compile(source).run({}, 10_000).value == theirs
