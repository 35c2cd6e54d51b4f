from typing import Any

import pytest

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
MODIFIED = (
    'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply '
    "your changes to the latest version and try again"
)
MERGE = {"content_type": "application/merge-patch+json"}


async def make(api: Any, **metadata: Any) -> dict[str, Any]:
    obj = {"metadata": {"name": "a", **metadata}, "data": {"k": "v"}}
    code, made = await api.do("POST", CONFIGMAPS, obj)
    assert code == 201, made
    return dict(made)


async def test_a_stale_version_is_a_conflict(api: Any) -> None:
    made = await make(api)
    await api.do("PATCH", f"{CONFIGMAPS}/a", {"data": {"k": "w"}}, **MERGE)
    code, status = await api.do("PUT", f"{CONFIGMAPS}/a", made)
    assert (code, status["reason"], status["message"]) == (409, "Conflict", MODIFIED)


async def test_without_a_version_an_update_is_unconditional(api: Any) -> None:
    made = await make(api)
    del made["metadata"]["resourceVersion"]
    made["data"] = {"k": "w"}
    code, now = await api.do("PUT", f"{CONFIGMAPS}/a", made)
    assert (code, now["data"]) == (200, {"k": "w"})


async def test_what_changes_nothing_keeps_the_version(api: Any) -> None:
    made = await make(api)
    assert await api.do("PUT", f"{CONFIGMAPS}/a", made) == (200, made)
    assert await api.do("PATCH", f"{CONFIGMAPS}/a", {}, **MERGE) == (200, made)


async def test_a_dry_run_stores_nothing(api: Any) -> None:
    made = await make(api)
    code, would = await api.do("PATCH", f"{CONFIGMAPS}/a?dryRun=All", {"data": {"k": "w"}}, **MERGE)
    assert (code, would["data"]) == (200, {"k": "w"})
    assert await api.do("GET", f"{CONFIGMAPS}/a") == (200, made)
    code, _ = await api.do("POST", f"{CONFIGMAPS}?dryRun=All", {"metadata": {"name": "b"}})
    assert code == 201
    assert (await api.do("GET", f"{CONFIGMAPS}/b"))[0] == 404


async def test_another_uid_is_a_conflict(api: Any) -> None:
    made = await make(api)
    made["metadata"]["uid"] = "other"
    code, status = await api.do("PUT", f"{CONFIGMAPS}/a", made)
    assert code == 409
    assert "Precondition failed: UID in precondition: other" in status["message"]


async def test_names_must_agree_with_the_url(api: Any) -> None:
    made = await make(api)
    code, status = await api.do("PUT", f"{CONFIGMAPS}/b", made)
    assert (code, status["message"]) == (
        400,
        "the name of the object (a) does not match the name on the URL (b)",
    )


async def test_generated_names_end_in_five_letters(api: Any) -> None:
    code, made = await api.do("POST", CONFIGMAPS, {"metadata": {"generateName": "x-"}})
    assert code == 201
    assert len(made["metadata"]["name"]) == 7


