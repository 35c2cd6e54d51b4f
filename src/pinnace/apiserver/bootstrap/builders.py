"""The words in which the bootstrap policy is written down."""

from dataclasses import dataclass
from typing import Any

from pinnace.api.objects import Object


def rule(verbs: str, groups: str, resources: str, *, names: str = "") -> Object:
    """Return a rule on resources; words are parted by spaces, groups by `|` ("" is core)."""
    made: dict[str, Any] = {"verbs": verbs.split(), "apiGroups": groups.split("|")}
    made["resources"] = resources.split()
    if names:
        made["resourceNames"] = names.split()
    return made


def urls(verbs: str, paths: str) -> Object:
    """Return a rule on paths."""
    return {"verbs": verbs.split(), "nonResourceURLs": paths.split()}


@dataclass(frozen=True, slots=True, init=False)
class Role:
    """A name and its rules."""

    name: str
    rules: tuple[Object, ...]

    def __init__(self, name: str, *rules: Object) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "rules", rules)


def user(name: str) -> Object:
    """Return a binding's subject for a user."""
    return {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": name}


def group(name: str) -> Object:
    """Return a binding's subject for a group."""
    return {"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": name}


def account(name: str, namespace: str = "kube-system") -> Object:
    """Return a binding's subject for a service account."""
    return {"kind": "ServiceAccount", "name": name, "namespace": namespace}
