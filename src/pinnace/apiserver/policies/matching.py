"""Which writes a policy, or a binding, is about. Upstream: `admission/plugin/policy/matching`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pinnace.api.resources import Resource
from pinnace.api.selectors import label_selector_from_object
from pinnace.apiserver.admission.base import Attributes
from pinnace.apiserver.hooks.compiled import Hook, equivalents, fits
from pinnace.apiserver.hooks.dispatch import is_concerned

Rule = Mapping[str, Any]


class Constraints:
    """MatchResources, compiled: of a policy or of a binding."""

    def __init__(self, given: Mapping[str, Any], rows: Iterable[Resource]) -> None:
        self._rows = rows
        self._included: Sequence[Rule] = given.get("resourceRules") or ()
        self._excluded: Sequence[Rule] = given.get("excludeResourceRules") or ()
        self._exact = given.get("matchPolicy") == "Exact"
        self._selectors = Hook(
            configuration="",
            name="",
            spec={},
            namespaces=label_selector_from_object(given.get("namespaceSelector") or {}),
            objects=label_selector_from_object(given.get("objectSelector") or {}),
        )

    def match(self, attributes: Attributes) -> Resource | None:
        """Return the row in whose version the objects are wanted, or None; raises ApiError."""
        if self._excluded and self._ruled(self._excluded, attributes) is not None:
            return None
        found = attributes.row
        if self._included:
            ruled = self._ruled(self._included, attributes)
            if ruled is None:
                return None
            found = ruled
        concerned = is_concerned(self._selectors, attributes, attributes.obj, attributes.old)
        return found if concerned else None

    def _ruled(self, rules: Sequence[Rule], attributes: Attributes) -> Resource | None:
        if any(_fits(rule, attributes.row, attributes) for rule in rules):
            return attributes.row
        if self._exact:
            return None
        others = equivalents(self._rows, attributes.row, attributes.subresource)
        for rule in rules:
            for other in others:
                if _fits(rule, other, attributes):
                    return other
        return None


def _fits(rule: Rule, row: Resource, attributes: Attributes) -> bool:
    names = rule.get("resourceNames") or ()
    return fits(rule, row, attributes) and (not names or attributes.name in names)
