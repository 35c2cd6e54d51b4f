from datetime import UTC, datetime

import pytest

from pinnace.api.errors import BadRequest
from pinnace.api.wire import User
from pinnace.apiserver.authn.reviews import review_self, review_token
from pinnace.apiserver.authn.table import AuthnConfig, build
from pinnace.testing.lookups import DictLookup

NOW = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def authenticator():
    config = AuthnConfig(api_audiences=("api",), static_tokens={"good": User("jane", ("devs",))})
    return build(config, DictLookup(), lambda: NOW)


async def test_a_good_token_is_reviewed_with_its_user(authenticator):
    answer = await review_token({"kind": "TokenReview", "spec": {"token": "good"}}, authenticator)
    assert answer["status"] == {
        "authenticated": True,
        "user": {"username": "jane", "groups": ["devs", "system:authenticated"]},
        "audiences": ["api"],
    }


async def test_a_bad_token_is_reviewed_as_an_error(authenticator):
    answer = await review_token({"spec": {"token": "bad"}}, authenticator)
    assert answer["status"] == {"user": {}, "error": "invalid bearer token"}


async def test_a_token_for_no_asked_audience_is_not_authenticated(authenticator):
    answer = await review_token({"spec": {"token": "good", "audiences": ["vault"]}}, authenticator)
    assert "authenticated" not in answer["status"]


async def test_a_review_needs_a_token(authenticator):
    with pytest.raises(BadRequest, match="token is required for TokenReview in authentication"):
        await review_token({"spec": {}}, authenticator)


def test_a_self_review_says_who_asks():
    answer = review_self({}, User("jane", ("devs",), "u", {"a": ("b",)}), NOW)
    assert answer["status"]["userInfo"] == {
        "username": "jane",
        "uid": "u",
        "groups": ["devs"],
        "extra": {"a": ["b"]},
    }
