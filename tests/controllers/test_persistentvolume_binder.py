import pytest
from tests.controllers.fake_cluster import running

from pinnace.api.kinds.core import EVENTS, PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, PODS
from pinnace.api.kinds.storage import STORAGECLASSES
from pinnace.controllers.persistentvolume_binder import PERSISTENTVOLUME_BINDER
from pinnace.controllers.shared import volumes


def claim(name="c", size="1Gi", **spec):
    return {
        "metadata": {"name": name, "namespace": "n", "annotations": {}},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": size}},
            "storageClassName": "",
            **spec,
        },
        "status": {"phase": "Pending"},
    }


def volume(name="v", size="1Gi", labels=None, phase="Available", **spec):
    return {
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": size},
            "persistentVolumeReclaimPolicy": "Retain",
            **spec,
        },
        "status": {"phase": phase},
    }


def storage_class(name="fast", *, mode="Immediate", provisioner="example.com/disk", default=False):
    annotation = {"storageclass.kubernetes.io/is-default-class": "true"} if default else {}
    return {
        "metadata": {"name": name, "annotations": annotation},
        "provisioner": provisioner,
        "volumeBindingMode": mode,
    }


@pytest.mark.parametrize(
    ("wanted", "offered", "expected"),
    [
        pytest.param({}, [volume("big", "9Gi"), volume("small", "2Gi")], "small", id="smallest"),
        pytest.param({"size": "5Gi"}, [volume("small", "2Gi")], None, id="too-small"),
        pytest.param({}, [volume(phase="Released")], None, id="not-available"),
        pytest.param({}, [volume(storageClassName="slow")], None, id="other-class"),
        pytest.param(
            {"storageClassName": "slow"}, [volume(storageClassName="slow")], "v", id="same-class"
        ),
        pytest.param(
            {"selector": {"matchLabels": {"a": "b"}}},
            [volume("x"), volume("y", "2Gi", labels={"a": "b"})],
            "y",
            id="selector",
        ),
        pytest.param(
            {"accessModes": ["ReadWriteMany"]}, [volume()], None, id="access-mode-missing"
        ),
        pytest.param(
            {},
            [volume("m", accessModes=["ReadWriteOnce", "ReadWriteMany"]), volume("o", "5Gi")],
            "o",
            id="fewest-access-modes",
        ),
        pytest.param({"volumeMode": "Block"}, [volume()], None, id="volume-mode"),
        pytest.param(
            {},
            [volume("free"), volume("mine", "9Gi", claimRef={"namespace": "n", "name": "c"})],
            "mine",
            id="reserved-first",
        ),
        pytest.param(
            {}, [volume(claimRef={"namespace": "n", "name": "other"})], None, id="another's"
        ),
    ],
)
def test_the_volume_that_a_claim_gets(wanted, offered, expected):
    found = claim(**wanted)
    found["metadata"]["uid"] = "u"
    chosen = volumes.best_match(found, offered, delayed=False)
    assert (chosen["metadata"]["name"] if chosen else None) == expected


def test_a_delayed_claim_gets_only_what_is_reserved_for_it():
    found = claim()
    found["metadata"]["uid"] = "u"
    reserved = volume("r", claimRef={"namespace": "n", "name": "c"})
    assert volumes.best_match(found, [volume()], delayed=True) is None
    assert volumes.best_match(found, [volume(), reserved], delayed=True) is reserved


def bind(*setup):
    return running(PERSISTENTVOLUME_BINDER, setup=setup)


async def get_claim(it, name="c"):
    return await it.cluster.get(PERSISTENTVOLUMECLAIMS, name, namespace="n")


async def get_volume(it, name="v"):
    return await it.cluster.get(PERSISTENTVOLUMES, name)


def told(it):
    return {e["reason"]: e["message"] for e in it.cluster.all(EVENTS)}


async def test_binds_both_sides_and_says_so():
    async with bind((PERSISTENTVOLUMES, volume()), (PERSISTENTVOLUMECLAIMS, claim())) as it:
        await it.settle(1)
        mine, its = await get_claim(it), await get_volume(it)
        assert (
            its["spec"]["claimRef"].items()
            >= {
                "kind": "PersistentVolumeClaim",
                "namespace": "n",
                "name": "c",
                "uid": mine["metadata"]["uid"],
                "apiVersion": "v1",
            }.items()
        )
        assert its["metadata"]["annotations"] == {"pv.kubernetes.io/bound-by-controller": "yes"}
        assert its["status"]["phase"] == "Bound"
        assert mine["spec"]["volumeName"] == "v"
        assert mine["metadata"]["annotations"] == {
            "pv.kubernetes.io/bind-completed": "yes",
            "pv.kubernetes.io/bound-by-controller": "yes",
        }
        assert mine["status"] == {
            "phase": "Bound",
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": "1Gi"},
        }


async def test_of_two_claims_one_gets_the_volume():
    setup = [(PERSISTENTVOLUMES, volume())]
    setup += [(PERSISTENTVOLUMECLAIMS, claim(name)) for name in ("one", "two")]
    async with bind(*setup) as it:
        await it.settle(2)
        phases = {c["status"]["phase"] for c in it.cluster.all(PERSISTENTVOLUMECLAIMS)}
        assert phases == {"Bound", "Pending"}


