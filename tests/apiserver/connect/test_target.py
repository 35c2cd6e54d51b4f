import errno

import pytest

from pinnace.apiserver.connect.backend import unreachable
from pinnace.apiserver.connect.target import Target, through_proxy

PREFIX = "/api/v1/namespaces/default/services/s/proxy"
HOSTS = ("10.0.0.1:80", "localhost:8001")


@pytest.mark.parametrize(
    ("location", "seen"),
    [
        ("/a/b?c=d#e", PREFIX + "/a/b?c=d#e"),
        ("http://10.0.0.1:80/a", PREFIX + "/a"),
        ("http://localhost:8001/a/", PREFIX + "/a/"),
        (PREFIX + "/a", PREFIX + "/a"),
        ("a/b", "a/b"),
        ("https://example.com/a", "https://example.com/a"),
    ],
)
def test_redirects_to_the_backend_itself_lead_through_the_proxy(location: str, seen: str) -> None:
    assert through_proxy(location, PREFIX, HOSTS) == seen


def test_a_backend_that_cannot_be_reached_is_told_of_in_gos_words() -> None:
    target = Target("10.0.0.1", 80, "/")
    refused = ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed")
    why = "error trying to reach service: dial tcp 10.0.0.1:80: "
    assert str(unreachable(target, refused)) == why + "connect: connection refused"
    assert str(unreachable(target, TimeoutError())) == why + "i/o timeout"
