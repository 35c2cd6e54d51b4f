"""Huge pages that are set aside, by size; a size with none is listed with 0."""

import re

from pinnace.api import quantity
from pinnace.node.facts.base import Host, HostFacts

_SIZES = "/sys/kernel/mm/hugepages"


def gather(host: Host) -> HostFacts:
    """Read every size that the kernel offers."""
    capacity = {}
    for name in host.names(_SIZES):
        size = re.fullmatch(r"hugepages-(\d+)kB", name)
        pages = host.text(f"{_SIZES}/{name}/nr_hugepages")
        if size and pages.isdigit():
            bytes_each = int(size[1]) * 1024
            resource = "hugepages-" + _binary(bytes_each)
            capacity[resource] = _binary(bytes_each * int(pages))
    return HostFacts(capacity=capacity)


def _binary(value: int) -> str:
    return quantity.from_value(value, quantity.BINARY_SI).canonical()
