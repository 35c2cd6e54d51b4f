"""PodTolerationRestriction: namespaces say which tolerations their Pods get, and may have."""

from collections.abc import Sequence
from typing import Any

import orjson

from pinnace.api.codec.jsonsyntax import complaint
from pinnace.api.errors import ApiError, not_found
from pinnace.api.kinds.core import NAMESPACES
from pinnace.api.objects import Object
from pinnace.api.qos import qos_class
from pinnace.api.resources import Resource
from pinnace.apiserver.admission.base import Attributes, Operation

DEFAULTS = "scheduler.alpha.kubernetes.io/defaultTolerations"
ALLOWED = "scheduler.alpha.kubernetes.io/tolerationsWhitelist"
_PRESSURE = {
    "key": "node.kubernetes.io/memory-pressure",
    "operator": "Exists",
    "effect": "NoSchedule",
}


class PodTolerationRestriction:
    """Merges and checks tolerations; `defaults` and `allowed` are the cluster's."""

    name = "PodTolerationRestriction"

    def __init__(self, defaults: Sequence[Object] = (), allowed: Sequence[Object] = ()) -> None:
        self._defaults = list(defaults)
        self._allowed = list(allowed)

    def handles(self, operation: Operation, row: Resource, subresource: str) -> bool:
        written = operation in ("CREATE", "UPDATE") and not subresource
        return written and (row.group, row.plural) == ("", "pods")

    def mutate(self, attributes: Attributes) -> None:
        """Add the namespace's tolerations, and the one that memory pressure calls for."""
        spec = (attributes.obj or {}).setdefault("spec", {})
        more: list[Object] = []
        if attributes.operation == "CREATE":
            given = _of_namespace(attributes, DEFAULTS)
            more += self._defaults if given is None else given
        if qos_class(spec) != "BestEffort":
            more.append(dict(_PRESSURE))
        if more:
            spec["tolerations"] = merged([*(spec.get("tolerations") or ()), *more])
        self.validate(attributes)

    def validate(self, attributes: Attributes) -> None:
        """Refuse tolerations that the namespace, or else the cluster, does not allow."""
        tolerations = ((attributes.obj or {}).get("spec") or {}).get("tolerations") or ()
        if not tolerations:
            return
        allowed, scope = _of_namespace(attributes, ALLOWED), "namespace"
        if allowed is None:
            allowed, scope = self._allowed, "cluster"
        if allowed and not all(any(covers(a, t) for a in allowed) for t in tolerations):
            why = "pod tolerations (possibly merged with namespace default tolerations)"
            raise ApiError(f"{why} conflict with its {scope} whitelist", code=500, reason="")


def _of_namespace(attributes: Attributes, annotation: str) -> list[Any] | None:
    namespace = attributes.lookup.get(NAMESPACES, "", attributes.namespace)
    if namespace is None:
        raise not_found("namespaces", "", attributes.namespace)
    given = (namespace["metadata"].get("annotations") or {}).get(annotation)
    if not given:
        return None if given is None else []
    try:
        found = orjson.loads(given)
    except orjson.JSONDecodeError as error:
        why = complaint(given.encode())
        raise ApiError(why, code=500, reason="") from error
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        why = "json: cannot unmarshal value into Go value of type []v1.Toleration"
        raise ApiError(why, code=500, reason="")
    return found


def merged(tolerations: Sequence[Object]) -> list[Object]:
    """Return the tolerations without those that others cover."""
    kept: list[Object] = []
    for index, each in enumerate(tolerations):
        later = tolerations[index + 1 :]
        if any(covers(other, each) for other in kept):
            continue
        if any(not _same(each, other) and covers(other, each) for other in later):
            continue
        kept.append(each)
    return kept


def covers(wide: Object, narrow: Object) -> bool:
    """Say whether a toleration tolerates all that another does."""
    if _same(wide, narrow):
        return True
    key, operator, effect = (wide.get(n) or "" for n in ("key", "operator", "effect"))
    if (narrow.get("key") or "") != key and (key or operator != "Exists"):
        return False
    if effect and (narrow.get("effect") or "") != effect:
        return False
    seconds, others = wide.get("tolerationSeconds"), narrow.get("tolerationSeconds")
    if effect == "NoExecute" and seconds is not None and (others is None or others > seconds):
        return False
    if operator in ("Equal", ""):
        same = (narrow.get("value") or "") == (wide.get("value") or "")
        return narrow.get("operator") == "Equal" and same
    return bool(operator == "Exists")


def _same(one: Object, two: Object) -> bool:
    names = ("key", "operator", "value", "effect")
    alike = all((one.get(name) or "") == (two.get(name) or "") for name in names)
    return alike and one.get("tolerationSeconds") == two.get("tolerationSeconds")
