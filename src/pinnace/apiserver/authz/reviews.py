"""SubjectAccessReview and its relatives: objects in, answered objects out."""

from dataclasses import dataclass

from pinnace.api.errors import BadRequest, invalid
from pinnace.api.objects import Object
from pinnace.api.validation.table import validate_request
from pinnace.api.wire import User
from pinnace.apiserver.authz.base import Attributes, Authorizer, Decision, decided, joined
from pinnace.apiserver.authz.narrowing import narrowed

_GROUP = "authorization.k8s.io"


@dataclass(frozen=True, slots=True)
class Question:
    """What a review asks of authorizers; `user` is None where the caller asks for himself."""

    review: Object
    user: User | None
    attributes: Attributes
    # What of the selectors was not understood.
    error: str = ""


def question(review: Object, kind: str, namespace: str = "") -> Question:
    """Read a SubjectAccessReview or one of its relatives; raises Invalid, BadRequest.

    Nothing but the review is looked at, so a large one can be read in a thread. A
    LocalSubjectAccessReview is about the namespace of the URL.
    """
    spec = review.get("spec") or {}
    causes = validate_request(kind, review)
    if causes:
        # Upstream names no kind here.
        raise invalid("", _GROUP, "", causes)
    given = (review.get("metadata") or {}).get("namespace") or ""
    if kind == "LocalSubjectAccessReview" and given != namespace:
        raise BadRequest(f"spec.resourceAttributes.namespace must match namespace: {namespace}")
    attributes, error = attributes_from(spec)
    user = None if kind == "SelfSubjectAccessReview" else _subject(spec)
    return Question(review, user, attributes, error)


def review_own_rules(review: Object, user: User, authorizer: Authorizer) -> Object:
    """Answer a SelfSubjectRulesReview: what the caller may do in a namespace."""
    namespace = (review.get("spec") or {}).get("namespace") or ""
    if not namespace:
        raise BadRequest("no namespace on request")
    found = authorizer.rules_for(user, namespace)
    status: Object = {
        "resourceRules": [
            _only(rule, "verbs", "apiGroups", "resources", "resourceNames")
            for rule in found.rules
            if rule.get("resources")
        ],
        "nonResourceRules": [
            _only(rule, "verbs", "nonResourceURLs")
            for rule in found.rules
            if rule.get("nonResourceURLs")
        ],
        "incomplete": found.incomplete,
    }
    if found.errors:
        status["evaluationError"] = joined(found.errors)
    kinds = {"kind": "SelfSubjectRulesReview", "apiVersion": f"{_GROUP}/v1"}
    return {**kinds, "metadata": {}, "spec": {}, "status": status}


def attributes_from(spec: Object) -> tuple[Attributes, str]:
    """Return what a review asks about, and what of its selectors was not understood."""
    path = spec.get("nonResourceAttributes")
    if path is not None:
        plain = Attributes(verb=path.get("verb") or "", path=path.get("path") or "")
        return plain, narrowed(spec.get("resourceAttributes") or {}).error
    asked = spec.get("resourceAttributes") or {}
    narrow = narrowed(asked)
    text = {key: value for key, value in asked.items() if isinstance(value, str)}
    attributes = Attributes(
        verb=text.get("verb", ""),
        group=text.get("group", ""),
        version=text.get("version", "") or "*",
        resource=text.get("resource", ""),
        subresource=text.get("subresource", ""),
        namespace=text.get("namespace", ""),
        name=text.get("name", ""),
        field_selector=narrow.fields,
        label_selector=narrow.labels,
    )
    return attributes, narrow.error


async def answered(asked: Question, caller: User, authorizer: Authorizer) -> Object:
    """Answer a review with itself, its status filled in."""
    verdict = await decided(
        authorizer, caller if asked.user is None else asked.user, asked.attributes
    )
    status: Object = {"allowed": verdict.allowed}
    if verdict.decision is Decision.DENY:
        status["denied"] = True
    if verdict.reason:
        status["reason"] = verdict.reason
    errors = [verdict.error, asked.error]
    if any(errors):
        status["evaluationError"] = "; ".join(filter(None, errors))
    return {**asked.review, "status": status}


def _subject(spec: Object) -> User:
    extra = {key: tuple(values) for key, values in (spec.get("extra") or {}).items()}
    groups = tuple(spec.get("groups") or ())
    return User(str(spec.get("user") or ""), groups, str(spec.get("uid") or ""), extra)


def _only(rule: Object, *keys: str) -> Object:
    return {key: rule[key] for key in keys if rule.get(key)}
