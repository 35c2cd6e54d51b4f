"""resource.k8s.io/v1beta1: exact requests and devices without the wrapping of later versions."""

from collections.abc import Callable
from typing import Any

from pinnace.api.conversion.base import Conversion
from pinnace.api.objects import Object

_V1BETA1 = "resource.k8s.io/v1beta1"
_EXACT = (
    "deviceClassName", "selectors", "allocationMode", "count", "adminAccess", "tolerations",
    "capacity",
)  # fmt: skip

Part = Callable[[dict[str, Any]], dict[str, Any]]


def _wrap_request(request: dict[str, Any]) -> dict[str, Any]:
    made = {name: value for name, value in request.items() if name not in _EXACT}
    exact = {name: request[name] for name in _EXACT if request.get(name) is not None}
    # Empty values say nothing, but an empty list does.
    if any(value not in ("", 0) or value is False for value in exact.values()):
        made["exactly"] = exact
    return made


def _unwrap_request(request: dict[str, Any]) -> dict[str, Any]:
    made = {name: value for name, value in request.items() if name != "exactly"}
    return {**made, **(request.get("exactly") or {})}


def _unwrap_device(device: dict[str, Any]) -> dict[str, Any]:
    made = {name: value for name, value in device.items() if name != "basic"}
    return {**made, **(device.get("basic") or {})}


def _wrap_device(device: dict[str, Any]) -> dict[str, Any]:
    basic = {name: value for name, value in device.items() if name != "name"}
    return {"name": device.get("name", ""), "basic": basic}


def _inside(path: tuple[str, ...], part: Part) -> Callable[[Object], Object]:
    """Return a change of every item of the list at a path."""

    def change(obj: Any, at: int = 0) -> Any:
        if not isinstance(obj, dict) or not isinstance(obj.get(path[at]), (dict, list)):
            return obj
        inner = obj[path[at]]
        if at < len(path) - 1:
            return {**obj, path[at]: change(inner, at + 1)}
        return {**obj, path[at]: [part(item) for item in inner]}

    return lambda obj: change(obj)


def _conversion(kind: str, path: tuple[str, ...], to_hub: Part, from_hub: Part) -> Conversion:
    return Conversion(
        kind=kind,
        api_version=_V1BETA1,
        to_hub=_inside(path, to_hub),
        from_hub=_inside(path, from_hub),
    )


CONVERSIONS = (
    _conversion("ResourceClaim", ("spec", "devices", "requests"), _wrap_request, _unwrap_request),
    _conversion(
        "ResourceClaimTemplate",
        ("spec", "spec", "devices", "requests"),
        _wrap_request,
        _unwrap_request,
    ),
    _conversion("ResourceSlice", ("spec", "devices"), _unwrap_device, _wrap_device),
)
