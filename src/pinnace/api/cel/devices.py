"""Expressions that select devices, for claims and classes, and for whoever allocates devices.

Upstream: `k8s.io/dynamic-resource-allocation/cel/compile.go`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pinnace.api.cel.declared import Declared
from pinnace.api.cel.environment import Environment
from pinnace.api.cel.estimate import Estimator
from pinnace.api.cel.kubernetes import QUANTITY_TYPE, parse_quantity, parse_semver
from pinnace.api.cel.program import Program
from pinnace.api.cel.syntax import CompileError
from pinnace.api.cel.types import ANY, BOOL, STRING, map_of, struct
from pinnace.api.cel.values import CelError, OpenMap

MOST_COST = 1_000_000
TOO_DEAR = "too complex, exceeds cost limit"
_DEVICE = "kubernetes.DRADevice"
_MOST_DOMAIN, _MOST_ID, _MOST_DRIVER, _MOST_VALUE, _MOST_KEYS = 63, 32, 63, 64, 32


def _map_of(key: int, value: Declared) -> Declared:
    return Declared(
        type=map_of(STRING, value.type),
        max_elements=_MOST_KEYS,
        element=value,
        key=Declared(type=STRING, max_elements=key),
    )


_ATTRIBUTE = Declared(type=ANY, max_elements=_MOST_VALUE)
_FIELDS: Mapping[str, Declared] = {
    "driver": Declared(type=STRING, max_elements=_MOST_DRIVER),
    "allowMultipleAllocations": Declared(type=BOOL, max_elements=1),
    "attributes": _map_of(_MOST_DOMAIN, _map_of(_MOST_ID, _ATTRIBUTE)),
    "capacity": _map_of(_MOST_DOMAIN, _map_of(_MOST_ID, Declared(type=QUANTITY_TYPE))),
}
_DECLARED = Declared(type=struct(_DEVICE), fields=_FIELDS)


@dataclass(frozen=True, slots=True)
class Selector:
    """A compiled expression; `cost` is what it may cost at most."""

    program: Program
    cost: int


def compile_selector(source: str) -> Selector:
    """Compile an expression about a device; raises ValueError in upstream's words."""
    scope = Environment(
        variables={"device": struct(_DEVICE)},
        structs={_DEVICE: {name: field.type for name, field in _FIELDS.items()}},
        bindings=True,
    )
    try:
        program = scope.compile(source)
    except CompileError as error:
        raise ValueError(f"compilation failed: {error}") from error
    if program.type not in (BOOL, ANY):
        given = "null_type" if program.type.kind == "null" else str(program.type)
        given = re.sub(r"\bany\b", "google.protobuf.Any", given)
        raise ValueError(f"must evaluate to bool or the unknown type, not {given}")
    return Selector(program, Estimator(_size_at).cost(program.expr)[1])


def _size_at(path: tuple[str, ...]) -> tuple[int, int] | None:
    if not path or path[0] != "device":
        return None
    node: Declared | None = _DECLARED
    for name in path[1:]:
        if node is None:
            return None
        if name in ("@items", "@values"):
            node = node.element
        elif name == "@keys":
            node = node.key
        elif name in node.fields:
            node = node.fields[name]
        else:
            # The name of an attribute is no field; its value is as long as any may be.
            node = _ATTRIBUTE if node.element is _ATTRIBUTE else None
    return None if node is None else (0, node.max_elements)


def matches(selector: Selector, driver: str, device: Mapping[str, Any]) -> bool:
    """Say whether a device of a ResourceSlice fits; raises CelError, and ValueError for bad values.

    Attributes and capacities without a domain belong to the driver's. A domain that a device has
    nothing of is an empty map.
    """
    attributes, capacity = OpenMap(), OpenMap()
    for name, attribute in (device.get("attributes") or {}).items():
        domain, key = _split(name, driver)
        attributes.setdefault(domain, {})[key] = _value(name, attribute)
    for name, given in (device.get("capacity") or {}).items():
        domain, key = _split(name, driver)
        capacity.setdefault(domain, {})[key] = parse_quantity(str(given.get("value")))
    about = {
        "driver": driver,
        "allowMultipleAllocations": bool(device.get("allowMultipleAllocations")),
        "attributes": attributes,
        "capacity": capacity,
    }
    outcome = selector.program.run({"device": about}, MOST_COST)
    if outcome.error is not None:
        raise CelError(str(outcome.error))
    if not isinstance(outcome.value, bool):
        raise CelError("CEL result could not be converted to bool")
    return outcome.value


def _split(name: str, driver: str) -> tuple[str, str]:
    domain, slash, key = name.partition("/")
    return (domain, key) if slash else (driver, name)


def _value(name: str, attribute: Mapping[str, Any]) -> Any:
    for key in ("int", "bool", "string"):
        if attribute.get(key) is not None:
            return attribute[key]
    if attribute.get("version") is None:
        raise ValueError(f"attribute {name}: unsupported attribute value")
    try:
        return parse_semver(attribute["version"])
    except CelError as error:
        raise ValueError(f"attribute {name}: parse semantic version: {error}") from error
