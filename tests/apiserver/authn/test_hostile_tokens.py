"""Tokens made to deceive: each is refused, whoever it claims to be from, and nothing breaks."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pinnace.api.kinds.core import SERVICEACCOUNTS
from pinnace.apiserver.authn.base import InvalidToken
from pinnace.apiserver.authn.legacy_accounts import ISSUER as LEGACY
from pinnace.apiserver.authn.table import AuthnConfig, build
from pinnace.kit import x509
from pinnace.kit.jwk import json_web_key
from pinnace.kit.jws import JwsError, Signer, parse
from pinnace.testing.lookups import DictLookup

ISSUER = "https://issuer"
RSA = x509.make_signing_key()
EC = x509.key_pem(ec.generate_private_key(ec.SECP256R1()))
OTHER = x509.make_signing_key()
PUBLIC = {key: x509.public_pem(key) for key in (RSA, EC, OTHER)}
KIDS = {key: x509.key_id(pem) for key, pem in PUBLIC.items()}
NOW = datetime(2030, 1, 1, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
ACCOUNT = {"metadata": {"namespace": "ns", "name": "robot", "uid": "u1"}}
PRIVATE = {"namespace": "ns", "serviceaccount": {"name": "robot", "uid": "u1"}}
CLAIMS: dict[str, Any] = {
    "iss": ISSUER, "sub": "system:serviceaccount:ns:robot", "aud": ["api"],
    "exp": SECONDS + 600, "iat": SECONDS, "nbf": SECONDS, "kubernetes.io": PRIVATE,
}  # fmt: skip
AUTHENTICATOR = build(
    AuthnConfig(
        issuers=(ISSUER,),
        service_account_keys=(PUBLIC[RSA], PUBLIC[EC]),
        api_audiences=("api",),
        bootstrap_tokens=True,
    ),
    DictLookup({SERVICEACCOUNTS: [ACCOUNT]}),
    lambda: NOW,
)


def b64(data: bytes | str | dict[str, Any]) -> str:
    if isinstance(data, dict):
        data = json.dumps(data)
    raw = data.encode() if isinstance(data, str) else data
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(key: bytes = RSA, **claims: Any) -> str:
    told = {**CLAIMS, **claims}
    return Signer(key).sign({k: v for k, v in told.items() if v is not None})


def forged(header: dict[str, Any], signature: bytes = b"", payload: Any = CLAIMS) -> str:
    return f"{b64(header)}.{b64(payload)}.{b64(signature)}"


def by_hmac(header: dict[str, Any], secret: bytes) -> str:
    text = f"{b64(header)}.{b64(CLAIMS)}"
    return f"{text}.{b64(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"


def by_other(**header: Any) -> str:
    """Sign with a key that nobody knows, under the id of one of ours, with more in the header."""
    text = f"{b64({'alg': 'RS256', 'kid': KIDS[RSA], **header})}.{b64(CLAIMS)}"
    signer = Signer(OTHER)
    return f"{text}.{b64(signer._signature(text.encode()))}"


def repeated(text: str) -> str:
    """Sign a payload that says something twice."""
    body = f"{b64({'alg': 'RS256', 'kid': KIDS[RSA]})}.{b64(text)}"
    return f"{body}.{b64(Signer(RSA)._signature(body.encode()))}"


GOOD = signed()
UNREADABLE = b'{"iss":"https://issuer","x":"\xff\xfe"}'
ROOT = {**CLAIMS, "sub": "system:serviceaccount:ns:root"}
HEAD, BODY, SIGNATURE = GOOD.split(".")
HOSTILE = {
    **{f"alg {alg}": forged({"alg": alg}) for alg in ("none", "None", "NONE", "", "HS256", "RS1")},
    **{f"alg {alg} with kid": forged({"alg": alg, "kid": KIDS[RSA]}) for alg in ("none", "ES256")},
    "alg missing": forged({"kid": KIDS[RSA]}),
    "alg a list": forged({"alg": ["RS256"]}),
    "HMAC with the public key": by_hmac({"alg": "HS256"}, PUBLIC[RSA]),
    "HMAC with the public key and its id": by_hmac(
        {"alg": "HS256", "kid": KIDS[RSA]}, PUBLIC[RSA].strip()
    ),
    "HMAC called RS256": by_hmac({"alg": "RS256", "kid": KIDS[RSA]}, PUBLIC[RSA]),
    "an embedded key": by_other(jwk=json_web_key(PUBLIC[OTHER])),
    "a key elsewhere": by_other(jku="https://evil/keys"),
    "a certificate elsewhere": by_other(x5u="https://evil/c", x5c=["AAAA"]),
    "another key under our id": by_other(),
    **{
        f"kid {kid!r}": forged({"alg": "RS256", "kid": kid}, b"x" * 256)
        for kid in ("../../../../dev/null", "' OR 1=1 --", "", "\x00", "é", "k" * 9000)
    },
    "kid a number": forged({"alg": "RS256", "kid": 7}, b"x" * 256),
    "a psychic signature": forged({"alg": "ES256", "kid": KIDS[EC]}, bytes(64)),
    "a psychic signature of n": forged(
        {"alg": "ES256", "kid": KIDS[EC]},
        0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551.to_bytes(32, "big") * 2,
    ),
    "a psychic signature in DER": forged(
        {"alg": "ES256", "kid": KIDS[EC]}, bytes.fromhex("3006020100020100")
    ),
    "an RSA signature of zeros": forged({"alg": "RS256", "kid": KIDS[RSA]}, bytes(256)),
    "no signature": f"{HEAD}.{BODY}.",
    "a detached payload": f"{HEAD}..{SIGNATURE}",
    "crit": repeated(json.dumps(CLAIMS)).replace(
        b64({"alg": "RS256", "kid": KIDS[RSA]}),
        b64({"alg": "RS256", "kid": KIDS[RSA], "crit": ["exp"], "exp": 1}),
    ),
    "another payload": f"{HEAD}.{b64(ROOT)}.{SIGNATURE}",
    "a padded signature": f"{GOOD}==",
    "standard base64": GOOD.replace("-", "+").replace("_", "/") + "+/",
    "spaces": f"{HEAD}.{BODY} .{SIGNATURE}",
    "four parts": f"{GOOD}.x",
    "five parts": f"{GOOD}.x.y",
    "dots": "." * 100_000,
    "a mebibyte": GOOD + "A" * (1 << 20),
    "JSON serialization": json.dumps(
        {"payload": BODY, "protected": HEAD, "signature": SIGNATURE, "header": {"alg": "none"}}
    ),
    "deep JSON": forged({"alg": "RS256"}, b"x", "[" * 100_000),
    "deep JSON in an object": forged({"alg": "RS256"}, b"x", '{"iss":' * 50_000),
    "invalid UTF-8": f"{HEAD}.{b64(UNREADABLE)}.{SIGNATURE}",
    "a lone surrogate": "\ud800.\ud800.\ud800",
    "nothing": ".",
    "two dots": "..",
    "a number": forged({"alg": "RS256"}, b"x", "7"),
    "null": forged({"alg": "RS256"}, b"x", "null"),
    "expired": signed(exp=SECONDS - 61),
    "no end": signed(exp=None),
    **{
        f"exp {value!r}": signed(exp=value)
        for value in ("9999999999", 1e300, -1, -1.5, [9999999999], {"a": 1}, True, "never")
    },
    "exp 1e400": repeated(json.dumps(CLAIMS).replace(f'"exp": {SECONDS + 600}', '"exp": 1e400')),
    "exp NaN": repeated(json.dumps(CLAIMS).replace(f'"exp": {SECONDS + 600}', '"exp": NaN')),
    "exp twice": repeated(json.dumps(CLAIMS)[:-1] + ', "exp": 1}'),
    "nbf to come": signed(nbf=SECONDS + 61),
    "iat to come": signed(iat=SECONDS + 61),
    "nbf a text": signed(nbf="soon"),
    **{f"aud {aud!r}": signed(aud=aud) for aud in ("", "other", ["other"], [["api"]], 7, {"a": 1})},
    **{
        f"issuer {issuer!r}": signed(iss=issuer)
        for issuer in (f"{ISSUER}/", f"{ISSUER}.evil", f" {ISSUER}", "HTTPS://ISSUER", [ISSUER], 7)
    },
    "another account's uid": signed(
        **{"kubernetes.io": {**PRIVATE, "serviceaccount": {"name": "robot", "uid": "u0"}}}
    ),
    "an account that is gone": signed(
        sub="system:serviceaccount:ns:gone",
        **{"kubernetes.io": {**PRIVATE, "serviceaccount": {"name": "gone", "uid": "u1"}}},
    ),
    "another subject": signed(sub="system:serviceaccount:ns:root"),
    "a subject that is no text": signed(sub=["system:serviceaccount:ns:robot"]),
    "an account that is no object": signed(**{"kubernetes.io": {"serviceaccount": ["robot"]}}),
    "a name that is no text": signed(
        **{"kubernetes.io": {**PRIVATE, "serviceaccount": {"name": {"a": 1}, "uid": "u1"}}}
    ),
    "a pod that is gone": signed(
        **{"kubernetes.io": {**PRIVATE, "pod": {"name": "p", "uid": "1"}}}
    ),
    "a pod that is no object": signed(**{"kubernetes.io": {**PRIVATE, "pod": "p"}}),
    "a secret that is gone": signed(
        **{"kubernetes.io": {**PRIVATE, "secret": {"name": "s", "uid": "1"}}}
    ),
    "a node that is gone": signed(**{"kubernetes.io": {**PRIVATE, "node": {"name": "n"}}}),
    "an old token without a Secret": signed(
        iss=LEGACY,
        **{
            "kubernetes.io/serviceaccount/namespace": "ns",
            "kubernetes.io/serviceaccount/secret.name": "gone",
            "kubernetes.io/serviceaccount/service-account.name": "robot",
            "kubernetes.io/serviceaccount/service-account.uid": "u1",
        },
    ),
    "a bootstrap token that nobody made": "abcdef.0123456789abcdef",
}


@pytest.mark.parametrize("case", sorted(HOSTILE))
async def test_it_is_refused(case: str) -> None:
    with pytest.raises(InvalidToken, match="invalid bearer token"):
        await AUTHENTICATOR.authenticate_token(HOSTILE[case], ("api",))


@pytest.mark.parametrize("key", [RSA, EC])
async def test_what_these_are_made_of_is_good(key: bytes) -> None:
    found = await AUTHENTICATOR.authenticate_token(signed(key), ("api",))
    assert found.user.name == "system:serviceaccount:ns:robot"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
_QUICK = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@_QUICK
@given(st.dictionaries(st.sampled_from(sorted(CLAIMS)), _JSON, min_size=1))
async def test_claims_of_any_type_are_refused_or_good(claims: dict[str, Any]) -> None:
    try:
        token = Signer(EC).sign({**CLAIMS, **claims})
    except TypeError:
        return  # a number or a text that no JSON has
    try:
        found = await AUTHENTICATOR.authenticate_token(token, ("api",))
    except InvalidToken:
        return
    assert found.user.name == "system:serviceaccount:ns:robot"


@_QUICK
@given(st.integers(0, len(GOOD) - 1), st.characters())
async def test_a_changed_letter_is_refused(place: int, letter: str) -> None:
    changed = GOOD[:place] + letter + GOOD[place + 1 :]
    try:
        same = parse(changed).signed == parse(GOOD).signed and (
            parse(changed).signature == parse(GOOD).signature
        )
    except JwsError:
        same = False
    if same:
        return
    with pytest.raises(InvalidToken):
        await AUTHENTICATOR.authenticate_token(changed, ("api",))


@_QUICK
@given(st.text(max_size=200))
async def test_any_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidToken):
        await AUTHENTICATOR.authenticate_token(text, ("api",))
