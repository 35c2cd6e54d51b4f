import pytest

from pinnace.apiserver.strategies.advice import cidr_advice


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("10.0.0.0/8", []),
        ("2001:db8::/32", []),
        ("nonsense", []),
        (
            "10.1.2.3/8",
            [
                'p: CIDR value "10.1.2.3/8" is ambiguous in this context (should be "10.0.0.0/8" '
                'or "10.1.2.3/32"?)'
            ],
        ),
        ("010.0.0.0/8", ['p: non-standard CIDR value "010.0.0.0/8" is invalid: use "10.0.0.0/8"']),
        (
            "2001:0db8::/32",
            [
                'p: IPv6 CIDR value "2001:0db8::/32" should be in RFC 5952 canonical format '
                '("2001:db8::/32")'
            ],
        ),
    ],
)
def test_a_range_that_is_written_oddly_earns_a_warning(value: str, said: list[str]) -> None:
    assert list(cidr_advice(value, "p")) == said
