"""Keeps a ServiceAccount called default in every namespace."""

from collections.abc import Iterable
from datetime import timedelta

from pinnace.api.kinds.core import NAMESPACES, SERVICEACCOUNTS
from pinnace.api.objects import Key, Object
from pinnace.controllers.base import Context, Controller
from pinnace.controllers.shared.writes import ensure

_NAME = "default"


def to_namespace(obj: Object, ctx: Context) -> Iterable[Key]:
    """Route the account to its namespace."""
    if obj["metadata"]["name"] == _NAME:
        yield Key("", obj["metadata"]["namespace"])


async def reconcile(key: Key, ctx: Context) -> timedelta | None:
    """Create the account if the namespace is active and has none."""
    namespace = ctx.informers.informer(NAMESPACES).get(key)
    if namespace is None or (namespace.get("status") or {}).get("phase") == "Terminating":
        return None
    if ctx.informers.informer(SERVICEACCOUNTS).get(Key(key.name, _NAME)) is None:
        meta = {"name": _NAME, "namespace": key.name}
        await ensure(ctx, SERVICEACCOUNTS, {"metadata": meta})
    return None


SERVICE_ACCOUNT = Controller(
    name="serviceaccount-controller",
    account="service-account-controller",
    on=NAMESPACES,
    reconcile=reconcile,
    also=((SERVICEACCOUNTS, to_namespace),),
)
