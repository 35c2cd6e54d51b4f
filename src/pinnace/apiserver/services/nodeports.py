"""Node ports of Services: those asked for, those chosen, and that of health checks."""

import random

from pinnace.api.errors import ApiError, Cause, internal, invalid
from pinnace.api.kinds.core import SERVICES
from pinnace.api.objects import Object
from pinnace.apiserver.core import Core
from pinnace.apiserver.strategies.services import (
    needs_health_check_node_port,
    needs_node_ports,
)

TAKEN = "provided port is already allocated"
# From where upstream counts up in a dry run, since what is free now may not be free then.
_GUESS = 32768


class Ports:
    """The ports that one write takes; raises the refusals of upstream."""

    def __init__(self, core: Core, *, dry_run: bool) -> None:
        self._range = core.config.node_ports
        self._dry_run = dry_run
        self._used: set[int] = set()
        self._mine: list[int] = []
        for service in core.lookup.list(SERVICES):
            self._used |= ports_of(service)

    def refusal(self, number: int) -> str:
        """Take a port; say why it cannot be had, nothing if it can."""
        low, high = self._range
        if not self._dry_run and not low <= number <= high:
            valid = f"The range of valid ports is {low}-{high}"
            return f"provided port is not in the valid range. {valid}"
        if number in self._used or number in self._mine:
            return TAKEN
        self._mine.append(number)
        return ""

    def choose(self) -> int:
        """Take a port that is free."""
        number = self._next() if self._dry_run else self._free()
        self._mine.append(number)
        return number

    def _next(self) -> int:
        return max(0, *self._mine) + 1 if self._mine else _GUESS + 1

    def _free(self) -> int:
        """Choose from the upper part first: the lower is for those who ask by number."""
        low, high = self._range
        size = high - low + 1
        band = min(max(16, size // 32), 128) if size > 16 else 0
        for first, last in ((low + band, high), (low, low + band - 1)):
            if last < first:
                continue
            start = random.randint(first, last)
            for number in (*range(start, last + 1), *range(first, start)):
                if number not in self._used and number not in self._mine:
                    return int(number)
        raise internal("failed to allocate a nodePort: range is full")


def ports_of(service: Object) -> set[int]:
    """Return all node ports of a Service."""
    spec = service.get("spec") or {}
    found = _numbers(spec)
    if spec.get("healthCheckNodePort"):
        found.add(spec["healthCheckNodePort"])
    return found


def _numbers(spec: Object) -> set[int]:
    return {port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort")}


def fill_ports(core: Core, new: Object, old: Object | None, *, dry_run: bool) -> None:
    """Give a Service the node ports that it needs; raises if one that it names cannot be had."""
    has_ports = new["spec"].get("type") in ("NodePort", "LoadBalancer")
    needs_health = needs_health_check_node_port(new)
    if old is not None and needs_health_check_node_port(old):
        needs_health = False
    if not has_ports and not needs_health:
        return
    ports = Ports(core, dry_run=dry_run)
    if has_ports and old is None:
        _fill_new(ports, new)
    elif has_ports and old is not None:
        _fill_changed(ports, new, _numbers(old["spec"]))
    if needs_health:
        _fill_health_check(ports, new["spec"])


def _fill_new(ports: Ports, new: Object) -> None:
    """Take ports; a port of two protocols gets the same for both."""
    listed, all_need = new["spec"].get("ports") or [], needs_node_ports(new)
    asked: dict[int, int] = {}
    for port in listed:
        if port.get("nodePort"):
            asked.setdefault(port.get("port") or 0, port["nodePort"])
    given: dict[int, int] = {}
    for index, port in enumerate(listed):
        number, own = port.get("port") or 0, port.get("nodePort") or 0
        if not own and not all_need:
            continue
        if number not in given:
            wanted = asked.get(number)
            if wanted:
                _take(ports, new, index, wanted)
            given[number] = port["nodePort"] = wanted or ports.choose()
        elif not own:
            port["nodePort"] = given[number]
        elif own != given[number]:
            _take(ports, new, index, own)


def _fill_changed(ports: Ports, new: Object, had: set[int]) -> None:
    all_need, taken = needs_node_ports(new), set(had)
    seen: set[tuple[str, int]] = set()
    for index, port in enumerate(new["spec"].get("ports") or ()):
        number = port.get("nodePort") or 0
        if not number and not all_need:
            continue
        if not number:
            port["nodePort"] = number = ports.choose()
        elif number not in taken:
            _take(ports, new, index, number)
            taken.add(number)
        key = (port.get("protocol") or "", number)
        if key in seen:
            raise ApiError(f"duplicate nodePort: {{{key[0]} {number}}}", code=500, reason="")
        seen.add(key)


def _take(ports: Ports, new: Object, index: int, number: int) -> None:
    why = ports.refusal(number)
    if why:
        where = f"spec.ports[{index}].nodePort"
        cause = Cause("FieldValueInvalid", where, f"Invalid value: {number}: {why}")
        raise invalid("Service", "", new["metadata"].get("name") or "", [cause])


def _fill_health_check(ports: Ports, spec: Object) -> None:
    asked = spec.get("healthCheckNodePort")
    if not asked:
        spec["healthCheckNodePort"] = ports.choose()
        return
    why = ports.refusal(asked)
    if why:
        raise internal(f"failed to allocate requested HealthCheck NodePort {asked}: {why}")
