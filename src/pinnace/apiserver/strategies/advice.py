"""Warnings that a write earns without being refused: odd names, labels and addresses."""

import ipaddress
from collections.abc import Iterator
from typing import Any

from pinnace.api import names, quantity
from pinnace.api.objects import Object

POD_NAME = "this is used in the Pod's hostname"
OWNER_NAME = "this is used in Pod names and hostnames"
RETIRED_LABELS = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region": (
        'deprecated since v1.17; use "topology.kubernetes.io/region" instead'
    ),
    "failure-domain.beta.kubernetes.io/zone": (
        'deprecated since v1.17; use "topology.kubernetes.io/zone" instead'
    ),
    "beta.kubernetes.io/instance-type": (
        'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead'
    ),
    "app.kubernetes.io/created-by": "deprecated since v1.9",
    "scheduler.alpha.kubernetes.io/preferAvoidPods": (
        "deprecated since v1.22; use Taints and Tolerations instead"
    ),
    "node-role.kubernetes.io/master": 'use "node-role.kubernetes.io/control-plane" instead',
}


def name_advice(obj: Object, why: str) -> Iterator[str]:
    """Warn of a name that is no DNS label although pods' names are made of it."""
    name = obj["metadata"].get("name")
    said = names.dns1123_label(name) if isinstance(name, str) else []
    if said:
        listed = " ".join(said)
        yield (
            f"metadata.name: {why}, which can result in surprising behavior; "
            f"a DNS label is recommended: [{listed}]"
        )


def node_term_advice(term: Any, path: str, *, check_values: bool = False) -> Iterator[str]:
    """Warn of a node selector term that looks for labels which nodes no longer have."""
    for at, expression in listed(term, "matchExpressions", path):
        key = expression.get("key")
        if key in RETIRED_LABELS:
            yield f"{at}.key: {key} is {RETIRED_LABELS[key]}"
        for index, value in enumerate(expression.get("values") or () if check_values else ()):
            for why in names.label_value(value):
                yield f"{at}.values[{index}]: {value} is invalid, {why}"


def fraction_advice(resources: Any, name: str, path: str) -> Iterator[str]:
    """Warn of an amount of bytes that is not whole."""
    text = resources.get(name) if isinstance(resources, dict) else None
    if not isinstance(text, str):
        return
    try:
        amount = quantity.parse(text)
    except ValueError:
        return
    if amount.milli_value() % 1000:
        shown = amount.canonical()
        yield f'{path}[{name}]: fractional byte value "{shown}" is invalid, must be an integer'


def claim_spec_advice(spec: Any, path: str) -> Iterator[str]:
    """Warn of fractions of a byte in a claim."""
    resources = spec.get("resources") if isinstance(spec, dict) else None
    if isinstance(resources, dict):
        for side in ("requests", "limits"):
            yield from fraction_advice(resources.get(side), "storage", f"{path}.resources.{side}")


def ip_advice(value: Any, path: str) -> Iterator[str]:
    """Warn of an address that is not written as it should be."""
    if not isinstance(value, str):
        return
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        plain = ".".join(str(int(part)) for part in value.split(".") if part.isdecimal())
        if plain.count(".") == 3:
            yield f'{path}: non-standard IP address "{value}" is invalid: use "{plain}"'
        return
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            plain = str(address.ipv4_mapped)
            yield f'{path}: non-standard IP address "{value}" is invalid: use "{plain}"'
        elif str(address) != value:
            shown = f'IPv6 address "{value}"'
            yield f'{path}: {shown} should be in RFC 5952 canonical format ("{address}")'


def balancer_advice(obj: Object) -> Iterator[str]:
    """Warn of addresses in the status of what a load balancer serves."""
    balancer = (obj.get("status") or {}).get("loadBalancer") or {}
    for index, point in enumerate(balancer.get("ingress") or ()):
        if point.get("ip"):
            yield from ip_advice(point["ip"], f"status.loadBalancer.ingress[{index}]")


def cidr_advice(value: Any, path: str) -> Iterator[str]:
    """Warn of a range of addresses that is not written as it should be."""
    if not isinstance(value, str) or names.cidr_sloppy(value, strict=False):
        return
    text, _, bits = value.partition("/")
    if ":" not in text:
        text = ".".join(str(int(part)) for part in text.split("."))
    given = ipaddress.ip_interface(f"{text}/{int(bits)}")
    address, network = given.ip, given.network
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
        network = ipaddress.ip_network(f"{address}/{max(int(bits) - 96, 0)}", strict=False)
    ambiguous = address != network.network_address
    if ambiguous:
        other = f"{address}/{network.max_prefixlen}"
        yield (
            f'{path}: CIDR value "{value}" is ambiguous in this context (should be "{network}" or '
            f'"{other}"?)'
        )
    if f"{given.version}" != f"{network.version}" or (given.version == 4 and value != str(given)):
        yield f'{path}: non-standard CIDR value "{value}" is invalid: use "{network}"'
    elif not ambiguous and str(given) != value:
        shown = f'IPv6 CIDR value "{value}"'
        yield f'{path}: {shown} should be in RFC 5952 canonical format ("{given}")'


def listed(parent: Any, key: str, path: str) -> Iterator[tuple[str, Object]]:
    """Yield the objects of a list, each with its path."""
    value = parent.get(key) if isinstance(parent, dict) else None
    for index, entry in enumerate(value if isinstance(value, list) else ()):
        if isinstance(entry, dict):
            yield f"{path}.{key}[{index}]", entry
