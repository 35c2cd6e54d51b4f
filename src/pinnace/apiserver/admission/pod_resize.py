"""PodResizeValidator: a Pod does not grow beyond what its node has."""

from pinnace.api.errors import Forbidden
from pinnace.api.kinds.core import NODES
from pinnace.api.objects import Object
from pinnace.api.pod_resources import pod_total
from pinnace.api.quantity import Quantity, parse
from pinnace.api.resources import Resource
from pinnace.apiserver.admission.base import Attributes, Operation

_OS = "kubernetes.io/os"


class PodResizeValidator:
    """Looks at resizes of Pods that are on a node."""

    name = "PodResizeValidator"

    def handles(self, operation: Operation, row: Resource, subresource: str) -> bool:
        is_pod = (row.group, row.plural) == ("", "pods")
        return is_pod and operation == "UPDATE" and subresource == "resize"

    def validate(self, attributes: Attributes) -> None:
        """Refuse what the node cannot give."""
        pod, old = attributes.obj or {}, attributes.old or {}
        name = (pod.get("spec") or {}).get("nodeName")
        if not name or pod["metadata"].get("generation") == old["metadata"].get("generation"):
            return
        node = attributes.lookup.get(NODES, "", name)
        if node is None:
            raise attributes.refuse(f'node "{name}" not found')
        system = (node["metadata"].get("labels") or {}).get(_OS, "linux")
        if system != "linux":
            why = f'pod resize is only supported on linux nodes, node "{name}" is "{system}"'
            raise _refused(attributes, why, "UnsupportedPlatform")
        over = "; ".join(_over(pod, node))
        if over:
            why = f"node didn't have enough allocatable resources: {over}"
            raise _refused(attributes, why, "NodeCapacity")


def _over(pod: Object, node: Object) -> list[str]:
    asked = pod_total(pod, "requests", overhead=True)
    allocatable = (node.get("status") or {}).get("allocatable") or {}
    found = []
    for name in ("cpu", "memory"):
        wanted, there = asked.get(name), parse(allocatable.get(name) or "0")
        if wanted is not None and there < wanted:
            shown = (_shown(name, each) for each in (wanted, there))
            found.append("{}, requested: {}, allocatable: {}".format(name, *shown))
    return found


def _shown(name: str, amount: Quantity) -> int:
    return amount.milli_value() if name == "cpu" else amount.value()


def _refused(attributes: Attributes, why: str, cause: str) -> Forbidden:
    error = attributes.refuse(why)
    error.details = {**(error.details or {}), "causes": [{"reason": cause}]}
    return error
