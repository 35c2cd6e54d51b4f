"""SubjectAccessReview and its relatives: objects in, answered objects out."""

from pinnace.api.errors import BadRequest, invalid
from pinnace.api.objects import Object
from pinnace.api.validation.table import validate_request
from pinnace.api.wire import User
from pinnace.apiserver.authz.base import Attributes, Authorizer, Decision, decided, joined
from pinnace.apiserver.authz.narrowing import narrowed

_GROUP = "authorization.k8s.io"


async def review_access(review: Object, authorizer: Authorizer) -> Object:
    """Answer a SubjectAccessReview; raises Invalid."""
    spec = review.get("spec") or {}
    _check(review, "SubjectAccessReview")
    return await _answered(review, authorizer, _subject(spec))


async def review_own_access(review: Object, user: User, authorizer: Authorizer) -> Object:
    """Answer a SelfSubjectAccessReview; raises Invalid."""
    _check(review, "SelfSubjectAccessReview")
    return await _answered(review, authorizer, user)


async def review_local_access(review: Object, namespace: str, authorizer: Authorizer) -> Object:
    """Answer a LocalSubjectAccessReview in the namespace of the URL; raises Invalid, BadRequest."""
    spec = review.get("spec") or {}
    _check(review, "LocalSubjectAccessReview")
    given = (review.get("metadata") or {}).get("namespace") or ""
    if given != namespace:
        raise BadRequest(f"spec.resourceAttributes.namespace must match namespace: {namespace}")
    return await _answered(review, authorizer, _subject(spec))


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


def attributes_from(spec: Object) -> Attributes:
    """Return what a review asks about."""
    path = spec.get("nonResourceAttributes")
    if path is not None:
        return Attributes(verb=path.get("verb") or "", path=path.get("path") or "")
    asked = spec.get("resourceAttributes") or {}
    narrow = narrowed(asked)
    text = {key: value for key, value in asked.items() if isinstance(value, str)}
    return Attributes(
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


async def _answered(review: Object, authorizer: Authorizer, user: User) -> Object:
    spec = review.get("spec") or {}
    verdict = await decided(authorizer, user, attributes_from(spec))
    status: Object = {"allowed": verdict.allowed}
    if verdict.decision is Decision.DENY:
        status["denied"] = True
    if verdict.reason:
        status["reason"] = verdict.reason
    errors = [verdict.error, narrowed(spec.get("resourceAttributes") or {}).error]
    if any(errors):
        status["evaluationError"] = "; ".join(filter(None, errors))
    return {**review, "status": status}


def _subject(spec: Object) -> User:
    extra = {key: tuple(values) for key, values in (spec.get("extra") or {}).items()}
    groups = tuple(spec.get("groups") or ())
    return User(str(spec.get("user") or ""), groups, str(spec.get("uid") or ""), extra)


def _check(review: Object, kind: str) -> None:
    causes = validate_request(kind, review)
    if causes:
        # Upstream names no kind here.
        raise invalid("", _GROUP, "", causes)


def _only(rule: Object, *keys: str) -> Object:
    return {key: rule[key] for key in keys if rule.get(key)}
