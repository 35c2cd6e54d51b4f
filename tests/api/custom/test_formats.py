import pytest

from pinnace.api.custom.formats import check_for, is_supported


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("bsonobjectid", "507f1f77bcf86cd799439011", "507f"),
        ("uri", "https://example.com/a?b=c", "no uri"),
        ("uri", "/only/a/path", "a/relative/path"),
        ("email", "jane@example.com", "jane"),
        ("hostname", "a-b.example.com", "a..b"),
        ("hostname", "localhost", "-a"),
        ("hostname", "bücher.example", "a_b.example.com"),
        ("hostname", "1.example.com", "example.c"),
        ("ipv4", "010.0.0.1", "1.2.3"),
        ("ipv6", "::1", "1.2.3.4"),
        ("cidr", "10.0.0.0/8", "10.0.0.0/33"),
        ("mac", "00:00:5e:00:53:01", "00:00:5e"),
        ("uuid", "0F2B3C4D-0000-1000-8000-000000000000", "zz"),
        ("uuid4", "0f2b3c4d-0000-4000-8000-000000000000", "0f2b3c4d-0000-1000-8000-000000000000"),
        ("isbn10", "0321751043", "0321751044"),
        ("isbn13", "978-0321751041", "978-0321751042"),
        ("creditcard", "4111 1111 1111 1111", "4111111111111112"),
        ("ssn", "123-45-6789", "12-345-6789"),
        ("hexcolor", "#FFFFFF", "#FFFF"),
        ("rgbcolor", "rgb(255, 255, 255)", "rgb(256,0,0)"),
        ("byte", "aGk=", "a"),
        ("date", "2026-02-28", "2026-02-30"),
        ("date-time", "2026-11-22T19:00:00Z", "yesterday"),
        ("duration", "1h30m", "5 parsecs"),
        ("duration", "22 ns", ""),
        ("k8s-short-name", "a-b", "a.b"),
        ("k8s-long-name", "a.b", "A"),
    ],
)
def test_a_format_tells_good_from_bad(name: str, good: str, bad: str) -> None:
    check = check_for(name)
    assert check is not None
    assert check(good)
    assert not check(bad)


def test_a_format_that_nobody_checks_is_not_supported() -> None:
    assert not is_supported("semver")
    assert check_for("semver") is None
