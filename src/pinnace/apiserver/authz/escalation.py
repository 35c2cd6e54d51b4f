"""Nobody grants what they do not hold: the checks on writes of roles and bindings.

Upstream does this in the registries of the four kinds; here it is one function, so that every way
of writing (create, update, patch, apply) passes it.
"""

from typing import Any

from pinnace.api.errors import ApiError, BadRequest, forbidden, not_found
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.api.validation.base import quoted
from pinnace.api.wire import User
from pinnace.apiserver.authz.base import MASTERS, Attributes, Authorizer, decided
from pinnace.apiserver.authz.rbac import GROUP, Rbac
from pinnace.apiserver.authz.rules import describe, uncovered

_EVERYTHING: tuple[Object, ...] = (
    {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
    {"verbs": ["*"], "nonResourceURLs": ["*"]},
)
ROLE_KINDS = ("roles", "clusterroles")
BINDING_KINDS = ("rolebindings", "clusterrolebindings")


async def check_write(
    row: Resource,
    obj: Object,
    old: Object | None,
    *,
    namespace: str,
    asked: str,
    user: User,
    rbac: Rbac,
    authorizer: Authorizer,
) -> ApiError | None:
    """Return why the user may not write this role or binding, or None.

    `asked` is the name that the request's path has: to create a role one has to be allowed to
    escalate any.
    """
    if MASTERS in user.groups or (old is not None and _only_for_garbage_collection(obj, old)):
        return None
    name = str(obj["metadata"].get("name") or "")
    if row.plural in ROLE_KINDS:
        if await _may(authorizer, user, "escalate", row.plural, asked, namespace):
            return None
        return _check_role(row, obj, old, namespace, user, rbac)
    reference = obj.get("roleRef") or {}
    kind, target = str(reference.get("kind") or ""), str(reference.get("name") or "")
    plural = {"Role": "roles", "ClusterRole": "clusterroles"}.get(kind)
    if plural is None:
        return ApiError(f"unsupported role reference kind: {quoted(kind)}", reason="")
    if await _may(authorizer, user, "bind", plural, target, namespace):
        return None
    if not target:
        return BadRequest("Name parameter required.")
    rules = rbac.role_rules(reference, namespace)
    if rules is None:
        # Upstream looks the role up in the course of a request for a binding, and says so.
        return not_found(row.plural, GROUP, target)
    return _check_held(row, name, rules, namespace, user, rbac)


def _check_role(
    row: Resource, obj: Object, old: Object | None, namespace: str, user: User, rbac: Rbac
) -> ApiError | None:
    name = str(obj["metadata"].get("name") or "")
    refused = _check_held(row, name, obj.get("rules") or [], namespace, user, rbac)
    if refused is not None:
        return refused
    aggregates = _aggregates(obj) or (old is not None and _aggregates(old))
    if aggregates and uncovered(rbac.rules_for(user, namespace).rules, _EVERYTHING):
        why = "must have cluster-admin privileges to use the aggregationRule"
        return forbidden(row.plural, GROUP, name, why)
    return None


def _check_held(
    row: Resource, name: str, rules: list[Object], namespace: str, user: User, rbac: Rbac
) -> ApiError | None:
    held = rbac.rules_for(user, namespace)
    missing = uncovered(held.rules, rules)
    if not missing:
        return None
    groups = " ".join(f'"{group}"' for group in user.groups)
    lines = "\n".join(describe(missing))
    text = (
        f'user "{user.name}" (groups=[{groups}]) is attempting to grant RBAC permissions not'
        f" currently held:\n{lines}"
    )
    if held.errors:
        text += f"; resolution errors: [{' '.join(held.errors)}]"
    return forbidden(row.plural, GROUP, name, text)


async def _may(
    authorizer: Authorizer, user: User, verb: str, plural: str, name: str, namespace: str
) -> bool:
    attempt = Attributes(
        verb=verb, group=GROUP, version="*", resource=plural, name=name, namespace=namespace
    )
    return (await decided(authorizer, user, attempt)).allowed


def _aggregates(role: Object) -> bool:
    return bool((role.get("aggregationRule") or {}).get("clusterRoleSelectors"))


def _only_for_garbage_collection(obj: Object, old: Object) -> bool:
    """Say whether only owner references and finalizers differ, as when the object is collected."""
    return _without_ownership(obj) == _without_ownership(old)


def _without_ownership(obj: Object) -> dict[str, Any]:
    ignored = ("ownerReferences", "finalizers", "managedFields", "resourceVersion", "generation")
    meta = {key: value for key, value in obj["metadata"].items() if key not in ignored}
    return {**obj, "metadata": meta}
