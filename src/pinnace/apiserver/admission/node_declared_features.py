"""NodeDeclaredFeatureValidator: a Pod on a node is not changed in ways that its node cannot follow.

Nodes name what they can do in `status.declaredFeatures`. Of the features that upstream infers
(component-helpers `nodedeclaredfeatures`), two are asked for by changes of Pods; the others only
matter to the scheduler, or to nobody.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from pinnace.api.kinds.core import NODES
from pinnace.api.objects import Object
from pinnace.api.pod_resources import amounts
from pinnace.api.resources import Resource
from pinnace.apiserver.admission.base import Attributes, Operation


class NodeDeclaredFeatureValidator:
    """Looks at changes of Pods that are on a node."""

    name = "NodeDeclaredFeatureValidator"

    def handles(self, operation: Operation, row: Resource, subresource: str) -> bool:
        is_pod = (row.group, row.plural) == ("", "pods")
        return is_pod and operation == "UPDATE" and subresource in ("", "resize")

    def validate(self, attributes: Attributes) -> None:
        """Refuse what takes features that the node has not declared."""
        pod, old = attributes.obj or {}, attributes.old or {}
        spec = pod.get("spec") or {}
        name = spec.get("nodeName")
        if not name or pod["metadata"].get("generation") == old["metadata"].get("generation"):
            return
        wanted = [each for each, asks in _ASKING.items() if asks(old["spec"], spec)]
        if not wanted:
            return
        node = attributes.lookup.get(NODES, "", name)
        if node is None:
            raise attributes.refuse(f'node "{name}" not found')
        declared = (node.get("status") or {}).get("declaredFeatures") or ()
        missing = [each for each in wanted if each not in declared]
        if missing:
            raise attributes.refuse(
                f"pod update requires features {', '.join(missing)} which are not available on "
                f'node "{name}"'
            )


def _resizes_pod(old: Object, new: Object) -> bool:
    return _resources(old) != _resources(new)


def _resizes_init_containers(old: Object, new: Object) -> bool:
    before, after = old.get("initContainers") or (), new.get("initContainers") or ()
    return any(
        one.get("restartPolicy") != "Always" and _resources(one) != _resources(other)
        for one, other in zip(before, after, strict=False)
    )


def _resources(holder: Object) -> tuple[object, ...]:
    claims = (holder.get("resources") or {}).get("claims") or []
    return amounts(holder, "requests"), amounts(holder, "limits"), claims


# In the order of their names, in which refusals tell them.
_ASKING: Mapping[str, Callable[[Object, Object], bool]] = MappingProxyType(
    {
        "InPlacePodLevelResourcesVerticalScaling": _resizes_pod,
        "InPlacePodVerticalScalingInitContainers": _resizes_init_containers,
    }
)
