"""The cluster DNS: informers in, a listening server, and the Service by which Pods find it."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pinnace.api.errors import ApiError, NotFound
from pinnace.api.kinds.core import NAMESPACES, SERVICES
from pinnace.api.kinds.discovery import ENDPOINTSLICES
from pinnace.api.objects import Key, Object
from pinnace.api.resources import Resource
from pinnace.client.base import Client, Informer, Informers
from pinnace.dns.forward import RESOLV_CONF, Forwarder, nameservers
from pinnace.dns.server import Resolver, Server
from pinnace.kit.backoff import Backoff
from pinnace.kit.clock import Clock

log = logging.getLogger(__name__)

SYSTEM = "kube-system"
NAME = "kube-dns"


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsConfig:
    """Where the DNS listens (`host`, which Pods can reach), and the address that Pods know."""

    domain: str
    host: str
    port: int
    cluster_ip: str
    allowed: tuple[str, ...]
    node: str = ""


class InformerLookup:
    """Answers the records' questions from informers."""

    def __init__(self, services: Informer, slices: Informer, namespaces: Informer) -> None:
        self._services = services
        self._slices = slices
        self._namespaces = namespaces
        services.add_index("clusterIP", _cluster_ips)
        slices.add_index("service", _service_of)
        slices.add_index("address", _addresses_of)

    def service(self, key: Key) -> Object | None:
        return self._services.get(key)

    def slices(self, service: Key) -> Iterable[Object]:
        return self._slices.by_index("service", str(service))

    def has_namespace(self, name: str) -> bool:
        return self._namespaces.get(Key("", name)) is not None

    def service_at(self, ip: str) -> Object | None:
        return next(iter(self._services.by_index("clusterIP", ip)), None)

    def slices_at(self, ip: str) -> Iterable[Object]:
        return self._slices.by_index("address", ip)


def _cluster_ips(service: Object) -> list[str]:
    spec = service["spec"]
    return [ip for ip in spec.get("clusterIPs") or [spec.get("clusterIP")] if ip and ip != "None"]


def _service_of(piece: Object) -> list[str]:
    meta = piece["metadata"]
    owner = (meta.get("labels") or {}).get("kubernetes.io/service-name")
    return [f"{meta.get('namespace', '')}/{owner}"] if owner else []


def _addresses_of(piece: Object) -> list[str]:
    return [ip for entry in piece.get("endpoints") or () for ip in entry.get("addresses") or ()]


async def run_dns(
    client: Client,
    informers: Informers,
    clock: Clock,
    config: DnsConfig,
    *,
    ready: Callable[[], None] | None = None,
) -> None:
    """Serve until cancelled."""
    sources = [informers.informer(row) for row in (SERVICES, ENDPOINTSLICES, NAMESPACES)]
    lookup = InformerLookup(*sources)
    for source in sources:
        await source.wait_synced()
    upstream = nameservers(_resolv_conf(), own=frozenset((config.host, config.cluster_ip)))
    resolver = Resolver(lookup, Forwarder(upstream), domain=config.domain, allowed=config.allowed)
    removals = [
        source.add_handler(lambda _type, _old, _new: resolver.changed()) for source in sources
    ]
    try:
        async with Server(resolver, host=config.host, port=config.port) as server:
            await _publish_until_done(client, clock, config, server.port)
            if ready is not None:
                ready()
            await asyncio.Event().wait()
    finally:
        for remove in removals:
            remove()


def _resolv_conf() -> str:
    try:
        return RESOLV_CONF.read_text()
    except OSError:
        return ""


async def _publish_until_done(client: Client, clock: Clock, config: DnsConfig, port: int) -> None:
    backoff = Backoff(initial=0.2, maximum=10.0)
    while True:
        try:
            await _publish(client, SERVICES, service(config))
            await _publish(client, ENDPOINTSLICES, endpoint_slice(config, port))
        except ApiError as error:
            log.warning("the DNS Service is not published yet: %s", error)
            await clock.sleep(backoff.next())
        else:
            return


async def _publish(client: Client, row: Resource, wanted: Object) -> None:
    """Create the object, or patch the one that is there into it."""
    name = wanted["metadata"]["name"]
    try:
        await client.get(row, name, namespace=SYSTEM)
    except NotFound:
        await client.create(row, wanted, namespace=SYSTEM)
    else:
        await client.patch(row, name, wanted, namespace=SYSTEM)


def service(config: DnsConfig) -> Object:
    """Return kube-system/kube-dns, with the labels that `kubectl cluster-info` looks for."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": NAME,
            "namespace": SYSTEM,
            "labels": {
                "k8s-app": NAME,
                "kubernetes.io/cluster-service": "true",
                "kubernetes.io/name": "DNS",
            },
        },
        "spec": {
            "clusterIP": config.cluster_ip,
            "ports": [
                {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53},
                {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 53},
            ],
        },
    }


def endpoint_slice(config: DnsConfig, port: int) -> Object:
    """Return where that Service leads: to the process that serves, on the node's own address."""
    endpoint: Object = {"addresses": [config.host], "conditions": {"ready": True}}
    if config.node:
        endpoint["nodeName"] = config.node
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{NAME}-pinnace",
            "namespace": SYSTEM,
            "labels": {
                "kubernetes.io/service-name": NAME,
                "endpointslice.kubernetes.io/managed-by": "pinnace-dns",
            },
        },
        "addressType": "IPv4",
        "endpoints": [endpoint],
        "ports": [
            {"name": "dns", "port": port, "protocol": "UDP"},
            {"name": "dns-tcp", "port": port, "protocol": "TCP"},
        ],
    }
