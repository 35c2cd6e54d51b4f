import pytest

from pinnace.api.errors import ApiError, Conflict, Forbidden
from pinnace.api.kinds.apps import REPLICASETS
from pinnace.api.kinds.core import PERSISTENTVOLUMECLAIMS, PODS, RESOURCEQUOTAS, SERVICES
from pinnace.api.wire import User
from pinnace.apiserver.admission import settings
from pinnace.apiserver.admission.base import Attributes, Chain
from pinnace.apiserver.admission.resource_quota import ResourceQuota
from pinnace.testing.lookups import DictLookup


class Writer:
    """Writes to the look-up, and loses the first races if told to."""

    def __init__(self, lookup, losses=0):
        self.lookup = lookup
        self.losses = losses

    async def charge(self, quota, used):
        if self.losses:
            self.losses -= 1
            return False
        changed = {**quota, "status": {**quota["status"], "used": used}}
        self.lookup.add(RESOURCEQUOTAS, changed)
        return True


def quota(hard, used=None, **spec):
    used = dict.fromkeys(hard, "0") | (used or {})
    return {
        "metadata": {"name": "q", "namespace": "ns"},
        "spec": {"hard": hard, **spec},
        "status": {"hard": hard, "used": used},
    }


def pod(requests=None, **spec):
    container = {"name": "c"} | ({"resources": {"requests": requests}} if requests else {})
    return {"metadata": {"name": "p"}, "spec": {"containers": [container], **spec}}


async def admit(lookup, row, obj, *, old=None, losses=0, **more):
    attributes = Attributes(
        row=row, operation="UPDATE" if old else "CREATE", obj=obj, old=old, user=User("jane"),
        lookup=lookup, namespace="ns", **more,
    )  # fmt: skip
    await Chain((ResourceQuota(Writer(lookup, losses)),)).validate(attributes)
    present = lookup.get(RESOURCEQUOTAS, "ns", "q")
    return present["status"]["used"] if present else None


def lookup_of(*quotas):
    return DictLookup({RESOURCEQUOTAS: quotas})


async def test_what_fits_is_charged_and_what_does_not_is_refused():
    lookup = lookup_of(quota({"pods": "2", "requests.cpu": "1"}))
    small = pod({"cpu": "400m"})
    assert await admit(lookup, PODS, small) == {"pods": "1", "requests.cpu": "400m"}
    assert await admit(lookup, PODS, small) == {"pods": "2", "requests.cpu": "800m"}
    with pytest.raises(Forbidden) as refused:
        await admit(lookup, PODS, small)
    assert refused.value.message == (
        'pods "p" is forbidden: exceeded quota: q, requested: pods=1,requests.cpu=400m, used:'
        " pods=2,requests.cpu=800m, limited: pods=2,requests.cpu=1"
    )


async def test_a_lost_race_is_run_again_but_not_for_ever():
    lookup = lookup_of(quota({"pods": "2"}))
    assert await admit(lookup, PODS, pod(), losses=3) == {"pods": "1"}
    with pytest.raises(Conflict):
        await admit(lookup, PODS, pod(), losses=100)


async def test_a_dry_run_is_checked_and_not_charged():
    lookup = lookup_of(quota({"pods": "1"}))
    assert await admit(lookup, PODS, pod(), dry_run=True) == {"pods": "0"}


async def test_a_limited_resource_must_be_said():
    with pytest.raises(Forbidden, match=r"failed quota: q: must specify limits.cpu for: c; memory"):
        await admit(lookup_of(quota({"limits.cpu": "1", "memory": "1Gi"})), PODS, pod())


async def test_a_quota_that_is_not_counted_yet_refuses():
    fresh = quota({"pods": "1"})
    fresh["status"]["used"] = {}
    with pytest.raises(Forbidden, match="status unknown for quota: q, resources: pods"):
        await admit(lookup_of(fresh), PODS, pod())


@pytest.mark.parametrize(
    ("scope", "made", "charged"),
    [
        ("BestEffort", pod(), "1"),
        ("BestEffort", pod({"cpu": "1"}), "0"),
        ("NotBestEffort", pod({"cpu": "1"}), "1"),
        ("Terminating", pod(activeDeadlineSeconds=5), "1"),
        ("Terminating", pod(), "0"),
        ("NotTerminating", pod(), "1"),
    ],
)
async def test_only_pods_in_scope_are_charged(scope, made, charged):
    lookup = lookup_of(quota({"pods": "5"}, scopes=[scope]))
    assert await admit(lookup, PODS, made) == {"pods": charged}


