import pytest
from tests.controllers.fake_cluster import running

from pinnace.api.errors import NotFound
from pinnace.api.kinds.core import PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, PODS
from pinnace.api.kinds.storage import VOLUMEATTRIBUTESCLASSES
from pinnace.controllers.volume_protection import (
    PERSISTENTVOLUME_PROTECTION,
    PERSISTENTVOLUMECLAIM_PROTECTION,
    VOLUMEATTRIBUTESCLASS_PROTECTION,
)

CLAIM = {"metadata": {"name": "c", "namespace": "n"}, "spec": {}}
VOLUME = {"metadata": {"name": "v"}, "spec": {}, "status": {"phase": "Bound"}}


def user(node="node"):
    mounted = [{"name": "d", "persistentVolumeClaim": {"claimName": "c"}}]
    spec = {"nodeName": node, "volumes": mounted}
    return {"metadata": {"name": "p", "namespace": "n"}, "spec": spec}


async def get(it):
    return await it.cluster.get(PERSISTENTVOLUMECLAIMS, "c", namespace="n")


async def test_a_claim_stays_as_long_as_a_pod_uses_it():
    setup = [(PERSISTENTVOLUMECLAIMS, CLAIM), (PODS, user())]
    async with running(PERSISTENTVOLUMECLAIM_PROTECTION, setup=setup) as it:
        assert (await get(it))["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
        await it.cluster.delete(PERSISTENTVOLUMECLAIMS, "c", namespace="n")
        await it.settle(1)
        assert "deletionTimestamp" in (await get(it))["metadata"]
        await it.cluster.delete(PODS, "p", namespace="n")
        await it.settle(1)
        with pytest.raises(NotFound):
            await get(it)


async def test_a_pod_without_a_node_holds_no_claim():
    setup = [(PERSISTENTVOLUMECLAIMS, CLAIM), (PODS, user(node=""))]
    async with running(PERSISTENTVOLUMECLAIM_PROTECTION, setup=setup) as it:
        await it.cluster.delete(PERSISTENTVOLUMECLAIMS, "c", namespace="n")
        await it.settle(1)
        with pytest.raises(NotFound):
            await get(it)


async def test_a_volume_stays_as_long_as_it_is_bound():
    async with running(PERSISTENTVOLUME_PROTECTION, setup=[(PERSISTENTVOLUMES, VOLUME)]) as it:
        found = await it.cluster.get(PERSISTENTVOLUMES, "v")
        assert found["metadata"]["finalizers"] == ["kubernetes.io/pv-protection"]
        await it.cluster.delete(PERSISTENTVOLUMES, "v")
        await it.settle(1)
        await it.cluster.set_status(PERSISTENTVOLUMES, found, phase="Released")
        await it.settle(1)
        assert it.cluster.all(PERSISTENTVOLUMES) == []


GOLD = {"metadata": {"name": "gold"}, "driverName": "d"}


async def test_an_attributes_class_that_nobody_names_goes_at_once():
    setup = [(VOLUMEATTRIBUTESCLASSES, GOLD)]
    async with running(VOLUMEATTRIBUTESCLASS_PROTECTION, setup=setup) as it:
        found = await it.cluster.get(VOLUMEATTRIBUTESCLASSES, "gold")
        assert found["metadata"]["finalizers"] == ["kubernetes.io/vac-protection"]
        await it.cluster.delete(VOLUMEATTRIBUTESCLASSES, "gold")
        await it.settle(1)
        assert it.cluster.all(VOLUMEATTRIBUTESCLASSES) == []


@pytest.mark.parametrize(
    "names",
    [
        {"spec": {"volumeAttributesClassName": "gold"}},
        {"status": {"currentVolumeAttributesClassName": "gold"}},
        {"status": {"modifyVolumeStatus": {"targetVolumeAttributesClassName": "gold"}}},
    ],
    ids=["wanted", "had", "changed to"],
)
async def test_an_attributes_class_stays_as_long_as_a_claim_names_it(names):
    setup = [(VOLUMEATTRIBUTESCLASSES, GOLD), (PERSISTENTVOLUMECLAIMS, CLAIM | names)]
    async with running(VOLUMEATTRIBUTESCLASS_PROTECTION, setup=setup) as it:
        await it.cluster.delete(VOLUMEATTRIBUTESCLASSES, "gold")
        await it.settle(1)
        assert len(it.cluster.all(VOLUMEATTRIBUTESCLASSES)) == 1
        await it.cluster.delete(PERSISTENTVOLUMECLAIMS, "c", namespace="n")
        await it.settle(1)
        assert it.cluster.all(VOLUMEATTRIBUTESCLASSES) == []


async def test_an_attributes_class_goes_when_the_last_volume_takes_another():
    volume = VOLUME | {"spec": {"volumeAttributesClassName": "gold"}}
    setup = [(VOLUMEATTRIBUTESCLASSES, GOLD), (PERSISTENTVOLUMES, volume)]
    async with running(VOLUMEATTRIBUTESCLASS_PROTECTION, setup=setup) as it:
        await it.cluster.delete(VOLUMEATTRIBUTESCLASSES, "gold")
        await it.settle(1)
        assert len(it.cluster.all(VOLUMEATTRIBUTESCLASSES)) == 1
        found = await it.cluster.get(PERSISTENTVOLUMES, "v")
        found = found | {"spec": {"volumeAttributesClassName": "silver"}}
        await it.cluster.update(PERSISTENTVOLUMES, found)
        await it.settle(1)
        assert it.cluster.all(VOLUMEATTRIBUTESCLASSES) == []
