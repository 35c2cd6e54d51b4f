"""The `kubernetes` Service in `default`: how Pods find the API server.

Its Endpoints and EndpointSlice are the addresses of all servers that are alive, written again
whenever they differ.
"""

import ipaddress
import uuid
from collections.abc import Sequence

from pinnace.api.codec.canonical import canonical_bytes
from pinnace.api.kinds.core import ENDPOINTS, SERVICES
from pinnace.api.kinds.discovery import ENDPOINTSLICES
from pinnace.api.objects import Object, format_time
from pinnace.api.resources import Resource
from pinnace.api.typed import stored
from pinnace.apiserver import rules
from pinnace.apiserver.bootstrap.live_servers import Address, announce, withdraw
from pinnace.apiserver.bootstrap.objects import first_address
from pinnace.apiserver.core import Core
from pinnace.apiserver.managers import tracked_as_own
from pinnace.apiserver.services.allocation import allocation
from pinnace.apiserver.writes import Also, rewrite
from pinnace.store.base import Compare, CompareFailed

_NAMESPACE, _NAME = "default", "kubernetes"


async def publish(core: Core, address: str, port: int) -> None:
    """Make the Service and its endpoints be as they should."""
    await _publish_service(core, port)
    await _publish_endpoints(core, await announce(core, address, port))


async def unpublish(core: Core, address: str, port: int) -> None:
    """Take a server that ends out of the endpoints, if others go on."""
    if core.store.shared:
        left = await withdraw(core, address, port)
        if left:
            await _publish_endpoints(core, left)


async def _publish_service(core: Core, port: int) -> None:
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


async def _publish_endpoints(core: Core, servers: Sequence[Address]) -> None:
    by_port: dict[int, list[str]] = {}
    for address, port in servers:
        by_port.setdefault(port, []).append(address)
    endpoints: Object = {
        "metadata": {"labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}},
        "subsets": [
            {"addresses": [{"ip": ip} for ip in ips], "ports": _ports(port)}
            for port, ips in sorted(by_port.items())
        ],
    }
    await _ensure(core, ENDPOINTS, endpoints, ("subsets",))
    # A slice has one set of ports: of servers on several, those on the port that most have.
    port, ips = max(sorted(by_port.items()), key=lambda found: len(found[1]))
    part: Object = {
        "metadata": {"labels": {"kubernetes.io/service-name": _NAME}},
        "addressType": f"IPv{ipaddress.ip_address(ips[0]).version}",
        "endpoints": [{"addresses": [ip], "conditions": {"ready": True}} for ip in ips],
        "ports": _ports(port),
    }
    await _ensure(core, ENDPOINTSLICES, part, ("endpoints", "ports"))


def _ports(port: int) -> list[Object]:
    return [{"name": "https", "port": port, "protocol": "TCP"}]


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
    given = allocation(core, row)
    if given is not None:
        given.fill(obj)
    rules.strategy_for(row).prepare_create(obj, rules.Context())
    also = given.also(obj) if given is not None else Also()
    key = (await core.cache(row)).key(_NAMESPACE, _NAME)
    try:
        await core.store.commit(
            compares=[Compare(key, 0), *also.compares],
            puts=[(key, canonical_bytes(stored(obj, row))), *also.puts],
        )
    except CompareFailed:
        return  # another server was first
