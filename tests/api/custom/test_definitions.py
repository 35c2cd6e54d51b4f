"""Conditions of definitions are set whatever clients have put beside them."""

from typing import Any

from pinnace.api.custom.definitions import with_condition


def test_a_condition_without_a_type_is_left_alone() -> None:
    crd: dict[str, Any] = {"status": {"conditions": [{"message": "updated"}]}}
    with_condition(crd, {"type": "Terminating", "status": "True"}, "now")
    added = {"type": "Terminating", "status": "True", "lastTransitionTime": "now"}
    assert crd["status"]["conditions"] == [{"message": "updated"}, added]
