"""The ConfigMap that tells other servers whose certificates this cluster trusts, and for what.

Components that leave authentication to the cluster read it, upstream's own included. Several API
servers may add their authorities; what is there is kept. Written again when somebody deletes it.
"""

import re

import orjson

from pinnace.api.kinds.core import CONFIGMAPS
from pinnace.api.objects import Object
from pinnace.apiserver.authn import request_header
from pinnace.apiserver.bootstrap.objects import ensure
from pinnace.apiserver.config import ServerConfig
from pinnace.apiserver.core import Core
from pinnace.apiserver.writes import rewrite

NAMESPACE, NAME = "kube-system", "extension-apiserver-authentication"
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?", re.DOTALL)


async def publish_authentication(core: Core) -> None:
    """Make the ConfigMap hold this server's authorities, beside those that are there."""
    wanted = _wanted(core.config)
    if not wanted:
        return
    held = (await core.cache(CONFIGMAPS)).get(NAMESPACE, NAME)
    if held is None:
        metadata = {"namespace": NAMESPACE, "name": NAME}
        await ensure(core, CONFIGMAPS, {"metadata": metadata, "data": wanted})
        return

    def joined(obj: Object) -> Object:
        data = dict(obj.get("data") or {})
        for key, value in wanted.items():
            data[key] = _joined(data[key], value) if data.get(key) else value
        return {**obj, "data": data}

    old = held.shared()
    if joined(old) != old:
        await rewrite(core, CONFIGMAPS, NAMESPACE, NAME, joined)


def _wanted(config: ServerConfig) -> dict[str, str]:
    data = {"client-ca-file": config.client_ca.decode()} if config.client_ca else {}
    proxy = config.authentication.front_proxy
    if proxy is not None:
        data |= {
            "requestheader-client-ca-file": proxy.authority.decode(),
            "requestheader-allowed-names": _list(*proxy.names),
            "requestheader-username-headers": _list(request_header.USER_HEADER),
            "requestheader-uid-headers": _list(request_header.UID_HEADER),
            "requestheader-group-headers": _list(request_header.GROUP_HEADER),
            "requestheader-extra-headers-prefix": _list(request_header.EXTRA_PREFIX),
        }
    return data


def _list(*names: str) -> str:
    return orjson.dumps(names).decode()


def _joined(held: str, added: str) -> str:
    """Return two bundles, or two lists, as one that has each member once."""
    if "-----BEGIN" in added:
        found = [text.strip() + "\n" for text in _CERTIFICATE.findall(f"{held}\n{added}")]
        return "".join(dict.fromkeys(found))
    try:
        names = [name for name in orjson.loads(held) if isinstance(name, str)]
    except (ValueError, TypeError):
        names = []  # what somebody broke is written anew
    return _list(*dict.fromkeys([*names, *orjson.loads(added)]))
