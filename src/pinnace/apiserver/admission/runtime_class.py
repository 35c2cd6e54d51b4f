"""RuntimeClass: a pod takes overhead and scheduling from its runtime class."""

from pinnace.api.kinds.node import RUNTIMECLASSES
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.apiserver.admission.base import Attributes, Operation

_MISMATCH = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"


class RuntimeClass:
    """Resolves runtime classes."""

    name = "RuntimeClass"

    def handles(self, operation: Operation, row: Resource, subresource: str) -> bool:
        is_pod = row.group == "" and row.plural == "pods" and not subresource
        return is_pod and operation == "CREATE"

    def mutate(self, attributes: Attributes) -> None:
        """Set overhead, node selector and tolerations from the class."""
        found = _class_of(attributes)
        if found is None or attributes.obj is None:
            return
        spec = attributes.obj["spec"]
        if found.get("overhead") is not None:
            fixed = found["overhead"].get("podFixed") or {}
            if spec.get("overhead") and spec["overhead"] != fixed:
                raise attributes.refuse(_MISMATCH)
            spec["overhead"] = dict(fixed)
        scheduling = found.get("scheduling")
        if scheduling:
            _set_node_selector(attributes, spec, scheduling.get("nodeSelector") or {})
            _add_tolerations(spec, scheduling.get("tolerations") or [])

    def validate(self, attributes: Attributes) -> None:
        """Refuse an overhead that is not the class's."""
        found = _class_of(attributes)
        spec = (attributes.obj or {}).get("spec") or {}
        if found is not None and found.get("overhead") is not None:
            if (spec.get("overhead") or {}) != (found["overhead"].get("podFixed") or {}):
                raise attributes.refuse(_MISMATCH)
        elif spec.get("overhead") is not None:
            raise attributes.refuse(
                "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"
            )


def _class_of(attributes: Attributes) -> Object | None:
    name = ((attributes.obj or {}).get("spec") or {}).get("runtimeClassName")
    if name is None:
        return None
    found = attributes.lookup.get(RUNTIMECLASSES, "", name)
    if found is None:
        raise attributes.refuse(f'pod rejected: RuntimeClass "{name}" not found')
    return found


def _set_node_selector(attributes: Attributes, spec: Object, wanted: Object) -> None:
    selector = dict(spec.get("nodeSelector") or {})
    for key, value in wanted.items():
        if key in selector and selector[key] != value:
            raise attributes.refuse(
                f"conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value};"
                f" pod.spec.nodeSelector[{key}] = {selector[key]}"
            )
        selector[key] = value
    if selector:
        spec["nodeSelector"] = selector


def _add_tolerations(spec: Object, wanted: list[Object]) -> None:
    present = spec.get("tolerations") or []
    added = [dict(toleration) for toleration in wanted if toleration not in present]
    if added:
        spec["tolerations"] = [*present, *added]
