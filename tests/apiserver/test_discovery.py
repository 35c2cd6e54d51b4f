"""Discovery says what upstream's server says about the same resources."""

import os
from pathlib import Path

import orjson
import pytest

from pinnace.api.kinds.core import PODS
from pinnace.api.kinds.table import RESOURCES
from pinnace.api.resources import Resource, status
from pinnace.api.versionorder import version_priority
from pinnace.apiserver.discovery import Discovery, storage_version_hash

WIDGETS = Resource(
    group="example.com",
    version="v1beta1",
    kind="Widget",
    plural="widgets",
    singular="widget",
    short=("wd",),
    subresources=(status("Widget"),),
    prefix="/registry/example.com/widgets",
    storage="example.com/v1beta1",
)


def golden() -> Path:
    root = os.environ.get("PINNACE_SHARED")
    if not root:
        pytest.skip("PINNACE_SHARED does not name a directory of golden data")
    return Path(root) / "golden/discovery"


def test_every_legacy_document_equals_upstreams() -> None:
    discovery = Discovery(RESOURCES, server_address="10.10.10.10:8050")
    for file in sorted(golden().glob("*.json")):
        if file.stem == "aggregated_v2":
            continue
        found = discovery.legacy("/" + file.stem.replace("__", "/"))
        assert found is not None, file.stem
        upstreams = orjson.loads(file.read_bytes())
        assert orjson.loads(found.body) == upstreams, file.stem


def test_the_aggregated_document_equals_upstreams() -> None:
    found = Discovery(RESOURCES).aggregated("/apis")
    assert found is not None
    mine = orjson.loads(found.body)
    upstreams = orjson.loads((golden() / "aggregated_v2.json").read_bytes())
    assert mine["items"] == upstreams["items"]
    assert mine["apiVersion"] == upstreams["apiVersion"]


def test_the_aggregated_document_of_the_core_group_stands_at_api() -> None:
    found = Discovery(RESOURCES).aggregated("/api")
    assert found is not None
    listed = orjson.loads(found.body)
    assert listed["apiVersion"] == "apidiscovery.k8s.io/v2"
    assert [item["metadata"] for item in listed["items"]] == [{}]


def test_trailing_slashes_are_welcome() -> None:
    discovery = Discovery(RESOURCES)
    assert discovery.legacy("/apis/") == discovery.legacy("/apis")
    assert discovery.legacy("/apis/apps/v1/") == discovery.legacy("/apis/apps/v1")
    assert discovery.legacy("/apis/nothing") is None


def test_a_custom_resource_changes_only_the_documents_that_list_it() -> None:
    discovery = Discovery(RESOURCES)
    apps, apis = discovery.legacy("/apis/apps/v1"), discovery.legacy("/apis")
    aggregated = discovery.aggregated("/apis")
    discovery.update([*RESOURCES, WIDGETS])
    assert discovery.legacy("/apis/apps/v1") is apps
    assert apis is not None
    changed = discovery.legacy("/apis")
    assert changed is not None
    assert changed.etag != apis.etag
    grown = discovery.aggregated("/apis")
    assert grown is not None
    assert aggregated is not None
    assert grown.etag != aggregated.etag
    groups = [one["metadata"]["name"] for one in orjson.loads(grown.body)["items"]]
    assert groups[-2:] == ["example.com", "metrics.k8s.io"]  # by the priority of their APIServices
    discovery.update(RESOURCES)
    assert discovery.aggregated("/apis") == aggregated
    assert discovery.legacy("/apis/example.com/v1beta1") is None


def test_the_preferred_version_comes_first() -> None:
    versions = ["v1alpha1", "foo", "v1", "v2", "v10", "v1beta2", "v1beta1", "v2alpha1", "v3beta1"]
    assert sorted(versions, key=version_priority) == [
        "v10", "v2", "v1", "v3beta1", "v1beta2", "v1beta1", "v2alpha1", "v1alpha1", "foo",
    ]  # fmt: skip


def test_the_storage_version_hash_of_pods_is_upstreams() -> None:
    assert storage_version_hash(PODS) == "xPOwRZ+Yhw8="