async def test_objects_of_any_kind_are_counted():
    lookup = lookup_of(quota({"count/replicasets.apps": "1"}))
    made = {"metadata": {"name": "r"}}
    assert await admit(lookup, REPLICASETS, made) == {"count/replicasets.apps": "1"}
    with pytest.raises(Forbidden, match=r"exceeded quota: q, requested: count/replicasets.apps=1"):
        await admit(lookup, REPLICASETS, made)


async def test_an_update_is_charged_with_what_it_adds():
    hard = {"services": "5", "services.nodeports": "2"}
    lookup = lookup_of(quota(hard, {"services": "1"}))
    old = {"metadata": {"name": "s"}, "spec": {"type": "ClusterIP", "ports": [{}, {}]}}
    new = {**old, "spec": {**old["spec"], "type": "NodePort"}}
    used = await admit(lookup, SERVICES, new, old=old)
    assert used == {"services": "1", "services.nodeports": "2"}
    assert await admit(lookup, SERVICES, old, old=new) == used


async def test_claims_are_charged_to_their_class_too():
    prefix = "gold.storageclass.storage.k8s.io"
    hard = {"requests.storage": "10Gi", f"{prefix}/requests.storage": "1Gi"}
    spec = {"storageClassName": "gold", "resources": {"requests": {"storage": "2Gi"}}}
    claim = {"metadata": {"name": "c"}, "spec": spec}
    with pytest.raises(Forbidden, match=rf"requested: {prefix}/requests.storage=2Gi"):
        await admit(lookup_of(quota(hard)), PERSISTENTVOLUMECLAIMS, claim)


async def test_extended_resources_are_limited_by_their_requests():
    lookup = lookup_of(quota({"requests.example.com/gpu": "1"}))
    made = pod({"example.com/gpu": "1"})
    assert await admit(lookup, PODS, made) == {"requests.example.com/gpu": "1"}


async def test_a_namespace_without_quotas_is_free():
    assert await admit(DictLookup(), PODS, pod()) is None


LIMITS = {
    "apiVersion": "apiserver.config.k8s.io/v1",
    "kind": "ResourceQuotaConfiguration",
    "limitedResources": [
        {"resource": "persistentvolumeclaims", "matchContains": ["requests.storage"]},
        {
            "resource": "pods",
            "matchScopes": [{"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}],
        },
    ],
}


async def admit_limited(lookup, row, obj):
    attributes = Attributes(
        row=row, operation="CREATE", obj=obj, old=None, user=User("jane"), lookup=lookup,
        namespace="ns",
    )  # fmt: skip
    plugin = ResourceQuota(Writer(lookup), settings.limited_resources(LIMITS))
    await Chain((plugin,)).validate(attributes)


async def test_what_is_limited_by_default_needs_a_quota():
    claim = {
        "metadata": {"name": "c"},
        "spec": {"resources": {"requests": {"storage": "1Gi"}}},
    }
    with pytest.raises(Forbidden) as refused:
        await admit_limited(lookup_of(), PERSISTENTVOLUMECLAIMS, claim)
    assert refused.value.message == (
        'persistentvolumeclaims "c" is forbidden: insufficient quota to consume: requests.storage'
    )
    await admit_limited(
        lookup_of(quota({"requests.storage": "2Gi"})), PERSISTENTVOLUMECLAIMS, claim
    )
    await admit_limited(lookup_of(), PODS, pod())


async def test_a_scope_that_is_limited_by_default_needs_a_quota_of_that_scope():
    high = pod(priorityClassName="high")
    with pytest.raises(ApiError) as refused:
        await admit_limited(lookup_of(), PODS, high)
    assert (refused.value.code, refused.value.message) == (
        500, "insufficient quota to match these scopes: [{PriorityClass In [high]}]"
    )  # fmt: skip
    expression = {"scopeName": "PriorityClass", "operator": "Exists"}
    fitting = quota({"pods": "1"}, scopeSelector={"matchExpressions": [expression]})
    await admit_limited(lookup_of(fitting), PODS, high)


def test_limits_name_a_resource():
    with pytest.raises(ValueError, match=r"limitedResources\[0\].resource: Required value"):
        settings.limited_resources({**LIMITS, "limitedResources": [{"apiGroup": "a"}]})
    with pytest.raises(ValueError, match="no kind"):
        settings.limited_resources({**LIMITS, "kind": "Other"})
