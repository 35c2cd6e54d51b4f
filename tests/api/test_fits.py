"""`fits` may hesitate, but what it lets pass has no error that a close look would find."""

import json

import pytest

from pinnace.api.fieldvalidation import (
    may_repeat,
    type_errors,
    unknown_and_duplicate_fields,
    unknown_fields,
)
from pinnace.api.fits import fits
from pinnace.api.kinds.core import CONFIGMAPS, PODS, SECRETS
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.api.typed import normalized

GOOD: list[tuple[Resource, Object]] = [
    (CONFIGMAPS, {"metadata": {"name": "a", "labels": {"x": "y"}}, "data": {"k": "v"}}),
    (PODS, {"metadata": {"creationTimestamp": "2026-01-02T03:04:05Z"}, "spec": {"containers": [
        {"name": "a", "resources": {"requests": {"cpu": "10m"}},
         "livenessProbe": {"httpGet": {"port": "http"}}, "ports": [{"containerPort": 80}]},
]}}),
]  # fmt: skip
# Of its kind, but Go writes it otherwise.
OTHERWISE: list[tuple[Resource, Object]] = [
    (PODS, {"spec": {"containers": [None]}}),
    (PODS, {"spec": {"containers": [{"resources": {"requests": {"cpu": "1000m"}}}]}}),
    (PODS, {"metadata": {"creationTimestamp": "2026-01-02T03:04:05+00:00"}}),
]
BAD: list[tuple[Resource, Object]] = [
    (CONFIGMAPS, {"data": {"k": 1}}),
    (CONFIGMAPS, {"datum": {}}),
    (CONFIGMAPS, {"metadata": {"labels": ["x"]}}),
    (PODS, {"metadata": {"creationTimestamp": "yesterday"}}),
    (PODS, {"spec": {"containers": {}}}),
    (PODS, {"spec": {"containers": ["a"]}}),
    (PODS, {"spec": {"containers": [{"port": 80}]}}),
    (PODS, {"spec": {"containers": [{"ports": [{"containerPort": "80"}]}]}}),
    (PODS, {"spec": {"containers": [{"ports": [{"containerPort": 1 << 31}]}]}}),
    (PODS, {"spec": {"containers": [{"ports": [{"containerPort": 80.5}]}]}}),
    (PODS, {"spec": {"containers": [{"livenessProbe": {"httpGet": {"port": True}}}]}}),
    (PODS, {"spec": {"containers": [{"resources": {"requests": {"cpu": "10 apples"}}}]}}),
    (PODS, {"spec": {"hostNetwork": "true"}}),
    (PODS, {"spec": {"hostNetwork": 1}}),
    (SECRETS, {"data": {"k": "no base64"}}),
]


@pytest.mark.parametrize(("row", "obj"), GOOD)
def test_what_has_no_errors_fits(row: Resource, obj: Object) -> None:
    assert fits(obj, row)
    assert not type_errors(obj, row)
    assert not unknown_fields(obj, row)


@pytest.mark.parametrize(("row", "obj"), OTHERWISE)
def test_what_go_would_write_otherwise_does_not_fit(row: Resource, obj: Object) -> None:
    assert not fits(obj, row)
    assert not type_errors(obj, row)
    assert fits(normalized(obj, row), row)


def test_nulls_are_dropped_as_go_drops_them() -> None:
    nulls = {"metadata": {"name": "a", "creationTimestamp": None}, "data": None}
    wanted = normalized(nulls, CONFIGMAPS)
    assert fits(nulls, CONFIGMAPS)
    assert nulls == wanted == {"metadata": {"name": "a"}}


@pytest.mark.parametrize(("row", "obj"), BAD)
def test_what_has_errors_does_not_fit(row: Resource, obj: Object) -> None:
    assert not fits(obj, row)
    assert type_errors(obj, row) or unknown_fields(obj, row)


@pytest.mark.parametrize(
    ("body", "repeated"),
    [
        (b'{"a":1,"b":{"c":":"}}', []),
        (b'{ "a" : 1, "b" : "x:y:z" }', []),
        (b'{"a":"\\u003a","b":1}', []),
        (b'{"a":1,"a":2}', ["a"]),
        (b'{"a":{"b":1,"b":":"}}', ["a.b"]),
        (b'{"\\u0061":1,"a":2}', ["a"]),
        (b'{"a":":","a":"::"}', ["a"]),
    ],
)
def test_repeated_names_are_found_whatever_colons_there_are(
    body: bytes, repeated: list[str]
) -> None:
    row = Resource(group="e.com", version="v1", kind="W", plural="ws")
    found = unknown_and_duplicate_fields(body, row) if may_repeat(body) else []
    assert found == [f"duplicate field {json.dumps(path)}" for path in repeated]
