"""Custom objects whose versions a webhook converts."""

import json
from typing import Any

import pytest

from pinnace.api.wire import Request, Stream

GROUP = "lab.x.io"
V1, V2 = (f"/apis/{GROUP}/{version}/namespaces/ns/things" for version in ("v1", "v2"))
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
MERGE, APPLY = "application/merge-patch+json", "application/apply-patch+yaml"
Object = dict[str, Any]


def renamed(review: Object) -> Object:
    """Convert: `host` of v1 is `hostname` in v2."""
    wanted = review["request"]["desiredAPIVersion"]
    new, old = ("hostname", "host") if wanted.endswith("v2") else ("host", "hostname")
    made = []
    for given in review["request"]["objects"]:
        obj = json.loads(json.dumps(given))
        if old in obj.get("spec", {}):
            obj["spec"][new] = obj["spec"].pop(old)
        made.append(obj | {"apiVersion": wanted})
    return {"convertedObjects": made, "result": {"status": "Success"}}


def definition(webhook: Any, storage: str = "v1", reviews: tuple[str, ...] = ("v1",)) -> Object:
    def version(name: str, field: str) -> Object:
        spec = {"type": "object", "properties": {field: {"type": "string"}}}
        schema = {"type": "object", "properties": {"spec": spec}}
        return {
            "name": name,
            "served": True,
            "storage": name == storage,
            "schema": {"openAPIV3Schema": schema},
            "selectableFields": [{"jsonPath": f".spec.{field}"}],
        }

    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": "things", "kind": "Thing"},
            "versions": [version("v1", "host"), version("v2", "hostname")],
            "conversion": {
                "strategy": "Webhook",
                "webhook": {
                    "clientConfig": webhook.client(),
                    "conversionReviewVersions": list(reviews),
                },
            },
        },
    }


def thing(version: str, name: str, **spec: str) -> Object:
    meta = {"name": name}
    return {"apiVersion": f"{GROUP}/{version}", "kind": "Thing", "metadata": meta, "spec": spec}


@pytest.fixture
async def things(api: Any, webhook: Any) -> Any:
    webhook.answers["/"] = renamed
    assert (await api.do("POST", DEFINITIONS, definition(webhook)))[0] == 201
    await api.served(V1)
    return api


async def events(api: Any, path: str, count: int) -> list[Object]:
    path, _, query = path.partition("?")
    pairs = [pair.partition("=") for pair in query.split("&")]
    made = {name: [value] for name, _, value in pairs}
    answer = await api.server.handle(Request(method="GET", path=path, query=made, user=api.user))
    assert isinstance(answer, Stream)
    found: list[Object] = []
    async for frame in answer.frames:
        found += [json.loads(line) for line in frame.splitlines()]
        if len(found) >= count:
            break
    await answer.frames.aclose()  # type: ignore[attr-defined]
    return found


async def test_each_version_shows_what_the_other_stored(things: Any) -> None:
    await things.do("POST", V1, thing("v1", "a", host="h1"))
    status, made = await things.do("POST", V2, thing("v2", "b", hostname="h2"))
    assert (status, made["apiVersion"], made["spec"]) == (201, f"{GROUP}/v2", {"hostname": "h2"})
    _, found = await things.do("GET", f"{V2}/a")
    assert found["spec"] == {"hostname": "h1"}
    _, listed = await things.do("GET", V1)
    assert [item["spec"] for item in listed["items"]] == [{"host": "h1"}, {"host": "h2"}]


async def test_an_object_is_converted_once_for_each_version(things: Any, webhook: Any) -> None:
    await things.do("POST", V1, thing("v1", "a", host="h1"))
    for _ in range(3):
        await things.do("GET", V2)
    assert len(webhook.reviews) == 1
    request = webhook.reviews[0]["request"]
    assert request["desiredAPIVersion"] == f"{GROUP}/v2"
    assert "resourceVersion" not in request["objects"][0]["metadata"]


async def test_fields_are_selected_in_the_version_of_the_request(things: Any) -> None:
    await things.do("POST", V1, thing("v1", "a", host="h1"))
    await things.do("POST", V1, thing("v1", "b", host="h2"))
    _, listed = await things.do("GET", f"{V2}?fieldSelector=spec.hostname%3Dh2".replace("%3D", "="))
    assert [item["metadata"]["name"] for item in listed["items"]] == ["b"]


