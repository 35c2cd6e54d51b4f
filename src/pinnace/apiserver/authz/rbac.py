"""Role-based access control: decisions from bindings compiled into dictionaries.

Bindings are grouped by scope (the cluster, or one namespace) and in each by subject. What a subject
may do in a scope is merged into one dictionary from (verb, group, resource) to the names it is
limited to, when that subject first asks. A decision is then a handful of dictionary look-ups, no
matter how many bindings there are. A change to an RBAC object throws away the scopes that it can
concern: `changed` must be called for every such change, before the next decision.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pinnace.api.kinds.rbac import CLUSTERROLEBINDINGS, CLUSTERROLES, ROLEBINDINGS, ROLES
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.api.wire import User
from pinnace.apiserver.admission.base import Lookup
from pinnace.apiserver.authn.service_accounts import username
from pinnace.apiserver.authz.base import (
    NO_OPINION,
    Attributes,
    Decision,
    Rules,
    Verdict,
    joined,
    no_opinion,
)
from pinnace.apiserver.authz.rules import path_matches, resource_patterns

GROUP = "rbac.authorization.k8s.io"

# ("U", user name) or ("G", group name); service accounts are users.
_Subject = tuple[str, str]


@dataclass(slots=True)
class _Granted:
    """What one subject may do in one scope."""

    # (verb, group, resource) -> (names or None for all, verdict) pairs.
    resources: dict[tuple[str, str, str], list[tuple[frozenset[str] | None, Verdict]]] = field(
        default_factory=dict
    )
    # (verb, path pattern, verdict)
    paths: list[tuple[str, str, Verdict]] = field(default_factory=list)

    def add(self, rule: Object, verdict: Verdict) -> None:
        """Take a rule in."""
        names = frozenset(rule.get("resourceNames") or ()) or None
        for verb in rule.get("verbs") or ():
            for group in rule.get("apiGroups") or ():
                for resource in rule.get("resources") or ():
                    key = (verb, group, resource)
                    self.resources.setdefault(key, []).append((names, verdict))
            self.paths += [(verb, path, verdict) for path in rule.get("nonResourceURLs") or ()]

    def verdict_on(self, attributes: Attributes) -> Verdict | None:
        """Return that a binding allows what is attempted, or None."""
        verb = attributes.verb
        if attributes.path:
            for allowed, pattern, verdict in self.paths:
                if allowed in (verb, "*") and path_matches(pattern, attributes.path):
                    return verdict
            return None
        group = attributes.group
        for resource in resource_patterns(attributes):
            for key in (
                (verb, group, resource), ("*", group, resource),
                (verb, "*", resource), ("*", "*", resource),
            ):  # fmt: skip
                for names, verdict in self.resources.get(key, ()):
                    if names is None or attributes.name in names:
                        return verdict
        return None


@dataclass(slots=True)
class _Scope:
    """The bindings of the cluster or of one namespace, by subject."""

    bound: dict[_Subject, list[tuple[list[Object], str]]]
    errors: dict[_Subject, list[str]]
    granted: dict[_Subject, _Granted] = field(default_factory=dict)

    def of(self, subject: _Subject) -> _Granted | None:
        """Return what the subject may do, merged when first asked for."""
        found = self.granted.get(subject)
        if found is None and subject in self.bound:
            found = _Granted()
            for rules, source in self.bound[subject]:
                verdict = Verdict(Decision.ALLOW, f"RBAC: allowed by {source}")
                for rule in rules:
                    found.add(rule, verdict)
            self.granted[subject] = found
        return found


class Rbac:
    """Decides by Roles, ClusterRoles and their bindings, as the server's cache has them."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._scopes: dict[str, _Scope] = {}

    def changed(self, row: Resource, namespace: str = "") -> None:
        """Forget what a change to an object of this row, in this namespace, may have touched."""
        if row.group != GROUP:
            return
        if row.plural in ("roles", "rolebindings"):
            self._scopes.pop(namespace, None)
        elif row.plural == "clusterrolebindings":
            self._scopes.pop("", None)
        else:
            # ClusterRoles are bound in every scope.
            self._scopes.clear()

    def authorize(self, user: User, attributes: Attributes) -> Verdict:
        subjects = _subjects_of(user)
        errors: list[str] = []
        for scope in self._scopes_for(attributes.namespace):
            for subject in subjects:
                granted = scope.of(subject)
                if granted is not None:
                    verdict = granted.verdict_on(attributes)
                    if verdict is not None:
                        return verdict
                if subject in scope.errors:
                    errors += scope.errors[subject]
        return no_opinion(f"RBAC: {joined(errors)}") if errors else NO_OPINION

    def rules_for(self, user: User, namespace: str) -> Rules:
        """Return every rule that applies to a user in a namespace, and what could not be read."""
        found = Rules()
        seen: set[str] = set()
        for scope in self._scopes_for(namespace):
            for subject in _subjects_of(user):
                found.errors += scope.errors.get(subject, ())
                for bound, source in scope.bound.get(subject, ()):
                    # A binding may name a user twice: by name and by group.
                    binding = source.partition(" to ")[0]
                    if binding not in seen:
                        seen.add(binding)
                        found.rules += bound
        found.errors = list(dict.fromkeys(found.errors))
        return found

    def role_rules(self, reference: Object, namespace: str) -> list[Object] | None:
        """Return the rules of the role that a binding refers to, or None if it is not there."""
        kind, name = reference.get("kind"), str(reference.get("name") or "")
        if kind == "ClusterRole":
            role = self._lookup.get(CLUSTERROLES, "", name)
        elif kind == "Role":
            role = self._lookup.get(ROLES, namespace, name)
        else:
            role = None
        return None if role is None else list(role.get("rules") or ())

    def _scopes_for(self, namespace: str) -> Iterator[_Scope]:
        yield self._scopes.get("") or self._compile("")
        if namespace:
            yield self._scopes.get(namespace) or self._compile(namespace)

    def _compile(self, namespace: str) -> _Scope:
        row = ROLEBINDINGS if namespace else CLUSTERROLEBINDINGS
        scope = _Scope({}, {})
        for binding in self._lookup.list(row, namespace):
            self._bind(scope, binding, namespace)
        # Namespaces without bindings are asked about too; keep what is kept small.
        if len(self._scopes) > 10_000:
            self._scopes.clear()
        self._scopes[namespace] = scope
        return scope

    def _bind(self, scope: _Scope, binding: Object, namespace: str) -> None:
        reference = binding.get("roleRef") or {}
        rules = self.role_rules(reference, namespace)
        for entry in binding.get("subjects") or ():
            subject = _subject(entry, namespace)
            if subject is None:
                continue
            if rules is None:
                scope.errors.setdefault(subject, []).append(_not_found(reference))
            else:
                source = _describe(binding, reference, entry, namespace)
                scope.bound.setdefault(subject, []).append((rules, source))


