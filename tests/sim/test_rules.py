from typing import Any

import pytest

from pinnace.api.objects import Object
from pinnace.api.selectors import parse_label_selector
from pinnace.sim.rules import Rule, rule_for


def pod(**meta: Any) -> Object:
    return {"metadata": {"name": "p", **meta}, "spec": {}}


OWNED = pod(ownerReferences=[{"kind": "Job", "name": "j", "controller": True}])


@pytest.mark.parametrize(
    ("rule", "obj", "matches"),
    [
        pytest.param(Rule(name="r"), pod(), True, id="everything"),
        pytest.param(Rule(name="r", owner_kind="Job"), OWNED, True, id="owner"),
        pytest.param(Rule(name="r", owner_kind="Job"), pod(), False, id="no-owner"),
        pytest.param(
            Rule(name="r", annotations={"a": "1"}), pod(annotations={"a": "1"}), True, id="note"
        ),
        pytest.param(Rule(name="r", annotations={"a": "1"}), pod(), False, id="no-note"),
        pytest.param(
            Rule(name="r", selector=parse_label_selector("app=web")),
            pod(labels={"app": "web"}),
            True,
            id="label",
        ),
        pytest.param(
            Rule(name="r", selector=parse_label_selector("app=web")), pod(), False, id="no-label"
        ),
    ],
)
def test_all_that_a_rule_says_must_match(rule: Rule, obj: Object, *, matches: bool) -> None:
    assert rule.matches(obj) is matches


def test_the_first_rule_that_matches_counts() -> None:
    rules = (Rule(name="jobs", owner_kind="Job"), Rule(name="rest"))
    assert rule_for(OWNED, rules).name == "jobs"
    assert rule_for(pod(), rules).name == "rest"
    assert rule_for(pod(), ()).run_seconds is None


def test_annotations_override_and_nonsense_does_not() -> None:
    noted = {"pinnace.dev/sim-run-seconds": "2.5", "pinnace.dev/sim-start-seconds": "soon"}
    rule = rule_for(pod(annotations=noted), (Rule(name="r", start_seconds=1.0),))
    assert (rule.start_seconds, rule.run_seconds) == (1.0, 2.5)
    ends = rule_for(pod(annotations={"pinnace.dev/sim-exit-code": "7"}), ())
    assert (ends.run_seconds, ends.exit_code) == (0.0, 7)