async def test_status_and_spec_are_written_apart(api: Any) -> None:
    url = "/apis/apps/v1/namespaces/default/deployments"
    template = {"metadata": {"labels": {"a": "b"}}}
    template |= {"spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    code, made = await api.do("POST", url, {"metadata": {"name": "d"}, "spec": spec})
    assert (code, made["metadata"]["generation"]) == (201, 1)
    both = {"spec": {"replicas": 3}, "status": {"replicas": 2}}
    _, now = await api.do("PATCH", f"{url}/d/status", both, **MERGE)
    assert (now["spec"]["replicas"], now["status"]["replicas"]) == (1, 2)
    assert now["metadata"]["generation"] == 1
    _, now = await api.do("PATCH", f"{url}/d", both | {"status": {"replicas": 9}}, **MERGE)
    assert (now["spec"]["replicas"], now["status"]["replicas"]) == (3, 2)
    assert now["metadata"]["generation"] == 2
    code, scale = await api.do("GET", f"{url}/d/scale")
    assert (scale["kind"], scale["spec"], scale["status"]["selector"]) == (
        "Scale",
        {"replicas": 3},
        "a=b",
    )
    code, scale = await api.do("PATCH", f"{url}/d/scale", {"spec": {"replicas": 7}}, **MERGE)
    assert (code, scale["spec"]) == (200, {"replicas": 7})
    _, now = await api.do("GET", f"{url}/d")
    assert now["metadata"]["generation"] == 3
    code, status = await api.do("PATCH", f"{url}/d/scale", {"spec": {"replicas": "x"}}, **MERGE)
    assert code == 422
    assert status["message"].endswith(
        "json: cannot unmarshal string into Go struct field ScaleSpec.spec.replicas of type int32"
    )


async def test_unknown_fields_are_refused_when_strict(api: Any) -> None:
    body = {"metadata": {"name": "b"}, "nonsense": 1}
    code, status = await api.do("POST", f"{CONFIGMAPS}?fieldValidation=Strict", body)
    assert code == 400
    assert 'unknown field "nonsense"' in status["message"]


async def test_unknown_patch_types_are_unsupported(api: Any) -> None:
    await make(api)
    code, status = await api.do("PATCH", f"{CONFIGMAPS}/a", {}, content_type="text/plain")
    assert (code, status["reason"]) == (415, "UnsupportedMediaType")


async def test_a_patch_that_breaks_the_object_is_invalid_itself(api: Any) -> None:
    await make(api)
    wrong = {"metadata": {"labels": "x"}}
    strategic = {"content_type": "application/strategic-merge-patch+json"}
    code, status = await api.do("PATCH", f"{CONFIGMAPS}/a", wrong, **strategic)
    assert (code, status["reason"]) == (422, "Invalid")
    assert status["message"] == (
        ' "" is invalid: patch: Invalid value: "map[metadata:map[labels:x]]": '
        "cannot restore map from string"
    )
    code, status = await api.do("PATCH", f"{CONFIGMAPS}/a", wrong, **MERGE)
    assert code == 422
    assert status["message"].endswith(
        "json: cannot unmarshal string into Go struct field ObjectMeta.metadata.labels of type "
        "map[string]string"
    )
    path = f"{CONFIGMAPS}/a?fieldValidation=Strict"
    code, status = await api.do("PATCH", path, {"nonsense": 1}, **MERGE)
    assert code == 422
    assert status["message"].endswith('strict decoding error: unknown field "nonsense"')


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("dryRun=x", 'dryRun: Unsupported value: ["x"]: supported values: "All"'),
        (
            "fieldValidation=x",
            'fieldValidation: Unsupported value: "x": supported values: "", "Ignore", "Strict", '
            '"Warn"',
        ),
        (f"fieldManager={'x' * 129}", "fieldManager: Too long: may not be more than 128 bytes"),
    ],
)
async def test_options_without_a_meaning_are_refused(api: Any, query: str, said: str) -> None:
    body = {"metadata": {"name": "new"}}
    code, status = await api.do("POST", f"{CONFIGMAPS}?{query}", body)
    assert (code, status["message"]) == (422, f'CreateOptions.meta.k8s.io "" is invalid: {said}')
    assert (await api.do("GET", f"{CONFIGMAPS}/new"))[0] == 404


async def test_an_apply_with_an_undeclared_field_is_refused_even_without_strict(api: Any) -> None:
    applied = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d"},
        "spec": {"unknownField": 1},
    }
    code, status = await api.do(
        "PATCH",
        "/apis/apps/v1/namespaces/default/deployments/d?fieldManager=me",
        applied,
        content_type="application/apply-patch+yaml",
    )
    assert (code, status["message"]) == (
        500,
        "failed to create typed patch object (/d; apps/v1, Kind=Deployment): "
        ".spec.unknownField: field not declared in schema",
    )
