"""Publishes the API server's CA as the ConfigMap kube-root-ca.crt in every namespace."""

from collections.abc import Iterable
from datetime import timedelta

from pinnace.api.kinds.core import CONFIGMAPS, NAMESPACES
from pinnace.api.objects import Key, Object, copied
from pinnace.controllers.base import Context, Controller
from pinnace.controllers.shared.writes import ensure

NAME = "kube-root-ca.crt"
_DESCRIPTION = "kubernetes.io/description"
_TEXT = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal "
    "endpoints such as the internal service IP or kubernetes.default.svc. No other usage is "
    "guaranteed across distributions of Kubernetes clusters."
)


def to_namespace(obj: Object, ctx: Context) -> Iterable[Key]:
    """Route the ConfigMap to its namespace."""
    if obj["metadata"]["name"] == NAME:
        yield Key("", obj["metadata"]["namespace"])


async def reconcile(key: Key, ctx: Context) -> timedelta | None:
    """Create the ConfigMap, or put it right."""
    namespace = ctx.informers.informer(NAMESPACES).get(key)
    if namespace is None or (namespace.get("status") or {}).get("phase") == "Terminating":
        return None
    data = {"ca.crt": ctx.config.root_ca}
    found = ctx.informers.informer(CONFIGMAPS).get(Key(key.name, NAME))
    if found is None:
        meta = {"name": NAME, "namespace": key.name, "annotations": {_DESCRIPTION: _TEXT}}
        await ensure(ctx, CONFIGMAPS, {"metadata": meta, "data": data})
        return None
    annotations = found["metadata"].get("annotations") or {}
    if found.get("data") == data and annotations.get(_DESCRIPTION):
        return None
    fixed = copied(found)
    fixed["data"] = data
    fixed["metadata"]["annotations"] = {**annotations, _DESCRIPTION: _TEXT}
    await ctx.client.update(CONFIGMAPS, fixed)
    return None


ROOT_CA_PUBLISHER = Controller(
    name="root-ca-certificate-publisher-controller",
    account="root-ca-cert-publisher",
    on=NAMESPACES,
    reconcile=reconcile,
    also=((CONFIGMAPS, to_namespace),),
    workers=1,
)
