"""What one RBAC rule allows, and whether some rules cover others. Rules are the objects' own dicts.

A worked example of covering: `get,list pods` is covered by `* pods` together with nothing else;
`get pods, get secrets` as one rule is covered by two rules that give one each, because it is broken
into its smallest parts first.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pinnace.api.objects import Object
from pinnace.apiserver.authz.base import Attributes


class Part(NamedTuple):
    """The smallest thing that a rule can grant: one verb on one resource, name or path."""

    verb: str
    group: str = ""
    resource: str = ""
    name: str = ""
    path: str = ""


def path_matches(rule_path: str, path: str) -> bool:
    """Say whether a rule's nonResourceURL covers a path: equal, or a prefix before a final `*`."""
    if rule_path in ("*", path):
        return True
    return rule_path.endswith("*") and path.startswith(rule_path.rstrip("*"))


def rule_allows(rule: Object, attributes: Attributes) -> bool:
    """Say whether a rule allows what is attempted."""
    verbs = rule.get("verbs") or ()
    if "*" not in verbs and attributes.verb not in verbs:
        return False
    if attributes.path:
        return any(path_matches(p, attributes.path) for p in rule.get("nonResourceURLs") or ())
    groups = rule.get("apiGroups") or ()
    if "*" not in groups and attributes.group not in groups:
        return False
    names = rule.get("resourceNames") or ()
    if names and attributes.name not in names:
        return False
    resources = rule.get("resources") or ()
    return any(r in resources for r in resource_patterns(attributes))


def resource_patterns(attributes: Attributes) -> tuple[str, ...]:
    """Return the spellings in a rule's `resources` that cover what is attempted."""
    if attributes.subresource:
        sub = attributes.subresource
        return f"{attributes.resource}/{sub}", "*", f"*/{sub}"
    return attributes.resource, "*"


def parts(rules: Iterable[Object]) -> Iterator[Part]:
    """Break rules into their smallest parts."""
    for rule in rules:
        verbs = rule.get("verbs") or ()
        groups, resources = rule.get("apiGroups") or (), rule.get("resources") or ()
        names = rule.get("resourceNames") or ("",)
        for group, resource, verb, name in itertools.product(groups, resources, verbs, names):
            yield Part(verb, group, resource, name)
        for path, verb in itertools.product(rule.get("nonResourceURLs") or (), verbs):
            yield Part(verb, path=path)


def uncovered(owned: Sequence[Object], wanted: Iterable[Object]) -> list[Part]:
    """Return the parts of `wanted` that no rule of `owned` gives."""
    return [part for part in parts(wanted) if not any(_covers(rule, part) for rule in owned)]


def _covers(rule: Object, part: Part) -> bool:
    verbs = rule.get("verbs") or ()
    if "*" not in verbs and part.verb not in verbs:
        return False
    if part.path:
        return any(_path_covers(own, part.path) for own in rule.get("nonResourceURLs") or ())
    groups = rule.get("apiGroups") or ()
    if "*" not in groups and part.group not in groups:
        return False
    names = rule.get("resourceNames") or ()
    # A rule without names covers all names; one with names covers only those.
    if names and part.name not in names:
        return False
    resources = rule.get("resources") or ()
    if "*" in resources or part.resource in resources:
        return True
    _, slash, sub = part.resource.partition("/")
    return bool(slash) and f"*/{sub}" in resources


def _path_covers(owner: str, path: str) -> bool:
    if owner in ("*", path):
        return True
    return owner.endswith("*") and path.startswith(owner.rstrip("*"))


def describe(missing: Iterable[Part]) -> list[str]:
    """Write missing parts as upstream does, verbs of the same thing together, sorted."""
    together: dict[tuple[str, str, str, str, str], list[str]] = {}
    for part in missing:
        # Paths are not put together.
        alone = part.verb if part.path else ""
        key = (part.group, part.resource, part.name, part.path, alone)
        verbs = together.setdefault(key, [])
        if part.verb not in verbs:
            verbs.append(part.verb)
    return sorted({_text(key, verbs) for key, verbs in together.items()})


def _text(key: tuple[str, str, str, str, str], verbs: list[str]) -> str:
    group, resource, name, path, _ = key
    pieces = []
    if path:
        pieces.append(f'NonResourceURLs:["{path}"]')
    else:
        pieces += [f'APIGroups:["{group}"]', f'Resources:["{resource}"]']
        if name:
            pieces.append(f'ResourceNames:["{name}"]')
    quoted = " ".join(f'"{verb}"' for verb in verbs)
    pieces.append(f"Verbs:[{quoted}]")
    return "{" + ", ".join(pieces) + "}"
