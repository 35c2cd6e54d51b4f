"""Priority: turns a pod's priority class into its number, and keeps the default class unique."""

from typing import Any

from pinnace.api.kinds.scheduling import PRIORITYCLASSES
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.apiserver.admission.base import Attributes, Lookup, Operation


class Priority:
    """Resolves priority classes."""

    name = "Priority"

    def handles(self, operation: Operation, row: Resource, subresource: str) -> bool:
        concerned = (row.group, row.plural) in (
            ("", "pods"),
            ("scheduling.k8s.io", "priorityclasses"),
        )
        return concerned and not subresource and operation in ("CREATE", "UPDATE")

    def mutate(self, attributes: Attributes) -> None:
        """Set priority and preemption policy of a pod; keep them on update."""
        if attributes.obj is None or not attributes.of("", "pods"):
            return
        spec = attributes.obj.setdefault("spec", {})
        if attributes.operation == "UPDATE":
            old = (attributes.old or {}).get("spec") or {}
            for field in ("priority", "preemptionPolicy"):
                if spec.get(field) is None and old.get(field) is not None:
                    spec[field] = old[field]
            return
        name, priority, policy = self._establish(attributes, spec.get("priorityClassName") or "")
        if name:
            spec["priorityClassName"] = name
        given = spec.get("priority")
        if given is not None and given != priority:
            raise attributes.refuse(
                f"the integer value of priority ({given}) must not be provided in pod spec;"
                f" priority admission controller computed {priority} from the given PriorityClass"
                " name"
            )
        spec["priority"] = priority
        given = spec.get("preemptionPolicy")
        if policy and given is not None and given != policy:
            raise attributes.refuse(
                f"the string value of PreemptionPolicy ({given}) must not be provided in pod spec;"
                f" priority admission controller computed {policy} from the given PriorityClass"
                " name"
            )
        if policy:
            spec["preemptionPolicy"] = policy

    def validate(self, attributes: Attributes) -> None:
        """Refuse a second default class."""
        obj = attributes.obj
        if obj is None or attributes.of("", "pods") or not obj.get("globalDefault"):
            return
        default = _default_class(attributes.lookup)
        if default is None:
            return
        name = default["metadata"]["name"]
        if attributes.operation == "CREATE" or name != obj["metadata"].get("name"):
            raise attributes.refuse(
                f"PriorityClass {name} is already marked as default. Only one default can exist"
            )

    @staticmethod
    def _establish(attributes: Attributes, name: str) -> tuple[str, int, Any]:
        if name:
            found = attributes.lookup.get(PRIORITYCLASSES, "", name)
            if found is None:
                raise attributes.refuse(f"no PriorityClass with name {name} was found")
        else:
            found = _default_class(attributes.lookup)
            if found is None:
                return "", 0, "PreemptLowerPriority"
        return (
            found["metadata"]["name"],
            int(found.get("value") or 0),
            found.get("preemptionPolicy"),
        )


def _default_class(lookup: Lookup) -> Object | None:
    """Return the default class; of several, by a race, the one with the lowest value."""
    defaults = [c for c in lookup.list(PRIORITYCLASSES) if c.get("globalDefault")]
    return min(defaults, key=lambda c: int(c.get("value") or 0), default=None)
