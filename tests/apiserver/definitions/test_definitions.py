"""Definitions through the server: names, rows, objects, versions, and the end."""

import asyncio
from typing import Any

import orjson
from tests.apiserver.conftest import Api

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
TOYS = "/apis/example.com/v1/namespaces/default/toys"
SCHEMA: Any = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "color": {"type": "string", "enum": ["red", "blue"]},
                "size": {"type": "integer", "default": 3},
                "replicas": {"type": "integer"},
                "parts": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                    "items": {
                        "type": "object",
                        "required": ["name"],
                        "properties": {"name": {"type": "string"}, "n": {"type": "integer"}},
                    },
                },
            },
        },
        "status": {"type": "object", "properties": {"replicas": {"type": "integer"}}},
    },
}


def version(name: str = "v1", **more: Any) -> Any:
    return {
        "name": name,
        "served": True,
        "storage": name == "v1",
        "schema": {"openAPIV3Schema": SCHEMA},
        **more,
    }


def crd(plural: str = "toys", kind: str = "Toy", *versions: Any, **names: Any) -> Any:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind, **names},
            "versions": list(versions) or [version()],
        },
    }


def toy(name: str = "a", **spec: Any) -> Any:
    return {
        "apiVersion": "example.com/v1",
        "kind": "Toy",
        "metadata": {"name": name},
        "spec": spec,
    }


async def define(api: Api, definition: Any) -> None:
    status, made = await api.do("POST", CRDS, definition)
    assert status == 201, made
    await api.settle()


async def conditions(api: Api, name: str) -> dict[str, tuple[str, str]]:
    _, found = await api.do("GET", f"{CRDS}/{name}")
    return {c["type"]: (c["status"], c["reason"]) for c in found["status"]["conditions"]}


async def test_a_definition_is_established_and_serves_objects(api: Api) -> None:
    await define(api, crd())
    assert await conditions(api, "toys.example.com") == {
        "NamesAccepted": ("True", "NoConflicts"),
        "Established": ("True", "InitialNamesAccepted"),
    }
    status, made = await api.do("POST", TOYS, toy(color="red", junk=1))
    assert status == 201
    assert made["spec"] == {"color": "red", "size": 3}, "pruned and defaulted"
    assert made["metadata"]["generation"] == 1
    _, listed = await api.do("GET", TOYS)
    assert (listed["kind"], len(listed["items"])) == ("ToyList", 1)


async def test_discovery_and_openapi_follow_the_definitions(api: Api) -> None:
    assert (await api.answer("GET", "/apis/example.com")).status == 404
    await define(api, crd(shortNames=["ty"], categories=["all"]))
    _, found = await api.do("GET", "/apis/example.com/v1")
    assert found["resources"][0]["shortNames"] == ["ty"]
    _, document = await api.do("GET", "/openapi/v3/apis/example.com/v1")
    schema = document["components"]["schemas"]["com.example.v1.Toy"]
    assert schema["properties"]["spec"]["properties"]["size"] == {"type": "integer", "default": 3}
    await api.do("DELETE", f"{CRDS}/toys.example.com")
    await api.settle()
    assert (await api.answer("GET", "/apis/example.com")).status == 404


async def test_aggregated_discovery_and_operations_name_a_defined_kind_in_full(api: Api) -> None:
    definition = crd("toys", "Toy", version(subresources={"status": {}}))
    definition["spec"]["group"] = "my-group.example.com"
    definition["metadata"]["name"] = "toys.my-group.example.com"
    await define(api, definition)
    wanted = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    _, found = await api.do("GET", "/apis", accept=wanted)
    group = next(g for g in found["items"] if g["metadata"]["name"] == "my-group.example.com")
    (entry,) = group["versions"][0]["resources"]
    full = {"group": "my-group.example.com", "version": "v1", "kind": "Toy"}
    assert entry["responseKind"] == entry["subresources"][0]["responseKind"] == full
    assert entry["verbs"][:2] == ["delete", "deletecollection"], "in the order of upstream's code"
    _, document = await api.do("GET", "/openapi/v3/apis/my-group.example.com/v1")
    listing = document["paths"]["/apis/my-group.example.com/v1/toys"]["get"]
    assert listing["operationId"] == "listMyGroupExampleComV1ToyForAllNamespaces"
    assert listing["tags"] == ["myGroupExampleCom_v1"]


