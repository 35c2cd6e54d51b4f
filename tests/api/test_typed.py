import copy

from pinnace.api.kinds.apps import DEPLOYMENTS
from pinnace.api.kinds.coordination import LEASES
from pinnace.api.kinds.core import PODS, SECRETS
from pinnace.api.resources import Resource
from pinnace.api.typed import normalized, stored, unlike


def test_unknown_fields_and_nulls_are_dropped() -> None:
    pod = {
        "kind": "Pod", "apiVersion": "v1", "extra": 1,
        "metadata": {"name": "a", "creationTimestamp": None, "labels": {"a": None}},
        "spec": {"containers": [{"name": "c", "nope": {}, "command": None}, None], "volumes": None},
    }  # fmt: skip
    before = copy.deepcopy(pod)
    assert normalized(pod, PODS) == {
        "kind": "Pod", "apiVersion": "v1",
        "metadata": {"name": "a", "labels": {"a": ""}},
        "spec": {"containers": [
            {"name": "c", "resources": {}}, {"name": "", "resources": {}},
        ]},
        "status": {},
    }  # fmt: skip
    assert pod == before


def test_quantities_are_canonical() -> None:
    limits = {"cpu": "1000m", "memory": "1.5Gi", "x": 2, "y": " 5 "}
    pod = {"spec": {"containers": [{"resources": {"limits": limits}}]}}
    made = normalized(pod, PODS)["spec"]["containers"][0]["resources"]["limits"]
    assert made == {"cpu": "1", "memory": "1536Mi", "x": "2", "y": "5"}


def test_times_are_in_utc() -> None:
    pod = {"metadata": {"creationTimestamp": "2026-01-01T02:00:00+02:00"}}
    assert normalized(pod, PODS)["metadata"]["creationTimestamp"] == "2026-01-01T00:00:00Z"
    lease = {"spec": {"renewTime": "2026-01-01T00:00:00.5Z"}}
    assert normalized(lease, LEASES)["spec"]["renewTime"] == "2026-01-01T00:00:00.500000Z"


def test_base64_is_written_in_one_line() -> None:
    secret = {"data": {"a": "YWFh\nYWE=\r\n", "b": "YWE=", "c": "YWF="}}
    assert normalized(secret, SECRETS)["data"] == {"a": "YWFhYWE=", "b": "YWE=", "c": "YWE="}


def test_empty_values_are_left_out_or_written_as_the_struct_says() -> None:
    deployment = {
        "kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "a", "labels": {}},
        "spec": {"minReadySeconds": 0, "replicas": 0, "paused": False,
                 "template": {"spec": {"containers": [], "restartPolicy": ""}}},
    }  # fmt: skip
    assert normalized(deployment, DEPLOYMENTS) == {
        "kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "a"},
        "spec": {"replicas": 0, "selector": None,
                 "template": {"metadata": {}, "spec": {"containers": []}}, "strategy": {}},
        "status": {},
    }  # fmt: skip
    condition = {"type": "Ready", "status": "True"}
    made = normalized({"status": {"conditions": [condition]}}, PODS)["status"]["conditions"][0]
    assert made == {**condition, "lastProbeTime": None, "lastTransitionTime": None}


def test_fields_come_in_the_order_of_the_struct_and_keys_sorted() -> None:
    pod = {"status": {}, "spec": {"containers": [{"image": "i", "name": "c"}]},
           "metadata": {"labels": {"b": "1", "a": "2"}, "name": "a"}}  # fmt: skip
    made = normalized(pod, PODS)
    assert list(made) == ["metadata", "spec", "status"]
    assert list(made["metadata"]) == ["name", "labels"]
    assert list(made["metadata"]["labels"]) == ["a", "b"]
    assert list(made["spec"]["containers"][0]) == ["name", "image", "resources"]


def test_storage_does_not_tell_empty_lists_from_none() -> None:
    spec = {"selector": {}, "template": {"spec": {"containers": []}}}
    made = stored({"spec": spec}, DEPLOYMENTS)["spec"]
    assert made["selector"] == {}
    assert made["template"]["spec"] == {"containers": None}


def test_numbers_that_were_never_decoded_lose_what_does_not_fit() -> None:
    made = normalized({"spec": {"replicas": 2**32 + 5, "minReadySeconds": 1.0}}, DEPLOYMENTS)
    assert (made["spec"]["replicas"], made["spec"]["minReadySeconds"]) == (5, 1)


def test_what_is_so_already_is_shared() -> None:
    pod = {"kind": "Pod", "metadata": {"managedFields": [{"fieldsV1": {"f:x": {"y": None}}}]},
           "spec": {"containers": [{"name": "c", "resources": {"limits": {"cpu": "1"}}}]},
           "status": {"conditions": [{
               "type": "a", "status": "True", "lastProbeTime": None, "lastTransitionTime": None,
           }]}}  # fmt: skip
    assert normalized(pod, PODS) is pod


def test_kinds_without_a_schema_are_left_alone() -> None:
    row = Resource(group="e.com", version="v1", kind="W", plural="ws")
    obj = {"spec": {"x": None}}
    assert normalized(obj, row) is obj


def test_parts_as_in_a_stored_object_are_taken_and_others_written() -> None:
    like = stored({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "a"}, "spec": {}}, PODS)
    spec = like["spec"]
    changed = {**copy.deepcopy(like), "metadata": {"name": "a", "labels": {"b": "1", "a": "2"}}}
    changed["status"] = {"phase": None}
    made = stored(changed, PODS, like)
    assert made == stored(changed, PODS)
    assert list(made) == ["kind", "apiVersion", "metadata", "spec", "status"]
    assert list(made["metadata"]["labels"]) == ["a", "b"]
    assert made["spec"] == spec


def test_numbers_and_truth_are_not_alike_though_python_says_so() -> None:
    like = {"a": {"n": 1}, "b": [True], "c": "x"}
    assert unlike({"a": {"n": 1.0}, "b": [1], "c": "x"}, like) == {"a": {"n": 1.0}, "b": [1]}
    assert unlike({"a": {"n": True}, "d": 1}, like) == {"a": {"n": True}, "d": 1}