def _subjects_of(user: User) -> list[_Subject]:
    return [("U", user.name), *(("G", group) for group in user.groups)]


def _subject(entry: Object, namespace: str) -> _Subject | None:
    kind, name = entry.get("kind"), str(entry.get("name") or "")
    if kind == "User":
        return "U", name
    if kind == "Group":
        return "G", name
    if kind == "ServiceAccount":
        where = str(entry.get("namespace") or namespace)
        return ("U", username(where, name)) if where else None
    return None


def _not_found(reference: Object) -> str:
    kind, name = str(reference.get("kind")), reference.get("name")
    if kind not in ("Role", "ClusterRole"):
        return f'unsupported role reference kind: "{kind}"'
    return f'{kind.lower()}.{GROUP} "{name}" not found'


def _describe(binding: Object, reference: Object, entry: Object, namespace: str) -> str:
    """Name a binding as upstream's reasons do."""
    meta = binding["metadata"]
    to = f'{reference.get("kind")} "{reference.get("name")}"'
    who = str(entry.get("name"))
    if entry.get("kind") == "ServiceAccount":
        who = f"{who}/{entry.get('namespace') or namespace}"
    subject = f'{entry.get("kind")} "{who}"'
    if namespace:
        return f'RoleBinding "{meta["name"]}/{namespace}" of {to} to {subject}'
    return f'ClusterRoleBinding "{meta["name"]}" of {to} to {subject}'


def aggregate(role: Object, others: Iterable[Object]) -> list[Object]:
    """Return the rules of an aggregated ClusterRole: those of all roles that it selects, in order.

    A role never selects itself.
    """
    selectors = (role.get("aggregationRule") or {}).get("clusterRoleSelectors") or ()
    rules: list[Object] = []
    ordered = sorted(others, key=lambda other: str(other["metadata"]["name"]))
    for selector in selectors:
        for other in ordered:
            if other["metadata"]["name"] == role["metadata"]["name"]:
                continue
            if _selects(selector, other["metadata"].get("labels") or {}):
                rules += [rule for rule in other.get("rules") or () if rule not in rules]
    return rules


def _selects(selector: Object, labels: Object) -> bool:
    wanted = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    for term in selector.get("matchExpressions") or ():
        value, values = labels.get(term["key"]), term.get("values") or ()
        held = {
            "In": value in values,
            "NotIn": value not in values,
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }[term["operator"]]
        if not held:
            return False
    return True
