from collections.abc import Callable

import pytest

from pinnace.api import names


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (names.dns1123_label, ["a", "a-b", "0a"], ["", "A", "a.b", "-a", "a\n", "a" * 64]),
        (names.dns1123_subdomain, ["a.b", "a"], ["", "a..b", "A", "a_b", "a" * 254]),
        (names.qualified_name, ["a", "x.y/A_b"], ["", "/a", "a/", "a/b/c", "X/a", "a" * 64]),
        (names.label_value, ["", "A.b_c"], ["-a", "a b", "a" * 64]),
        (names.path_segment_name, ["a:b", ""], [".", "..", "a/b", "%"]),
        (names.port_name, ["http", "a-1"], ["", "1", "a--b", "-a", "A", "a" * 16]),
        (names.relaxed_env_var_name, ["1 a"], ["", "a=b", "é", "a\t"]),
        (names.config_map_key, ["a_b"], ["", "..", "a b"]),
        (names.ip, ["10.0.0.1", "::1"],
         ["010.0.0.1", "::ffff:1.2.3.4", "FE80::1", "a", "::1%eth0"]),
        (names.cidr, ["10.0.0.0/8", "fd00::/8"],
         ["10.0.0.1/8", "10.0.0.0/33", "10.0.0.0", "x/8", "10.0.0.0/08"]),
        (names.wildcard_dns1123_subdomain, ["*.a.b"], ["*", "a.b", "*.*.a"]),
        (names.fully_qualified_domain_name, ["a.b.", "a.b"], ["a", "a" * 64 + ".b"]),
    ],
)  # fmt: skip
def test_good_names_pass_and_bad_ones_are_told(
    check: Callable[[str], list[str]], good: list[str], bad: list[str]
) -> None:
    assert [value for value in good if check(value)] == []
    assert [value for value in bad if not check(value)] == []


def test_wording_is_upstreams() -> None:
    assert names.dns1123_label("a.b") == ["must not contain dots"]
    assert names.dns1123_subdomain("A") == [
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
        "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used"
        " for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
    ]
    assert names.label_value("a" * 64) == ["must be no more than 63 bytes"]
    assert names.dns1123_label("a" * 64) == ["must be no more than 63 characters"]
    assert "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex" in names.qualified_name("-")[0]
