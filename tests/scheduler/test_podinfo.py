from typing import Any

import pytest

from pinnace.api.amounts import pod_requests
from pinnace.scheduler.podinfo import tolerates


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


@pytest.mark.parametrize(
    ("toleration", "covered"),
    [
        pytest.param({"operator": "Exists"}, True, id="everything"),
        pytest.param({"key": "k", "operator": "Exists"}, True, id="key"),
        pytest.param({"key": "k", "value": "v"}, True, id="equal"),
        pytest.param({"key": "k", "value": "w"}, False, id="other-value"),
        pytest.param({"key": "k", "value": "v", "effect": "NoExecute"}, False, id="other-effect"),
    ],
)
def test_tolerations(toleration: dict[str, Any], covered: bool) -> None:
    assert tolerates([toleration], "k", "v", "NoSchedule") is covered
