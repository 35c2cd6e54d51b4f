"""The `kubernetes` Service in `default`: how Pods find the API server.

Its Endpoints and EndpointSlice are the server's own addresses, written again whenever they differ.
"""

import ipaddress
import uuid

from pinnace.api.codec.canonical import canonical_bytes
from pinnace.api.kinds.core import ENDPOINTS, SERVICES
from pinnace.api.kinds.discovery import ENDPOINTSLICES
from pinnace.api.objects import Object, format_time
from pinnace.api.resources import Resource
from pinnace.api.typed import stored
from pinnace.apiserver import rules
from pinnace.apiserver.bootstrap.objects import first_address
from pinnace.apiserver.core import Core
from pinnace.apiserver.managers import tracked_as_own
from pinnace.apiserver.services.allocation import allocated
from pinnace.apiserver.writes import Also, rewrite
from pinnace.store.base import Compare, CompareFailed

_NAMESPACE, _NAME = "default", "kubernetes"


async def publish(core: Core, address: str, port: int) -> None:
    """Make the Service and its endpoints be as they should."""
    family = f"IPv{ipaddress.ip_address(address).version}"
    ports: list[Object] = [{"name": "https", "port": port, "protocol": "TCP"}]
    labels = {"component": "apiserver", "provider": "kubernetes"}
    service: Object = {
        "metadata": {"labels": labels},
        "spec": {
            "clusterIP": first_address(core.config.service_cidr),
            "type": "ClusterIP",
            "sessionAffinity": "None",
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": port}],
        },
    }
    await _ensure(core, SERVICES, service, ("spec",), keep=True)
    endpoints: Object = {
        "metadata": {"labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}},
        "subsets": [{"addresses": [{"ip": address}], "ports": ports}],
    }
    await _ensure(core, ENDPOINTS, endpoints, ("subsets",))
    part: Object = {
        "metadata": {"labels": {"kubernetes.io/service-name": _NAME}},
        "addressType": family,
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        "ports": ports,
    }
    await _ensure(core, ENDPOINTSLICES, part, ("endpoints", "ports"))


async def _ensure(
    core: Core, row: Resource, wanted: Object, fields: tuple[str, ...], *, keep: bool = False
) -> None:
    cache = await core.cache(row)
    held = cache.get(_NAMESPACE, _NAME)
    if held is None:
        await _create(core, row, wanted)
        return
    old = held.shared()
    if keep or all(old.get(name) == wanted[name] for name in fields):
        return

    def renewed(obj: Object) -> Object:
        return {**obj, **{name: wanted[name] for name in fields}}

    await rewrite(core, row, _NAMESPACE, _NAME, renewed)


async def _create(core: Core, row: Resource, wanted: Object) -> None:
    obj: Object = {"kind": row.kind, "apiVersion": row.group_version, **wanted}
    obj["metadata"] = {
        **wanted["metadata"],
        "name": _NAME,
        "namespace": _NAMESPACE,
        "uid": str(uuid.uuid4()),
        "creationTimestamp": format_time(core.clock.now()),
    }
    rules.apply_defaults(row, obj)
    obj = tracked_as_own(core, row, obj)
    rules.strategy_for(row).prepare_create(obj, rules.Context())
    also = allocated(core, row, obj) or Also()
    key = (await core.cache(row)).key(_NAMESPACE, _NAME)
    try:
        await core.store.commit(
            compares=[Compare(key, 0), *also.compares],
            puts=[(key, canonical_bytes(stored(obj, row))), *also.puts],
        )
    except CompareFailed:
        return  # another server was first
