import contextlib
import os
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinnace.api.codec import protobuf
from pinnace.api.codec.protobuf_special import varint
from pinnace.api.errors import ApiError, BadRequest

POD = {
    "kind": "Pod",
    "apiVersion": "v1",
    "metadata": {
        "name": "a",
        "labels": {"x": "1", "b": "2"},
        "creationTimestamp": "2026-01-02T03:04:05Z",
        "managedFields": [{"manager": "m", "fieldsV1": {"f:spec": {}}}],
    },
    "spec": {
        "containers": [
            {
                "name": "c",
                "image": "i",
                "resources": {"limits": {"cpu": "1500m", "memory": "1536Mi"}},
                "livenessProbe": {"httpGet": {"port": "http"}, "periodSeconds": 3},
                "ports": [{"containerPort": 80}],
            }
        ],
        "terminationGracePeriodSeconds": 0,
        "securityContext": {"supplementalGroups": [1, 2], "runAsUser": -1},
    },
    "status": {},
}
CRD = {
    "kind": "CustomResourceDefinition",
    "apiVersion": "apiextensions.k8s.io/v1",
    "metadata": {"name": "a.b.c"},
    "spec": {
        "group": "b.c", "names": {"plural": "a", "kind": "A"}, "scope": "Namespaced",
        "versions": [{
            "name": "v1", "served": True, "storage": True,
            "schema": {"openAPIV3Schema": {
                "type": "object", "$ref": "r", "maximum": 1.5, "default": {"a": [1]},
                "items": {"type": "string"}, "additionalProperties": False,
                "properties": {
                    "p": {"items": [{"type": "x"}], "additionalProperties": {"type": "y"}},
                },
                "dependencies": {"d": ["e", "f"], "g": {"type": "z"}}, "enum": ["a", 1],
                "x-kubernetes-int-or-string": True,
            }},
        }],
    },
    "status": {"storedVersions": ["v1"]},
}  # fmt: skip


def _golden() -> list[Path]:
    shared = os.environ.get("PINNACE_SHARED")
    return sorted(Path(shared, "golden/objects").glob("*.pb")) if shared else []


@pytest.mark.skipif(not os.environ.get("PINNACE_SHARED"), reason="needs PINNACE_SHARED")
def test_every_golden_object_goes_both_ways() -> None:
    wrong = []
    for path in _golden():
        body, obj = path.read_bytes(), orjson.loads(path.with_suffix(".json").read_bytes())
        if path.name == "core.v1.WatchEvent.pb":
            continue
        if protobuf.decode(body) != obj or protobuf.encode(obj) != body:
            wrong.append(path.name)
    assert wrong == []


def test_a_pod_goes_both_ways_with_what_go_adds() -> None:
    back = protobuf.decode(protobuf.encode(POD))
    assert back["metadata"] == POD["metadata"]
    assert back["spec"]["terminationGracePeriodSeconds"] == 0
    assert back["spec"]["securityContext"] == {"supplementalGroups": [1, 2], "runAsUser": -1}
    container = back["spec"]["containers"][0]
    assert container["livenessProbe"] == {"httpGet": {"port": "http"}, "periodSeconds": 3}
    assert container["resources"] == {"limits": {"cpu": "1500m", "memory": "1536Mi"}}
    assert container["ports"] == [{"containerPort": 80}]
    assert "command" not in container


def test_a_zero_that_is_omitempty_and_no_pointer_means_not_set() -> None:
    service = {"kind": "Service", "apiVersion": "v1", "spec": {"ports": [{"port": 1}]}}
    assert protobuf.decode(protobuf.encode(service))["spec"]["ports"] == [{"port": 1}]


def test_definitions_with_schemas_of_either_kind_go_both_ways() -> None:
    back = protobuf.decode(protobuf.encode(CRD))
    schema = back["spec"]["versions"][0]["schema"]
    versions: Any = CRD["spec"]
    assert schema == versions["versions"][0]["schema"]


