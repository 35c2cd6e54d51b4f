"""What is dropped from slices and leases, and when taints begin."""

from typing import Any

from pinnace.api.objects import Object
from pinnace.apiserver.strategies.base import Context
from pinnace.apiserver.strategies.devices import Slices, TaintRules
from pinnace.apiserver.strategies.leases import Leases
from pinnace.apiserver.strategies.storage import TOKENS_IN_SECRETS, CsiDrivers

NOW = Context(now="2026-01-01T00:00:00Z")


def resource_slice(**device: Any) -> Object:
    return {"metadata": {"generation": 1}, "spec": {"devices": [{"name": "d", **device}]}}


def test_attributes_that_are_lists_are_dropped_unless_they_are_stored() -> None:
    listed = {"attributes": {"a": {"ints": [1], "int": 1}}}
    obj, old = resource_slice(**listed), resource_slice(attributes={"a": {"ints": [2]}})
    Slices().prepare_update(obj, old, NOW)
    assert obj["spec"]["devices"][0]["attributes"]["a"] == {"ints": [1], "int": 1}
    Slices().prepare_create(obj, NOW)
    assert obj["spec"]["devices"][0]["attributes"]["a"] == {"int": 1}


def test_a_taint_without_a_time_begins_now() -> None:
    obj = resource_slice(taints=[{"key": "k", "effect": "NoExecute"}])
    Slices().prepare_create(obj, NOW)
    assert obj["spec"]["devices"][0]["taints"][0]["timeAdded"] == NOW.now
    rule: Object = {"metadata": {}, "spec": {"taint": {"key": "k", "timeAdded": "2020"}}}
    TaintRules().prepare_create(rule, NOW)
    assert rule["spec"]["taint"]["timeAdded"] == "2020"


def test_a_lease_keeps_a_strategy_only_when_it_is_stored() -> None:
    lease: Object = {"metadata": {}, "spec": {"strategy": "x", "preferredHolder": "y"}}
    Leases().prepare_update(lease, {"metadata": {}, "spec": {"strategy": "x"}}, NOW)
    assert lease["spec"] == {"strategy": "x"}


def test_a_driver_that_asks_for_tokens_is_advised() -> None:
    driver: Object = {"metadata": {}, "spec": {"tokenRequests": [{"audience": "a"}]}}
    assert CsiDrivers().warnings(driver, None) == [TOKENS_IN_SECRETS]
    assert CsiDrivers().warnings(driver, driver) == []
