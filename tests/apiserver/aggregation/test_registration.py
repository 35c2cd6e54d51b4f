"""What this server serves itself is registered, and stays as its users want it."""

from itertools import product

import pytest
from tests.apiserver.conftest import Api

from pinnace.apiserver.aggregation.priorities import CUSTOM, Priority
from pinnace.apiserver.aggregation.registered import Registered, ServiceRef, by_group, local
from pinnace.apiserver.aggregation.registration import ALWAYS, ON_START, next_step

SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def made(mode: str, version_priority: int = 15) -> Registered:
    return local("g", "v1", Priority(1000, version_priority), mode)


# What there is, what is wanted, and the step at the first look and at later ones.
STEPS = [
    (None, None, None, None),
    (None, ON_START, "create", None),
    (None, ALWAYS, "create", "create"),
    ("", None, None, None),
    ("", ON_START, None, None),
    ("", ALWAYS, None, None),
    (ON_START, None, "delete", None),
    (ON_START, ON_START, "update", None),
    (ON_START, ALWAYS, "update", None),
    (ALWAYS, None, "delete", "delete"),
    (ALWAYS, ON_START, "update", None),
    (ALWAYS, ALWAYS, "update", "update"),
]


@pytest.mark.parametrize(("there", "wanted", "first", "later"), STEPS)
def test_each_is_looked_after_as_upstream_does(
    there: str | None, wanted: str | None, first: str | None, later: str | None
) -> None:
    held = made(there, 9) if there is not None else None
    want = made(wanted) if wanted is not None else None
    assert next_step(want, held, done=False, at_start=True) == first
    assert next_step(want, held, done=True, at_start=True) == later


def test_what_came_after_the_start_is_its_users() -> None:
    for wanted in (None, made(ON_START), made(ALWAYS)):
        assert next_step(wanted, made(ON_START, 9), done=False, at_start=False) is None


def test_what_is_as_wanted_is_not_written() -> None:
    for mode, done in product((ON_START, ALWAYS), (False, True)):
        assert next_step(made(mode), made(mode), done=done, at_start=True) is None


def test_an_extension_server_may_take_a_yielding_group_and_no_other() -> None:
    service = ServiceRef("kube-system", "metrics-server", 443)
    for group, step in (("metrics.k8s.io", None), ("example.com", "update")):
        wanted = local(group, "v1beta1", CUSTOM, ALWAYS)
        held = Registered(group, "v1beta1", CUSTOM, service, managed=ALWAYS)
        assert next_step(wanted, held, done=True, at_start=True) == step


def test_groups_and_versions_stand_by_priority_and_then_by_name() -> None:
    services = [
        Registered("b.io", "v1", Priority(1000, 100)),
        Registered("a.io", "v1alpha1", Priority(1000, 100)),
        Registered("a.io", "v2", Priority(900, 100)),
        Registered("a.io", "v1", Priority(900, 200)),
        Registered("z.io", "v1", Priority(2000, 1)),
    ]
    found = by_group(services)
    assert list(found) == ["z.io", "b.io", "a.io"]
    assert [each.version for each in found["a.io"]] == ["v1", "v2", "v1alpha1"]


async def test_built_in_groups_are_registered_and_available(api: Api) -> None:
    await api.settle()
    status, found = await api.do("GET", f"{SERVICES}/v2.autoscaling")
    assert status == 200
    assert found["metadata"]["labels"] == {"kube-aggregator.kubernetes.io/automanaged": "onstart"}
    assert found["spec"] == {
        "group": "autoscaling", "version": "v2", "groupPriorityMinimum": 17500,
        "versionPriority": 30,
    }  # fmt: skip
    [condition] = found["status"]["conditions"]
    condition.pop("lastTransitionTime")
    assert condition == {
        "type": "Available", "status": "True", "reason": "Local",
        "message": "Local APIServices are always available",
    }  # fmt: skip


