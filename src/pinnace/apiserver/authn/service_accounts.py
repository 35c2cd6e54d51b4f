"""Service account tokens: signed by this cluster, good as long as what they are bound to exists.

The signature of a token is checked once and remembered; its dates and the objects that it is bound
to (service account, pod, secret, node) are looked at every time, so that deleting one of these
ends the token at once.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt
import orjson

from pinnace.api.kinds.core import NODES, PODS, SECRETS, SERVICEACCOUNTS
from pinnace.api.names import dns1123_label, dns1123_subdomain
from pinnace.api.objects import Object, parse_time
from pinnace.api.resources import Resource
from pinnace.api.wire import User
from pinnace.apiserver.admission.base import Lookup
from pinnace.apiserver.authn.base import CREDENTIAL_ID, Identity, InvalidToken
from pinnace.kit.x509 import key_id

# The extra of a token that is bound to a Pod on a node, or to a node.
NODE_NAME = "authentication.kubernetes.io/node-name"
USERNAME_PREFIX = "system:serviceaccount:"
ALL_SERVICE_ACCOUNTS = "system:serviceaccounts"
LEEWAY = timedelta(minutes=1)
# The only algorithm accepted: never what the token itself proposes.
ALGORITHMS = ["RS256"]
_KEPT = 4096
_MAX_TOKEN = 64 * 1024


def username(namespace: str, name: str) -> str:
    """Return the user name of a service account."""
    return f"{USERNAME_PREFIX}{namespace}:{name}"


def split_username(user: str) -> tuple[str, str] | None:
    """Return namespace and name of a service account's user name, or None for other users."""
    if not user.startswith(USERNAME_PREFIX):
        return None
    parts = user.removeprefix(USERNAME_PREFIX).split(":")
    if len(parts) != 2 or dns1123_label(parts[0]) or dns1123_subdomain(parts[1]):
        return None
    return parts[0], parts[1]


def groups_of(namespace: str) -> tuple[str, str]:
    """Return the groups that every service account of a namespace is in."""
    return ALL_SERVICE_ACCOUNTS, f"{ALL_SERVICE_ACCOUNTS}:{namespace}"


@dataclass(frozen=True, slots=True)
class _Verified:
    """What a token with a good signature claims."""

    claims: dict[str, Any]
    audiences: tuple[str, ...]


