"""What an APIService says, read once; and the order in which APIServices stand."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pinnace.api.objects import Object, condition
from pinnace.api.versionorder import version_priority
from pinnace.apiserver.aggregation.priorities import Priority

AUTOMANAGED = "kube-aggregator.kubernetes.io/automanaged"
AVAILABLE = "Available"
LOCAL = {
    "status": "True",
    "reason": "Local",
    "message": "Local APIServices are always available",
}


@dataclass(frozen=True, slots=True)
class ServiceRef:
    """The Service of an extension server."""

    namespace: str
    name: str
    port: int

    @property
    def server_name(self) -> str:
        """The name that the server's certificate is for."""
        return f"{self.name}.{self.namespace}.svc"


@dataclass(frozen=True, slots=True)
class Registered:
    """One group version: who serves it (`service`, or this server) and where it stands."""

    group: str
    version: str
    priority: Priority
    service: ServiceRef | None = None
    ca: str = ""
    insecure: bool = False
    available: bool = True
    managed: str = ""
    spec: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def name(self) -> str:
        """The name of its APIService."""
        return f"{self.version}.{self.group}"

    @property
    def group_version(self) -> str:
        """The apiVersion of its objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def path(self) -> str:
        """The path of everything of it; the legacy group is more than one version."""
        return f"/apis/{self.group}/{self.version}" if self.group else "/api"


def read(obj: Object) -> Registered:
    """Read a stored APIService."""
    spec = obj.get("spec") or {}
    named = spec.get("service")
    service = None
    if named is not None:
        port = int(named.get("port") or 443)
        service = ServiceRef(named.get("namespace") or "", named.get("name") or "", port)
    return Registered(
        group=spec.get("group") or "",
        version=spec.get("version") or "",
        priority=Priority(spec.get("groupPriorityMinimum") or 0, spec.get("versionPriority") or 0),
        service=service,
        ca=spec.get("caBundle") or "",
        insecure=bool(spec.get("insecureSkipTLSVerify")),
        available=(condition(obj, AVAILABLE) or {}).get("status") == "True",
        managed=(obj["metadata"].get("labels") or {}).get(AUTOMANAGED) or "",
        spec={key: value for key, value in spec.items() if value},
    )


def local(group: str, version: str, priority: Priority, managed: str) -> Registered:
    """Return what this server registers of itself."""
    spec: Object = {"group": group} if group else {}
    spec |= {
        "groupPriorityMinimum": priority.group,
        "version": version,
        "versionPriority": priority.version,
    }
    return Registered(group, version, priority, managed=managed, spec=spec)


def api_service(wanted: Registered) -> Object:
    """Return the APIService of what this server registers of itself."""
    metadata = {"name": wanted.name, "labels": {AUTOMANAGED: wanted.managed}}
    return {"metadata": metadata, "spec": dict(wanted.spec)}


def by_group(services: Iterable[Registered]) -> dict[str, list[Registered]]:
    """Return APIServices by their groups: groups and versions by priority, the highest first."""
    groups: dict[str, list[Registered]] = {}
    for service in sorted(services, key=lambda one: (-one.priority.group, one.name)):
        groups.setdefault(service.group, []).append(service)
    for versions in groups.values():
        versions.sort(key=lambda one: (-one.priority.version, version_priority(one.version)))
    return groups


def with_available(status: Object, told: Mapping[str, str], now: str) -> Object:
    """Return a status with the condition as told; the time changes with the state alone."""
    conditions = [dict(entry) for entry in status.get("conditions") or ()]
    held = next((entry for entry in conditions if entry.get("type") == AVAILABLE), None)
    if held is None:
        conditions.append({"type": AVAILABLE, "lastTransitionTime": now, **told})
    else:
        if held.get("status") != told["status"]:
            held["lastTransitionTime"] = now
        held.update(told)
    return {**status, "conditions": conditions}
