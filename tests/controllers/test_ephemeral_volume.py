from tests.controllers.fake_cluster import running

from pinnace.api.kinds.core import EVENTS, PERSISTENTVOLUMECLAIMS, PODS
from pinnace.controllers.ephemeral_volume import EPHEMERAL_VOLUME

SPEC = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}


def pod():
    template = {"metadata": {"labels": {"a": "b"}}, "spec": SPEC}
    mounted = [{"name": "scratch", "ephemeral": {"volumeClaimTemplate": template}}]
    return {"metadata": {"name": "p", "namespace": "n"}, "spec": {"volumes": mounted}}


async def test_makes_a_claim_that_goes_with_the_pod():
    async with running(EPHEMERAL_VOLUME, setup=[(PODS, pod())]) as it:
        (claim,) = it.cluster.all(PERSISTENTVOLUMECLAIMS)
        meta = claim["metadata"]
        assert (meta["name"], meta["labels"], claim["spec"]) == ("p-scratch", {"a": "b"}, SPEC)
        assert [(ref["kind"], ref["name"]) for ref in meta["ownerReferences"]] == [("Pod", "p")]
        await it.cluster.delete(PERSISTENTVOLUMECLAIMS, "p-scratch", namespace="n")
        await it.settle(1)
        assert len(it.cluster.all(PERSISTENTVOLUMECLAIMS)) == 1


async def test_does_not_take_a_claim_of_somebody_else():
    other = {"metadata": {"name": "p-scratch", "namespace": "n"}, "spec": SPEC}
    setup = [(PERSISTENTVOLUMECLAIMS, other), (PODS, pod())]
    async with running(EPHEMERAL_VOLUME, setup=setup) as it:
        await it.settle(1)
        told = {e["reason"]: e["message"] for e in it.cluster.all(EVENTS)}
        text = "PVC n/p-scratch was not created for pod n/p (pod is not owner)"
        assert told["FailedBinding"] == f"ephemeral volume scratch: {text}"