@pytest.mark.parametrize("version", ["v1", "apps/v1", "meta.k8s.io/v1", "batch/v1"])
def test_options_are_understood_in_every_group(version: str) -> None:
    options = {"kind": "DeleteOptions", "apiVersion": version, "gracePeriodSeconds": 0,
               "propagationPolicy": "Foreground", "preconditions": {"uid": "u"}}  # fmt: skip
    assert protobuf.decode(protobuf.encode(options)) == options


def test_a_list_has_items_even_when_empty() -> None:
    body = protobuf.encode({"kind": "PodList", "apiVersion": "v1", "metadata": {}})
    assert protobuf.decode(body)["items"] == []


def test_a_watch_event_wraps_an_enveloped_object() -> None:
    frame = protobuf.watch_event("ADDED", protobuf.encode(POD))
    assert frame.startswith(b"\n\x05ADDED\x12")
    assert protobuf.encode(POD) in frame


def test_hints_name_what_the_body_does_not() -> None:
    bare = protobuf.MAGIC + b"\x0a\x00\x12\x00\x1a\x00\x22\x00"
    assert protobuf.decode(bare, api_version="v1", kind="Pod")["kind"] == "Pod"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "empty data"),
        (b"{}", "provided data does not appear to be a protobuf message, expected prefix [107 56"),
        (b"k8s\x00\x0a\x04\x0a\x02v1", 'no kind "" is registered for version "v1" in scheme'),
        (b"k8s\x00\x0a\xff\xff\xff\xff\x7f", "unexpected EOF"),
    ],
)
def test_refuses_as_upstream(body: bytes, said: str) -> None:
    with pytest.raises(BadRequest) as caught:
        protobuf.decode(body)
    assert caught.value.message.startswith(said)


def test_what_does_not_fit_is_told_when_writing() -> None:
    with pytest.raises(ApiError, match="cannot be encoded"):
        protobuf.encode({"kind": "Pod", "apiVersion": "v1", "spec": {"priority": "x"}})
    with pytest.raises(ApiError, match="no kind"):
        protobuf.encode({"kind": "Foo", "apiVersion": "example.com/v1"})


@given(st.binary(max_size=200), st.sampled_from(["core.v1.Pod", "meta.v1.DeleteOptions"]))
def test_any_bytes_are_read_or_refused(data: bytes, message: str) -> None:
    with contextlib.suppress(BadRequest):
        protobuf.decode_message(message, data)


@given(st.data())
def test_damaged_bodies_are_read_or_refused(data: st.DataObject) -> None:
    body = bytearray(protobuf.encode(data.draw(st.sampled_from([POD, CRD]))))
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(4, len(body) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(4, len(body)))
    with contextlib.suppress(BadRequest):
        protobuf.decode(bytes(body[:end]))


def test_bottomless_schemas_are_refused_without_copying_them() -> None:
    with pytest.raises(BadRequest, match="max depth"):
        protobuf.decode_message("apiextensions.v1.JSONSchemaProps", _deep(3000))


def _deep(levels: int) -> bytes:
    # Field 25 is allOf, repeated.
    data = b""
    for _ in range(levels):
        data = b"\xca\x01" + varint(len(data)) + data
    return data


@pytest.mark.parametrize(
    ("message", "data"),
    [
        # A number where bytes belong must not become that many bytes.
        ("meta.v1.ObjectMeta", b"\x42\x06\x0a\xff\xff\xff\xff\x7f"),
        ("meta.v1.ObjectMeta", b"\x42\x02\x0a\x01"),
        ("core.v1.ServicePort", b"\x22\x02\x18\x05"),
        ("apiextensions.v1.JSONSchemaProps", b"\xc2\x01\x02\x08\x05"),
        ("apiextensions.v1.JSONSchemaProps", b"\x42\x02\x08\x05"),
    ],
)
def test_wrong_wire_types_are_refused(message: str, data: bytes) -> None:
    with pytest.raises(BadRequest):
        protobuf.decode_message(message, data)


def test_deep_raw_json_inside_is_refused() -> None:
    data: dict[str, Any] = {}
    for _ in range(200):
        data = {"a": data}
    revision = {"kind": "ControllerRevision", "apiVersion": "apps/v1", "data": data, "revision": 1}
    with pytest.raises(BadRequest, match="max depth"):
        protobuf.decode(protobuf.encode(revision))
