"""Libraries that are imported when they are first needed."""

import json

from pinnace.kit.deferred import Deferred


def test_a_deferred_module_has_what_the_module_has() -> None:
    deferred = Deferred("json")
    assert deferred.loads is json.loads
    assert deferred.JSONDecodeError is json.JSONDecodeError
