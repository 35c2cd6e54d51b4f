import copy
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinnace.api.errors import BadRequest, Conflict
from pinnace.api.kinds.apps import DEPLOYMENTS
from pinnace.api.kinds.core import CONFIGMAPS, PODS
from pinnace.api.patch import fields, managers
from pinnace.api.patch.apply import apply, track
from pinnace.api.patch.compare import compare
from pinnace.api.resources import Resource
from pinnace.api.schema.load import load
from pinnace.api.typed import normalized

T1 = datetime(2026, 1, 1, tzinfo=UTC)
T2 = datetime(2026, 1, 2, tzinfo=UTC)


def _deployment(replicas: int | None = None, **containers: str) -> dict[str, Any]:
    items = [{"name": name, "image": image} for name, image in containers.items()]
    spec: dict[str, Any] = {"template": {"spec": {"containers": items}}}
    if replicas is not None:
        spec["replicas"] = replicas
    return {"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "d"}, "spec": spec}


def _apply(live: Any, applied: Any, who: str = "one", *, force: bool = False) -> dict[str, Any]:
    return apply(live, applied, DEPLOYMENTS, manager=who, force=force, time=T1)


def _owners(obj: dict[str, Any]) -> list[tuple[str, str]]:
    return [(e["manager"], e["operation"]) for e in obj["metadata"].get("managedFields", [])]


def test_a_first_apply_creates_and_owns() -> None:
    applied = _deployment(2, a="1")
    made = _apply(None, applied)
    bare = {**made, "metadata": {"name": "d"}}
    assert bare == {**normalized(applied, DEPLOYMENTS), "spec": bare["spec"]}
    assert made["metadata"]["managedFields"] == [
        {
            "manager": "one",
            "operation": "Apply",
            "apiVersion": "apps/v1",
            "time": "2026-01-01T00:00:00Z",
            "fieldsType": "FieldsV1",
            "fieldsV1": {
                "f:spec": {
                    "f:replicas": {},
                    "f:template": {
                        "f:spec": {
                            "f:containers": {
                                'k:{"name":"a"}': {".": {}, "f:image": {}, "f:name": {}}
                            }
                        }
                    },
                }
            },
        }
    ]


def test_another_value_conflicts_until_forced() -> None:
    live = _apply(None, _deployment(2, a="1"))
    before = copy.deepcopy(live)
    with pytest.raises(Conflict) as caught:
        _apply(live, _deployment(3), "two")
    assert (
        caught.value.message == 'Apply failed with 1 conflict: conflict with "one": .spec.replicas'
    )
    assert caught.value.details == {
        "causes": [
            {
                "reason": "FieldManagerConflict",
                "message": 'conflict with "one"',
                "field": ".spec.replicas",
            }
        ]
    }
    forced = _apply(live, _deployment(3), "two", force=True)
    assert forced["spec"]["replicas"] == 3
    owned = forced["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]
    assert "f:replicas" not in owned
    assert live == before


def test_conflicts_with_updaters_tell_their_version() -> None:
    live = track(None, _deployment(2, a="1"), DEPLOYMENTS, manager="kubectl-create", time=T1)
    with pytest.raises(Conflict) as caught:
        _apply(live, _deployment(3, a="2"), "two")
    assert caught.value.message == (
        'Apply failed with 2 conflicts: conflicts with "kubectl-create" using apps/v1:\n'
        "- .spec.replicas\n"
        '- .spec.template.spec.containers[name="a"].image'
    )


def test_the_same_value_is_shared() -> None:
    live = _apply(None, _deployment(2, a="1"))
    shared = _apply(live, _deployment(2), "two")
    assert sorted(_owners(shared)) == [("one", "Apply"), ("two", "Apply")]
    # The first one lets go, and the field stays for the second.
    left = _apply(shared, _deployment(a="1"))
    assert left["spec"]["replicas"] == 2


def test_what_is_no_longer_applied_is_removed_unless_owned() -> None:
    live = _apply(None, _deployment(2, a="1", b="1"))
    live = _apply(live, _deployment(c="1"), "two")
    live["spec"]["template"]["spec"]["containers"][2]["terminationMessagePath"] = "/x"
    after = _apply(live, _deployment(a="1"))
    names = [c["name"] for c in after["spec"]["template"]["spec"]["containers"]]
    assert names == ["a", "c"]
    assert "replicas" not in after["spec"]


@pytest.mark.parametrize(
    ("live", "applied", "merged"),
    [
        ("abcd", "cxb", "acdxb"),
        ("ab", "c", "abc"),
        ("ab", "ba", "ba"),
        ("abc", "", "abc"),
        ("", "ab", "ab"),
        ("abc", "cab", "cab"),
        ("axb", "ba", "xba"),
    ],
)
def test_lists_keep_the_applied_order_and_live_places(live: str, applied: str, merged: str) -> None:
    before = _deployment(**dict.fromkeys(live, "1"))
    after = _apply(before, _deployment(**dict.fromkeys(applied, "1")), force=True)
    names = [item["name"] for item in after["spec"]["template"]["spec"]["containers"]]
    assert "".join(names) == merged


def test_an_apply_that_changes_nothing_keeps_the_time() -> None:
    live = _apply(None, _deployment(2, a="1"))
    again = apply(live, _deployment(2, a="1"), DEPLOYMENTS, manager="one", force=False, time=T2)
    assert again == live


def test_untracked_objects_get_an_owner_before_the_first_apply() -> None:
    live = _deployment(2, a="1")
    live["metadata"]["uid"] = "u"
    assert (
        "managedFields"
        not in track(live, _deployment(3, a="1"), DEPLOYMENTS, manager="x", time=T1)["metadata"]
    )
    with pytest.raises(Conflict, match='conflict with "before-first-apply" using apps/v1'):
        _apply(live, _deployment(3))


def test_updates_take_what_they_change_and_nothing_else() -> None:
    live = _apply(None, _deployment(2, a="1"))
    new = copy.deepcopy(live)
    new["spec"]["replicas"] = 5
    after = track(live, new, DEPLOYMENTS, manager="hand", time=T2)
    assert _owners(after) == [("one", "Apply"), ("hand", "Update")]
    entry = after["metadata"]["managedFields"][1]
    assert entry["fieldsV1"] == {"f:spec": {"f:replicas": {}}}
    assert entry["time"] == "2026-01-02T00:00:00Z"
    same = track(after, copy.deepcopy(after), DEPLOYMENTS, manager="other", time=T2)
    assert same == after


def test_status_is_tracked_by_its_own_subresource() -> None:
    made = normalized(_deployment(2, a="1"), DEPLOYMENTS)
    live = track(None, made, DEPLOYMENTS, manager="x", time=T1)
    new = {**live, "status": {"replicas": 2}}
    after = track(live, new, DEPLOYMENTS, manager="c", time=T2, subresource="status")
    entry = after["metadata"]["managedFields"][-1]
    assert entry["subresource"] == "status"
    assert entry["fieldsV1"] == {"f:status": {"f:replicas": {}}}


def test_one_empty_entry_resets_the_managers() -> None:
    live = _apply(None, _deployment(2, a="1"))
    new = copy.deepcopy(live)
    new["metadata"]["managedFields"] = [{}]
    assert "managedFields" not in track(live, new, DEPLOYMENTS, manager="x", time=T1)["metadata"]


def test_updaters_beyond_ten_are_folded() -> None:
    live: dict[str, Any] = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "c"},
                            "data": {"first": "0"}}  # fmt: skip
    live = track(None, live, CONFIGMAPS, manager="m0", time=T1)
    for number in range(1, 14):
        new = {**live, "data": {**live["data"], f"k{number}": "x"}}
        live = track(live, new, CONFIGMAPS, manager=f"m{number:02}", time=T2)
    owners = [name for name, _ in _owners(live)]
    assert len(owners) == 10
    assert "ancient-changes" in owners


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"apiVersion": "apps/v1beta1"}, "invalid object type: apps/v1beta1, Kind=Deployment"),
        ({"metadata": {"managedFields": []}}, "metadata.managedFields must be nil"),
    ],
)
def test_refuses_as_upstream(change: dict[str, Any], said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        _apply(None, {**_deployment(1), **change})


def test_custom_resources_without_a_schema_own_maps_by_field_and_lists_whole() -> None:
    row = Resource(group="e.com", version="v1", kind="W", plural="ws")
    made = {"kind": "W", "apiVersion": "e.com/v1", "spec": {"a": {"b": 1}, "l": [1, 2]}}
    live = apply(None, made, row, manager="one", force=False, time=T1)
    assert live["metadata"]["managedFields"][0]["fieldsV1"] == {
        "f:spec": {".": {}, "f:a": {".": {}, "f:b": {}}, "f:l": {}}
    }


CONTAINERS = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from("abc")},
        optional={
            "image": st.sampled_from(["1", "2"]),
            "resources": st.sampled_from([{}, {"limits": {"cpu": "1"}}, {"limits": {}}, None]),
            "args": st.lists(st.sampled_from("xy"), max_size=2),
        },
    ),
    max_size=3,
    unique_by=lambda item: item["name"],
)
PODS_OR_NOT = st.fixed_dictionaries(
    {},
    optional={
        "spec": st.fixed_dictionaries({}, optional={"containers": CONTAINERS}),
        "metadata": st.sampled_from([{}, {"labels": {}}, {"labels": {"a": "1"}}]),
    },
)


