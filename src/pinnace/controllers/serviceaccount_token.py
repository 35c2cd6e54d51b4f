"""Fills in Secrets that somebody made to hold a service account's token, and ends them with it."""

import base64
import contextlib
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from pinnace.api.errors import Conflict, NotFound
from pinnace.api.kinds.core import SECRETS, SERVICEACCOUNTS
from pinnace.api.objects import Key, Object, copied, key_of
from pinnace.controllers.base import MANAGER, Context, Controller

TYPE = "kubernetes.io/service-account-token"
_NAME, _UID = "kubernetes.io/service-account.name", "kubernetes.io/service-account.uid"
_ISSUER, _CLAIM = "kubernetes/serviceaccount", "kubernetes.io/serviceaccount/"


def claims(account: Object, secret: Object) -> dict[str, Any]:
    """Return what a token of old claims."""
    meta = account["metadata"]
    namespace, name = meta["namespace"], meta["name"]
    return {
        "iss": _ISSUER,
        "sub": f"system:serviceaccount:{namespace}:{name}",
        f"{_CLAIM}namespace": namespace,
        f"{_CLAIM}secret.name": secret["metadata"]["name"],
        f"{_CLAIM}service-account.name": name,
        f"{_CLAIM}service-account.uid": meta["uid"],
    }


def to_secrets(account: Object, ctx: Context) -> Iterable[Key]:
    """Route an account to the Secrets that are to hold its token."""
    meta = account["metadata"]
    for secret in ctx.informers.informer(SECRETS).list():
        of = secret["metadata"]
        named = (of.get("annotations") or {}).get(_NAME) == meta["name"]
        if named and secret.get("type") == TYPE and of.get("namespace") == meta["namespace"]:
            yield key_of(secret)


async def reconcile(key: Key, ctx: Context) -> timedelta | None:
    """Fill the Secret in; delete it if there is no such account."""
    secret = ctx.informers.informer(SECRETS).get(key)
    if secret is None or secret.get("type") != TYPE or ctx.config.sign_token is None:
        return None
    annotations = secret["metadata"].get("annotations") or {}
    name, uid = annotations.get(_NAME), annotations.get(_UID)
    if not name:
        return None
    try:
        # Asked of the server: what is missing here may merely not have arrived.
        account = await ctx.client.get(SERVICEACCOUNTS, name, namespace=key.namespace)
    except NotFound:
        account = None
    if account is None or (uid and account["metadata"]["uid"] != uid):
        own = secret["metadata"].get("uid") or ""
        with contextlib.suppress(NotFound, Conflict):
            await ctx.client.delete(SECRETS, key.name, namespace=key.namespace, uid=own)
        return None
    data = dict(secret.get("data") or {})
    if ctx.config.root_ca:
        data["ca.crt"] = _encoded(ctx.config.root_ca)
    data["namespace"] = data.get("namespace") or _encoded(key.namespace)
    if not data.get("token"):
        data["token"] = _encoded(ctx.config.sign_token(claims(account, secret)))
    if data == secret.get("data"):
        return None
    filled = copied(secret)
    filled["data"] = data
    told = {_NAME: name, _UID: account["metadata"]["uid"]}
    filled["metadata"]["annotations"] = {**annotations, **told}
    with contextlib.suppress(NotFound, Conflict):
        await ctx.client.update(SECRETS, filled)
    return None


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


SERVICEACCOUNT_TOKEN = Controller(
    name="serviceaccount-token-controller",
    on=SECRETS,
    reconcile=reconcile,
    also=((SERVICEACCOUNTS, to_secrets),),
    account=MANAGER,
)
