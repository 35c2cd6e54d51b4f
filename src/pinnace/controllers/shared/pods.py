"""What controllers ask about Pods, and how they make them."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from pinnace.api.names import dns1123_subdomain
from pinnace.api.objects import Key, Object, controller_of, copied, parse_time
from pinnace.api.pods import is_terminal
from pinnace.api.resources import Resource
from pinnace.client.base import Informer
from pinnace.controllers.shared import conditions

BY_CONTROLLER = "controller"
BY_NODE = "node"


def by_controller(pod: Object) -> Iterable[str]:
    """Index objects by the UID of their controller; orphans by their namespace."""
    ref = controller_of(pod)
    return (ref["uid"] if ref else f"orphan/{pod['metadata'].get('namespace', '')}",)


def by_node(pod: Object) -> Iterable[str]:
    """Index Pods by the node that they are bound to."""
    node = pod["spec"].get("nodeName")
    return (node,) if node else ()


def owned(informer: Informer, owner: Object, *, orphans: bool = False) -> list[Object]:
    """Return the objects that an owner controls, and the orphans of its namespace if wanted."""
    informer.add_index(BY_CONTROLLER, by_controller)
    found = list(informer.by_index(BY_CONTROLLER, owner["metadata"]["uid"]))
    if orphans:
        namespace = owner["metadata"].get("namespace", "")
        found += informer.by_index(BY_CONTROLLER, f"orphan/{namespace}")
    return found


def is_active(pod: Object) -> bool:
    """Whether the Pod has not ended and is not being deleted."""
    return not is_terminal(pod) and "deletionTimestamp" not in pod["metadata"]


def is_terminating(pod: Object) -> bool:
    """Whether the Pod is being deleted and has not ended."""
    return not is_terminal(pod) and "deletionTimestamp" in pod["metadata"]


def is_ready(pod: Object) -> bool:
    """Whether the Pod's Ready condition is True."""
    return conditions.is_true((pod.get("status") or {}).get("conditions"), "Ready")


def ready_since(pod: Object) -> datetime | None:
    """Return when the Pod became ready, or None if it is not or does not say."""
    ready = conditions.find((pod.get("status") or {}).get("conditions"), "Ready")
    if ready is None or ready.get("status") != "True" or not ready.get("lastTransitionTime"):
        return None
    return parse_time(ready["lastTransitionTime"])


def is_available(pod: Object, min_ready_seconds: int, now: datetime) -> bool:
    """Whether the Pod has been ready for that long."""
    if not is_ready(pod):
        return False
    if min_ready_seconds == 0:
        return True
    since = ready_since(pod)
    return since is not None and since + timedelta(seconds=min_ready_seconds) <= now


def next_availability_check(
    pods: Iterable[Object], min_ready_seconds: int, now: datetime
) -> timedelta | None:
    """Return in how long the next of the ready Pods becomes available, or None."""
    waits = [
        since + timedelta(seconds=min_ready_seconds) - now
        for since in map(ready_since, pods)
        if since is not None
    ]
    return min((wait for wait in waits if wait > timedelta(0)), default=None)


def controller_ref(owner: Object, row: Resource) -> Object:
    """Return the reference by which an object says that the owner controls it."""
    return {
        "apiVersion": row.group_version,
        "kind": row.kind,
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def from_template(template: Object, owner: Object, row: Resource) -> Object:
    """Return the Pod that a template describes, owned and with a generated name."""
    meta = template.get("metadata") or {}
    prefix = owner["metadata"]["name"] + "-"
    # Upstream validates the prefix as it would the name, without the trailing dash.
    if dns1123_subdomain(prefix.removesuffix("-") + "a"):
        prefix = owner["metadata"]["name"]
    made: Object = {
        "generateName": prefix,
        "namespace": owner["metadata"]["namespace"],
        "ownerReferences": [controller_ref(owner, row)],
    }
    for name in ("labels", "annotations", "finalizers"):
        if meta.get(name):
            made[name] = meta[name]
    return copied({"kind": "Pod", "apiVersion": "v1", "metadata": made, "spec": template["spec"]})


def owner_keys(obj: Object, kind: str) -> Iterable[Key]:
    """Return the key of the controller of an object if it is of the given kind."""
    ref = controller_of(obj)
    if ref is not None and ref["kind"] == kind:
        yield Key(obj["metadata"].get("namespace", ""), ref["name"])