async def test_a_claim_waits_for_a_volume_to_come():
    async with bind((PERSISTENTVOLUMECLAIMS, claim())) as it:
        assert told(it)["FailedBinding"] == (
            "no persistent volumes available for this claim and no storage class is set"
        )
        await it.cluster.create(PERSISTENTVOLUMES, volume())
        await it.settle(1)
        assert (await get_claim(it))["status"]["phase"] == "Bound"


@pytest.mark.parametrize(
    ("offered", "reason", "message"),
    [
        (
            volume(size="1Mi"),
            "VolumeMismatch",
            'Cannot bind to requested volume "v": requested PV is too small',
        ),
        (
            volume(claimRef={"namespace": "n", "name": "other", "uid": "x"}),
            "FailedBinding",
            'volume "v" already bound to a different claim.',
        ),
    ],
)
async def test_a_volume_asked_for_by_name_may_not_be_had(offered, reason, message):
    setup = [(PERSISTENTVOLUMES, offered), (PERSISTENTVOLUMECLAIMS, claim(volumeName="v"))]
    async with bind(*setup) as it:
        assert told(it)[reason] == message
        assert (await get_claim(it))["status"]["phase"] == "Pending"


async def test_a_volume_asked_for_by_name_is_not_marked_as_chosen():
    setup = [(PERSISTENTVOLUMES, volume()), (PERSISTENTVOLUMECLAIMS, claim(volumeName="v"))]
    async with bind(*setup) as it:
        await it.settle(1)
        annotations = (await get_claim(it))["metadata"]["annotations"]
        assert annotations == {"pv.kubernetes.io/bind-completed": "yes"}


@pytest.mark.parametrize(
    ("policy", "annotations", "phase"),
    [
        ("Retain", {}, "Released"),
        ("Delete", {}, "Failed"),
        ("Delete", {"pv.kubernetes.io/provisioned-by": "example.com/disk"}, "Released"),
        ("Recycle", {}, "Failed"),
    ],
)
async def test_what_becomes_of_a_volume_without_its_claim(policy, annotations, phase):
    offered = volume(persistentVolumeReclaimPolicy=policy)
    offered["metadata"]["annotations"] = annotations
    async with bind((PERSISTENTVOLUMES, offered), (PERSISTENTVOLUMECLAIMS, claim())) as it:
        await it.settle(1)
        await it.cluster.delete(PERSISTENTVOLUMECLAIMS, "c", namespace="n")
        await it.settle(1)
        assert (await get_volume(it))["status"]["phase"] == phase
        # A new claim of the name does not get it back.
        await it.cluster.create(PERSISTENTVOLUMECLAIMS, claim())
        await it.settle(20)
        assert (await get_claim(it))["status"]["phase"] == "Pending"


async def test_a_claim_that_lost_its_volume_is_lost():
    async with bind((PERSISTENTVOLUMES, volume()), (PERSISTENTVOLUMECLAIMS, claim())) as it:
        await it.settle(1)
        await it.cluster.delete(PERSISTENTVOLUMES, "v")
        await it.settle(1)
        assert (await get_claim(it))["status"] == {"phase": "Lost"}
        text = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
        assert told(it)["ClaimLost"] == text


async def test_says_for_whom_a_delayed_claim_waits():
    setup = [
        (STORAGECLASSES, storage_class(mode="WaitForFirstConsumer")),
        (PERSISTENTVOLUMES, volume(storageClassName="fast")),
        (PERSISTENTVOLUMECLAIMS, claim(storageClassName="fast")),
    ]
    async with bind(*setup) as it:
        await it.settle(1)
        text = "waiting for first consumer to be created before binding"
        assert told(it) == {"WaitForFirstConsumer": text}
        mounted = [{"name": "d", "persistentVolumeClaim": {"claimName": "c"}}]
        pod = {"metadata": {"name": "p", "namespace": "n"}, "spec": {"volumes": mounted}}
        await it.cluster.create(PODS, pod)
        await it.settle(16)
        assert told(it)["WaitForPodScheduled"] == "waiting for pod p to be scheduled"


async def test_marks_a_claim_for_its_provisioner():
    setup = [
        (STORAGECLASSES, storage_class()),
        (PERSISTENTVOLUMECLAIMS, claim(storageClassName="fast")),
    ]
    async with bind(*setup) as it:
        await it.settle(1)
        found = await get_claim(it)
        assert found["metadata"]["annotations"] == {
            "volume.beta.kubernetes.io/storage-provisioner": "example.com/disk",
            "volume.kubernetes.io/storage-provisioner": "example.com/disk",
        }
        assert "external provisioner 'example.com/disk'" in told(it)["ExternalProvisioning"]


async def test_a_class_that_is_not_there_is_told():
    async with bind((PERSISTENTVOLUMECLAIMS, claim(storageClassName="none"))) as it:
        text = 'storageclass.storage.k8s.io "none" not found'
        assert told(it)["ProvisioningFailed"] == text


async def test_a_claim_without_a_class_takes_a_later_default():
    found = claim()
    del found["spec"]["storageClassName"]
    setup = [(STORAGECLASSES, storage_class(default=True)), (PERSISTENTVOLUMECLAIMS, found)]
    async with bind(*setup) as it:
        await it.settle(1)
        assert (await get_claim(it))["spec"]["storageClassName"] == "fast"
