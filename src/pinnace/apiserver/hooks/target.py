"""Where a webhook is: the URL that its errors name, and the address that is dialed.

Services are answered by their endpoints, one of those that are ready, by chance: that works
whether or not the cluster network's virtual addresses lead anywhere from where this server runs.
"""

import posixpath
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from pinnace.api.kinds.core import NODES, SERVICES
from pinnace.api.kinds.discovery import ENDPOINTSLICES
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.api.simulated import is_simulated
from pinnace.apiserver.hooks.failures import CallFailed

_SERVICE_NAME = "kubernetes.io/service-name"
_ROUTED = ("ClusterIP", "LoadBalancer", "NodePort")


class Objects(Protocol):
    """Other objects: those of a kind can be looked up once it has been ensured."""

    async def ensure(self, row: Resource) -> None: ...
    def get(self, row: Resource, namespace: str, name: str) -> Object | None: ...
    def list(self, row: Resource, namespace: str = "") -> Iterable[Object]: ...


@dataclass(frozen=True, slots=True)
class Place:
    """What a client configuration says. `service` is (namespace, name, port), or None for a URL."""

    url: str
    host: str
    port: int
    ca: str = ""
    service: tuple[str, str, int] | None = None


def place_of(config: Mapping[str, Any]) -> Place:
    """Read a WebhookClientConfig; raises CallFailed if it names nothing."""
    ca = config.get("caBundle") or ""
    service = config.get("service")
    if service:
        name, namespace = service["name"], service["namespace"]
        port = int(service.get("port") or 443)
        host = f"{name}.{namespace}.svc"
        path = _cleaned(service.get("path") or "")
        return Place(f"https://{host}:{port}{path}", host, port, ca, (namespace, name, port))
    url = config.get("url") or ""
    if not url:
        raise CallFailed("webhook configuration must have either service or URL")
    parts = urlsplit(url)
    shown = f"{parts.scheme}://{parts.netloc}{_cleaned(parts.path)}"
    return Place(shown, parts.hostname or "", parts.port or 443, ca)


def _cleaned(path: str) -> str:
    """Return a path as Go's REST client sends it: one slash for many, and none at the end."""
    return posixpath.normpath("/" + path.lstrip("/"))


async def dialed(place: Place, objects: Objects) -> tuple[str, int]:
    """Return the address of a webhook; raises CallFailed if its Service leads nowhere."""
    if place.service is None:
        return place.host, place.port
    namespace, name, port = place.service
    for row in (SERVICES, ENDPOINTSLICES, NODES):
        await objects.ensure(row)
    service = objects.get(SERVICES, namespace, name)
    if service is None:
        raise CallFailed(f'service "{name}" not found')
    spec = service["spec"]
    kind = spec.get("type") or "ClusterIP"
    if kind == "ExternalName":
        return str(spec["externalName"]), port
    if kind not in _ROUTED:
        raise CallFailed(f'unsupported service type "{kind}"')
    slices = [
        found
        for found in objects.list(ENDPOINTSLICES, namespace)
        if (found["metadata"].get("labels") or {}).get(_SERVICE_NAME) == name
    ]
    port_name = _port_name(spec, name, port)
    family = next(iter(spec.get("ipFamilies") or ()), "IPv4")
    random.shuffle(slices)
    slices.sort(key=lambda found: found.get("addressType") != family)
    for found in slices:
        address = _ready(found, port_name, objects)
        if address is not None:
            return address
    raise CallFailed(f'no endpoints available for service "{name}"')


def _port_name(spec: Object, name: str, port: int) -> str:
    for entry in spec.get("ports") or ():
        if entry.get("port") == port:
            return str(entry.get("name") or "")
    raise CallFailed(f'no service port {port} found for service "{name}"')


def _ready(found: Object, port_name: str, objects: Objects) -> tuple[str, int] | None:
    ports = [p["port"] for p in found.get("ports") or () if (p.get("name") or "") == port_name]
    endpoints = [
        endpoint
        for endpoint in found.get("endpoints") or ()
        if (endpoint.get("conditions") or {}).get("ready") is not False
    ]
    if not ports or not endpoints:
        return None
    chosen = random.choice(endpoints)
    node = objects.get(NODES, "", chosen.get("nodeName") or "")
    if node is not None and is_simulated(node):
        name = node["metadata"]["name"]
        raise CallFailed(f'node "{name}" is simulated: no container runs on it')
    return str(chosen["addresses"][0]), int(ports[0])
