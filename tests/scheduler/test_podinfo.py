from typing import Any

import pytest

from pinnace.api.amounts import pod_requests


def container(cpu: str, **more: Any) -> dict[str, Any]:
    return {"resources": {"requests": {"cpu": cpu}}, **more}


@pytest.mark.parametrize(
    ("spec", "cpu"),
    [
        pytest.param({"containers": [container("1"), container("500m")]}, 1500, id="sum"),
        pytest.param(
            {"containers": [container("1")], "initContainers": [container("2")]}, 2000, id="init"
        ),
        pytest.param(
            {
                "containers": [container("1")],
                "initContainers": [container("1", restartPolicy="Always"), container("3")],
            },
            4000,
            id="sidecar-beside-init",
        ),
        pytest.param(
            {"containers": [container("1")], "overhead": {"cpu": "250m"}}, 1250, id="overhead"
        ),
        pytest.param(
            {"containers": [container("1")], "resources": {"requests": {"cpu": "3"}}},
            3000,
            id="pod-level",
        ),
    ],
)
def test_requests_of_a_pod(spec: dict[str, Any], cpu: int) -> None:
    assert pod_requests({"metadata": {}, "spec": spec})["cpu"] == cpu
