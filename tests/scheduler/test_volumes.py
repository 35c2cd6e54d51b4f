from typing import Any

import pytest

from pinnace.api.objects import Object
from pinnace.scheduler.cycle import Chosen, decide
from pinnace.scheduler.mirror import Mirror
from pinnace.scheduler.plugins.table import FILTERS, PREFILTERS, SCORES
from pinnace.scheduler.podinfo import pod_info

ZONE = "topology.kubernetes.io/zone"


class Storage:
    def __init__(self, **objects: Object) -> None:
        self._objects = objects

    def claim(self, namespace: str, name: str) -> Object | None:
        return self._objects.get(name)

    def volume(self, name: str) -> Object | None:
        return self._objects.get(name)

    def storage_class(self, name: str) -> Object | None:
        return self._objects.get(name)


def node(name: str, zone: str) -> Object:
    return {
        "metadata": {"name": name, "labels": {ZONE: zone, "disk": name}},
        "spec": {},
        "status": {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"}},
    }


def pod(name: str = "p", **more: Any) -> Object:
    volume = more.pop("volume", {"persistentVolumeClaim": {"claimName": "data"}})
    spec = {"containers": [{"name": "c"}], "volumes": [{"name": "v", **volume}], **more}
    return {"metadata": {"namespace": "d", "name": name, "uid": name}, "spec": spec}


def claim(volume: str = "pv", phase: str = "Bound", **spec: Any) -> Object:
    if volume:
        spec["volumeName"] = volume
    return {"metadata": {"name": "data"}, "spec": spec, "status": {"phase": phase}}


def volume(labels: dict[str, str] | None = None, disk: str = "") -> Object:
    spec: Object = {}
    if disk:
        wanted = {"key": "disk", "operator": "In", "values": [disk]}
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": [{"matchExpressions": [wanted]}]}}
    return {"metadata": {"name": "pv", "labels": labels or {}}, "spec": spec}


def decision(storage: Storage, wanted: Object, *running: Object) -> str:
    mirror = Mirror(
        scheduler_name="default-scheduler",
        now=lambda: 0.0,
        namespaces_matching=lambda _selector: (),
        storage=storage,
    )
    for each in (node("n1", "a"), node("n2", "b")):
        mirror.node_changed(None, each)
    for each in running:
        mirror.pod_changed(None, each)
    decided = decide(
        pod_info(wanted),
        mirror.state,
        prefilters=PREFILTERS,
        filters=FILTERS,
        scores=SCORES,
        random=lambda: 0.0,
    )
    return decided.node if isinstance(decided, Chosen) else decided.message


WAITS = {"volumeBindingMode": "WaitForFirstConsumer"}
ALL = "0/2 nodes are available: "


@pytest.mark.parametrize(
    ("storage", "wanted", "told"),
    [
        pytest.param(
            Storage(), pod(), f'{ALL}persistentvolumeclaim "data" not found. not found',
            id="missing",
        ),
        pytest.param(
            Storage(), pod(volume={"ephemeral": {}}),
            f"{ALL}waiting for ephemeral volume controller to create the "
            'persistentvolumeclaim "p-v". not found',
            id="ephemeral",
        ),
        pytest.param(
            Storage(data=claim("", "Pending")), pod(),
            f"{ALL}pod has unbound immediate PersistentVolumeClaims. not found", id="unbound",
        ),
        pytest.param(
            Storage(data=claim("pv", "Lost")), pod(),
            f'{ALL}persistentvolumeclaim "data" bound to non-existent persistentvolume "pv".'
            " not found",
            id="lost",
        ),
        pytest.param(
            Storage(data=claim("", "Pending", storageClassName="late"), late=WAITS), pod(),
            f"{ALL}2 node(s) didn't find available persistent volumes to bind.", id="late",
        ),
        pytest.param(
            Storage(data=claim()), pod(),
            f"{ALL}2 node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s).",
            id="no-volume",
        ),
        pytest.param(
            Storage(data=claim(), pv=volume(disk="n9")), pod(),
            f"{ALL}2 node(s) didn't match PersistentVolume's node affinity.", id="elsewhere",
        ),
        pytest.param(Storage(data=claim(), pv=volume(disk="n2")), pod(), "n2", id="affinity"),
        pytest.param(Storage(data=claim(), pv=volume({ZONE: "b"})), pod(), "n2", id="zone"),
        pytest.param(
            Storage(data=claim(), pv=volume({ZONE: "c"})), pod(),
            f"{ALL}2 node(s) had no available volume zone.", id="other-zone",
        ),
    ],
)  # fmt: skip
def test_volumes_decide_where_a_pod_may_go(storage: Storage, wanted: Object, told: str) -> None:
    assert decision(storage, wanted) == told


def test_a_claim_for_one_pod_is_not_given_to_a_second() -> None:
    storage = Storage(data=claim(accessModes=["ReadWriteOncePod"]), pv=volume())
    assert decision(storage, pod()) in ("n1", "n2")
    assert decision(storage, pod(), pod("other", nodeName="n1")) == (
        f"{ALL}2 node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod "
        "access mode already in-use by another pod."
    )


def test_a_pod_with_device_claims_waits() -> None:
    wanted = pod(volume={"emptyDir": {}}, resourceClaims=[{"name": "gpu"}])
    assert decision(Storage(), wanted) == f"{ALL}2 cannot allocate all claims."
