"""OpenAPI documents say what clients look for in them."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from pinnace.api.codec.protobuf_special import read_varint
from pinnace.api.kinds.table import RESOURCES
from pinnace.api.resources import Resource, status
from pinnace.api.schema.load import load
from pinnace.api.wire import Request, Response
from pinnace.apiserver.openapi.answer import answer
from pinnace.apiserver.openapi.custom import Custom, simplify
from pinnace.apiserver.openapi.descriptions import Descriptions
from pinnace.apiserver.openapi.documents import OpenApi

NOW = datetime(2030, 1, 1, tzinfo=UTC)
POD = "io.k8s.api.core.v1.Pod"
WIDGETS = Resource(
    group="example.com",
    version="v1",
    kind="Widget",
    plural="widgets",
    singular="widget",
    subresources=(status("Widget"),),
)
WIDGET_SCHEMA = {
    "type": "object",
    "required": ["spec"],
    "properties": {
        "spec": {
            "type": "object",
            "required": ["size", "note"],
            "properties": {
                "size": {"type": "integer", "minimum": 1},
                "note": {"type": "string", "nullable": True},
                "either": {"type": "string", "anyOf": [{"pattern": "a"}, {"pattern": "b"}]},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            },
        }
    },
}


def openapi() -> OpenApi:
    return OpenApi(RESOURCES, load())


def v3(documents: OpenApi, path: str) -> dict[str, Any]:
    found = documents.v3(path)
    assert found is not None
    decoded: dict[str, Any] = orjson.loads(found.body)
    return decoded


def test_the_index_names_every_group_version_with_its_hash() -> None:
    documents = openapi()
    paths = orjson.loads(documents.index().body)["paths"]
    versions = {row.path.removeprefix("/") for row in RESOURCES}
    groups = {f"apis/{row.group}" for row in RESOURCES if row.group}
    others = {"api", "apis", "version", "openid/v1/jwks", ".well-known/openid-configuration"}
    assert set(paths) == versions | groups | others
    apps = documents.v3("apis/apps/v1")
    assert apps is not None
    assert apps.etag == f'"{documents.hash_of("apis/apps/v1")}"'
    url = f"/openapi/v3/apis/apps/v1?hash={documents.hash_of('apis/apps/v1')}"
    assert paths["apis/apps/v1"] == {"serverRelativeURL": url}


def test_nothing_stands_at_a_path_without_rows() -> None:
    assert openapi().v3("apis/nothing/v1") is None


def test_a_patch_of_a_kind_takes_field_validation_and_dry_run() -> None:
    patch = v3(openapi(), "apis/apps/v1")["paths"][
        "/apis/apps/v1/namespaces/{namespace}/deployments/{name}"
    ]["patch"]
    assert [parameter["name"] for parameter in patch["parameters"]] == [
        "dryRun", "fieldManager", "fieldValidation", "force",
    ]  # fmt: skip
    assert patch["x-kubernetes-group-version-kind"] == {
        "group": "apps", "kind": "Deployment", "version": "v1",
    }  # fmt: skip
    assert patch["x-kubernetes-action"] == "patch"
    assert patch["operationId"] == "patchAppsV1NamespacedDeployment"


def test_kinds_stand_in_the_schemas_with_all_that_they_refer_to() -> None:
    schemas = v3(openapi(), "api/v1")["components"]["schemas"]
    pod = schemas[POD]
    gvk = {"group": "", "kind": "Pod", "version": "v1"}
    assert pod["x-kubernetes-group-version-kind"] == [gvk]
    containers = schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]
    assert containers["x-kubernetes-patch-merge-key"] == "name"
    referred = {
        word.split('"')[0] for word in json.dumps(schemas).split("#/components/schemas/")[1:]
    }
    assert referred <= set(schemas)


def test_v2_stands_under_definitions_without_wrapping() -> None:
    document = orjson.loads(openapi().v2().body)
    spec = document["definitions"][POD]["properties"]["spec"]
    assert spec["$ref"] == "#/definitions/io.k8s.api.core.v1.PodSpec"
    assert "/api/v1/namespaces/{namespace}/pods/{name}" in document["paths"]


def test_descriptions_are_absent_when_no_package_carries_the_release() -> None:
    documents = OpenApi(RESOURCES, load(), descriptions=Descriptions("0.0.0"))
    assert "description" not in v3(documents, "api/v1")["components"]["schemas"][POD]


def test_a_custom_kind_is_published_beside_the_built_in_ones() -> None:
    documents = openapi()
    apps = documents.v3("apis/apps/v1")
    documents.update(RESOURCES, [Custom(WIDGETS, lambda: WIDGET_SCHEMA)])
    assert documents.v3("apis/apps/v1") is apps
    schemas = v3(documents, "apis/example.com/v1")["components"]["schemas"]
    widget = schemas["com.example.v1.Widget"]
    assert widget["properties"]["spec"] == WIDGET_SCHEMA["properties"]["spec"]
    assert "com.example.v1.WidgetList" in schemas
    definitions = orjson.loads(documents.v2().body)["definitions"]
    assert "com.example.v1.Widget" in definitions
    documents.update(RESOURCES)
    assert documents.v3("apis/example.com/v1") is None


def test_a_custom_kind_is_said_to_take_no_strategic_patch_and_to_give_no_protobuf() -> None:
    documents = openapi()
    documents.update(RESOURCES, [Custom(WIDGETS, lambda: WIDGET_SCHEMA)])
    takes = {"application/json-patch+json", "application/merge-patch+json"}
    takes.add("application/apply-patch+yaml")
    paths = v3(documents, "apis/example.com/v1")["paths"]
    patch = next(item["patch"] for path, item in paths.items() if path.endswith("/{name}"))
    assert set(patch["requestBody"]["content"]) == takes
    assert set(patch["responses"]) == {"200", "401"}
    assert set(patch["responses"]["200"]["content"]) == {"application/json", "application/yaml"}
    old = orjson.loads(documents.v2().body)["paths"]
    patch = next(
        item["patch"] for path, item in old.items() if "example.com" in path and "patch" in item
    )
    assert set(patch["consumes"]) == takes
    assert not any(path.endswith("example.com/v1/") for path in (*paths, *old))


def test_query_parameters_say_what_they_are_for() -> None:
    said = openapi().v2().body
    # Upstream's command tests look for these.
    assert b"list of returned" in said
    assert b"Watch for changes to the described resources" in said


def published(schema: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the definition of a custom kind with this schema, as v3 and v2 have it."""
    documents = openapi()
    documents.update(RESOURCES, [Custom(WIDGETS, lambda: schema)])
    third = v3(documents, "apis/example.com/v1")["components"]["schemas"]
    second = orjson.loads(documents.v2().body)["definitions"]
    return third["com.example.v1.Widget"], second["com.example.v1.Widget"]


