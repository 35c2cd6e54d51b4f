"""Which tolerations cover which taints."""

from typing import Any

import pytest

from pinnace.api.taints import is_tolerated

TAINT = {"key": "k", "value": "v", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("toleration", "covered"),
    [
        pytest.param({"operator": "Exists"}, True, id="everything"),
        pytest.param({"key": "k", "operator": "Exists"}, True, id="key"),
        pytest.param({"key": "j", "operator": "Exists"}, False, id="other-key"),
        pytest.param({"key": "k", "value": "v"}, True, id="equal"),
        pytest.param({"key": "k", "value": "w"}, False, id="other-value"),
        pytest.param({"key": "k", "value": "v", "effect": "NoSchedule"}, True, id="same-effect"),
        pytest.param({"key": "k", "value": "v", "effect": "NoExecute"}, False, id="other-effect"),
        pytest.param({"key": "k", "operator": "Gt", "value": "1"}, False, id="comparison-is-off"),
    ],
)
def test_tolerations(toleration: dict[str, Any], covered: bool) -> None:
    assert is_tolerated(TAINT, [toleration]) is covered


def test_one_toleration_of_several_is_enough() -> None:
    assert is_tolerated(TAINT, [{"key": "j"}, {"key": "k", "value": "v"}])
    assert not is_tolerated(TAINT, None)


def test_a_taint_without_a_value_equals_a_toleration_without_one() -> None:
    assert is_tolerated({"key": "k", "effect": "NoSchedule"}, [{"key": "k", "value": ""}])
