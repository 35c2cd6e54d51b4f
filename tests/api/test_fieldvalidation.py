from typing import Any

import orjson
import pytest

from pinnace.api import fieldvalidation
from pinnace.api.kinds.apps import DEPLOYMENTS
from pinnace.api.kinds.core import PODS, SECRETS, SERVICES


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"spec":{"foo":1,"replicas":1}}', ['unknown field "spec.foo"']),
        (b'{"spec":{"replicas":1,"replicas":2}}', ['duplicate field "spec.replicas"']),
        (
            b'{"spec":{"template":{"spec":{"containers":[{},{"x":{"y":1}}]}}}}',
            ['unknown field "spec.template.spec.containers[1].x"'],
        ),
        (b'{"metadata":{"labels":{"a":"1","a":"2"}}}', ['duplicate field "metadata.labels.a"']),
        (b'{"metadata":{"managedFields":[{"fieldsV1":{"f:x":{}}}]}}', []),
        (b'{"Spec":{}}', ['unknown field "Spec"']),
        (b'{"kind":"Deployment","apiVersion":"apps/v1","status":{}}', []),
    ],
)
def test_strict_errors_are_upstreams(body: bytes, said: list[str]) -> None:
    assert fieldvalidation.unknown_and_duplicate_fields(body, DEPLOYMENTS) == said


@pytest.mark.parametrize(
    ("obj", "said"),
    [
        ({"metadata": {"labels": "x"}}, "cannot restore map from string"),
        ({"metadata": {"finalizers": {}}}, "cannot restore slice from map"),
        ({"spec": "x"}, "cannot restore struct from: string"),
        ({"spec": {"replicas": "x"}}, "unrecognized type: int32"),
        ({"spec": {"replicas": 1.5}}, "cannot convert float64 to int32"),
        ({"metadata": {"name": 1}}, "cannot convert int64 to string"),
        ({"metadata": {"name": True}}, "unrecognized type: string"),
        (
            {"metadata": {"creationTimestamp": 5}},
            "json: cannot unmarshal number into Go value of type string",
        ),
        (
            {"spec": {"strategy": {"rollingUpdate": {"maxSurge": 1.5}}}},
            "json: cannot unmarshal number 1.5 into Go value of type int32",
        ),
    ],
)
def test_wrong_types_are_told_otherwise_where_no_json_is_decoded(obj: Any, said: str) -> None:
    assert fieldvalidation.restore_errors(obj, DEPLOYMENTS)[0] == said


@pytest.mark.parametrize(
    ("row", "obj", "said"),
    [
        (
            DEPLOYMENTS,
            {"spec": {"replicas": "3"}},
            "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of "
            "type int32",
        ),
        (
            PODS,
            {"spec": {"containers": {}}},
            "json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type "
            "[]v1.Container",
        ),
        (
            PODS,
            {"spec": {"containers": [{"ports": [{"containerPort": 2**31}]}]}},
            "json: cannot unmarshal number 2147483648 into Go struct field "
            "ContainerPort.spec.containers.ports.containerPort of type int32",
        ),
        (
            PODS,
            {"metadata": {"labels": {"a": 1}}},
            "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type "
            "string",
        ),
        (
            PODS,
            {"spec": {"containers": [{"resources": {"limits": {"cpu": "x"}}}]}},
            "quantities must match the regular expression "
            "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        ),
        (
            SERVICES,
            {"spec": {"ports": [{"targetPort": 1.5}]}},
            "json: cannot unmarshal number 1.5 into Go struct field "
            "ServicePort.spec.ports.targetPort of type int32",
        ),
    ],
)
def test_type_errors_are_those_of_gos_decoder(row: Any, obj: dict[str, Any], said: str) -> None:
    assert fieldvalidation.type_errors(obj, row) == [said]


@pytest.mark.parametrize(
    ("text", "at"), [("a!bc", 1), ("abc", 0), ("YWJjZA", 4), ("YWJj=", 4), ("é", 0)]
)
def test_base64_errors_name_the_byte(text: str, at: int) -> None:
    said = fieldvalidation.type_errors({"data": {"k": text}}, SECRETS)
    assert said == [f"illegal base64 data at input byte {at}"]
    assert fieldvalidation.type_errors({"data": {"k": "YWI="}}, SECRETS) == []


def test_what_fits_is_silent() -> None:
    obj = {
        "kind": "Service", "apiVersion": "v1",
        "metadata": {"name": "a", "creationTimestamp": None, "labels": {"a": "b"}},
        "spec": {"ports": [{"port": 1, "targetPort": "http"}, {"port": 2, "targetPort": 80}],
                 "unknown": 5},
    }  # fmt: skip
    assert fieldvalidation.type_errors(obj, SERVICES) == []
    assert fieldvalidation.unknown_and_duplicate_fields(orjson.dumps(obj), SERVICES) == [
        'unknown field "spec.unknown"'
    ]