def test_custom_kinds_say_what_every_kind_says_of_itself() -> None:
    for widget in published(WIDGET_SCHEMA):
        about = {
            key: words["description"]
            for key, words in widget["properties"].items()
            if words and "description" in words
        }
        assert about["apiVersion"].startswith("APIVersion defines the versioned schema of this")
        assert about["kind"].startswith("Kind is a string value representing the REST resource")
        assert about["metadata"].startswith("Standard object's metadata. More info: https://")


def test_lists_of_custom_kinds_say_what_they_list() -> None:
    documents = openapi()
    documents.update(RESOURCES, [Custom(WIDGETS, lambda: WIDGET_SCHEMA)])
    schemas = v3(documents, "apis/example.com/v1")["components"]["schemas"]
    listed = schemas["com.example.v1.WidgetList"]
    assert listed["description"] == "WidgetList is a list of Widget"
    assert listed["properties"]["items"]["description"].startswith("List of widgets. More info:")
    assert listed["properties"]["metadata"]["description"].startswith("Standard list metadata.")


def test_a_custom_kind_without_a_schema_is_an_object_with_metadata_in_v3() -> None:
    third, second = published({"type": "object", "x-kubernetes-preserve-unknown-fields": True})
    assert sorted(third["properties"]) == ["apiVersion", "kind", "metadata"]
    assert "properties" not in second


