"""The quick fieldsV1 of a new object is the one that its paths give."""

import os
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from pinnace.api.kinds.apps import DEPLOYMENTS
from pinnace.api.kinds.core import CONFIGMAPS, PODS, SERVICES
from pinnace.api.kinds.table import RESOURCES
from pinnace.api.objects import Object
from pinnace.api.patch import apply
from pinnace.api.patch.compare import compare
from pinnace.api.patch.fields import encode
from pinnace.api.patch.versions import zero
from pinnace.api.patch.whole import Unclear, Whole
from pinnace.api.resources import Resource
from pinnace.api.schema.load import load

CONTAINER = {
    "name": "a",
    "env": [{"name": "x", "value": "y"}, {"name": "w"}],
    "ports": [{"containerPort": 80}, {"containerPort": 53, "protocol": "UDP"}],
    "resources": {"requests": {"cpu": "1"}, "limits": {}},
    "args": ["b"],
    "command": [],
    "securityContext": {},
}
OBJECTS: list[tuple[Resource, Object]] = [
    (PODS, {"metadata": {"labels": {"b": "1", "a": ""}, "finalizers": ["x", "a"],
                         "ownerReferences": [{"uid": "1"}, {"uid": "0", "name": "n"}]},
            "spec": {"containers": [CONTAINER], "volumes": [], "tolerations": [{"key": "a"}]}}),
    (CONFIGMAPS, {"metadata": {"annotations": {}}, "data": {"k": "v"}, "binaryData": None}),
    (CONFIGMAPS, {"metadata": {"labels": {"x": None}}, "unknown": {"a": [1], "b": {"c": {}}}}),
    (SERVICES, {"spec": {"selector": {"a": "b"}, "ports": [{"port": 1, "targetPort": "x"}]}}),
    (DEPLOYMENTS, {"spec": {"template": {"metadata": {}, "spec": {"containers": [CONTAINER]}}}}),
]  # fmt: skip


def _by_paths(obj: Object, row: Resource) -> Object:
    kind = load().type_for(row.group, row.version, row.kind)
    found = compare(_nothing(row), obj, kind)
    return encode(found.added | found.modified)


def _nothing(row: Resource) -> Object:
    return {name: value for name, value in zero(row).items() if name not in ("kind", "apiVersion")}


def _whole(row: Resource) -> Whole:
    return Whole(load().type_for(row.group, row.version, row.kind), _nothing(row))


@pytest.mark.parametrize(("row", "obj"), OBJECTS)
def test_whole_objects_are_owned_as_their_paths_say(row: Resource, obj: Object) -> None:
    assert orjson.dumps(_whole(row).fields(obj)) == orjson.dumps(_by_paths(obj, row))


def test_two_items_of_one_name_are_left_to_the_paths() -> None:
    ports = {"spec": {"ports": [{"port": 1, "nodePort": 2}, {"port": 1, "name": "a"}]}}
    with pytest.raises(Unclear):
        _whole(SERVICES).fields(ports)


@pytest.mark.parametrize(("row", "obj"), OBJECTS)
def test_creates_are_tracked_alike_with_and_without_the_quick_way(
    row: Resource, obj: Object
) -> None:
    named = {**obj, "kind": row.kind, "apiVersion": row.group_version, "status": {"a": 1}}
    meta = {**named["metadata"], "name": "n"} if "metadata" in named else {"name": "n"}
    named["metadata"] = meta
    now = datetime(2026, 1, 2, tzinfo=UTC)
    quick = apply.track(None, named, row, manager="m", time=now)
    # An empty old object has no fields either, and goes the long way.
    slow = apply.track({**zero(row), "metadata": {"managedFields": [{
        "manager": "o", "operation": "Update", "apiVersion": row.group_version,
        "fieldsType": "FieldsV1", "fieldsV1": {"f:gone": {}}}]}}, named, row,
        manager="m", time=now)  # fmt: skip
    mine = [e for e in slow["metadata"]["managedFields"] if e["manager"] == "m"]
    assert orjson.dumps(quick["metadata"]["managedFields"]) == orjson.dumps(mine)


@pytest.mark.skipif(not os.environ.get("PINNACE_SHARED"), reason="needs PINNACE_SHARED")
def test_upstream_objects_of_every_kind_are_owned_as_their_paths_say() -> None:
    for path in sorted(Path(os.environ["PINNACE_SHARED"], "golden/objects").rglob("*.json")):
        obj = orjson.loads(path.read_bytes())
        for row in RESOURCES:
            if (row.group_version, row.kind) == (obj.get("apiVersion"), obj.get("kind")):
                obj["metadata"].pop("managedFields", None)
                quick = orjson.dumps(_whole(row).fields(obj))
                assert quick == orjson.dumps(_by_paths(obj, row)), path
                break
