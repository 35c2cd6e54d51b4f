"""Services, endpoints, ingresses and addresses."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from pinnace.api.objects import Object
from pinnace.apiserver.printers.base import (
    AGE,
    NAME,
    NONE,
    UNKNOWN,
    UNSET,
    Column,
    Printer,
    age,
    clipped,
    dig,
    labels_text,
    name_of,
    selector_text,
    wide,
)

_DEFAULT_INGRESS_CLASS = "ingressclass.kubernetes.io/is-default-class"


def _balancers(obj: Object) -> str:
    found = {
        entry.get("ip") or entry.get("hostname") or ""
        for entry in dig(obj, "status", "loadBalancer", "ingress", default=())
    }
    return ",".join(sorted(found - {""}))


def _external(service: Object) -> str:
    spec = service.get("spec") or {}
    addresses: list[str] = spec.get("externalIPs") or []
    kind = spec.get("type")
    if kind in ("ClusterIP", "NodePort"):
        return ",".join(addresses) or NONE
    if kind == "LoadBalancer":
        balancers = _balancers(service)
        return ",".join([*([balancers] if balancers else []), *addresses]) or "<pending>"
    if kind == "ExternalName":
        return str(spec.get("externalName", ""))
    return UNKNOWN


def _port(port: Object) -> str:
    node = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port['port']}{node}/{port.get('protocol', '')}"


def _service(obj: Object, now: datetime) -> list[Any]:
    spec = obj.get("spec") or {}
    return [
        name_of(obj),
        spec.get("type", ""),
        (spec.get("clusterIPs") or [NONE])[0],
        _external(obj),
        ",".join(_port(port) for port in spec.get("ports") or ()) or NONE,
        age(obj, now),
        labels_text(spec.get("selector")),
    ]


SERVICE = Printer(
    (
        NAME,
        Column("Type"),
        Column("Cluster-IP"),
        Column("External-IP"),
        Column("Port(s)"),
        AGE,
        wide("Selector"),
    ),
    _service,
)


def _subset_addresses(obj: Object) -> Iterator[str]:
    for subset in obj.get("subsets") or ():
        addresses = [entry["ip"] for entry in subset.get("addresses") or ()]
        if not subset.get("ports"):
            yield from addresses
        for port in subset.get("ports") or ():
            for address in addresses:
                host = f"[{address}]" if ":" in address else address
                yield f"{host}:{port['port']}"


def _endpoints(obj: Object, now: datetime) -> list[Any]:
    empty = "" if obj.get("subsets") else NONE
    return [name_of(obj), clipped(_subset_addresses(obj), 3, empty=empty), age(obj, now)]


ENDPOINTS = Printer((NAME, Column("Endpoints"), AGE), _endpoints)


def _slice_port(port: Object) -> str:
    if port.get("port") is not None:
        return str(port["port"])
    return "*" if port.get("name") is None else str(port["name"])


def _endpoint_slice(obj: Object, now: datetime) -> list[Any]:
    addresses = (
        address
        for endpoint in obj.get("endpoints") or ()
        for address in endpoint.get("addresses") or ()
    )
    ports = (_slice_port(port) for port in obj.get("ports") or ())
    return [
        name_of(obj),
        obj.get("addressType", ""),
        clipped(ports, 3, empty=UNSET),
        clipped(addresses, 3, empty=UNSET),
        age(obj, now),
    ]


ENDPOINT_SLICE = Printer(
    (NAME, Column("AddressType"), Column("Ports"), Column("Endpoints"), AGE), _endpoint_slice
)


def _hosts(rules: list[Object]) -> str:
    """List three hosts; rules are counted by place, as upstream does, with or without a host."""
    hosts: list[str] = []
    more = False
    for rule in rules:
        if len(hosts) == 3:
            more = True
        elif rule.get("host"):
            hosts.append(rule["host"])
    text = ",".join(hosts) or "*"
    return f"{text} + {len(rules) - 3} more..." if more else text


def _ingress(obj: Object, now: datetime) -> list[Any]:
    spec = obj.get("spec") or {}
    return [
        name_of(obj),
        dig(spec, "ingressClassName", default=NONE),
        _hosts(spec.get("rules") or []),
        _balancers(obj),
        "80, 443" if spec.get("tls") else "80",
        age(obj, now),
    ]


INGRESS = Printer(
    (
        NAME,
        Column(
            "Class",
            description="The name of the IngressClass resource that should be used for additional"
            " configuration",
        ),
        Column(
            "Hosts",
            description="Hosts that incoming requests are matched against before the ingress rule",
        ),
        Column(
            "Address",
            description="Address is a list containing ingress points for the load-balancer",
        ),
        Column("Ports", description="Ports of TLS configurations that open"),
        AGE,
    ),
    _ingress,
)


def _ingress_class(obj: Object, now: datetime) -> list[Any]:
    name = name_of(obj)
    if dig(obj, "metadata", "annotations", _DEFAULT_INGRESS_CLASS) == "true":
        name += " (default)"
    parameters = dig(obj, "spec", "parameters")
    text = NONE
    if parameters:
        group = f".{parameters['apiGroup']}" if parameters.get("apiGroup") is not None else ""
        text = f"{parameters.get('kind', '')}{group}/{parameters.get('name', '')}"
    return [name, dig(obj, "spec", "controller", default=""), text, age(obj, now)]


INGRESS_CLASS = Printer(
    (
        NAME,
        Column(
            "Controller",
            description="Controller that is responsible for handling this class",
        ),
        Column("Parameters", description="A reference to a resource with additional parameters"),
        AGE,
    ),
    _ingress_class,
)


def _network_policy(obj: Object, now: datetime) -> list[Any]:
    return [name_of(obj), selector_text(dig(obj, "spec", "podSelector", default={})), age(obj, now)]


NETWORK_POLICY = Printer((NAME, Column("Pod-Selector"), AGE), _network_policy)


def _service_cidr(obj: Object, now: datetime) -> list[Any]:
    return [name_of(obj), ",".join(dig(obj, "spec", "cidrs", default=())), age(obj, now)]


SERVICE_CIDR = Printer((NAME, Column("CIDRs"), AGE), _service_cidr)


def _ip_address(obj: Object, now: datetime) -> list[Any]:
    parent = dig(obj, "spec", "parentRef")
    text = NONE
    if parent:
        group = parent.get("group", "")
        resource = parent.get("resource", "")
        text = (f"{resource}.{group}" if group else resource).lower()
        text += f"/{parent['namespace']}" if parent.get("namespace") else ""
        text += f"/{parent.get('name', '')}"
    # Upstream prints an age under no column.
    return [name_of(obj), text, age(obj, now)]


IP_ADDRESS = Printer((NAME, Column("ParentRef")), _ip_address)
