from typing import Any

import pytest

from pinnace.api.custom.jsonpath import JsonPath

OBJ: Any = {
    "spec": {"n": 1, "list": [{"name": "a", "v": 1}, {"name": "b", "v": 2}], "a.b": "dotted"},
    "status": {"conditions": [{"type": "Ready", "status": "True"}]},
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".spec.n", [1]),
        (".spec.missing.deeper", []),
        (".spec['a.b']", []),
        (".spec['a\\.b']", ["dotted"]),
        (".spec['n','a\\.b']", [1, "dotted"]),
        (".spec.list[].name", ["a"]),
        (".spec.a\\.b", ["dotted"]),
        (".spec.list[0].name", ["a"]),
        (".spec.list[-1].name", ["b"]),
        (".spec.list[*].v", [1, 2]),
        (".spec.list[0:1].v", [1]),
        (".spec.list[0,1].v", [1, 2]),
        (".spec.list[?(@.v>1)].name", ["b"]),
        ('.status.conditions[?(@.type=="Ready")].status', ["True"]),
        ("..type", ["Ready"]),
    ],
)
def test_a_path_leads_where_client_go_says(path: str, found: list[Any]) -> None:
    assert JsonPath(path).find(OBJ) == found


@pytest.mark.parametrize("path", [".spec[", '.spec["n"]'])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="unrecognized path"):
        JsonPath(path)