class ServiceAccountTokens:
    """Knows callers by tokens that this cluster has signed for service accounts."""

    def __init__(
        self,
        *,
        issuers: Iterable[str],
        public_keys: Sequence[bytes],
        api_audiences: tuple[str, ...],
        lookup: Lookup,
        now: Callable[[], datetime],
    ) -> None:
        self._issuers = frozenset(issuers)
        self._keys = {key_id(pem): pem for pem in public_keys}
        self._api_audiences = api_audiences
        self._lookup = lookup
        self._now = now
        self._jws = jwt.PyJWS(algorithms=ALGORITHMS)
        self._verified: OrderedDict[str, _Verified] = OrderedDict()

    def authenticate_token(self, token: str, audiences: tuple[str, ...]) -> Identity | None:
        verified = self._verified.get(token)
        if verified is None:
            verified = self._verify(token)
            if verified is None:
                return None
            self._verified[token] = verified
            if len(self._verified) > _KEPT:
                self._verified.popitem(last=False)
        else:
            self._verified.move_to_end(token)
        wanted = audiences or self._api_audiences
        common = tuple(a for a in verified.audiences if a in wanted)
        if not common:
            raise InvalidToken(
                f"token audiences {_go_list(verified.audiences)} is invalid"
                f" for the target audiences {_go_list(wanted)}"
            )
        return Identity(self._user(verified.claims), common)

    def _verify(self, token: str) -> _Verified | None:
        """Check form, issuer and signature; None means that it is not one of our tokens."""
        if len(token) > _MAX_TOKEN or token.count(".") != 2:
            return None
        try:
            header = jwt.get_unverified_header(token)
            unchecked = self._jws.decode(token, options={"verify_signature": False})
            issuer = orjson.loads(unchecked).get("iss")
        except (jwt.PyJWTError, ValueError, AttributeError, TypeError):
            return None
        if not isinstance(issuer, str) or issuer not in self._issuers:
            return None
        payload = self._check_signature(token, header.get("kid"))
        claims = orjson.loads(payload)
        audience = claims.get("aud") or ()
        if isinstance(audience, str):
            audience = (audience,)
        # Tokens without an audience are for the API server, as upstream's oldest ones.
        return _Verified(claims, tuple(map(str, audience)) or self._api_audiences)

    def _check_signature(self, token: str, kid: object) -> bytes:
        if kid:
            keys = [self._keys[kid]] if isinstance(kid, str) and kid in self._keys else []
        else:
            keys = list(self._keys.values())
        if not keys:
            raise InvalidToken("invalid signature, no keys found")
        for key in keys:
            try:
                return bytes(self._jws.decode(token, key, algorithms=ALGORITHMS))
            except jwt.PyJWTError:
                continue
        raise InvalidToken("go-jose/go-jose: error in cryptographic primitive")

    def _user(self, claims: dict[str, Any]) -> User:
        self._check_dates(claims)
        private = claims.get("kubernetes.io")
        if not isinstance(private, dict) or not isinstance(private.get("serviceaccount"), dict):
            raise InvalidToken("service account token claims could not be validated")
        namespace = str(private.get("namespace") or "")
        account = private["serviceaccount"]
        name, uid = str(account.get("name") or ""), str(account.get("uid") or "")
        if claims.get("sub") != username(namespace, name):
            raise InvalidToken("service account token claims could not be validated")
        self._check_account(namespace, name, uid)
        pod, secret, node = (_reference(private, kind) for kind in ("pod", "secret", "node"))
        if secret:
            self._check_bound(SECRETS, namespace, secret, "secret")
        if pod:
            self._check_bound(PODS, namespace, pod, "pod")
        elif node:
            self._check_bound(NODES, "", node, "node")
        extra = _extra(pod, node, str(claims.get("jti") or ""))
        return User(username(namespace, name), groups_of(namespace), uid, extra)

    def _check_dates(self, claims: dict[str, Any]) -> None:
        now = self._now()
        early, late = (now - LEEWAY).timestamp(), (now + LEEWAY).timestamp()
        try:
            expires = float(claims["exp"])
            not_before = float(claims.get("nbf") or 0)
            issued = float(claims.get("iat") or 0)
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidToken("service account token claims could not be validated") from error
        if not_before > late:
            raise InvalidToken("service account token is not valid yet")
        # Written so that NaN, which a hostile token may hold, counts as expired.
        if not early < expires:
            raise InvalidToken("service account token has expired")
        if issued > late:
            raise InvalidToken("service account token is issued in the future")

    def _check_account(self, namespace: str, name: str, uid: str) -> None:
        account = self._lookup.get(SERVICEACCOUNTS, namespace, name)
        if account is None:
            raise InvalidToken(f'serviceaccounts "{name}" not found')
        found = str(account["metadata"].get("uid") or "")
        if found != uid:
            raise InvalidToken(f"service account UID ({found}) does not match claim ({uid})")
        if self._is_gone(account):
            raise InvalidToken(f"service account {namespace}/{name} has been deleted")

    def _check_bound(
        self, row: Resource, namespace: str, reference: tuple[str, str], what: str
    ) -> None:
        name, uid = reference
        bound = self._lookup.get(row, namespace, name)
        if bound is None or self._is_gone(bound):
            raise InvalidToken("service account token has been invalidated")
        found = str(bound["metadata"].get("uid") or "")
        if found != uid:
            raise InvalidToken(
                f"{what} UID ({found}) does not match service account {what} ref claim ({uid})"
            )

    def _is_gone(self, obj: Object) -> bool:
        deleted = obj["metadata"].get("deletionTimestamp")
        return bool(deleted) and parse_time(deleted) < self._now() - LEEWAY


def _reference(private: dict[str, Any], kind: str) -> tuple[str, str] | None:
    value = private.get(kind)
    if not isinstance(value, dict):
        return None
    return str(value.get("name") or ""), str(value.get("uid") or "")


def _extra(
    pod: tuple[str, str] | None, node: tuple[str, str] | None, jti: str
) -> dict[str, tuple[str, ...]]:
    extra: dict[str, tuple[str, ...]] = {}
    if pod:
        extra["authentication.kubernetes.io/pod-name"] = (pod[0],)
        extra["authentication.kubernetes.io/pod-uid"] = (pod[1],)
    if jti:
        extra[CREDENTIAL_ID] = (f"JTI={jti}",)
    if node and node[0]:
        extra[NODE_NAME] = (node[0],)
        if node[1]:
            extra["authentication.kubernetes.io/node-uid"] = (node[1],)
    return extra


def _go_list(values: Iterable[str]) -> str:
    """Write strings as Go's %q does for a slice."""
    return "[" + " ".join(f'"{value}"' for value in values) + "]"
