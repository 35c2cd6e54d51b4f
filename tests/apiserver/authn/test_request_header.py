"""A front proxy is believed what it says of a user, and is no user itself."""

from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate

from pinnace.api.errors import Unauthorized
from pinnace.api.wire import Request, User
from pinnace.apiserver.authn.base import InvalidToken
from pinnace.apiserver.authn.impersonation import joined
from pinnace.apiserver.authn.request_header import FrontProxy, RequestHeaders
from pinnace.apiserver.authn.table import AuthnConfig, build
from pinnace.kit.x509 import Authority, Subject, issue, make_authority
from pinnace.testing.lookups import DictLookup

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PROXIES = make_authority("proxies", now=NOW)
# Of the same name, which alone must not be enough.
FALSE = make_authority("proxies", now=NOW)
ABOUT = [
    ("X-Remote-User", "jane"),
    ("X-Remote-Uid", "7"),
    ("X-Remote-Group", "a,b"),
    ("X-Remote-Group", "c"),
    ("X-Remote-Extra-Acme.com%2Fproject", "x"),
    ("X-Remote-Extra-Acme.com%2Fproject", "y"),
]


def known(
    authority: Authority, name: str = "proxy", headers: list[tuple[str, str]] = ABOUT
) -> User | None:
    pair = issue(authority, Subject(name), now=NOW, client=True)
    certificate = load_pem_x509_certificate(pair.certificate).public_bytes(Encoding.DER)
    request = Request(method="GET", path="/", headers=joined(headers), peer_certificate=certificate)
    return RequestHeaders(FrontProxy(PROXIES.pem, ("proxy",))).authenticate(request)


def test_the_headers_say_who_it_is() -> None:
    extra = {"acme.com/project": ("x", "y")}
    assert known(PROXIES) == User("jane", ("a,b", "c"), "7", extra)


def test_certificates_of_others_are_not_looked_at() -> None:
    assert known(FALSE) is None
    request = Request(method="GET", path="/", headers=joined(ABOUT))
    assert RequestHeaders(FrontProxy(PROXIES.pem)).authenticate(request) is None


def test_a_proxy_of_another_name_is_refused() -> None:
    with pytest.raises(InvalidToken, match="subject with cn=other is not in the allowed list"):
        known(PROXIES, "other")


async def test_a_proxy_that_names_nobody_is_not_taken_for_a_user() -> None:
    pair = issue(PROXIES, Subject("proxy", ("system:masters",)), now=NOW, client=True)
    certificate = load_pem_x509_certificate(pair.certificate).public_bytes(Encoding.DER)
    request = Request(method="GET", path="/", peer_certificate=certificate)
    config = AuthnConfig(front_proxy=FrontProxy(PROXIES.pem, ("proxy",)))
    with pytest.raises(Unauthorized):
        await build(config, DictLookup(), lambda: NOW).authenticate(request)