async def test_a_deleted_one_of_a_built_in_group_stays_away_with_its_group(api: Api) -> None:
    await api.settle()
    assert (await api.do("DELETE", f"{SERVICES}/v1.apps"))[0] == 200
    await api.settle()
    assert (await api.do("GET", f"{SERVICES}/v1.apps"))[0] == 404
    _, listed = await api.do("GET", "/apis")
    assert "apps" not in [group["name"] for group in listed["groups"]]
    assert (await api.do("GET", "/apis/apps/v1/deployments"))[0] == 200


def definition(*versions: str) -> dict[str, object]:
    return {
        "kind": "CustomResourceDefinition",
        "apiVersion": "apiextensions.k8s.io/v1",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [
                {
                    "name": name,
                    "served": True,
                    "storage": at == 0,
                    "schema": {"openAPIV3Schema": {"type": "object"}},
                }
                for at, name in enumerate(versions)
            ],
        },
    }


async def test_the_versions_of_a_definition_come_and_go_with_it(api: Api) -> None:
    await api.do("POST", CRDS, definition("v1", "v1beta1"))
    await api.settle()
    status, found = await api.do("GET", f"{SERVICES}/v1beta1.example.com")
    assert status == 200
    assert found["metadata"]["labels"] == {"kube-aggregator.kubernetes.io/automanaged": "true"}
    assert (found["spec"]["groupPriorityMinimum"], found["spec"]["versionPriority"]) == (1000, 100)
    _, held = await api.do("GET", f"{CRDS}/widgets.example.com")
    held["spec"]["versions"][1]["served"] = False
    assert (await api.do("PUT", f"{CRDS}/widgets.example.com", held))[0] == 200
    await api.settle()
    assert (await api.do("GET", f"{SERVICES}/v1beta1.example.com"))[0] == 404
    assert (await api.do("GET", f"{SERVICES}/v1.example.com"))[0] == 200
    await api.do("DELETE", f"{CRDS}/widgets.example.com")
    await api.settle()
    assert (await api.do("GET", f"{SERVICES}/v1.example.com"))[0] == 404


async def test_a_change_of_one_of_a_definition_is_undone(api: Api) -> None:
    await api.do("POST", CRDS, definition("v1"))
    await api.settle()
    _, held = await api.do("GET", f"{SERVICES}/v1.example.com")
    held["spec"]["versionPriority"] = 7
    assert (await api.do("PUT", f"{SERVICES}/v1.example.com", held))[0] == 200
    await api.settle()
    _, held = await api.do("GET", f"{SERVICES}/v1.example.com")
    assert held["spec"]["versionPriority"] == 100
    # Whoever takes the label off has it for good.
    held["spec"]["versionPriority"], held["metadata"]["labels"] = 7, {}
    await api.do("PUT", f"{SERVICES}/v1.example.com", held)
    await api.settle()
    _, held = await api.do("GET", f"{SERVICES}/v1.example.com")
    assert held["spec"]["versionPriority"] == 7


async def test_a_yielding_group_goes_to_an_extension_server_and_comes_back(api: Api) -> None:
    await api.settle()
    name = f"{SERVICES}/v1beta1.metrics.k8s.io"
    _, held = await api.do("GET", name)
    held["spec"] |= {
        "service": {"namespace": "kube-system", "name": "metrics-server"},
        "insecureSkipTLSVerify": True,
    }
    assert (await api.do("PUT", name, held))[0] == 200
    await api.settle()
    _, held = await api.do("GET", name)
    assert held["spec"]["service"]["port"] == 443
    answer = await api.answer("GET", "/apis/metrics.k8s.io/v1beta1/nodes")
    assert (answer.status, answer.body) == (503, b"service unavailable\n")
    assert (await api.do("DELETE", name))[0] == 200
    await api.settle()
    _, held = await api.do("GET", name)
    assert "service" not in held["spec"]
    assert held["status"]["conditions"][0]["reason"] == "Local"
