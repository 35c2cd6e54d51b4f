"""What a definition's status says of its names, decided from all definitions of its group.

Upstream: apiextensions-apiserver's naming, establishing and API approval controllers. A name is
accepted unless another definition of the group has it accepted already; a definition whose names
were once accepted stays established.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from pinnace.api.custom.definitions import ESTABLISHED, NAMES_ACCEPTED, set_condition
from pinnace.api.objects import Object
from pinnace.api.validation.base import quoted

_APPROVAL = "api-approved.kubernetes.io"
_CONFORMANT = "KubernetesAPIApprovalPolicyConformant"
_PULL = "https://github.com/kubernetes/enhancements/pull/1111"
_PROTECTED = (".k8s.io", ".kubernetes.io")
_SINGLE = (
    ("plural", "PluralConflict"),
    ("singular", "SingularConflict"),
    ("kind", "KindConflict"),
    ("listKind", "ListKindConflict"),
)


def next_status(crd: Object, others: Iterable[Object], now: str) -> Object | None:
    """Return the status that a definition ought to have, or None if it has it."""
    status: Object = dict(crd.get("status") or {})
    wanted = _wanted(crd["spec"]["names"])
    conditions = [dict(found) for found in status.get("conditions") or ()]
    approval = _approved(crd)
    if approval is not None:
        set_condition(conditions, approval, now)
    if wanted != _wanted(status.get("acceptedNames") or {}):
        accepted, names = _names(wanted, status.get("acceptedNames") or {}, others)
        status["acceptedNames"] = accepted
        set_condition(conditions, names, now)
        if not _holds(conditions, ESTABLISHED):
            set_condition(conditions, _established(names["status"] == "True"), now)
    status["conditions"] = conditions
    return None if status == crd.get("status") else status


def _wanted(names: Object) -> Object:
    return {name: value for name, value in names.items() if value not in (None, "", [])}


def _names(wanted: Object, accepted: Object, others: Iterable[Object]) -> tuple[Object, Object]:
    """Return the names that are accepted now, and the condition that says so."""
    resources, kinds = _taken(others)
    made: Object = dict(accepted)
    problem: tuple[str, str] | None = None
    for name, reason in _SINGLE:
        given, taken = wanted.get(name, ""), kinds if "ind" in name else resources
        if given != accepted.get(name, "") and given in taken:
            problem = (reason, f'"{given}" is already in use')
        else:
            made[name] = given
        if name == "singular":
            clash = _short_names(wanted, accepted, resources)
            if clash:
                problem = ("ShortNamesConflict", clash)
            else:
                made["shortNames"] = wanted.get("shortNames", [])
    made["categories"] = wanted.get("categories", [])
    reason, message = problem or ("NoConflicts", "no conflicts found")
    return _named(made), _condition(NAMES_ACCEPTED, problem is None, reason, message)


def _named(names: Object) -> Object:
    kept = _wanted(names)
    return {"plural": names.get("plural", ""), "kind": names.get("kind", ""), **kept}


def _taken(others: Iterable[Object]) -> tuple[set[str], set[str]]:
    resources, kinds = set[str](), set[str]()
    for other in others:
        names: Object = (other.get("status") or {}).get("acceptedNames") or {}
        resources |= {names.get("plural", ""), names.get("singular", "")}
        resources |= set(names.get("shortNames") or ())
        kinds |= {names.get("kind", ""), names.get("listKind", "")}
    return resources - {""}, kinds - {""}


def _short_names(wanted: Object, accepted: Object, taken: set[str]) -> str:
    own = accepted.get("shortNames") or ()
    bad = [name for name in wanted.get("shortNames", ()) if name not in own and name in taken]
    texts = list(dict.fromkeys(f'"{name}" is already in use' for name in bad))
    return f"[{', '.join(texts)}]" if len(texts) > 1 else "".join(texts)


def _established(accepted: bool) -> Object:
    if accepted:
        text = "the initial names have been accepted"
        return _condition(ESTABLISHED, True, "InitialNamesAccepted", text)
    return _condition(ESTABLISHED, False, "NotAccepted", "not all names are accepted")


def _approved(crd: Object) -> Object | None:
    """Return the condition of a definition in one of the community's groups."""
    group = crd["spec"]["group"]
    if group not in ("k8s.io", "kubernetes.io") and not group.endswith(_PROTECTED):
        return None
    value = (crd["metadata"].get("annotations") or {}).get(_APPROVAL, "")
    start = f'protected groups must have approval annotation "{_APPROVAL}"'
    if not value:
        text = f"{start}, see {_PULL}"
        return _condition(_CONFORMANT, False, "MissingAnnotation", text)
    if value.startswith("unapproved"):
        text = f"not approved: {quoted(value)}"
        return _condition(_CONFORMANT, False, "UnapprovedAnnotation", text)
    parts = urlsplit(value)
    if parts.scheme and parts.netloc:
        return _condition(_CONFORMANT, True, "ApprovedAnnotation", f"approved in {value}")
    text = f'{start} with either a URL or a reason starting with "unapproved", see {_PULL}'
    return _condition(_CONFORMANT, False, "InvalidAnnotation", text)


def _condition(kind: str, good: bool, reason: str, message: str) -> Object:
    status = "True" if good else "False"
    return {"type": kind, "status": status, "reason": reason, "message": message}


def _holds(conditions: Iterable[Object], kind: str) -> bool:
    return any(found["type"] == kind and found["status"] == "True" for found in conditions)
