"""How causes read: field.Error of upstream."""

from typing import Any

import pytest

from pinnace.api.errors import Cause
from pinnace.api.validation import base


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        (base.required("spec.a"), "spec.a: Required value"),
        (base.required("spec.a", "why"), "spec.a: Required value: why"),
        (base.invalid("a", "x", "bad"), 'a: Invalid value: "x": bad'),
        (base.invalid("a", 0, "bad"), "a: Invalid value: 0: bad"),
        (base.invalid("a", True, "bad"), "a: Invalid value: true: bad"),
        (base.invalid("a", None, "bad"), "a: Invalid value: null: bad"),
        (base.invalid("a", {"b": ["<"]}, "x"), 'a: Invalid value: {"b":["\\u003c"]}: x'),
        (
            base.not_supported("a", "x", ("A", "B")),
            'a: Unsupported value: "x": supported values: "A", "B"',
        ),
        (base.forbidden("a", "no"), "a: Forbidden: no"),
        (base.duplicate("a", "x"), 'a: Duplicate value: "x"'),
        (base.not_found("a", "x"), 'a: Not found: "x"'),
        (base.too_long("a", 253), "a: Too long: may not be more than 253 bytes"),
        (base.too_many("a", 21, 20), "a: Too many: 21: must have at most 20 items"),
    ],
)
def test_a_cause_reads_as_upstream_prints_it(cause: Cause, text: str) -> None:
    assert cause.text() == text


@pytest.mark.parametrize(
    ("text", "quoted"),
    [("a", '"a"'), ('"\n', '"\\"\\n"'), ("\x00é", '"\\x00é"'), ("\u200b", '"\\u200b"')],
)
def test_text_is_quoted_as_go_does(text: str, quoted: str) -> None:
    assert base.quoted(text) == quoted


@pytest.mark.parametrize(
    ("method", "value", "detail"),
    [
        ("text", 1, "must be a string"),
        ("number", "1", "must be an integer"),
        ("number", True, "must be an integer"),
        ("flag", "true", "must be a boolean"),
        ("child", [], "must be an object"),
        ("objects", {}, "must be an array"),
        ("mapping", {"a": 1}, "must be a string"),
        ("quantity", [], "must be a quantity"),
    ],
)
def test_a_wrong_type_is_a_cause_and_reads_as_unset(method: str, value: Any, detail: str) -> None:
    report = base.Report()
    assert not getattr(report, method)({"k": value}, "k", "spec")
    assert [cause.body().endswith(detail) for cause in report.causes] == [True]
    assert report.causes[0].field.startswith("spec.k")