async def test_schema_and_strict_decoding_refuse_by_field(api: Api) -> None:
    await define(api, crd())
    status, refused = await api.do("POST", TOYS, toy(color="green"))
    assert status == 422
    assert refused["details"]["causes"][0]["field"] == "spec.color"
    status, refused = await api.do("POST", f"{TOYS}?fieldValidation=Strict", toy(junk=1))
    assert (status, refused["message"]) == (
        400,
        'Toy in version "v1" cannot be handled as a Toy: strict decoding error: unknown field '
        '"spec.junk"',
    )


async def test_names_that_are_taken_are_not_accepted_until_they_are_free(api: Api) -> None:
    await define(api, crd())
    await define(api, crd("others", "Toy"))
    assert (await conditions(api, "others.example.com"))["NamesAccepted"] == (
        "False",
        "ListKindConflict",
    )
    assert (await api.answer("GET", "/apis/example.com/v1/others")).status == 404
    await api.do("DELETE", f"{CRDS}/toys.example.com")
    for _ in range(3):
        await api.settle()
    assert (await conditions(api, "others.example.com"))["NamesAccepted"][0] == "True"
    assert (await api.answer("GET", "/apis/example.com/v1/others")).status == 200


async def test_status_and_spec_have_endpoints_of_their_own(api: Api) -> None:
    await define(api, crd("toys", "Toy", version(subresources={"status": {}})))
    _, made = await api.do("POST", TOYS, {**toy(), "status": {"replicas": 1}})
    assert "status" not in made
    patch = {"status": {"replicas": 2}, "spec": {"color": "red"}}
    merge = "application/merge-patch+json"
    _, got = await api.do("PATCH", f"{TOYS}/a/status", patch, content_type=merge)
    assert (got["status"], got["spec"]) == ({"replicas": 2}, {"size": 3})
    assert got["metadata"]["generation"] == 1
    _, got = await api.do("PATCH", f"{TOYS}/a", patch, content_type=merge)
    assert (got["spec"]["color"], got["metadata"]["generation"]) == ("red", 2)


async def test_scale_reads_and_writes_along_the_paths(api: Api) -> None:
    paths = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}
    await define(api, crd("toys", "Toy", version(subresources={"scale": paths})))
    await api.do("POST", TOYS, toy())
    status, got = await api.do("GET", f"{TOYS}/a/scale")
    assert (status, got["message"]) == (
        500,
        'Internal error occurred: the spec replicas field ".spec.replicas" does not exist',
    )
    merge = "application/merge-patch+json"
    patch: Any = {"metadata": {"labels": {"a": "b"}}}
    status, got = await api.do("PATCH", f"{TOYS}/a/scale", patch, content_type=merge)
    assert (status, got["message"]) == (
        400,
        'the spec replicas field ".spec.replicas" cannot be empty',
    )
    assert "replicas" not in (await api.do("GET", f"{TOYS}/a"))[1].get("spec", {})
    patch = {"spec": {"replicas": 4}}
    status, got = await api.do("PATCH", f"{TOYS}/a/scale", patch, content_type=merge)
    assert (status, got["spec"]) == (200, {"replicas": 4})
    assert (await api.do("GET", f"{TOYS}/a"))[1]["spec"]["replicas"] == 4


async def scaled(api: Api, metadata: Any, replicas: int = 4) -> tuple[int, Any]:
    body = {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata}
    return await api.do("PUT", f"{TOYS}/a/scale", body | {"spec": {"replicas": replicas}})


async def test_a_scale_needs_no_resource_version_but_keeps_to_one_and_to_a_uid(api: Api) -> None:
    paths = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}
    await define(api, crd("toys", "Toy", version(subresources={"scale": paths})))
    await api.do("POST", TOYS, toy())
    status, got = await scaled(api, {"name": "a"})
    assert (status, got.get("spec")) == (200, {"replicas": 4}), got
    status, got = await scaled(api, {"name": "a", "resourceVersion": "1"})
    assert (status, got["message"]) == (
        409,
        'Operation cannot be fulfilled on toys.example.com "a": the object has been modified; '
        "please apply your changes to the latest version and try again",
    )
    status, got = await scaled(api, {"name": "a", "uid": "f"})
    assert status == 409
    assert got["message"].startswith(
        'Operation cannot be fulfilled on toys.example.com "a": StorageError: invalid object, '
    )
    status, got = await scaled(api, {"name": "a"}, -4)
    assert (status, got["message"]) == (
        422,
        'Toy.example.com "a" is invalid: .spec.replicas: Invalid value: -4: '
        "should be a non-negative integer",
    )


