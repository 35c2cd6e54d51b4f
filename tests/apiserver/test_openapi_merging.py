from typing import Any

from pinnace.apiserver.openapi.merging import merge

KINDS = "x-kubernetes-group-version-kind"


def reference(name: str) -> dict[str, Any]:
    return {"$ref": f"#/definitions/{name}"}


def document(path: str, **definitions: Any) -> dict[str, Any]:
    first = next(iter(definitions))
    return {"paths": {path: {"get": {"schema": reference(first)}}}, "definitions": definitions}


def test_only_what_the_own_paths_need_is_added() -> None:
    into = document("/api", A={"type": "string"})
    added = document("/apis/g/v/x", B={"properties": {"c": reference("C")}}, C={}, D={})
    added["paths"]["/version"] = {"get": {"schema": reference("D")}}
    merge(into, added, "/apis/g/v/")
    assert sorted(into["paths"]) == ["/api", "/apis/g/v/x"]
    assert sorted(into["definitions"]) == ["A", "B", "C"]


def test_a_definition_that_means_something_else_gets_another_name() -> None:
    into = document("/api", M={"type": "string"}, M_v2={"type": "null"})
    added = document("/apis/g/v/x", B={"properties": {"m": reference("M")}}, M={"type": "integer"})
    merge(into, added, "/apis/g/v/")
    assert into["definitions"]["B"] == {"properties": {"m": reference("M_v3")}}
    assert into["definitions"]["M_v3"] == {"type": "integer"}
    assert added["definitions"]["B"] == {"properties": {"m": reference("M")}}


def test_the_same_definition_is_shared_and_is_for_the_kinds_of_both() -> None:
    into = document("/api", M={"type": "object", KINDS: [{"kind": "A"}]})
    added = document("/apis/g/v/x", M={"type": "object", KINDS: [{"kind": "A"}, {"kind": "B"}]})
    merge(into, added, "/apis/g/v/")
    assert into["definitions"] == {"M": {"type": "object", KINDS: [{"kind": "A"}, {"kind": "B"}]}}


def test_paths_that_are_there_stay() -> None:
    into = document("/apis/g/v/x", A={})
    merge(into, document("/apis/g/v/x", B={}), "/apis/g/v/")
    assert sorted(into["definitions"]) == ["A"]
