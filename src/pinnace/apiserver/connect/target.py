"""Where a connect request goes: pure functions from objects and a request to a URL."""

import ipaddress
import random
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import orjson

from pinnace.api.errors import ApiError, BadRequest, ServiceUnavailable
from pinnace.api.gotext import slice_text
from pinnace.api.objects import Object
from pinnace.api.simulated import is_simulated
from pinnace.api.wire import Request
from pinnace.apiserver.routes import is_true

# Addresses that reach a kubelet from here, best first.
_PREFERRED = ("InternalIP", "ExternalIP", "Hostname", "InternalDNS", "ExternalDNS")
_KUBELET_PORT = 10250
_STREAMS = (("stdin", "input"), ("stdout", "output"), ("stderr", "error"), ("tty", "tty"))


@dataclass(frozen=True, slots=True)
class Target:
    """One backend: `path` includes the query. `kubelet` says whose credentials it is met with.

    `server_name` is whom its certificate has to name, where that is not the host.
    """

    host: str
    port: int
    path: str
    tls: bool = True
    kubelet: bool = True
    server_name: str = ""


def refuse_simulated(node: Object | None) -> None:
    """Raise ServiceUnavailable for a simulated node, whose addresses are made up."""
    if node is not None and is_simulated(node):
        name = node["metadata"]["name"]
        raise ServiceUnavailable(f'node "{name}" is simulated: no container runs on it')


def node_address(node: Object) -> tuple[str, int]:
    """Return where a node's kubelet listens; raises ApiError if the node does not say."""
    refuse_simulated(node)
    status = node.get("status") or {}
    addresses = {a.get("type"): a.get("address") for a in status.get("addresses") or ()}
    endpoint = (status.get("daemonEndpoints") or {}).get("kubeletEndpoint") or {}
    for kind in _PREFERRED:
        if addresses.get(kind):
            return addresses[kind], int(endpoint.get("Port") or _KUBELET_PORT)
    raise ApiError(f"no preferred addresses found; known addresses: {list(addresses.values())}")


def container_of(pod: Object, asked: str) -> str:
    """Return the container that a request is for; raises BadRequest with the choices."""
    spec, name = pod["spec"], pod["metadata"]["name"]
    kinds = ("initContainers", "containers", "ephemeralContainers")
    names = [each["name"] for kind in kinds for each in spec.get(kind) or ()]
    if asked:
        if asked not in names:
            raise BadRequest(f"container {asked} is not valid for pod {name}")
        return asked
    main = list(spec.get("containers") or ())
    if len(main) == 1:
        return str(main[0]["name"])
    text = f"a container name must be specified for pod {name}"
    if main:
        text += f", choose one of: {slice_text(names)}"
    raise BadRequest(text)


def log_path(pod: Object, container: str, query: str) -> str:
    """Return the kubelet's path of a container's log."""
    metadata = pod["metadata"]
    path = quote(f"/containerLogs/{metadata['namespace']}/{metadata['name']}/{container}")
    return f"{path}?{query}" if query else path


def stream_path(pod: Object, request: Request, kind: str) -> str:
    """Return the kubelet's path for exec, attach or port-forward; raises BadRequest."""
    metadata = pod["metadata"]
    where = f"{metadata['namespace']}/{metadata['name']}"
    if kind == "portforward":
        ports = ",".join(str(port) for port in ports_of(request))
        return _with_query(f"/portForward/{where}", [("port", ports)] if ports else [])
    container = container_of(pod, request.param("container"))
    wanted = [(there, "1") for here, there in _STREAMS if is_true(request, here)]
    if kind == "exec":
        wanted += [("command", part) for part in request.query.get("command") or ()]
    return _with_query(f"/{kind}/{where}/{container}", sorted(wanted, key=lambda pair: pair[0]))


def ports_of(request: Request) -> list[int]:
    """Return the ports that a port-forward names; raises BadRequest for what is no number."""
    ports = []
    for text in request.query.get("ports") or ():
        for part in text.split(","):
            if not (part.isascii() and part.isdecimal() and int(part) < 1 << 16):
                why = "value out of range" if part.isdecimal() else "invalid syntax"
                shown = orjson.dumps(part).decode()
                raise BadRequest(
                    f"cannot convert to []int32: strconv.ParseUint: parsing {shown}: {why}"
                )
            ports.append(int(part))
    return ports


