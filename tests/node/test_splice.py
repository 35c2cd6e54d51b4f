"""What a port-forward over a WebSocket has to say before anything is forwarded."""

import pytest

from pinnace.node.splice import BadPorts, forwarded_ports


@pytest.mark.parametrize(
    ("values", "ports"), [(["80"], [80]), (["80,81"], [80, 81]), (["80", "65535"], [80, 65535])]
)
def test_ports_are_named_in_the_query(values: list[str], ports: list[int]) -> None:
    assert forwarded_ports(values) == ports


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([], 'query parameter "port" is required'),
        ([""], 'query parameter "port" cannot be empty'),
        (
            ["80,x"],
            'unable to parse "80,x" as a port: strconv.ParseUint: parsing "x": invalid syntax',
        ),
        (
            ["65536"],
            'unable to parse "65536" as a port: strconv.ParseUint: parsing "65536": '
            "value out of range",
        ),
        (["0"], 'port "0" must be > 0'),
    ],
)
def test_bad_ports_are_refused_in_upstreams_words(values: list[str], why: str) -> None:
    with pytest.raises(BadPorts) as refused:
        forwarded_ports(values)
    assert str(refused.value) == why
