"""Values that upstream's server has written."""

import orjson
import pytest

from pinnace.api.codec import protobuf
from pinnace.store.watchcache.foreign import readable

OWN = b'{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a","uid":"1-2"},"data":{}}'


def test_our_own_values_are_taken_as_they_are() -> None:
    assert readable("/a", OWN) is OWN


def test_protobuf_becomes_our_own_form() -> None:
    obj = orjson.loads(OWN) | {"data": {"a": "b"}}
    found = readable("/a", protobuf.encode(obj))
    assert found is not None
    assert found.startswith(b'{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a",')
    assert orjson.loads(found)["data"] == {"a": "b"}


def test_json_in_another_order_becomes_our_own_form() -> None:
    owner = {"uid": "9-9", "name": "o", "kind": "X", "apiVersion": "v1"}
    metadata = {"name": "a", "ownerReferences": [owner], "uid": "1-2"}
    obj = {"apiVersion": "e/v1", "metadata": metadata, "kind": "E"}
    found = readable("/a", orjson.dumps(obj))
    assert found is not None
    assert found.startswith(b'{"kind":"E","apiVersion":"e/v1","metadata":{"name":"a","uid":"1-2",')


@pytest.mark.parametrize("value", [b"", b"k8s\0\xff", b"k8s:enc:aescbc:v1:", b"[1]", b"{}"])
def test_what_nobody_can_read_is_left_out(value: bytes) -> None:
    assert readable("/a", value) is None