async def test_watches_tell_of_changes_in_their_version(things: Any) -> None:
    await things.do("POST", V1, thing("v1", "a", host="h1"))
    path = f"{V2}?watch=1&fieldSelector=spec.hostname=h1"
    (added,) = await events(things, path, 1)
    assert (added["type"], added["object"]["spec"]) == ("ADDED", {"hostname": "h1"})
    since = added["object"]["metadata"]["resourceVersion"]
    await things.do("PATCH", f"{V1}/a", {"spec": {"host": "h3"}}, MERGE)
    (left,) = await events(things, f"{path}&resourceVersion={since}", 1)
    assert (left["type"], left["object"]["spec"]) == ("DELETED", {"hostname": "h1"})


async def test_managers_are_compared_in_the_versions_in_which_they_wrote(things: Any) -> None:
    await things.do("POST", V1, thing("v1", "a", host="h1"))
    for version, path, field in (("v2", V2, "hostname"), ("v1", V1, "host")):
        applied = thing(version, "a", **{field: f"by-{version}"})
        status, made = await things.do(
            "PATCH", f"{path}/a?fieldManager=x&force=true", applied, APPLY
        )
        assert (status, made["spec"]) == (200, {field: f"by-{version}"})
    owners = [entry["manager"] for entry in made["metadata"]["managedFields"]
              if "f:host" in entry["fieldsV1"].get("f:spec", {})]  # fmt: skip
    assert owners == ["x"]


async def test_objects_of_an_older_storage_version_are_found_in_every_version(
    things: Any, webhook: Any
) -> None:
    await things.do("POST", V1, thing("v1", "a", host="h1"))
    _, crd = await things.do("GET", f"{DEFINITIONS}/things.{GROUP}")
    crd["spec"] = definition(webhook, storage="v2")["spec"]
    assert (await things.do("PUT", f"{DEFINITIONS}/things.{GROUP}", crd))[0] == 200
    await things.do("POST", V1, thing("v1", "b", host="h2"))
    for path, field in ((V1, "host"), (V2, "hostname")):
        _, listed = await things.do("GET", path)
        assert [item["spec"][field] for item in listed["items"]] == ["h1", "h2"]


def _changed(**changes: Any) -> Any:
    def answer(review: Object) -> Object:
        made = renamed(review)
        for obj in made["convertedObjects"]:
            obj.update({k: v for k, v in changes.items() if k != "metadata"})
            obj["metadata"].update(changes.get("metadata", {}))
        return made

    return answer


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda r: {"result": {"status": "Failed", "message": "i will not"}}, "failed: i will not"),
        (
            lambda r: {"convertedObjects": [], "result": {"status": "Success"}},
            "returned 0 objects, expected 1",
        ),
        (
            _changed(metadata={"name": "other"}),
            "returned invalid object: must have the same name: a != other",
        ),
        (
            _changed(apiVersion="x/v9"),
            f"returned invalid object at index 0: invalid groupVersion (expected {GROUP}/v2, "
            "received x/v9)",
        ),
        (
            _changed(kind="Nope"),
            "returned invalid object at index 0: invalid kind (expected Thing, received Nope)",
        ),
    ],
)
async def test_a_conversion_that_is_none_fails_the_request(
    things: Any, webhook: Any, answer: Any, why: str
) -> None:
    await things.do("POST", V1, thing("v1", "a", host="h1"))
    webhook.answers["/"] = answer
    status, told = await things.do("GET", f"{V2}/a")
    assert (status, told["message"]) == (
        500,
        f"conversion webhook for {GROUP}/v1, Kind=Thing {why}",
    )


async def test_a_conversion_changes_no_metadata_but_labels_and_annotations(
    things: Any, webhook: Any
) -> None:
    await things.do("POST", V1, thing("v1", "a", host="h1"))
    webhook.answers["/"] = _changed(
        metadata={"labels": {"k": "v"}, "finalizers": ["x/y"], "generation": 99}
    )
    _, found = await things.do("GET", f"{V2}/a")
    assert found["metadata"]["labels"] == {"k": "v"}
    assert "finalizers" not in found["metadata"]
    assert found["metadata"]["generation"] == 1


async def test_a_definition_goes_though_nobody_can_convert_its_objects(
    things: Any, webhook: Any
) -> None:
    await things.do("POST", V1, thing("v1", "a", host="h1"))
    webhook.answers["/"] = lambda review: {"result": {"status": "Failed"}}
    path = f"{DEFINITIONS}/things.{GROUP}"
    await things.do("DELETE", path)
    await things.gone(path)
