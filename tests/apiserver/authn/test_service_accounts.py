"""Tokens that must not be accepted, and those that must."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import jwt
import pytest

from pinnace.api.errors import ApiError, Unauthorized
from pinnace.api.kinds.core import NODES, PODS, SECRETS, SERVICEACCOUNTS
from pinnace.api.wire import Request, User
from pinnace.apiserver.authn.base import InvalidToken
from pinnace.apiserver.authn.table import AuthnConfig, build
from pinnace.apiserver.serviceaccounts.tokens import TokenIssuer
from pinnace.kit import jwk, x509
from pinnace.testing.lookups import DictLookup

ISSUER = "https://kubernetes.default.svc"
KEY = x509.make_signing_key()
OTHER_KEY = x509.make_signing_key()
SOCKET = {"connection": "Upgrade", "upgrade": "websocket"}


class Now:
    def __init__(self):
        self.value = datetime(2030, 1, 1, tzinfo=UTC)

    def __call__(self):
        return self.value


def obj(kind, name, uid, namespace="ns", **more):
    meta = {"name": name, "uid": uid}
    if namespace:
        meta["namespace"] = namespace
    return {"kind": kind, "apiVersion": "v1", "metadata": meta, **more}


@pytest.fixture
def now():
    return Now()


@pytest.fixture
def lookup():
    found = DictLookup()
    found.add(SERVICEACCOUNTS, obj("ServiceAccount", "robot", "sa-1"))
    found.add(
        PODS,
        obj("Pod", "web", "pod-1", spec={"serviceAccountName": "robot", "nodeName": "n1"}),
    )
    found.add(NODES, obj("Node", "n1", "node-1", namespace=""))
    found.add(SECRETS, obj("Secret", "s", "secret-1"))
    return found


@pytest.fixture
def issuer(now):
    return TokenIssuer(
        issuer=ISSUER, private_key=KEY, api_audiences=("api",), now=now, new_id=lambda: "id-1"
    )


@pytest.fixture
def authenticator(lookup, now):
    config = AuthnConfig(
        issuers=(ISSUER,),
        service_account_keys=(x509.public_pem(KEY),),
        api_audiences=("api",),
        static_tokens={"sesame": User("alice", ("devs",), "1")},
    )
    return build(config, lookup, now)


def request_token(issuer, lookup, warnings=None, **spec):
    answer = issuer.request(
        {"spec": spec},
        namespace="ns",
        name="robot",
        lookup=lookup,
        warnings=warnings if warnings is not None else [],
    )
    return answer["status"]["token"], answer


async def ask(authenticator, token):
    return await authenticator.authenticate(
        Request(method="GET", path="/", headers={"authorization": f"Bearer {token}"})
    )


async def test_an_issued_token_is_its_service_account(issuer, lookup, authenticator):
    token, answer = request_token(issuer, lookup)
    user = await ask(authenticator, token)
    assert user == User(
        "system:serviceaccount:ns:robot",
        ("system:serviceaccounts", "system:serviceaccounts:ns", "system:authenticated"),
        "sa-1",
        {"authentication.kubernetes.io/credential-id": ("JTI=id-1",)},
    )
    assert answer["spec"] == {"audiences": ["api"], "expirationSeconds": 3600}
    assert answer["status"]["expirationTimestamp"] == "2030-01-01T01:00:00Z"


async def test_a_pod_bound_token_names_pod_and_node(issuer, lookup, authenticator):
    ref = {"kind": "Pod", "apiVersion": "v1", "name": "web", "uid": "pod-1"}
    token, _ = request_token(issuer, lookup, boundObjectRef=ref)
    extra = (await ask(authenticator, token)).extra
    prefix = "authentication.kubernetes.io"
    assert extra[f"{prefix}/pod-name"] == ("web",)
    assert extra[f"{prefix}/pod-uid"] == ("pod-1",)
    assert extra[f"{prefix}/node-name"] == ("n1",)
    assert extra[f"{prefix}/node-uid"] == ("node-1",)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["kubernetes.io"] == {
        "namespace": "ns",
        "serviceaccount": {"name": "robot", "uid": "sa-1"},
        "pod": {"name": "web", "uid": "pod-1"},
        "node": {"name": "n1", "uid": "node-1"},
    }


@pytest.mark.parametrize(
    ("kind", "row", "namespace", "name"),
    [("Pod", PODS, "ns", "web"), ("Secret", SECRETS, "ns", "s"), ("Node", NODES, "", "n1")],
)
async def test_a_token_ends_with_what_it_is_bound_to(
    issuer, lookup, authenticator, kind, row, namespace, name
):
    ref = {"kind": kind, "apiVersion": "v1", "name": name}
    token, _ = request_token(issuer, lookup, boundObjectRef=ref)
    await ask(authenticator, token)
    kept = lookup.remove(row, namespace, name)
    with pytest.raises(Unauthorized):
        await ask(authenticator, token)
    lookup.add(row, {**kept, "metadata": {**kept["metadata"], "uid": "another"}})
    with pytest.raises(Unauthorized):
        await ask(authenticator, token)


async def test_a_token_ends_with_its_service_account(issuer, lookup, authenticator):
    token, _ = request_token(issuer, lookup)
    await ask(authenticator, token)
    lookup.remove(SERVICEACCOUNTS, "ns", "robot")
    lookup.add(SERVICEACCOUNTS, obj("ServiceAccount", "robot", "sa-2"))
    with pytest.raises(Unauthorized):
        await ask(authenticator, token)


async def test_an_expired_token_is_refused_even_if_it_was_good_before(
    issuer, lookup, authenticator, now
):
    token, _ = request_token(issuer, lookup, expirationSeconds=600)
    await ask(authenticator, token)
    now.value += timedelta(seconds=600 + 61)
    with pytest.raises(Unauthorized):
        await ask(authenticator, token)


def _b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _forge(header, claims, sign):
    head = _b64(json.dumps(header).encode()) + "." + _b64(json.dumps(claims).encode())
    return head + "." + _b64(sign(head.encode()))


def _claims(issuer, lookup):
    token, _ = request_token(issuer, lookup)
    return token, jwt.decode(token, options={"verify_signature": False})


def _hostile(issuer, lookup):
    token, claims = _claims(issuer, lookup)
    public = x509.public_pem(KEY)
    head, body, signature = token.split(".")
    later = {**claims, "exp": claims["exp"] + 10**6}
    sub = {**claims, "sub": "system:serviceaccount:kube-system:admin"}

    def hs256(data):
        return hmac.new(public, data, hashlib.sha256).digest()

    def signed(changed, key=KEY, **headers):
        return jwt.encode(changed, key, algorithm="RS256", headers=headers)

    return {
        "alg none, no signature": _forge({"alg": "none"}, claims, lambda _: b""),
        "alg None, old signature": _forge({"alg": "None"}, claims, lambda _: b"x"),
        "HS256 with the public key": _forge({"alg": "HS256", "typ": "JWT"}, claims, hs256),
        "HS256 with the public key and kid": _forge(
            {"alg": "HS256", "kid": x509.key_id(public)}, claims, hs256
        ),
        "another key": signed(claims, OTHER_KEY),
        "another key under our kid": signed(claims, OTHER_KEY, kid=x509.key_id(public)),
        "our key under an unknown kid": signed(claims, kid="nobody"),
        "kid of a strange type": _forge({"alg": "RS256", "kid": {"a": 1}}, claims, hs256),
        "key in the header": signed(
            claims, OTHER_KEY, jwk=jwk.json_web_key(x509.public_pem(OTHER_KEY))
        ),
        "other issuer": signed({**claims, "iss": "https://evil"}),
        "issuer is a list": _forge({"alg": "RS256"}, {**claims, "iss": [ISSUER]}, hs256),
        "other audience": signed({**claims, "aud": ["someone-else"]}),
        "expired": signed({**claims, "exp": claims["iat"] - 100}),
        "no expiry": signed({k: v for k, v in claims.items() if k != "exp"}),
        "expiry is NaN": signed({**claims, "exp": float("nan")}),
        "expiry is a text": signed({**claims, "exp": "soon"}),
        "not yet valid": signed({**claims, "nbf": claims["iat"] + 1000}),
        "issued in the future": signed({**claims, "iat": claims["iat"] + 1000}),
        "subject differs from the claims": signed(sub),
        "no private claims": signed({k: v for k, v in claims.items() if k != "kubernetes.io"}),
        "body tampered with": head + "." + _b64(json.dumps(later).encode()) + "." + signature,
        "signature cut": head + "." + body + "." + signature[:-4],
        "signature empty": head + "." + body + ".",
        "no signature part": head + "." + body,
        "four parts": token + ".x",
        "payload is a list": _forge({"alg": "RS256"}, [], hs256),
        "not base64": "%%%.%%%.%%%",
        "empty parts": "..",
        "garbage": "garbage",
        "very long": "a" * 200_000 + ".b.c",
        "uid of another account": signed(
            {
                **claims,
                "kubernetes.io": {
                    **claims["kubernetes.io"],
                    "serviceaccount": {"name": "robot", "uid": "x"},
                },
            }
        ),
    }


HOSTILE = _hostile(
    TokenIssuer(issuer=ISSUER, private_key=KEY, api_audiences=("api",), now=Now()),
    DictLookup({SERVICEACCOUNTS: [obj("ServiceAccount", "robot", "sa-1")]}),
)


@pytest.mark.parametrize("attack", sorted(HOSTILE))
async def test_a_forged_token_is_refused(authenticator, attack):
    with pytest.raises(Unauthorized) as refused:
        await ask(authenticator, HOSTILE[attack])
    assert refused.value.status()["message"] == "Unauthorized"
    assert refused.value.code == 401


async def test_a_token_for_another_audience_is_good_only_there(issuer, lookup, authenticator):
    token, _ = request_token(issuer, lookup, audiences=["vault"])
    with pytest.raises(Unauthorized):
        await ask(authenticator, token)
    identity = await authenticator.authenticate_token(token, ("vault", "other"))
    assert identity.audiences == ("vault",)
    with pytest.raises(InvalidToken, match='token audiences \\["vault"\\] is invalid for the'):
        await authenticator.authenticate_token(token, ("api",))


async def test_no_credential_is_anonymous_but_a_bad_one_is_refused(authenticator):
    user = await authenticator.authenticate(Request(method="GET", path="/"))
    assert (user.name, user.groups) == ("system:anonymous", ("system:unauthenticated",))
    with pytest.raises(Unauthorized):
        await ask(authenticator, "wrong")


async def test_anonymous_can_be_switched_off(lookup, now):
    closed = build(AuthnConfig(anonymous=False), lookup, now)
    with pytest.raises(Unauthorized):
        await closed.authenticate(Request(method="GET", path="/"))


async def test_a_static_token_is_its_user(authenticator):
    assert await ask(authenticator, "sesame") == User(
        "alice", ("devs", "system:authenticated"), "1"
    )


async def test_a_websocket_may_carry_its_token_as_a_protocol(issuer, lookup, authenticator):
    token, _ = request_token(issuer, lookup)
    protocol = f"base64url.bearer.authorization.k8s.io.{_b64(token.encode())}, base64.x"
    user = await authenticator.authenticate(
        Request(method="GET", path="/", headers={**SOCKET, "sec-websocket-protocol": protocol})
    )
    assert user.name == "system:serviceaccount:ns:robot"


async def test_a_client_certificate_is_its_user(authenticator):
    when = datetime.now(UTC)
    authority = x509.make_authority("ca", now=when)
    pair = x509.issue(authority, x509.Subject("bob", ("ops",)), now=when, client=True)
    der = base64.b64decode("".join(pair.certificate.decode().split("\n")[1:-2]))
    request = Request(method="GET", path="/", peer_certificate=der)
    for _ in range(2):
        user = await authenticator.authenticate(request)
        assert (user.name, user.groups) == ("bob", ("ops", "system:authenticated"))
    assert user.extra["authentication.kubernetes.io/credential-id"][0].startswith("X509SHA256=")


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"expirationSeconds": 599}, "may not specify a duration less than 10 minutes"),
        ({"expirationSeconds": 2**32 + 1}, "may not specify a duration larger than 2^32 seconds"),
        (
            {"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "gone"}},
            'pods "gone" not found',
        ),
        (
            {"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "web", "uid": "x"}},
            "the UID in the bound object reference (x) does not match the UID in record",
        ),
        (
            {"boundObjectRef": {"kind": "Job", "apiVersion": "batch/v1", "name": "j"}},
            "cannot bind token to object of type batch/v1, Kind=Job",
        ),
    ],
)
def test_a_token_request_is_refused_with_the_reason(issuer, lookup, spec, says):
    with pytest.raises(ApiError) as refused:
        request_token(issuer, lookup, **spec)
    assert says in refused.value.message


def test_the_mounted_tokens_lifetime_is_extended(issuer, lookup):
    ref = {"kind": "Pod", "apiVersion": "v1", "name": "web"}
    token, answer = request_token(issuer, lookup, boundObjectRef=ref, expirationSeconds=3607)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 365 * 24 * 3600
    assert claims["kubernetes.io"]["warnafter"] == claims["iat"] + 3607
    assert answer["status"]["expirationTimestamp"] == "2030-01-01T01:00:07Z"
