"""Quality of service, from limits and requests."""

from typing import Any

import pytest

from pinnace.api.qos import qos_class

BOTH = {"cpu": "1", "memory": "1Gi"}


def container(**resources: Any) -> dict[str, Any]:
    return {"name": "c", "resources": resources}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"containers": [{"name": "c"}]}, "BestEffort"),
        ({"containers": [container(limits={"nvidia.com/gpu": "1"})]}, "BestEffort"),
        ({"containers": [container(requests={"cpu": "0"})]}, "BestEffort"),
        ({"containers": [container(requests={"cpu": "1"})]}, "Burstable"),
        ({"containers": [container(limits=BOTH, requests=BOTH)]}, "Guaranteed"),
        (
            {"containers": [container(limits=BOTH, requests={**BOTH, "cpu": "1000m"})]},
            "Guaranteed",
        ),
        ({"containers": [container(limits=BOTH, requests={"cpu": "1"})]}, "Burstable"),
        ({"containers": [container(limits=BOTH, requests=BOTH), {"name": "d"}]}, "Burstable"),
        (
            {
                "containers": [container(limits=BOTH, requests=BOTH)],
                "initContainers": [{"name": "i"}],
            },
            "Burstable",
        ),
        ({"resources": {"limits": BOTH, "requests": BOTH}, "containers": [{}]}, "Guaranteed"),
        ({"resources": {"requests": BOTH}, "containers": [{}]}, "Burstable"),
        ({"resources": 1, "containers": "x"}, "BestEffort"),
    ],
)
def test_a_pod_is_classed_by_limits_and_requests(spec: dict[str, Any], expected: str) -> None:
    assert qos_class(spec) == expected
