"""Whether a node is one that a Pod may run on, by its selector and its required affinity."""

from collections.abc import Mapping, Sequence
from typing import Any

_Part = Mapping[str, Any]


def _matches_one(wanted: _Part, values: Mapping[str, str]) -> bool:
    value, operator = values.get(wanted["key"]), wanted["operator"]
    listed: Sequence[str] = wanted.get("values") or ()
    if operator in ("NotIn", "DoesNotExist"):
        return value is None or (operator == "NotIn" and value not in listed)
    if value is None:
        return False
    if operator == "In":
        return value in listed
    if operator in ("Gt", "Lt"):
        try:
            number, limit = int(value), int(listed[0])
        except (ValueError, IndexError):
            return False
        return number > limit if operator == "Gt" else number < limit
    return bool(operator == "Exists")


def _matches_term(term: _Part, labels: Mapping[str, str], fields: Mapping[str, str]) -> bool:
    by_labels, by_fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not by_labels and not by_fields:
        return False  # an empty term selects nothing
    return all(_matches_one(one, labels) for one in by_labels) and all(
        _matches_one(one, fields) for one in by_fields
    )


def fits_node(spec: _Part, node: _Part) -> bool:
    """Say whether a Pod with this spec may run on the node, taints aside."""
    labels = node["metadata"].get("labels") or {}
    selector = spec.get("nodeSelector") or {}
    if not selector.items() <= labels.items():
        return False
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is None:
        return True
    fields = {"metadata.name": node["metadata"]["name"]}
    terms = required.get("nodeSelectorTerms") or ()
    return any(_matches_term(term, labels, fields) for term in terms)
