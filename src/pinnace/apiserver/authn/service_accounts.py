"""Service accounts: their names, and tokens that are bound to what exists.

What such a token is bound to (service account, pod, secret, node) is looked at each time it is
used, and so are its dates.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from pinnace.api.kinds.core import NODES, PODS, SECRETS, SERVICEACCOUNTS
from pinnace.api.names import dns1123_label, dns1123_subdomain
from pinnace.api.objects import Object, parse_time
from pinnace.api.resources import Resource
from pinnace.api.wire import User
from pinnace.apiserver.admission.base import Lookup
from pinnace.apiserver.authn.base import CREDENTIAL_ID, Identity, InvalidToken
from pinnace.apiserver.authn.counts import AuthnCounts
from pinnace.apiserver.authn.signed_tokens import UNEXPECTED

# The extra of a token that is bound to a Pod on a node, or to a node.
NODE_NAME = "authentication.kubernetes.io/node-name"
USERNAME_PREFIX = "system:serviceaccount:"
ALL_SERVICE_ACCOUNTS = "system:serviceaccounts"
LEEWAY = timedelta(minutes=1)
_NO_NUMBER = "go-jose/go-jose/jwt: expected number value to unmarshal NumericDate"
_INT64 = 2**63
_STALE = "authentication.k8s.io/stale-token"


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


class BoundAccounts:
    """Validates the claims of tokens that were requested."""

    def __init__(self, lookup: Lookup, now: Callable[[], datetime], counts: AuthnCounts) -> None:
        self._lookup = lookup
        self._now = now
        self._counts = counts

    def validate(self, token: str, claims: dict[str, Any]) -> Identity:
        """Return whose the claims are; raises InvalidToken."""
        now = self._now()
        _check_dates(claims, now)
        private = claims.get("kubernetes.io")
        if not isinstance(private, dict) or not isinstance(private.get("serviceaccount"), dict):
            raise InvalidToken(UNEXPECTED)
        namespace = _text(private, "namespace")
        account = private["serviceaccount"]
        name, uid = _text(account, "name"), _text(account, "uid")
        if claims.get("sub") != username(namespace, name):
            raise InvalidToken(UNEXPECTED)
        self._check_account(namespace, name, uid)
        pod, secret, node = (_reference(private, kind) for kind in ("pod", "secret", "node"))
        if secret:
            self._check_bound(SECRETS, namespace, secret, "secret")
        if pod:
            self._check_bound(PODS, namespace, pod, "pod")
        elif node:
            self._check_bound(NODES, "", node, "node")
        notes = self._staleness(claims, private.get("warnafter"), now)
        extra = _extra(pod, node, _text(claims, "jti"))
        user = User(username(namespace, name), groups_of(namespace), uid, extra)
        return Identity(user, annotations=notes)

    def _staleness(
        self, claims: dict[str, Any], warn_after: Any, now: datetime
    ) -> tuple[tuple[str, str], ...]:
        """Count a token that lives longer than it says, and tell of one that should be replaced."""
        if not isinstance(warn_after, int | float) or not warn_after:
            return ()
        after = int(now.timestamp()) - int(warn_after)
        if now.timestamp() <= int(warn_after):
            self._counts.valid_tokens.add(())
            return ()
        self._counts.stale_tokens.add(())
        return ((_STALE, f"subject: {claims['sub']}, seconds after warning threshold: {after}"),)

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
        if bound is None:
            raise InvalidToken("service account token has been invalidated")
        found = str(bound["metadata"].get("uid") or "")
        if found != uid:
            raise InvalidToken(
                f"{what} UID ({found}) does not match service account {what} ref claim ({uid})"
            )
        if self._is_gone(bound):
            raise InvalidToken("service account token has been invalidated")

    def _is_gone(self, obj: Object) -> bool:
        deleted = obj["metadata"].get("deletionTimestamp")
        return bool(deleted) and parse_time(deleted) < self._now() - LEEWAY


def _check_dates(claims: dict[str, Any], now: datetime) -> None:
    early, late = (now - LEEWAY).timestamp(), (now + LEEWAY).timestamp()
    try:
        expires = float(_number(claims["exp"]))
        not_before = float(_number(claims.get("nbf") or 0))
        issued = float(_number(claims.get("iat") or 0))
    except TypeError as error:
        raise InvalidToken(_NO_NUMBER) from error
    except KeyError as error:
        raise InvalidToken(UNEXPECTED) from error
    if not_before > late:
        raise InvalidToken("service account token is not valid yet")
    # Written so that NaN counts as expired.
    if not early < expires:
        raise InvalidToken("service account token has expired")
    if issued > late:
        raise InvalidToken("service account token is issued in the future")


def _number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    # What Go's conversion makes of a number that is too large is long ago.
    return value if -_INT64 <= value < _INT64 else -_INT64


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name) or ""
    if not isinstance(value, str):
        raise InvalidToken(UNEXPECTED)
    return value


def _reference(private: dict[str, Any], kind: str) -> tuple[str, str] | None:
    value = private.get(kind)
    if value is None:
        return None
    if not isinstance(value, dict):
        raise InvalidToken(UNEXPECTED)
    return _text(value, "name"), _text(value, "uid")


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