def _with_query(path: str, pairs: list[tuple[str, str]]) -> str:
    path = quote(path)
    return f"{path}?{urlencode(pairs)}" if pairs else path


def split_name(text: str, kind: str) -> tuple[str, str, str]:
    """Split `name`, `name:port` or `scheme:name:port`; raises BadRequest."""
    parts = text.split(":")
    if len(parts) == 1 and parts[0]:
        return "", parts[0], ""
    if len(parts) == 2 and parts[0]:
        return "", parts[0], parts[1]
    if len(parts) == 3 and parts[0] in ("http", "https", "") and parts[1]:
        return parts[0], parts[1], parts[2]
    raise BadRequest(f'invalid {kind} request "{text}"')


def refuse_local(address: str) -> None:
    """Raise BadRequest for an address that is no host's of its own in any network.

    Pods and nodes write their addresses themselves: loopback, link-local and multicast would lead
    to the API server's own machine, or to what its network tells that machine alone.
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError as error:
        raise BadRequest("address not allowed") from error
    local = ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified
    if local or address == "255.255.255.255":
        raise BadRequest("address not allowed")


def pod_target(pod: Object, scheme: str, port: str, path: str) -> Target:
    """Return where a Pod's proxy goes."""
    if not port:
        for container in pod["spec"].get("containers") or ():
            if container.get("ports"):
                port = str(container["ports"][0]["containerPort"])
                break
    address = (pod.get("status") or {}).get("podIP") or ""
    refuse_local(address)
    return plain_target(address, port, path, tls=scheme == "https")


def service_target(
    service: Object,
    endpoints: Object,
    request_name: str,
    path: str,
    *,
    pod: Callable[[str], Object | None],
) -> Target:
    """Return where a Service's proxy goes: one of its endpoints, by chance.

    Endpoints can be written by users; only addresses that their Pod in the Service's namespace
    has, as `pod` finds it by name, are gone to.
    """
    scheme, name, port = split_name(request_name, "service")
    if port.isdigit():
        for entry in service["spec"].get("ports") or ():
            if entry.get("port") == int(port):
                port = entry.get("name") or ""
                break
        else:
            raise ServiceUnavailable(f'no service port {port} found for service "{name}"')
    namespace = service["metadata"]["namespace"]
    subsets = list(endpoints.get("subsets") or ())
    if not subsets:
        raise ServiceUnavailable(f'no endpoints available for service "{name}"')
    random.shuffle(subsets)
    for subset in subsets:
        addresses = [a for a in subset.get("addresses") or () if _is_of_pod(a, namespace, pod)]
        for entry in subset.get("ports") or ():
            if addresses and (entry.get("name") or "") == port:
                address = random.choice(addresses)["ip"]
                return plain_target(address, str(entry["port"]), path, tls=scheme == "https")
    raise ServiceUnavailable(f'no endpoints available for service "{request_name}"')


def _is_of_pod(address: Object, namespace: str, pod: Callable[[str], Object | None]) -> bool:
    target = address.get("targetRef") or {}
    found = pod(target.get("name") or "") if target.get("namespace") == namespace else None
    ips = ((found or {}).get("status") or {}).get("podIPs") or ()
    return any(entry.get("ip") == address.get("ip") for entry in ips)


def plain_target(address: str, port: str, path: str, *, tls: bool) -> Target:
    """Return a backend that is met without credentials; raises BadRequest for a bad port."""
    if port and not (port.isascii() and port.isdecimal()):
        raise BadRequest(f'invalid port "{port}"')
    if port and int(port) > 65535:
        raise ServiceUnavailable(
            f"error trying to reach service: dial tcp: address {port}: invalid port"
        )
    number = int(port) if port else (443 if tls else 80)
    return Target(address, number, path, tls=tls, kubelet=False)