@given(PODS_OR_NOT, PODS_OR_NOT)
def test_comparing_one_way_removes_what_the_other_way_adds(old: Any, new: Any) -> None:
    kind = load().type_for("", "v1", "Pod")
    there, back = compare(old, new, kind), compare(new, old, kind)
    assert (there.added, there.removed, there.modified) == (
        back.removed,
        back.added,
        back.modified,
    )
    assert compare(old, old, kind) == (set(), set(), set())


KEYS = st.sampled_from("abcd")
# Nothing is empty here: what Go does not write is added again by every apply, upstream too.
FILLED = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from("abc")},
        optional={
            "image": st.sampled_from(["1", "2"]),
            "resources": st.just({"limits": {"cpu": "1"}}),
            "args": st.lists(st.sampled_from("xy"), min_size=1, max_size=2),
        },
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda item: item["name"],
)
CONFIGS = st.fixed_dictionaries(
    {
        "kind": st.just("Pod"),
        "apiVersion": st.just("v1"),
        "metadata": st.fixed_dictionaries(
            {"name": st.just("p")},
            optional={
                "labels": st.dictionaries(KEYS, st.sampled_from("12"), min_size=1, max_size=2),
                "finalizers": st.lists(KEYS, min_size=1, max_size=3, unique=True),
            },
        ),
    },
    optional={"spec": st.fixed_dictionaries({"containers": FILLED})},
)


