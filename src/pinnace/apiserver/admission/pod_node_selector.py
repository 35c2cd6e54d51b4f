"""PodNodeSelector: a namespace says by an annotation on which nodes its Pods run."""

from collections.abc import Mapping

from pinnace.api.errors import ApiError, forbidden, not_found
from pinnace.api.kinds.core import NAMESPACES
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.apiserver.admission.base import Attributes, Operation

ANNOTATION = "scheduler.alpha.kubernetes.io/node-selector"
_DEFAULT = "clusterDefaultNodeSelector"


def labels_of(selector: str) -> dict[str, str]:
    """Return the labels that a selector such as `a=b,c=d` asks for; raises ValueError."""
    found: dict[str, str] = {}
    for part in selector.split(",") if selector else ():
        key, equals, value = part.partition("=")
        if not equals or "=" in value:
            raise ValueError(f"invalid selector: [{' '.join(part.split('='))}]")
        found[key.strip()] = value.strip()
    return found


class PodNodeSelector:
    """Merges the selectors of namespaces into Pods; `selectors` are the cluster's, by namespace."""

    name = "PodNodeSelector"

    def __init__(self, selectors: Mapping[str, str]) -> None:
        self._selectors = {name: labels_of(text) for name, text in selectors.items()}

    def handles(self, operation: Operation, row: Resource, subresource: str) -> bool:
        return operation == "CREATE" and not subresource and _is_pod(row)

    def mutate(self, attributes: Attributes) -> None:
        """Add the labels of the namespace; raises Forbidden where the Pod asks for others."""
        spec = (attributes.obj or {}).setdefault("spec", {})
        wanted = self._wanted(attributes)
        self._check(attributes, wanted)
        merged = {**wanted, **(spec.get("nodeSelector") or {})}
        if merged:
            spec["nodeSelector"] = merged
        self._check_list(attributes)

    def validate(self, attributes: Attributes) -> None:
        """Refuse what another mutator has changed."""
        self._check(attributes, self._wanted(attributes))
        self._check_list(attributes)

    def _wanted(self, attributes: Attributes) -> Mapping[str, str]:
        namespace = attributes.lookup.get(NAMESPACES, "", attributes.namespace)
        if namespace is None:
            raise not_found("namespaces", "", attributes.namespace)
        given = (namespace["metadata"].get("annotations") or {}).get(ANNOTATION)
        if given is None:
            return self._selectors.get(_DEFAULT) or {}
        try:
            return labels_of(given)
        except ValueError as error:
            raise ApiError(str(error), code=500, reason="") from error

    def _check(self, attributes: Attributes, wanted: Mapping[str, str]) -> None:
        own = _selector(attributes.obj)
        if any(own.get(key, value) != value for key, value in wanted.items()):
            why = "pod node label selector conflicts with its namespace node label selector"
            raise _refused(attributes, why)

    def _check_list(self, attributes: Attributes) -> None:
        allowed = self._selectors.get(attributes.namespace) or {}
        if allowed and not _selector(attributes.obj).items() <= allowed.items():
            why = "pod node label selector labels conflict with its namespace whitelist"
            raise _refused(attributes, why)


def _is_pod(row: Resource) -> bool:
    return (row.group, row.plural) == ("", "pods")


def _selector(pod: Object | None) -> Mapping[str, str]:
    return ((pod or {}).get("spec") or {}).get("nodeSelector") or {}


def _refused(attributes: Attributes, why: str) -> ApiError:
    name = ((attributes.obj or {}).get("metadata") or {}).get("name") or ""
    return forbidden("pods", "", name, why)
