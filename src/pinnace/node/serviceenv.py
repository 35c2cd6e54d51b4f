"""The environment variables that tell a container of the Services around it. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

_API_SERVICE = ("default", "kubernetes")


def variable_name(service: str) -> str:
    """Write a Service's name as part of a variable's: upper case, underscores."""
    return service.upper().replace("-", "_").replace(".", "_")


def _join(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _of_service(service: Mapping[str, Any]) -> dict[str, str]:
    address = str(service["spec"]["clusterIP"])
    ports = service["spec"].get("ports") or ()
    prefix = variable_name(service["metadata"]["name"])
    found = {f"{prefix}_SERVICE_HOST": address}
    for index, port in enumerate(ports):
        number = int(port["port"])
        if index == 0:
            found[f"{prefix}_SERVICE_PORT"] = str(number)
        if port.get("name"):
            found[f"{prefix}_SERVICE_PORT_{variable_name(port['name'])}"] = str(number)
    for index, port in enumerate(ports):
        number, protocol = int(port["port"]), str(port.get("protocol") or "TCP")
        url = f"{protocol.lower()}://{_join(address, number)}"
        if index == 0:
            found[f"{prefix}_PORT"] = url
        stem = f"{prefix}_PORT_{number}_{protocol.upper()}"
        found |= {
            stem: url,
            f"{stem}_PROTO": protocol.lower(),
            f"{stem}_PORT": str(number),
            f"{stem}_ADDR": address,
        }
    return found


def service_environment(
    services: Iterable[Mapping[str, Any]], namespace: str, *, links: bool
) -> dict[str, str]:
    """Return the variables for a Pod: the API's Service always, the namespace's with `links`.

    A Service of the Pod's own namespace wins over one of the same name elsewhere.
    """
    chosen: dict[str, Mapping[str, Any]] = {}
    for service in services:
        meta = service["metadata"]
        if (service["spec"].get("clusterIP") or "None") == "None":
            continue
        is_api = (meta["namespace"], meta["name"]) == _API_SERVICE
        if (links and meta["namespace"] == namespace) or (is_api and meta["name"] not in chosen):
            chosen[meta["name"]] = service
    found: dict[str, str] = {}
    for name in sorted(chosen):
        found |= _of_service(chosen[name])
    return found
