"""The ConfigMap that tells other servers whose client certificates this cluster trusts.

Components that leave authentication to the cluster read it, upstream's own included. Several API
servers may add their authorities; what is there is kept. Written again when somebody deletes it.
"""

import re

from pinnace.api.kinds.core import CONFIGMAPS
from pinnace.api.objects import Object
from pinnace.apiserver.bootstrap.objects import ensure
from pinnace.apiserver.core import Core
from pinnace.apiserver.writes import rewrite

NAMESPACE, NAME = "kube-system", "extension-apiserver-authentication"
_CLIENT_CA = "client-ca-file"
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?", re.DOTALL)


async def publish_authentication(core: Core) -> None:
    """Make the ConfigMap hold this server's authorities, beside those that are there."""
    authorities = core.config.client_ca.decode()
    if not authorities:
        return
    held = (await core.cache(CONFIGMAPS)).get(NAMESPACE, NAME)
    if held is None:
        metadata = {"namespace": NAMESPACE, "name": NAME}
        await ensure(core, CONFIGMAPS, {"metadata": metadata, "data": {_CLIENT_CA: authorities}})
        return

    def joined(obj: Object) -> Object:
        data = obj.get("data") or {}
        return {**obj, "data": {**data, _CLIENT_CA: _joined(data.get(_CLIENT_CA, ""), authorities)}}

    old = held.shared()
    if joined(old) != old:
        await rewrite(core, CONFIGMAPS, NAMESPACE, NAME, joined)


def _joined(held: str, added: str) -> str:
    """Return two bundles as one that has each certificate once."""
    found = [text.strip() + "\n" for text in _CERTIFICATE.findall(f"{held}\n{added}")]
    return "".join(dict.fromkeys(found))
