"""Proxies lead to other machines, and never to the API server's own or what only that may see."""

import pytest

from pinnace.api.errors import BadRequest
from pinnace.apiserver.connect.target import refuse_local


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.9.1", "169.254.169.254", "0.0.0.0", "224.0.0.1", "255.255.255.255",
        "::1", "::", "fe80::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
        "::ffff:7f00:1", "localhost", "", "127.1", "2130706433", "0x7f.0.0.1",
    ],
)  # fmt: skip
def test_addresses_of_no_other_machine_are_refused(address: str) -> None:
    with pytest.raises(BadRequest, match="address not allowed"):
        refuse_local(address)


@pytest.mark.parametrize("address", ["10.0.0.1", "192.168.1.1", "fd00::1", "::ffff:10.0.0.1"])
def test_addresses_of_pods_are_not(address: str) -> None:
    refuse_local(address)
