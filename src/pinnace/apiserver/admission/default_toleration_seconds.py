"""DefaultTolerationSeconds: pods stay 300 s on a node that is not ready or unreachable."""

from pinnace.api.resources import Resource
from pinnace.apiserver.admission.base import Attributes, Operation

_KEYS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_SECONDS = 300


class DefaultTolerationSeconds:
    """Adds the two tolerations to pods that do not have their own."""

    name = "DefaultTolerationSeconds"

    def handles(self, operation: Operation, row: Resource, subresource: str) -> bool:
        is_pod = row.group == "" and row.plural == "pods" and not subresource
        return is_pod and operation in ("CREATE", "UPDATE")

    def mutate(self, attributes: Attributes) -> None:
        """Add what is missing."""
        if attributes.obj is None:
            return
        spec = attributes.obj.setdefault("spec", {})
        tolerations = spec.get("tolerations") or []
        missing = [
            key
            for key in _KEYS
            if not any(
                t.get("key", "") in ("", key) and t.get("effect", "") in ("", "NoExecute")
                for t in tolerations
            )
        ]
        if missing:
            added = [
                {
                    "key": key,
                    "operator": "Exists",
                    "effect": "NoExecute",
                    "tolerationSeconds": _SECONDS,
                }
                for key in missing
            ]
            spec["tolerations"] = [*tolerations, *added]