def test_embedded_resources_must_have_kind_and_version() -> None:
    embedded = {"type": "object", "x-kubernetes-embedded-resource": True, "required": ["spec"]}
    third, second = published({"type": "object", "properties": {"it": embedded}})
    for widget in (third, second):
        it = widget["properties"]["it"]
        assert it["required"] == ["spec", "kind", "apiVersion"]
        assert it["properties"]["kind"]["description"].startswith("kind is a string value")
        assert it["properties"]["apiVersion"]["description"].startswith("apiVersion defines")


def test_v2_lists_no_fields_of_embedded_resources_that_keep_unknown_ones() -> None:
    embedded = {
        "type": "object",
        "x-kubernetes-embedded-resource": True,
        "x-kubernetes-preserve-unknown-fields": True,
    }
    third, second = published({"type": "object", "properties": {"it": embedded}})
    assert "metadata" in third["properties"]["it"]["properties"]
    assert "properties" not in second["properties"]["it"]
    assert "required" not in second["properties"]["it"]


def test_v2_has_no_defaults_of_custom_kinds() -> None:
    size = {"type": "integer", "default": 3}
    third, second = published({"type": "object", "properties": {"size": size}})
    assert third["properties"]["size"] == size
    assert second["properties"]["size"] == {"type": "integer"}


def test_v3_says_that_an_int_or_string_is_one_of_the_two() -> None:
    either = {"x-kubernetes-int-or-string": True}
    types = [{"type": "integer"}, {"type": "string"}]
    third, second = published({"type": "object", "properties": {"port": either}})
    assert third["properties"]["port"] == {"anyOf": types, **either}
    assert second["properties"]["port"] == either
    patterns = {**either, "anyOf": [{"pattern": "a"}]}
    third, _ = published({"type": "object", "properties": {"port": patterns}})
    assert third["properties"]["port"] == {**patterns, "allOf": [{"anyOf": types}]}


def test_fields_to_select_by_are_published_with_the_kind() -> None:
    documents = openapi()
    documents.update(RESOURCES, [Custom(WIDGETS, lambda: WIDGET_SCHEMA, (".spec.size",))])
    schemas = v3(documents, "apis/example.com/v1")["components"]["schemas"]
    for kind in ("Widget", "WidgetList"):
        found = schemas[f"com.example.v1.{kind}"]["x-kubernetes-selectable-fields"]
        assert found == [{"fieldPath": "spec.size"}]


def test_v2_drops_what_its_readers_cannot_take() -> None:
    spec = simplify(WIDGET_SCHEMA)["properties"]["spec"]
    assert spec["required"] == ["size"]
    assert spec["properties"]["note"] == {}
    assert spec["properties"]["either"] == {"type": "string"}
    assert spec["properties"]["free"] == {"x-kubernetes-preserve-unknown-fields": True}


def without_words(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: without_words(inner)
            for key, inner in value.items()
            if not (key == "description" and isinstance(inner, str))
            # The published document lists no values; a server does.
            and not (key == "enum" and isinstance(inner, list))
            and key != "default"
        }
    if isinstance(value, list):
        return [without_words(inner) for inner in value]
    return value


def test_definitions_equal_upstreams_swagger() -> None:
    root = os.environ.get("PINNACE_SHARED")
    if not root:
        pytest.skip("PINNACE_SHARED does not name a directory of golden data")
    upstreams = orjson.loads((Path(root) / "golden/openapi/swagger.json").read_bytes())
    mine = orjson.loads(openapi().v2().body)["definitions"]
    differing = [
        name
        for name, definition in mine.items()
        if without_words(definition) != without_words(upstreams["definitions"][name])
    ]
    assert differing == []


def ask(path: str, **more: Any) -> Response:
    found = answer(openapi(), Request(method="GET", path=path, **more), now=NOW)
    assert found is not None
    return found


def test_a_document_asked_for_by_its_hash_may_be_kept_for_ever() -> None:
    url = orjson.loads(ask("/openapi/v3").body)["paths"]["apis/apps/v1"]["serverRelativeURL"]
    path, _, wanted = url.partition("?hash=")
    found = ask(path, query={"hash": [wanted]})
    assert found.status == 200
    assert found.headers["cache-control"] == "public, immutable"
    assert found.headers["expires"] == "Wed, 01 Jan 2031 00:00:00 GMT"
    assert found.headers["etag"] == f'"{wanted}"'