async def test_apply_merges_keyed_lists_of_custom_resources(api: Api) -> None:
    await define(api, crd())
    apply = "application/apply-patch+yaml"
    for manager, name in (("one", "x"), ("two", "y")):
        body = toy("ap", parts=[{"name": name, "n": 1}])
        path = f"{TOYS}/ap?fieldManager={manager}"
        status, got = await api.do("PATCH", path, body, content_type=apply)
        assert status in (200, 201), got
    assert [part["name"] for part in got["spec"]["parts"]] == ["x", "y"]
    body = toy("ap", parts=[{"name": "x", "n": 2}])
    status, got = await api.do("PATCH", f"{TOYS}/ap?fieldManager=two", body, content_type=apply)
    assert status == 409
    assert '.spec.parts[name="x"].n' in got["message"]


async def test_a_strategic_patch_is_refused(api: Api) -> None:
    await define(api, crd())
    await api.do("POST", TOYS, toy())
    strategic = "application/strategic-merge-patch+json"
    status, _ = await api.do("PATCH", f"{TOYS}/a", {}, content_type=strategic)
    assert status == 415


async def test_what_was_stored_before_shows_later_defaults_and_ends_watches(api: Api) -> None:
    await define(api, crd())
    await api.do("POST", TOYS, toy(color="red"))
    events = api.events(f"{TOYS}?watch=true&resourceVersion=0")
    assert (await anext(events))["type"] == "ADDED"
    changed = orjson.loads(orjson.dumps(crd()))
    spec = changed["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    spec["properties"]["shape"] = {"type": "string", "default": "round"}
    del spec["properties"]["color"]
    _, held = await api.do("GET", f"{CRDS}/toys.example.com")
    changed["metadata"]["resourceVersion"] = held["metadata"]["resourceVersion"]
    status, _ = await api.do("PUT", f"{CRDS}/toys.example.com", changed)
    assert status == 200
    _, got = await api.do("GET", f"{TOYS}/a")
    assert got["spec"] == {"size": 3, "shape": "round"}
    assert [event async for event in events] == [], "the watch is over"


async def test_every_version_shows_every_object(api: Api) -> None:
    await define(api, crd("toys", "Toy", version(), version("v2", deprecated=True)))
    await api.do("POST", TOYS, toy(color="red"))
    answer = await api.answer("GET", TOYS.replace("v1", "v2") + "/a")
    assert orjson.loads(answer.body)["apiVersion"] == "example.com/v2"
    assert answer.headers["warning"] == '299 - "example.com/v2 Toy is deprecated"'


async def test_a_deprecated_version_names_the_one_to_use(api: Api) -> None:
    old = version("v1beta1", deprecated=True)
    others = (version("v1alpha1"), version("v1beta2"), version("v2", served=False))
    await define(api, crd("toys", "Toy", version(), old, *others))
    answer = await api.answer("GET", TOYS.replace("v1", "v1beta1"))
    warning = "example.com/v1beta1 Toy is deprecated; use example.com/v1 Toy"
    assert answer.headers["warning"] == f'299 - "{warning}"'


async def test_a_new_object_shows_the_defaults_of_the_status_that_it_may_not_set(api: Api) -> None:
    status = {**SCHEMA["properties"]["status"], "default": {"replicas": 0}}
    schema = {**SCHEMA, "properties": {**SCHEMA["properties"], "status": status}}
    served = version(subresources={"status": {}}, schema={"openAPIV3Schema": schema})
    await define(api, crd("toys", "Toy", served))
    _, made = await api.do("POST", TOYS, {**toy(), "status": {"replicas": 5}})
    assert made["status"] == {"replicas": 0}
    _, made = await api.do("POST", f"{TOYS}?dryRun=All", toy("b"))
    assert "status" not in made, "a dry run reads nothing from the store"


async def test_apply_prunes_what_a_schema_without_fields_is_given(api: Api) -> None:
    spec = {"type": "object", "properties": {"any": {"type": "object"}}}
    schema = {"type": "object", "properties": {"spec": spec}}
    await define(api, crd("toys", "Toy", version(schema={"openAPIV3Schema": schema})))
    for code in (201, 200):
        status, made = await api.do(
            "PATCH",
            f"{TOYS}/a?fieldManager=m&force=true",
            toy(any={"a": code}),
            content_type="application/apply-patch+yaml",
        )
        assert (status, made["spec"]) == (code, {"any": {}})
    applied = {**toy("b"), "spec": None}
    _, made = await api.do("POST", TOYS, applied)
    assert "spec" not in made
    apply = "application/apply-patch+yaml"
    url = f"{TOYS}/b?fieldManager=m"
    status, refused = await api.do("PATCH", url, applied, content_type=apply)
    assert status == 422, "a null is not dropped, as it is where an object is decoded"
    assert refused["message"].endswith('spec in body must be of type object: "null"')


async def test_a_namespace_is_taken_from_an_object_that_has_none(api: Api) -> None:
    definition = crd()
    definition["spec"]["scope"] = "Cluster"
    await define(api, definition)
    toys, sent = TOYS.replace("namespaces/default/", ""), toy()
    sent["metadata"]["namespace"] = "somewhere"
    _, made = await api.do("POST", toys, sent)
    sent["metadata"]["resourceVersion"] = made["metadata"]["resourceVersion"]
    patch = "application/apply-patch+yaml"
    for verb, query, kind in (("PUT", "", None), ("PATCH", "?fieldManager=m&force=true", patch)):
        more = {} if kind is None else {"content_type": kind}
        status, made = await api.do(verb, f"{toys}/a{query}", sent, **more)
        assert (status, made["metadata"].get("namespace")) == (200, None)


async def test_selectable_fields_select(api: Api) -> None:
    await define(api, crd("toys", "Toy", version(selectableFields=[{"jsonPath": ".spec.color"}])))
    for name, color in (("a", "red"), ("b", "blue")):
        await api.do("POST", TOYS, toy(name, color=color))
    _, got = await api.do("GET", f"{TOYS}?fieldSelector=spec.color%3Dblue".replace("%3D", "=="))
    assert [item["metadata"]["name"] for item in got["items"]] == ["b"]
    status, got = await api.do("GET", f"{TOYS}?fieldSelector=spec.size==3")
    assert (status, got["message"]) == (400, "field label not supported: spec.size")


async def test_columns_are_printed_as_asked(api: Api) -> None:
    columns = [
        {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
        {"name": "Color", "type": "string", "jsonPath": ".spec.color", "priority": 1},
    ]
    await define(api, crd("toys", "Toy", version(additionalPrinterColumns=columns)))
    await api.do("POST", TOYS, toy(color="red"))
    _, got = await api.do("GET", TOYS, accept="application/json;as=Table;v=v1;g=meta.k8s.io")
    assert [column["name"] for column in got["columnDefinitions"]] == ["Name", "Size", "Color"]
    assert got["rows"][0]["cells"] == ["a", 3, "red"]


async def test_a_column_that_cannot_be_read_ends_the_columns(api: Api) -> None:
    columns = [
        {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
        {"name": "Odd", "type": "string", "jsonPath": ".spec.parts[x].n"},
        {"name": "Color", "type": "string", "jsonPath": ".spec.color"},
    ]
    await define(api, crd("toys", "Toy", version(additionalPrinterColumns=columns)))
    _, got = await api.do("GET", TOYS, accept="application/json;as=Table;v=v1;g=meta.k8s.io")
    assert [column["name"] for column in got["columnDefinitions"]] == ["Name", "Size"]


async def test_the_end_of_a_definition_ends_its_objects_first(api: Api) -> None:
    await define(api, crd())
    held = toy()
    held["metadata"]["finalizers"] = ["example.com/hold"]
    await api.do("POST", TOYS, held)
    status, got = await api.do("DELETE", f"{CRDS}/toys.example.com")
    assert (status, got["metadata"]["finalizers"]) == (
        200,
        ["customresourcecleanup.apiextensions.k8s.io"],
    )
    await api.settle()
    status, refused = await api.do("POST", TOYS, toy("b"))
    assert (status, refused["reason"]) == (403, "Forbidden")
    merge = "application/merge-patch+json"
    await api.do("PATCH", f"{TOYS}/a", {"metadata": {"finalizers": None}}, content_type=merge)
    await api.clock.advance(2)
    await api.settle()
    assert (await api.answer("GET", f"{CRDS}/toys.example.com")).status == 404
    assert (await api.answer("GET", TOYS)).status == 404


async def test_definitions_are_served_again_after_a_restart(api: Api) -> None:
    await define(api, crd())
    await api.do("POST", TOYS, toy(color="red"))
    other = type(api.server)(api.server.core.store, api.clock, api.server.core.config)
    await other.start()
    try:
        again = Api(other, api.clock)
        status, got = await again.do("GET", f"{TOYS}/a")
        assert (status, got["spec"]["color"]) == (200, "red")
    finally:
        await other.close()
        await asyncio.sleep(0)
