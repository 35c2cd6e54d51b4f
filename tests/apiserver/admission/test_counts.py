"""Admission is counted by upstream's names, plug-in by plug-in and step by step."""

import pytest

from pinnace.api.cel.admission import OUT_OF_BUDGET
from pinnace.api.errors import ApiError, forbidden
from pinnace.api.kinds.core import CONFIGMAPS, PODS
from pinnace.api.wire import User
from pinnace.apiserver.admission.base import Attributes, Chain, Operation
from pinnace.apiserver.admission.counts import error_type


class Guard:
    """Looks at Pods, and refuses those it does not like."""

    def __init__(self, name, *, refuses=False):
        self.name = name
        self._refuses = refuses

    def handles(self, operation: Operation, row, subresource):
        return row is PODS

    def validate(self, attributes):
        if self._refuses:
            raise forbidden("pods", "", "p", "no")


def write(row):
    return Attributes(
        row=row, operation="CREATE", obj={}, old=None, user=User("u", ()), lookup=None
    )


def counted(chain, name):
    """Return how many were observed, by the values of the labels."""
    [metric] = [each for each in chain.counts.all() if each.name == name]
    return {
        tuple(sample.labels.values()): sample.value
        for sample in metric.samples
        if sample.name == f"{name}_count"
    }


CONTROLLERS = "apiserver_admission_controller_admission_duration_seconds"
STEPS = "apiserver_admission_step_admission_duration_seconds"


async def test_who_has_nothing_to_say_to_a_write_is_counted_with_those_who_have():
    chain = Chain((Guard("LimitRanger"), Guard("PodResizeValidator"), Guard("ResourceQuota")))
    for row in (PODS, CONFIGMAPS, CONFIGMAPS):
        await chain.validate(write(row))
    # Of PodResizeValidator upstream counts updates; of a Pod it was asked here.
    expected = {"LimitRanger": 3, "ResourceQuota": 3, "PodResizeValidator": 1}
    for _ in range(2):
        assert counted(chain, CONTROLLERS) == {
            (name, "validate", "CREATE", "false"): count for name, count in expected.items()
        }
    assert counted(chain, STEPS) == {("validate", "CREATE", "false"): 3}


async def test_a_refusal_is_counted_and_those_after_it_are_not():
    last = Guard("ResourceQuota")
    chain = Chain((Guard("LimitRanger"), Guard("Priority", refuses=True), last))
    with pytest.raises(ApiError):
        await chain.validate(write(PODS))
    assert counted(chain, CONTROLLERS) == {
        ("LimitRanger", "validate", "CREATE", "false"): 1,
        ("Priority", "validate", "CREATE", "true"): 1,
    }
    assert counted(chain, STEPS) == {("validate", "CREATE", "true"): 1}


def test_errors_have_upstreams_names():
    assert error_type("") == "no_error"
    assert error_type("compilation error: x") == "compile_error"
    assert error_type(OUT_OF_BUDGET) == "out_of_budget"
    assert error_type("failed expression: false") == "invalid_error"
