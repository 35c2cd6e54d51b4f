"""Objects as the server's own types print them."""

from pinnace.api.schema.internal import difference, internal, same


def test_unset_fields_are_printed_as_go_prints_them() -> None:
    assert internal("core.Toleration", {"key": "a"}) == {
        "Key": "a", "Operator": "", "Value": "", "Effect": "", "TolerationSeconds": None,
    }  # fmt: skip
    assert list(internal("core.Volume", {"name": "v", "emptyDir": {}}))[:3] == [
        "Name", "HostPath", "EmptyDir",
    ]  # fmt: skip


def test_what_a_pod_says_of_its_host_is_in_its_security_context() -> None:
    seen = internal("core.PodSpec", {"hostNetwork": True})
    assert seen["SecurityContext"]["HostNetwork"] is True


def test_no_list_is_as_good_as_an_empty_one() -> None:
    assert same("core.PodSpec", {"containers": []}, {})
    assert same("core.PodSpec", {"overhead": {"cpu": "1"}}, {"overhead": {"cpu": "1000m"}})
    assert not same("core.PodSpec", {"os": {}}, {})


def test_a_difference_is_a_unified_diff_of_json() -> None:
    old, new = {"key": "a", "effect": "x"}, {"key": "b", "effect": "x"}
    assert difference("core.Taint", old, new) == (
        '@@ -1,5 +1,5 @@\n {\n- "Key": "a",\n+ "Key": "b",\n  "Value": "",\n'
        '  "Effect": "x",\n  "TimeAdded": null\n'
    )
