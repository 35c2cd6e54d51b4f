"""Which nodes a Pod's selector and required affinity allow."""

from typing import Any

import pytest

from pinnace.api.nodeaffinity import fits_node

NODE = {"metadata": {"name": "n", "labels": {"zone": "a", "cpus": "8"}}}


def one(operator: str, *values: str, key: str = "zone") -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


def spec(*terms: dict[str, Any], **selector: str) -> dict[str, Any]:
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [*terms]}}
    return {"nodeSelector": selector, "affinity": {"nodeAffinity": required if terms else {}}}


@pytest.mark.parametrize(
    ("wanted", "fit"),
    [
        (spec(), True),
        (spec(zone="a"), True),
        (spec(zone="b"), False),
        (spec(one("In", "a", "b")), True),
        (spec(one("In", "b")), False),
        (spec(one("NotIn", "a")), False),
        (spec(one("NotIn", "a", key="none")), True),
        (spec(one("Exists")), True),
        (spec(one("Exists", key="none")), False),
        (spec(one("DoesNotExist")), False),
        (spec(one("Gt", "7", key="cpus")), True),
        (spec(one("Lt", "8", key="cpus")), False),
        (spec(one("Gt", "7")), False),
        (spec(one("In", "b"), one("In", "a")), True),
        (spec({}), False),
        (
            spec({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}]}),
            True,
        ),
    ],
)
def test_fits(wanted: dict[str, Any], fit: bool) -> None:
    assert fits_node(wanted, NODE) is fit
