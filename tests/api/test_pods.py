"""What a Pod's phase says."""

import pytest

from pinnace.api.pods import is_terminal, phase_of


@pytest.mark.parametrize(
    ("phase", "ended"),
    [
        ("Pending", False),
        ("Running", False),
        ("Unknown", False),
        ("Succeeded", True),
        ("Failed", True),
    ],
)
def test_two_phases_are_for_good(phase: str, ended: bool) -> None:
    assert is_terminal({"status": {"phase": phase}}) is ended


def test_a_pod_without_a_status_has_no_phase() -> None:
    assert phase_of({"metadata": {}}) == ""
    assert not is_terminal({"status": None})
