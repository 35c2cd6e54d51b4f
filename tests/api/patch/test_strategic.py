import copy
from typing import Any

import pytest

from pinnace.api.errors import ApiError, BadRequest
from pinnace.api.kinds.apps import DEPLOYMENTS
from pinnace.api.kinds.core import NODES, PODS, SERVICEACCOUNTS, SERVICES
from pinnace.api.patch import strategic
from pinnace.api.resources import Resource

A1, B = {"name": "a", "image": "1"}, {"name": "b"}
POD = {"spec": {"containers": [A1, B], "nodeSelector": {"x": "1"}, "hostNetwork": True}}


def _spec(spec: dict[str, Any]) -> dict[str, Any]:
    return strategic.apply(POD, {"spec": spec}, PODS)["spec"]


def test_keyed_lists_merge_by_key_and_keep_the_others() -> None:
    before = copy.deepcopy(POD)
    spec = _spec({"containers": [{"name": "a", "image": "2"}]})
    assert spec["containers"] == [{"name": "a", "image": "2"}, B]
    assert spec["nodeSelector"] == {"x": "1"}
    assert before == POD


def test_new_items_come_first_unless_an_order_is_set() -> None:
    assert [c["name"] for c in _spec({"containers": [{"name": "c"}]})["containers"]] == [
        "c", "a", "b"]  # fmt: skip
    spec = _spec(
        {
            "$setElementOrder/containers": [{"name": "b"}, {"name": "c"}, {"name": "a"}],
            "containers": [{"name": "c"}, {"name": "a", "image": "2"}],
        }
    )
    assert spec["containers"] == [B, {"name": "c"}, {"name": "a", "image": "2"}]


def test_an_order_alone_reorders() -> None:
    spec = _spec({"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]})
    assert [c["name"] for c in spec["containers"]] == ["b", "a"]


def test_directives_delete_and_replace() -> None:
    assert _spec({"containers": [{"$patch": "delete", "name": "a"}]})["containers"] == [B]
    replaced = _spec({"containers": [{"name": "z"}, {"$patch": "replace"}]})
    assert replaced["containers"] == [{"name": "z"}]
    assert _spec({"$patch": "replace", "hostPID": True}) == {"hostPID": True}
    assert _spec({"nodeSelector": {"$patch": "delete"}})["nodeSelector"] == {}
    assert "volumes" in _spec({"volumes": [{"name": "v"}]})


def test_null_removes_and_nulls_in_new_maps_are_dropped() -> None:
    spec = _spec({"hostNetwork": None, "nodeSelector": {"x": None, "y": "2"},
                  "securityContext": {"runAsUser": 1, "fsGroup": None}})  # fmt: skip
    assert "hostNetwork" not in spec
    assert spec["nodeSelector"] == {"y": "2"}
    assert spec["securityContext"] == {"runAsUser": 1}


def test_plain_lists_are_replaced_and_sets_of_scalars_merge() -> None:
    pod = {
        "spec": {"containers": [{"name": "a", "args": ["1"]}]},
        "metadata": {"finalizers": ["x"]},
    }
    patch = {
        "spec": {"containers": [{"name": "a", "args": ["2"]}]},
        "metadata": {"finalizers": ["y"]},
    }
    result = strategic.apply(pod, patch, PODS)
    assert result["spec"]["containers"][0]["args"] == ["2"]
    assert sorted(result["metadata"]["finalizers"]) == ["x", "y"]


def test_scalars_are_deleted_from_lists_and_put_in_order() -> None:
    pod = {"metadata": {"finalizers": ["x", "y", "z"]}}
    patch = {
        "metadata": {
            "$deleteFromPrimitiveList/finalizers": ["y"],
            "$setElementOrder/finalizers": ["z", "x"],
        }
    }
    assert strategic.apply(pod, patch, PODS)["metadata"]["finalizers"] == ["z", "x"]


def test_retain_keys_clears_what_it_does_not_name() -> None:
    deployment = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    patch = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    result = strategic.apply(deployment, patch, DEPLOYMENTS)
    assert result["spec"]["strategy"] == {"type": "Recreate"}
    patch["spec"]["strategy"]["$retainKeys"] = []
    with pytest.raises(BadRequest, match="invalid patch format of retainKeys"):
        strategic.apply(deployment, patch, DEPLOYMENTS)


@pytest.mark.parametrize(
    ("row", "doc", "patch", "said"),
    [
        (PODS, POD, {"spec": {"containers": [{"image": "x"}]}},
         "map: map[image:x] does not contain declared merge key: name"),
        (PODS, POD, {"spec": {"containers": ["x"]}}, "list element types are not identical"),
        (PODS, POD, {"$patch": "jump"}, "unknown patch type: jump in map: map[$patch:jump]"),
        (PODS, POD, {"spec": {"$setElementOrder/containers": [{"name": "b"}],
                              "containers": [{"name": "a"}]}}, "The order in patch list:"),
        (PODS, POD, [], "json: cannot unmarshal array"),
    ],
)  # fmt: skip
def test_errors_are_upstreams(row: Resource, doc: Any, patch: Any, said: str) -> None:
    with pytest.raises(ApiError) as caught:
        strategic.apply(doc, patch, row)
    assert caught.value.message.startswith(said)


def test_other_merge_keys() -> None:
    service = {"spec": {"ports": [{"port": 80, "name": "a"}, {"port": 81}]}}
    patched = strategic.apply(service, {"spec": {"ports": [{"port": 80, "name": "b"}]}}, SERVICES)
    assert patched["spec"]["ports"] == [{"port": 80, "name": "b"}, {"port": 81}]
    node = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    change = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}
    conditions = strategic.apply(node, change, NODES)["status"]["conditions"]
    assert conditions == [{"type": "Ready", "status": "False"}]
    account = {"secrets": [{"name": "a"}]}
    merged = strategic.apply(account, {"secrets": [{"name": "b"}]}, SERVICEACCOUNTS)
    assert merged["secrets"] == [{"name": "b"}, {"name": "a"}]


def test_added_items_take_the_places_of_deleted_ones_when_an_order_is_set() -> None:
    spec = _spec(
        {
            "$setElementOrder/containers": [{"name": "c"}],
            "containers": [{"name": "c"}, {"$patch": "delete", "name": "b"}],
        }
    )
    assert spec["containers"] == [A1, {"name": "c"}]
