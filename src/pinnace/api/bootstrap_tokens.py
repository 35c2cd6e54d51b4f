"""Secrets that hold a bootstrap token, and what they say of it."""

import base64
import binascii
import re
from datetime import datetime

from pinnace.api.objects import Object

NAMESPACE, PREFIX, TYPE = "kube-system", "bootstrap-token-", "bootstrap.kubernetes.io/token"
GROUP = "system:bootstrappers"
_NAME = re.compile(rf"{PREFIX}([a-z0-9]{{6}})", re.ASCII)
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([.,]\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_GROUP = re.compile(r"system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]", re.ASCII)


class UnfitGroup(ValueError):
    """A group that no bootstrap token may give."""


def data_of(secret: Object, key: str) -> str:
    """Return a value of a Secret; empty if it has none that is text."""
    try:
        return base64.b64decode((secret.get("data") or {}).get(key) or "").decode()
    except (binascii.Error, ValueError):
        return ""


def expiration(secret: Object) -> datetime | None:
    """Return when the token ends, None if it never does; raises ValueError if none can tell."""
    text = data_of(secret, "expiration")
    if not text:
        return None
    if not _RFC3339.fullmatch(text):
        raise ValueError(f"not an RFC 3339 time: {text}")
    return datetime.fromisoformat(text)


def has_expired(secret: Object, now: datetime) -> bool:
    """Say whether the token's time is over; one whose end cannot be read has none."""
    try:
        end = expiration(secret)
    except ValueError:
        return True
    return end is not None and end <= now


def groups_of(secret: Object) -> tuple[str, ...]:
    """Return the groups that the token gives, in order; raises UnfitGroup."""
    groups = {GROUP}
    extra = data_of(secret, "auth-extra-groups")
    for name in extra.split(",") if extra else ():
        if not _GROUP.fullmatch(name):
            raise UnfitGroup(f'bootstrap group "{name}" is invalid')
        groups.add(name)
    return tuple(sorted(groups))


def for_signing(secret: Object, now: datetime) -> tuple[str, str] | None:
    """Return id and secret of a token that may sign the cluster's information, or None."""
    named = _NAME.fullmatch(secret["metadata"]["name"])
    token_id, token_secret = data_of(secret, "token-id"), data_of(secret, "token-secret")
    if named is None or named[1] != token_id or not token_secret or has_expired(secret, now):
        return None
    if data_of(secret, "usage-bootstrap-signing") != "true":
        return None
    return token_id, token_secret
