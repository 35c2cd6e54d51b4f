import pytest
from tests.controllers.fake_cluster import running

from pinnace.api.kinds.apps import DEPLOYMENTS
from pinnace.api.kinds.core import CONFIGMAPS, PODS, RESOURCEQUOTAS
from pinnace.controllers.resource_quota import RESOURCE_QUOTA, counted_kinds, status, used


def quota(hard, **spec):
    return {"metadata": {"name": "q", "namespace": "n"}, "spec": {"hard": hard, **spec}}


def pod(name="p", cpu="500m", namespace="n", **spec):
    resources = {"requests": {"cpu": cpu, "memory": "1Gi"}}
    return {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"containers": [{"name": "c", "resources": resources}], **spec},
    }


@pytest.mark.parametrize(
    ("hard", "kinds"),
    [
        (["pods", "requests.cpu"], [("", "pods")]),
        (["services.nodeports"], [("", "services")]),
        (["count/deployments.apps", "count/pods"], [("", "pods"), ("apps", "deployments")]),
        (["gold.storageclass.storage.k8s.io/requests.storage"], [("", "persistentvolumeclaims")]),
        (["secrets", "unheard-of"], [("", "secrets")]),
    ],
)
def test_the_kinds_that_limits_are_about(hard, kinds):
    assert counted_kinds(hard) == kinds


def texts(amounts):
    return {name: amount.canonical() for name, amount in amounts.items()}


@pytest.mark.parametrize(
    ("scope", "expected"),
    [({}, "2"), ({"scopes": ["Terminating"]}, "1"), ({"scopes": ["BestEffort"]}, "0")],
)
def test_counts_what_is_in_scope(scope, expected):
    pods = [pod("a"), pod("b", activeDeadlineSeconds=5)]
    assert texts(used(quota({"pods": "4"}, **scope), ("", "pods"), pods)) == {"pods": expected}


def test_a_status_with_other_spellings_of_the_same_is_left_alone():
    found = quota({"requests.cpu": "2"})
    found["status"] = {"hard": {"requests.cpu": "2000m"}, "used": {"requests.cpu": "1"}}
    one = used(found, ("", "pods"), [pod("a"), pod("b")])
    assert status(found, one) is None


async def get(it):
    return (await it.cluster.get(RESOURCEQUOTAS, "q", namespace="n"))["status"]


async def test_counts_again_when_something_goes_or_ends():
    hard = {"pods": "10", "requests.cpu": "4", "count/deployments.apps": "1", "configmaps": "3"}
    setup = [(PODS, pod(name)) for name in "abc"]
    setup += [(PODS, pod("elsewhere", namespace="other")), (RESOURCEQUOTAS, quota(hard))]
    setup += [(DEPLOYMENTS, {"metadata": {"name": "d", "namespace": "n"}, "spec": {}})]
    setup += [(CONFIGMAPS, {"metadata": {"name": "m", "namespace": "n"}})]
    async with running(RESOURCE_QUOTA, setup=setup) as it:
        await it.settle(1)
        assert await get(it) == {
            "hard": hard,
            "used": {
                "pods": "3",
                "requests.cpu": "1500m",
                "count/deployments.apps": "1",
                "configmaps": "1",
            },
        }
        await it.cluster.delete(PODS, "a", namespace="n")
        await it.cluster.delete(CONFIGMAPS, "m", namespace="n")
        await it.settle(1)
        assert (await get(it))["used"]["requests.cpu"] == "1"
        assert (await get(it))["used"]["configmaps"] == "0"
        ended = await it.cluster.get(PODS, "b", namespace="n")
        await it.cluster.set_status(PODS, ended, phase="Succeeded")
        await it.settle(1)
        assert (await get(it))["used"]["pods"] == "1"


async def test_a_limit_that_is_taken_away_is_not_used_any_more():
    hard = {"pods": "1", "services": "1"}
    async with running(RESOURCE_QUOTA, setup=[(RESOURCEQUOTAS, quota(hard))]) as it:
        found = await it.cluster.get(RESOURCEQUOTAS, "q", namespace="n")
        del found["spec"]["hard"]["services"]
        await it.cluster.update(RESOURCEQUOTAS, found)
        await it.settle(1)
        assert await get(it) == {"hard": {"pods": "1"}, "used": {"pods": "0"}}


CLAIMS = ("", "persistentvolumeclaims")


def claim(name=None, current=None):
    spec = {"resources": {"requests": {"storage": "1Gi"}}, "volumeAttributesClassName": name}
    return {"metadata": {}, "spec": spec, "status": {"currentVolumeAttributesClassName": current}}


@pytest.mark.parametrize(
    ("operator", "values", "expected"),
    [("In", ["gold"], 2), ("NotIn", ["gold"], 2), ("Exists", [], 3), ("DoesNotExist", [], 1)],
)
def test_volume_claims_count_by_their_attributes_class(operator, values, expected):
    selector = {"scopeName": "VolumeAttributesClass", "operator": operator, "values": values}
    limits = quota({"persistentvolumeclaims": "5"}, scopeSelector={"matchExpressions": [selector]})
    claims = [claim("gold"), claim("silver"), claim(None), claim(None, "gold")]
    assert texts(used(limits, CLAIMS, claims)) == {"persistentvolumeclaims": str(expected)}


def test_claims_of_devices_count_by_class():
    names = ["gold.deviceclass.resource.k8s.io/devices", "all.deviceclass.resource.k8s.io/devices"]
    limits = quota(dict.fromkeys([*names, "count/resourceclaims.resource.k8s.io"], "9"))

    def asked(of, mode="ExactCount", count=None):
        return {"deviceClassName": of, "allocationMode": mode, "count": count}

    either = [asked("gold", count=3), asked("gold", count=2), asked("all", "All")]
    requests = [{"exactly": asked("gold", count=2)}, {"firstAvailable": either}]
    claims = [{"metadata": {}, "spec": {"devices": {"requests": requests}}}]
    kind = ("resource.k8s.io", "resourceclaims")
    assert counted_kinds(names) == [kind]
    assert texts(used(limits, kind, claims)) == {
        names[0]: "5",
        names[1]: "32",
        "count/resourceclaims.resource.k8s.io": "1",
    }
