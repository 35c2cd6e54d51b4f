"""Bodies of another kind, or of none, are refused in upstream's words."""

from typing import Any

import pytest

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
SCHEME = 'in scheme "pkg/api/legacyscheme/scheme.go:30"'


@pytest.mark.parametrize(
    ("kind", "version", "why"),
    [
        ("Pod", "v1", "converting (v1.Pod) to (core.ConfigMap): unknown conversion"),
        ("Deployment", "apps/v1",
         "converting (v1.Deployment) to (core.ConfigMap): unknown conversion"),
        ("Foo", "v1", f'no kind "Foo" is registered for version "v1" {SCHEME}'),
        ("ConfigMap", "x/v1", f'no kind "ConfigMap" is registered for version "x/v1" {SCHEME}'),
    ],
)  # fmt: skip
async def test_another_kind_is_refused(api: Any, kind: str, version: str, why: str) -> None:
    body = {"kind": kind, "apiVersion": version, "metadata": {"name": "a"}}
    code, status = await api.do("POST", CONFIGMAPS, body)
    assert (code, status["reason"]) == (400, "BadRequest")
    assert status["message"] == f'{kind} in version "v1" cannot be handled as a ConfigMap: {why}'


async def test_no_object_at_all_is_refused_with_its_beginning(api: Any) -> None:
    code, status = await api.do("POST", CONFIGMAPS)
    assert (code, status["message"]) == (
        400,
        "the object provided is unrecognized (must be of type ConfigMap): couldn't get "
        "version/kind; json parse error: unexpected end of JSON input (<empty>)",
    )
    _, status = await api.do("POST", CONFIGMAPS, [1, 2])
    assert status["message"].endswith(" (5b312c325d)")
