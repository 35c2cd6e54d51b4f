"""The match conditions of authorization webhooks: expressions about a SubjectAccessReview's spec.

Upstream: apiserver `pkg/authorization/cel`.
"""

from collections.abc import Sequence

from pinnace.api.cel.admission import BUDGET, compiled
from pinnace.api.cel.environment import Environment
from pinnace.api.cel.program import Program
from pinnace.api.cel.types import STRING, Structs, list_of, map_of, struct
from pinnace.api.objects import Object

_TEXTS = list_of(STRING)
_SPEC, _RESOURCE = "kubernetes.SubjectAccessReviewSpec", "kubernetes.ResourceAttributes"
_PATH, _TERM = "kubernetes.NonResourceAttributes", "kubernetes.SelectorRequirement"
_FIELDS, _LABELS = "kubernetes.FieldSelectorAttributes", "kubernetes.LabelSelectorAttributes"
_SELECTOR = {"rawSelector": STRING, "requirements": list_of(struct(_TERM))}
_ATTRIBUTES = ("namespace", "verb", "group", "version", "resource", "subresource", "name")
_STRUCTS: Structs = {
    _SPEC: {
        "resourceAttributes": struct(_RESOURCE),
        "nonResourceAttributes": struct(_PATH),
        "user": STRING,
        "groups": _TEXTS,
        "extra": map_of(STRING, _TEXTS),
        "uid": STRING,
    },
    _RESOURCE: {
        **dict.fromkeys(_ATTRIBUTES, STRING),
        "fieldSelector": struct(_FIELDS),
        "labelSelector": struct(_LABELS),
    },
    _PATH: {"path": STRING, "verb": STRING},
    _TERM: {"key": STRING, "operator": STRING, "values": _TEXTS},
    _FIELDS: _SELECTOR,
    _LABELS: _SELECTOR,
}


def compile_condition(source: str) -> Program:
    """Return the program of a condition; raises ValueError in upstream's words."""
    scope = Environment(variables={"request": struct(_SPEC)}, structs=_STRUCTS)
    return compiled(source, scope, "bool")


class Conditions:
    """Conditions that all have to be true."""

    def __init__(self, sources: Sequence[str]) -> None:
        self._all = [(source, compile_condition(source)) for source in sources]

    def match(self, spec: Object) -> tuple[bool, list[str]]:
        """Say whether a review's spec matches, and which conditions could not be evaluated.

        One that is false decides, whatever cannot be told of the others.
        """
        errors = []
        given = {"request": _complete(spec)}
        for source, program in self._all:
            outcome = program.run(given, BUDGET)
            if outcome.error is not None:
                errors.append(
                    f"cel evaluation error: expression '{source}' resulted in error: "
                    f"{outcome.error}"
                )
            elif outcome.value is not True:
                return False, []
        return not errors, errors


def _complete(spec: Object) -> Object:
    """Return a spec with all its texts, the empty ones too."""
    made: Object = {
        "user": spec.get("user") or "",
        "groups": spec.get("groups") or [],
        "uid": spec.get("uid") or "",
        "extra": spec.get("extra") or {},
    }
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if resource is not None:
        texts = {name: resource.get(name) or "" for name in _ATTRIBUTES}
        selectors = {
            name: {"requirements": [{"values": [], **one} for one in found["requirements"]]}
            for name in ("fieldSelector", "labelSelector")
            if (found := resource.get(name))
        }
        made["resourceAttributes"] = texts | selectors
    if path is not None:
        texts = {name: path.get(name) or "" for name in ("verb", "path")}
        made["nonResourceAttributes"] = texts
    return made
