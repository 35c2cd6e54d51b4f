"""Reads what the kubelet wants to know from a Pod's spec; nothing here changes or decides."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pinnace.api.objects import Object

Role = Literal["init", "app", "ephemeral"]

_FIELDS: tuple[tuple[Role, str], ...] = (
    ("init", "initContainers"),
    ("app", "containers"),
    ("ephemeral", "ephemeralContainers"),
)


@dataclass(frozen=True, slots=True)
class Declared:
    """One container as the Pod declares it: its spec, and which list it stands in."""

    spec: Mapping[str, Any]
    role: Role

    @property
    def name(self) -> str:
        """The container's name, unique in its Pod."""
        return str(self.spec["name"])

    @property
    def sidecar(self) -> bool:
        """Whether this is a restartable init container."""
        return self.role == "init" and self.spec.get("restartPolicy") == "Always"

    @property
    def field_path(self) -> str:
        """The path that Events about this container carry."""
        field = dict(_FIELDS)[self.role]
        return f"spec.{field}{{{self.name}}}"


def uid_of(pod: Mapping[str, Any]) -> str:
    """Return the Pod's uid."""
    return str(pod["metadata"]["uid"])


def namespace_of(pod: Mapping[str, Any]) -> str:
    """Return the Pod's namespace."""
    return str(pod["metadata"].get("namespace", "default"))


def name_of(pod: Mapping[str, Any]) -> str:
    """Return the Pod's name."""
    return str(pod["metadata"]["name"])


def full_name(pod: Mapping[str, Any]) -> str:
    """Return the Pod as messages name it: `web_default(uid)`."""
    return f"{name_of(pod)}_{namespace_of(pod)}({uid_of(pod)})"


def declared(pod: Mapping[str, Any], role: Role) -> list[Declared]:
    """Return the Pod's containers of one role, in the order of the spec."""
    field = dict(_FIELDS)[role]
    return [Declared(spec, role) for spec in pod["spec"].get(field) or ()]


def all_declared(pod: Mapping[str, Any]) -> Iterator[Declared]:
    """Yield every container: init, then app, then ephemeral ones."""
    for role, _ in _FIELDS:
        yield from declared(pod, role)


def find_declared(pod: Mapping[str, Any], name: str) -> Declared | None:
    """Return the container of that name, or None."""
    return next((each for each in all_declared(pod) if each.name == name), None)


def is_host_network(pod: Mapping[str, Any]) -> bool:
    """Say whether the Pod lives in the node's network namespace."""
    return bool(pod["spec"].get("hostNetwork"))


def is_deleted(pod: Mapping[str, Any]) -> bool:
    """Say whether somebody asked for the Pod's deletion."""
    return pod["metadata"].get("deletionTimestamp") is not None


def effective_grace(pod: Mapping[str, Any]) -> int:
    """Return the seconds that the Pod's containers get to stop, never less than one.

    A deletion's own period wins, since the API server has worked it out from all that asked.
    """
    asked = pod["metadata"].get("deletionGracePeriodSeconds")
    if asked is None:
        asked = pod["spec"].get("terminationGracePeriodSeconds")
    return max(1, int(30 if asked is None else asked))


def generation_of(pod: Object) -> int:
    """Return the spec's generation, 0 where the API server does not count it."""
    return int(pod["metadata"].get("generation") or 0)


_SEPARATORS = str.maketrans("./", "/.")


def sysctls(pod: Mapping[str, Any]) -> dict[str, str]:
    """Return the values of a Pod's sysctls by their names with dots.

    Names may have slashes as well: `net/ipv4/conf/eth0.1/rp_filter` is the same as
    `net.ipv4.conf.eth0/1.rp_filter`.
    """
    found = (pod["spec"].get("securityContext") or {}).get("sysctls") or ()
    return {_dotted(each["name"]): str(each["value"]) for each in found}


def _dotted(name: str) -> str:
    first = next((letter for letter in name if letter in "./"), ".")
    return name if first == "." else name.translate(_SEPARATORS)
