"""The mode ABAC: a file of policies, one JSON object a line, read once at the start."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from pinnace.api.objects import Object
from pinnace.api.wire import User
from pinnace.apiserver.authn.base import ALL_AUTHENTICATED
from pinnace.apiserver.authz.base import ALLOWED, Attributes, Rules, Verdict, no_opinion
from pinnace.apiserver.authz.rules import path_matches

_UNMATCHED = no_opinion("No policy matched.")
_VERSIONS = ("abac.authorization.kubernetes.io/v0", "abac.authorization.kubernetes.io/v1beta1")
_READING = ("get", "list", "watch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Who may do what; an empty field of what matches only emptiness."""

    user: str = ""
    group: str = ""
    readonly: bool = False
    api_group: str = ""
    resource: str = ""
    namespace: str = ""
    path: str = ""


class Abac:
    """Allows what any policy allows."""

    def __init__(self, policies: Sequence[Policy]) -> None:
        self._policies = tuple(policies)

    def authorize(self, user: User, attributes: Attributes) -> Verdict:
        for policy in self._policies:
            if _is_of(policy, user) and _allows(policy, attributes):
                return ALLOWED
        return _UNMATCHED

    def rules_for(self, user: User, namespace: str) -> Rules:
        """Return what the policies of the user allow in a namespace."""
        found = Rules()
        for policy in self._policies:
            if not _is_of(policy, user) or policy.namespace not in ("*", namespace):
                continue
            verbs = list(_READING) if policy.readonly else ["*"]
            if policy.resource:
                resources = {"apiGroups": [policy.api_group], "resources": [policy.resource]}
                found.rules.append({"verbs": verbs, **resources})
            if policy.path:
                found.rules.append({"verbs": verbs, "nonResourceURLs": [policy.path]})
        return found


def _is_of(policy: Policy, user: User) -> bool:
    if not policy.user and not policy.group:
        return False
    if policy.user not in ("", user.name):
        return False
    return not policy.group or policy.group in user.groups


def _allows(policy: Policy, attributes: Attributes) -> bool:
    if policy.readonly and attributes.verb not in _READING:
        return False
    if attributes.path:
        return bool(policy.path) and path_matches(policy.path, attributes.path)
    return (
        policy.namespace in ("*", attributes.namespace)
        and policy.resource in ("*", attributes.resource)
        and policy.api_group in ("*", attributes.group)
    )


def load(path: str) -> Abac:
    """Read a policy file; raises ValueError with upstream's words."""
    try:
        lines = Path(path).read_text().splitlines()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ValueError(f"open {path}: {str(why).lower()}") from error
    policies = []
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.strip().startswith("#"):
            continue
        try:
            policies.append(_policy(orjson.loads(line)))
        except ValueError as error:
            where = f"error reading policy file {path}, line {number}: {line}"
            raise ValueError(f"{where}: {error}") from error
    return Abac(policies)


def _policy(given: object) -> Policy:
    if not isinstance(given, dict):
        raise ValueError("json: a policy is an object")
    version, kind = given.get("apiVersion"), given.get("kind")
    if not version and not kind:
        return _old_policy(given)
    if kind != "Policy" or version not in _VERSIONS:
        raise ValueError(f"unrecognized object: {kind} of {version}")
    if version == _VERSIONS[0]:
        return _old_policy(given)
    spec = given.get("spec") or {}
    user, group = _subject(spec)
    return Policy(
        user=user,
        group=group,
        readonly=bool(spec.get("readonly")),
        api_group=_text(spec, "apiGroup"),
        resource=_text(spec, "resource"),
        namespace=_text(spec, "namespace"),
        path=_text(spec, "nonResourcePath"),
    )


def _old_policy(given: Object) -> Policy:
    """Convert a policy of the first version, in which what is not said is everything."""
    user, group = _subject(given)
    resource, namespace = _text(given, "resource"), _text(given, "namespace")
    return Policy(
        # Nobody named is everybody who is authenticated.
        user=user,
        group=group if user or group else ALL_AUTHENTICATED,
        readonly=bool(given.get("readonly")),
        api_group="*",
        resource=resource or "*",
        namespace=namespace or "*",
        # One that names no resource and no namespace is for all paths too.
        path="" if resource or namespace else "*",
    )


def _subject(given: Object) -> tuple[str, str]:
    """Return user and group; a star stands for everybody who is authenticated."""
    user, group = _text(given, "user"), _text(given, "group")
    return ("", ALL_AUTHENTICATED) if "*" in (user, group) else (user, group)


def _text(given: Object, name: str) -> str:
    value = given.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"json: the field {name} is no text")
    return value or ""
