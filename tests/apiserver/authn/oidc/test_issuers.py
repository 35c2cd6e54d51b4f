"""Tokens of a provider: whom they stand for, and which are refused."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.apiserver.authn.oidc.conftest import CA, EC_KEY, NOW, RSA_KEY, Provider

from pinnace.api.wire import User
from pinnace.apiserver.authn.base import InvalidToken
from pinnace.apiserver.authn.counts import AuthnCounts
from pinnace.apiserver.authn.oidc.issuers import Oidc, OidcConfig
from pinnace.kit.jws import ALGORITHMS

Make = Callable[..., Any]
SUB = {"username": {"claim": "sub", "prefix": "oidc:"}}


def settings(provider: Provider, mappings: Any = SUB, **more: Any) -> dict[str, Any]:
    issuer = {"url": provider.url, "audiences": ["app"], "certificateAuthority": CA.pem.decode()}
    return {"issuer": issuer, "claimMappings": mappings, **more}


@pytest.fixture
async def make(provider: Provider) -> AsyncIterator[Make]:
    made: list[Oidc] = []

    async def ready(
        *, algorithms: tuple[str, ...] = ALGORITHMS, file: Path | None = None, **given: Any
    ) -> Oidc:
        config = {"jwt": [settings(provider, **given)]}
        text = orjson.dumps(config).decode()
        oidc = Oidc(
            OidcConfig(config=config, algorithms=algorithms, file=file, text=text),
            api_audiences=("api",),
            issuers=("ours",),
            now=NOW.timestamp,
            counts=AuthnCounts(),
            update_seconds=5.0,
            retry_seconds=0.01,
        )
        made.append(oidc)
        oidc.start()
        await oidc._set.ready(5.0)
        return oidc

    yield ready
    for oidc in made:
        await oidc.close()


async def user(oidc: Oidc, token: str) -> User:
    found = await oidc.authenticate_token(token, ("api",))
    assert found is not None
    assert found.audiences == ("api",)
    return found.user


async def refusal(oidc: Oidc, token: str) -> str:
    with pytest.raises(InvalidToken) as refused:
        await oidc.authenticate_token(token, ("api",))
    return str(refused.value)


async def test_a_token_is_its_user_with_prefixes(make: Make, provider: Provider) -> None:
    groups = {"claim": "roles", "prefix": "g:"}
    oidc = await make(mappings={**SUB, "groups": groups})
    token = provider.token(roles=["a", "b"], jti="1")
    extra = {"authentication.kubernetes.io/credential-id": ("JTI=1",)}
    assert await user(oidc, token) == User("oidc:jane", ("g:a", "g:b"), "", extra)
    assert (await user(oidc, provider.token(roles="a"))).groups == ("g:a",)


async def test_expressions_map_claims(make: Make, provider: Provider) -> None:
    mappings = {
        "username": {"expression": "claims.sub + '@' + claims.org.name"},
        "groups": {"expression": "claims.roles.map(r, 'x-' + r)"},
        "uid": {"expression": "string(int(claims.number))"},
        "extra": [{"key": "acme.io/team", "valueExpression": "claims['acme.io/t']"}],
    }
    rules = [{"expression": "claims.exp - claims.iat <= 7200.0", "message": "too long"}]
    users = [{"expression": "!user.username.startsWith('system:')", "message": "reserved"}]
    oidc = await make(mappings=mappings, claimValidationRules=rules, userValidationRules=users)
    now = int(NOW.timestamp())
    claims = {"org": {"name": "acme"}, "roles": ["a"], "number": 7, "acme.io/t": "t", "iat": now}
    assert await user(oidc, provider.token(**claims)) == User(
        "jane@acme", ("x-a",), "7", {"acme.io/team": ("t",)}
    )
    assert "failed: too long" in await refusal(oidc, provider.token(**claims | {"iat": now - 9999}))
    assert "failed: reserved" in await refusal(oidc, provider.token(**claims, sub="system:x"))


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        ({"exp": 1}, "oidc: token is expired (Token Expiry: 1970-01-01 00:00:01 +0000 UTC)"),
        ({"exp": -1.5}, "oidc: token is expired"),
        ({"exp": 1e300}, "oidc: token is expired"),
        ({"exp": "9999999999"}, "exp is no number"),
        ({"exp": True}, "exp is no number"),
        ({"exp": None}, "Token Expiry: 0001-01-01 00:00:00 +0000 UTC"),
        ({"nbf": 9_999_999_999}, "before the nbf (not before) time"),
        ({"aud": "other"}, 'oidc: expected audience "app" got ["other"]'),
        ({"aud": []}, 'oidc: expected audience "app" got []'),
        ({"aud": None}, 'oidc: expected audience "app" got []'),
        ({"aud": ["app", 1]}, "the audience is no list of texts"),
        ({"sub": None}, 'oidc: parse username claims "sub": claim not present'),
        ({"sub": 7}, "json: cannot unmarshal number into Go value of type string"),
    ],
    ids=str,
)
async def test_claims_that_are_not_good_are_refused(
    make: Make, provider: Provider, claims: dict[str, Any], says: str
) -> None:
    assert says in await refusal(await make(), provider.token(**claims))


async def test_a_key_that_comes_later_is_asked_for(make: Make, provider: Provider) -> None:
    oidc = await make()
    assert (await user(oidc, provider.token())).name == "oidc:jane"
    late = provider.token(RSA_KEY)
    assert "failed to verify id token signature" in await refusal(oidc, late)
    provider.keys.append(RSA_KEY)
    assert (await user(oidc, late)).name == "oidc:jane"


async def test_keys_with_time_left_are_all_there_are(make: Make, provider: Provider) -> None:
    provider.cache_control = "public, max-age=3600"
    oidc = await make()
    await user(oidc, provider.token())
    for _ in range(5):
        assert "failed to verify signature" in await refusal(oidc, provider.token(RSA_KEY))
    assert provider.asked == 1


async def test_unknown_keys_do_not_make_us_a_burden(make: Make, provider: Provider) -> None:
    oidc = await make()
    for _ in range(14):
        assert "failed to verify signature" in await refusal(oidc, provider.token(RSA_KEY))
    assert provider.asked == 10


async def test_only_the_algorithms_that_are_allowed(make: Make, provider: Provider) -> None:
    oidc = await make(algorithms=("RS256",))
    told = 'unsupported algorithm, expected ["RS256"] got "ES256"'
    assert told in await refusal(oidc, provider.token())


async def test_others_tokens_are_not_ours(make: Make, provider: Provider) -> None:
    oidc = await make()
    for issuer in (f"{provider.url}/", f"{provider.url}.evil", "ours", 7, None):
        assert await oidc.authenticate_token(provider.token(iss=issuer), ("api",)) is None
    assert await oidc.authenticate_token(provider.token(), ("vault",)) is None


async def test_required_claims_and_verified_mail(make: Make, provider: Provider) -> None:
    mail = {"username": {"claim": "email", "prefix": ""}}
    rules = [{"claim": "hd", "requiredValue": "acme"}]
    oidc = await make(mappings=mail, claimValidationRules=rules)
    good = {"email": "j@acme", "hd": "acme"}
    assert (await user(oidc, provider.token(**good))).name == "j@acme"
    unverified = provider.token(**good, email_verified=False)
    assert await refusal(oidc, unverified) == "oidc: email not verified"
    other = provider.token(email="j", hd="b")
    assert "value does not match. Got = b, want = acme" in await refusal(oidc, other)
    assert "required claim hd not present" in await refusal(oidc, provider.token(email="j"))


async def test_a_changed_file_is_taken_over(make: Make, provider: Provider, tmp_path: Path) -> None:
    file = tmp_path / "authn.yaml"
    oidc = await make(file=file)
    token = provider.token()
    head = {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AuthenticationConfiguration"}
    other = settings(provider, {"username": {"claim": "sub", "prefix": "new:"}})
    file.write_bytes(orjson.dumps({**head, "jwt": [other]}))
    await oidc.reload()
    assert (await user(oidc, token)).name == "new:jane"
    for bad in (b"jwt: 7", orjson.dumps({**head, "jwt": [{}]}), b""):
        file.write_bytes(bad)
        await oidc.reload()
        assert (await user(oidc, token)).name == "new:jane"
    file.write_bytes(orjson.dumps({**head, "jwt": []}))
    await oidc.reload()
    assert await oidc.authenticate_token(token, ("api",)) is None


async def test_groups_may_be_elsewhere(make: Make, provider: Provider) -> None:
    oidc = await make(mappings={**SUB, "groups": {"claim": "groups", "prefix": ""}})
    provider.documents["/g"] = provider.token(groups=["far"])
    sources = {"s": {"endpoint": f"{provider.url}/g"}}
    token = provider.token(_claim_names={"groups": "s"}, _claim_sources=sources)
    first = await refusal(oidc, token)
    assert f'verifier not initialized for issuer: "{provider.url}"' in first
    authenticator = oidc._set.by_issuer[provider.url]
    assert authenticator._resolver is not None
    await authenticator._resolver._starting[0]
    assert (await user(oidc, token)).groups == ("far",)


async def test_a_provider_that_is_not_there_is_named(provider: Provider) -> None:
    provider.says = {"issuer": "https://other"}
    config = OidcConfig(config={"jwt": [settings(provider)]}, algorithms=ALGORITHMS)
    oidc = Oidc(config, api_audiences=("api",), issuers=(), now=NOW.timestamp, counts=AuthnCounts())
    assert await refusal(oidc, provider.token(EC_KEY)) == "oidc: authenticator not initialized"
    one = oidc._set.by_issuer[provider.url].verifier
    assert not await one.attempt()
    assert "issuer did not match the issuer returned by provider" in one.fault
    await oidc.close()