def _pod(live: Any, applied: Any, who: str, *, force: bool = True) -> dict[str, Any]:
    made = apply(live, applied, PODS, manager=who, force=force, time=T1)
    return normalized(copy.deepcopy(made), PODS)


def _content(obj: dict[str, Any]) -> dict[str, Any]:
    metadata = {k: v for k, v in obj["metadata"].items() if k != "managedFields"}
    return {**obj, "metadata": metadata}


@given(CONFIGS, CONFIGS)
def test_applying_again_changes_nothing(first: Any, second: Any) -> None:
    live = _pod(_pod(None, first, "one"), second, "two")
    later = apply(live, second, PODS, manager="two", force=True, time=T2)
    assert later == live


@given(CONFIGS, CONFIGS)
def test_whom_force_takes_fields_from_owns_none_that_differ(first: Any, second: Any) -> None:
    live = _pod(None, first, "one")
    forced = _pod(live, second, "two")
    lost = _conflicts(live, second, "two")
    left = managers.read(forced).get(managers.manager("one", "Apply", "v1", ""))
    assert not lost & {fields.shown(path) for path in (left.fields if left else ())}
    if not lost:
        assert _pod(live, second, "two", force=False) == forced


def _conflicts(live: Any, applied: Any, who: str) -> set[str]:
    try:
        _pod(live, applied, who, force=False)
    except Conflict as conflict:
        return {cause["field"] for cause in (conflict.details or {})["causes"]}
    return set()


@given(CONFIGS, CONFIGS)
def test_giving_up_all_leaves_what_the_other_wanted(first: Any, second: Any) -> None:
    alone = _pod(None, first, "one")
    nothing = {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p"}}
    try:
        both = _pod(alone, second, "two", force=False)
    except Conflict:
        return
    left = _pod(both, nothing, "two")
    kind = load().type_for("", "v1", "Pod")
    found = compare(_content(alone), _content(left), kind)
    # Nothing of the first is lost, but the order of items may differ.
    assert not found.modified
    assert not found.removed


@given(
    st.dictionaries(st.sampled_from("ab"), st.sampled_from("12"), min_size=1),
    st.dictionaries(st.sampled_from("cd"), st.sampled_from("12"), min_size=1),
)
def test_who_wants_other_fields_may_come_first(one: Any, other: Any) -> None:
    def config(data: Any) -> dict[str, Any]:
        return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "c"}, "data": data}

    def run(*steps: tuple[str, Any]) -> dict[str, Any]:
        live: Any = None
        for who, data in steps:
            made = apply(live, config(data), CONFIGMAPS, manager=who, force=False, time=T1)
            live = normalized(made, CONFIGMAPS)
        return live

    assert run(("x", one), ("y", other)) == run(("y", other), ("x", one))


PATHS = st.lists(
    st.lists(st.sampled_from(["f:a", "f:b", 'k:{"n":"x"}', 'v:"y"', "f:."]), min_size=1).map(tuple)
)


@given(PATHS)
def test_field_sets_are_read_as_they_are_written(paths: list[tuple[str, ...]]) -> None:
    assert fields.decode(fields.encode(paths)) == frozenset(paths)


def test_giving_up_the_only_annotation_leaves_the_name() -> None:
    applied = _deployment(2, a="1")
    annotated = {**applied, "metadata": {"name": "d", "annotations": {"x": "y"}}}
    made = _apply(_apply(None, annotated), applied)
    assert made["metadata"]["name"] == "d"
    assert "annotations" not in made["metadata"]
