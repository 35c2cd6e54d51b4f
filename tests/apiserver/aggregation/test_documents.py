import pytest

from pinnace.api.wire import User
from pinnace.apiserver.aggregation.backends import NotSayable, identity
from pinnace.apiserver.aggregation.documents import NoDocument, legacy_resources


def test_an_old_list_of_resources_is_told_in_the_aggregated_form() -> None:
    listed = [
        {"name": "things", "singularName": "thing", "namespaced": True, "kind": "Thing",
         "verbs": ["get"], "shortNames": ["t"]},
        {"name": "things/status", "namespaced": True, "kind": "Thing", "verbs": ["get"]},
        {"name": "others/scale", "namespaced": False, "kind": "", "verbs": ["get"]},
    ]  # fmt: skip
    things, others = legacy_resources({"resources": listed})
    kind = {"group": "", "version": "", "kind": "Thing"}
    assert things == {
        "resource": "things",
        "responseKind": kind,
        "scope": "Namespaced",
        "singularResource": "thing",
        "verbs": ["get"],
        "shortNames": ["t"],
        "subresources": [{"subresource": "status", "responseKind": kind, "verbs": ["get"]}],
    }
    assert others["scope"] == "Cluster"
    assert others["subresources"][0]["responseKind"] == {"group": "", "version": "", "kind": ""}


@pytest.mark.parametrize(
    "listed",
    [
        [1],
        [{"kind": "Thing"}],
        [{"name": "a", "namespaced": True}, {"name": "a/status", "namespaced": False}],
    ],
)
def test_what_is_no_list_of_resources_is_refused(listed: list[object]) -> None:
    with pytest.raises(NoDocument):
        legacy_resources({"resources": listed})


def test_a_user_is_told_in_headers_as_go_writes_them() -> None:
    user = User("jo", ("a", "b"), "u1", {"example.com/Key %": ("v", "w")})
    assert identity(user) == [
        ("X-Remote-User", "jo"),
        ("X-Remote-Uid", "u1"),
        ("X-Remote-Group", "a"),
        ("X-Remote-Group", "b"),
        ("X-Remote-Extra-example.com%2FKey%20%25", "v"),
        ("X-Remote-Extra-example.com%2FKey%20%25", "w"),
    ]


@pytest.mark.parametrize("name", ["a\r\nX-Remote-Group: system:masters", "a\nb", "a\0b"])
def test_a_name_that_would_be_more_than_one_header_is_never_sent(name: str) -> None:
    for user in (User(name), User("jo", (name,)), User("jo", (), "", {"k": (name,)})):
        with pytest.raises(NotSayable):
            identity(user)
