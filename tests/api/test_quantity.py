import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinnace.api import quantity


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("1500m", "1500m"), ("1.5Gi", "1536Mi"), ("1e3", "1e3"), ("1E3", "1E3"), ("0", "0"),
        ("0.5", "500m"), ("1000m", "1"), ("1024Ki", "1Mi"), ("100Mi", "100Mi"), ("0.1n", "1n"),
        ("1.1Ki", "1126400m"), ("0.5Ki", "512"), ("1000k", "1M"), ("1.5", "1500m"), ("0Ki", "0"),
        ("-1.5", "-1500m"), ("-0.1n", "-1n"), ("1.500", "1.500"), ("10e3", "10e3"),
        ("1024e3", "1024e3"), ("0.25", "250m"), ("100Ei", "9223372036854775807"), ("+5", "+5"),
        ("12000000", "12M"), ("4Gi", "4Gi"), ("8Gi", "8Gi"), ("512Mi", "512Mi"), ("1.0", "1"),
        ("1u", "1u"), ("0.001", "1m"), ("0.0015", "1500u"), ("1100e-3", "1100e-3"), (".5", "500m"),
    ],
)  # fmt: skip
def test_writes_what_a_real_server_writes(text: str, canonical: str) -> None:
    assert quantity.parse(text).canonical() == canonical


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "quantities must match"), ("1 Gi", "quantities must match"), ("a", "quantities must"),
        ("1.2.3", "quantities must match"), ("1Gib", "quantities must match"),
        ("1mm", "unable to parse quantity's suffix"), ("1Mi3", "unable to parse quantity's suffix"),
        ("1K", "unable to parse quantity's suffix"), ("1e", "unable to parse quantity's suffix"),
        ("1e999999999999", "unable to parse numeric part"), ("1\u0663", "quantities must match"),
    ],
)  # fmt: skip
def test_refuses_with_upstreams_sentence(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        quantity.parse(text)


def test_values_round_away_from_zero() -> None:
    assert quantity.parse("1500m").value() == 2
    assert quantity.parse("-1500m").value() == -2
    assert quantity.parse("1500u").milli_value() == 2
    assert quantity.parse("2").milli_value() == 2000


def test_sums_keep_the_first_format_unless_it_is_zero() -> None:
    total = quantity.ZERO.add(quantity.parse("1Gi")).add(quantity.parse("512Mi"))
    assert total.canonical() == "1536Mi"
    assert quantity.parse("1Gi").sub(quantity.parse("1Gi")).canonical() == "0"


def test_reads_json_numbers() -> None:
    assert quantity.parse(3).canonical() == "3"
    assert quantity.parse(0.25).canonical() == "250m"


def test_orders_by_amount_whatever_the_format() -> None:
    assert quantity.parse("1k") < quantity.parse("1Ki")
    assert quantity.parse("1000m") == quantity.parse("1")
    assert quantity.parse("2").compare(quantity.parse("1")) == 1


@given(st.integers(-(10**12), 10**12), st.sampled_from(["", "m", "k", "Ki", "Mi", "u", "e3"]))
def test_canonical_text_reads_back_as_the_same_amount(number: int, suffix: str) -> None:
    first = quantity.parse(f"{number}{suffix}")
    assert quantity.parse(first.canonical()) == first
