"""The downward API: a Pod's own fields and resources, as text. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pinnace.api import quantity

_SUBSCRIPT = re.compile(r"^(metadata\.(?:labels|annotations))\['(.*)'\]$")


class FieldError(Exception):
    """The named field or resource cannot be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a Pod's place: addresses, and the node's allocatable resources."""

    pod_ips: tuple[str, ...] = ()
    host_ips: tuple[str, ...] = ()
    allocatable: Mapping[str, str]


def _quoted(text: str) -> str:
    """Quote as Go's %q does, close enough for what labels and annotations hold."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r") + '"'


def format_map(values: Mapping[str, str] | None) -> str:
    """Write labels or annotations: one `key="value"` a line, sorted."""
    return "\n".join(f"{key}={_quoted(value)}" for key, value in sorted((values or {}).items()))


def field_value(pod: Mapping[str, Any], path: str, facts: Facts) -> str:
    """Return the text of a fieldRef; raises FieldError for one that is not supported."""
    meta, spec = pod["metadata"], pod["spec"]
    found = _SUBSCRIPT.match(path)
    if found:
        values = meta.get(found[1].removeprefix("metadata.")) or {}
        return str(values.get(found[2], ""))
    if path in ("metadata.labels", "metadata.annotations"):
        return format_map(meta.get(path.removeprefix("metadata.")))
    plain = {
        "metadata.name": meta["name"],
        "metadata.namespace": meta.get("namespace", ""),
        "metadata.uid": meta["uid"],
        "spec.nodeName": spec.get("nodeName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName", ""),
        "status.hostIP": facts.host_ips[0] if facts.host_ips else "",
        "status.hostIPs": ",".join(facts.host_ips),
        "status.podIP": facts.pod_ips[0] if facts.pod_ips else "",
        "status.podIPs": ",".join(facts.pod_ips),
    }
    if path not in plain:
        raise FieldError(f"unsupported fieldPath: {path}")
    return str(plain[path])


def resource_value(container: Mapping[str, Any], ref: Mapping[str, Any], facts: Facts) -> str:
    """Return the text of a resourceFieldRef: rounded up to whole divisors.

    A limit that is not set is what the node can give.
    """
    kind, _, name = str(ref["resource"]).partition(".")
    supported = name in ("cpu", "memory", "ephemeral-storage") or name.startswith("hugepages-")
    if kind not in ("limits", "requests") or not supported:
        raise FieldError(f"unsupported container resource : {ref['resource']}")
    resources = container.get("resources") or {}
    amount = (resources.get(kind) or {}).get(name)
    if amount is None and kind == "limits":
        amount = facts.allocatable.get(name, "0")
    if amount is None:
        amount = (resources.get("limits") or {}).get(name, "0")
    parsed = quantity.parse(amount)
    divisor = quantity.parse(ref.get("divisor") or "1")
    if divisor.is_zero():
        divisor = quantity.parse("1")
    if name == "cpu":
        return str(-(-parsed.milli_value() // divisor.milli_value()))
    return str(-(-parsed.value() // divisor.value()))