def test_an_outdated_hash_is_sent_to_the_new_one() -> None:
    found = ask("/openapi/v3/api/v1", query={"hash": ["OLD"]})
    assert found.status == 301
    assert found.headers["location"] == f"/openapi/v3/api/v1?hash={openapi().hash_of('api/v1')}"


def test_a_client_that_has_the_document_gets_304() -> None:
    etag = ask("/openapi/v2").headers["etag"]
    found = ask("/openapi/v2", headers={"if-none-match": etag})
    assert (found.status, found.body) == (304, b"")


@pytest.mark.parametrize("separator", ["@", "."])
def test_v2_is_served_in_protobuf_to_who_asks_for_it(separator: str) -> None:
    wanted = f"application/com.github.proto-openapi.spec.v2{separator}v1.0+protobuf"
    found = ask("/openapi/v2", headers={"accept": wanted})
    assert found.headers["content-type"] == (
        "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
    )
    in_json = ask("/openapi/v2", headers={"accept": f"application/json, {wanted}"})
    definitions = orjson.loads(in_json.body)["definitions"]
    (held,) = (body for number, body in fields_of(found.body) if number == 9)
    assert [dict(fields_of(entry))[1].decode() for _, entry in fields_of(held)] == [*definitions]
    assert ask("/openapi/v3/api/v1", headers={"accept": wanted}).status == 406


def fields_of(message: bytes) -> list[tuple[int, bytes]]:
    """Return the numbers and contents of a message all of whose fields have a length."""
    found, at = [], 0
    while at < len(message):
        tag, at = read_varint(message, at)
        assert tag & 7 == 2
        size, at = read_varint(message, at)
        found.append((tag >> 3, message[at : at + size]))
        at += size
    return found


def test_paths_outside_are_left_to_others() -> None:
    assert answer(openapi(), Request(method="GET", path="/openapi"), now=NOW) is None
    assert answer(openapi(), Request(method="GET", path="/openapi/v3/x/v1"), now=NOW) is None


def test_what_all_operations_of_a_path_take_is_told_at_the_path() -> None:
    paths = OpenApi(RESOURCES, load()).v3("api/v1")
    assert paths is not None
    found = orjson.loads(paths.body)["paths"]
    binding = found["/api/v1/namespaces/{namespace}/pods/{name}/binding"]
    names = [parameter["name"] for parameter in binding["parameters"]]
    assert names == ["dryRun", "fieldManager", "fieldValidation", "name", "namespace", "pretty"]
    assert "parameters" not in binding["post"]
    namespaces = found["/api/v1/namespaces"]
    assert [parameter["name"] for parameter in namespaces["parameters"]] == ["pretty"]
    assert "shardSelector" in [one["name"] for one in namespaces["get"]["parameters"]]


def test_fields_tell_which_values_they_can_have() -> None:
    document = OpenApi(RESOURCES, load()).v3("api/v1")
    assert document is not None
    schemas = orjson.loads(document.body)["components"]["schemas"]
    effect = schemas["io.k8s.api.core.v1.Taint"]["properties"]["effect"]
    assert effect["enum"] == ["NoExecute", "NoSchedule", "PreferNoSchedule"]
    modes = schemas["io.k8s.api.core.v1.PersistentVolumeSpec"]["properties"]["accessModes"]
    assert "ReadWriteOnce" in modes["items"]["enum"]


@pytest.mark.parametrize("path", ["api", "apis", "apis/apps", "version", "openid/v1/jwks"])
def test_what_is_no_resource_has_documents_of_its_own(path: str) -> None:
    documents = OpenApi(RESOURCES, load())
    assert path in orjson.loads(documents.index().body)["paths"]
    found = documents.v3(path)
    assert found is not None
    assert list(orjson.loads(found.body)["paths"]) == [f"/{path}/"]


def test_a_reference_without_words_stands_bare() -> None:
    document = OpenApi(RESOURCES, load()).v3("apis/networking.k8s.io/v1")
    assert document is not None
    schemas = orjson.loads(document.body)["components"]["schemas"]
    rule = schemas["io.k8s.api.networking.v1.IngressRule"]["properties"]["http"]
    assert list(rule) == ["$ref"]
    spec = schemas["io.k8s.api.networking.v1.Ingress"]["properties"]["spec"]
    assert "allOf" in spec
