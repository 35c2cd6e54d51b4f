"""Deletes the Secrets of bootstrap tokens whose time is over."""

import contextlib
from datetime import timedelta

from pinnace.api.bootstrap_tokens import NAMESPACE, TYPE, expiration, has_expired
from pinnace.api.errors import Conflict, NotFound
from pinnace.api.kinds.core import SECRETS
from pinnace.api.objects import Key
from pinnace.controllers.base import Context, Controller


async def reconcile(key: Key, ctx: Context) -> timedelta | None:
    """Delete the Secret if its token has ended; come again when it does."""
    secret = ctx.informers.informer(SECRETS).get(key)
    if secret is None or key.namespace != NAMESPACE or secret.get("type") != TYPE:
        return None
    now = ctx.clock.now()
    if has_expired(secret, now):
        uid = secret["metadata"].get("uid") or ""
        with contextlib.suppress(NotFound, Conflict):
            await ctx.client.delete(SECRETS, key.name, namespace=key.namespace, uid=uid)
        return None
    end = expiration(secret)
    return end - now if end is not None else None


TOKEN_CLEANER = Controller(
    name="token-cleaner-controller",
    on=SECRETS,
    reconcile=reconcile,
    account="token-cleaner",
    workers=1,
)
