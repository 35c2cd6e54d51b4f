"""Signs kube-public/cluster-info with every bootstrap token that is for signing.

Whoever has a token can then tell that the information is of the cluster that the token is of.
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import orjson

from pinnace.api.bootstrap_tokens import NAMESPACE, TYPE, for_signing
from pinnace.api.kinds.core import CONFIGMAPS, SECRETS
from pinnace.api.objects import Key, Object
from pinnace.controllers.base import Context, Controller
from pinnace.kit.x509 import base64url

_INFO = Key("kube-public", "cluster-info")
_CONTENT, _PREFIX = "kubeconfig", "jws-kubeconfig-"


def signature(content: str, token_id: str, token_secret: str) -> str:
    """Return the detached HS256 signature of a content."""
    header = base64url(orjson.dumps({"alg": "HS256", "kid": token_id}))
    text = f"{header}.{base64url(content.encode())}".encode()
    made = hmac.new(token_secret.encode(), text, hashlib.sha256).digest()
    return f"{header}..{base64url(made)}"


def signed(data: Mapping[str, str], secrets: Iterable[Object], now: datetime) -> dict[str, str]:
    """Return the data with the signatures that it should have, and no others."""
    found = {key: value for key, value in data.items() if not key.startswith(_PREFIX)}
    for secret in secrets:
        token = for_signing(secret, now) if secret.get("type") == TYPE else None
        if token is not None:
            found[_PREFIX + token[0]] = signature(data[_CONTENT], *token)
    return found


def to_info(secret: Object, ctx: Context) -> Iterable[Key]:
    """Route a token to what it signs."""
    if secret["metadata"].get("namespace") == NAMESPACE and secret.get("type") == TYPE:
        yield _INFO


async def reconcile(key: Key, ctx: Context) -> timedelta | None:
    """Put the signatures right."""
    info = ctx.informers.informer(CONFIGMAPS).get(key) if key == _INFO else None
    data = (info or {}).get("data") or {}
    if info is None or _CONTENT not in data:
        return None
    tokens = [
        secret
        for secret in ctx.informers.informer(SECRETS).list()
        if secret["metadata"].get("namespace") == NAMESPACE
    ]
    wanted = signed(data, tokens, ctx.clock.now())
    if wanted != data:
        await ctx.client.update(CONFIGMAPS, {**info, "data": wanted})
    return None


BOOTSTRAP_SIGNER = Controller(
    name="bootstrap-signer-controller",
    on=CONFIGMAPS,
    reconcile=reconcile,
    also=((SECRETS, to_info),),
    account="bootstrap-signer",
    workers=1,
)
