"""Expressions that select devices."""

import pytest

from pinnace.api.cel.devices import MOST_COST, compile_selector, matches
from pinnace.api.cel.values import CelError

DEVICE = {
    "attributes": {
        "model": {"string": "big"},
        "other.dev/size": {"int": 3},
        "fast": {"bool": True},
        "version": {"version": "1.2.3"},
    },
    "capacity": {"memory": {"value": "8Gi"}},
}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("device.driver == 'gpu.dev'", True),
        ("device.attributes['gpu.dev'].model == 'big'", True),
        ("device.attributes['other.dev'].size > 3", False),
        ("device.attributes['gpu.dev'].fast", True),
        ("device.attributes['gpu.dev'].version.isGreaterThan(semver('1.0.0'))", True),
        ("device.capacity['gpu.dev'].memory.compareTo(quantity('4Gi')) > 0", True),
        ("'nowhere.dev' in device.attributes", False),
        ("'model' in device.attributes['nowhere.dev']", False),
        ("device.allowMultipleAllocations", False),
        ("cel.bind(a, device.attributes['gpu.dev'], a.model == 'big' && a.fast)", True),
    ],
)
def test_devices_are_selected_by_what_they_have(source, expected):
    assert matches(compile_selector(source), "gpu.dev", DEVICE) is expected


def test_what_a_device_lacks_is_an_error():
    with pytest.raises(CelError, match="no such key: none"):
        matches(compile_selector("device.attributes['gpu.dev'].none"), "gpu.dev", DEVICE)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("device.nope == 1", "compilation failed: ERROR: <input>:1:7: undefined field 'nope'"),
        ("1", "must evaluate to bool or the unknown type, not int"),
        ("device.driver", "must evaluate to bool or the unknown type, not string"),
        ("object.x", "compilation failed: ERROR: <input>:1:1: undeclared reference to 'object'"),
        ("cel.bind(1, 2, true)", "cel.bind() variable names must be simple identifiers"),
    ],
)
def test_what_cannot_be_selected_by_is_refused(source, why):
    with pytest.raises(ValueError, match=r".") as refused:
        compile_selector(source)
    assert why in str(refused.value)


def test_what_may_cost_too_much_is_known_before():
    loops = "device.attributes.all(a, device.attributes.all(b, device.attributes.all(c, "
    deep = loops + "device.attributes.all(d, device.attributes.all(e, a + b + c + d + e != '')))))"
    assert compile_selector(deep).cost > MOST_COST
    assert compile_selector("device.driver == 'x'").cost < 100


def test_what_attributes_hold_is_no_range_of_a_loop():
    with pytest.raises(ValueError, match="expression of type 'any' cannot be range"):
        compile_selector("device.attributes['a'].list.exists(x, x == 1)")
    with pytest.raises(ValueError, match="unknown type, not dyn"):
        compile_selector("dyn(true)")
