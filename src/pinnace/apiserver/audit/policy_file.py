"""Reads a policy file; what is wrong with one is said in upstream's words.

Upstream: apiserver `pkg/audit/policy/reader.go`, `pkg/apis/audit/validation`.
"""

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pinnace.api.codec import yaml
from pinnace.api.errors import BadRequest
from pinnace.api.names import dns1123_subdomain
from pinnace.api.objects import Object
from pinnace.apiserver.audit.policy import (
    LEVEL_NAMES,
    LEVELS,
    STAGES,
    Decision,
    Policy,
    Resources,
    Rule,
)

_log = logging.getLogger(__name__)
_VERSION = "audit.k8s.io/v1"
_SCHEME = "k8s.io/apiserver/pkg/audit/scheme.go:30"
_TEXTS = "texts"
_POLICY = {
    "apiVersion": str, "kind": str, "metadata": dict, "rules": list, "omitStages": _TEXTS,
    "omitManagedFields": bool,
}  # fmt: skip
_RULE = {
    "level": str, "users": _TEXTS, "userGroups": _TEXTS, "verbs": _TEXTS, "resources": list,
    "namespaces": _TEXTS, "nonResourceURLs": _TEXTS, "omitStages": _TEXTS,
    "omitManagedFields": bool,
}  # fmt: skip
_RESOURCES = {"group": str, "resources": _TEXTS, "resourceNames": _TEXTS}
_GO_FIELDS = {"level": "v1.Level", "omitStages": "v1.Stage"}
_GO_KINDS = {"rules": "[]v1.PolicyRule", "resources": "[]v1.GroupResources"}


class PolicyError(ValueError):
    """The policy cannot be used; the text is one line for who wrote it."""


def load_policy(path: str) -> Policy:
    """Read a policy file; raises PolicyError."""
    try:
        body = Path(path).read_bytes()
    except OSError as error:
        why = os.strerror(error.errno or 0).lower()
        raise PolicyError(f'failed to read file path "{path}": open {path}: {why}') from error
    try:
        return read_policy(body)
    except PolicyError as error:
        raise PolicyError(f"{error}: from file {path}") from error


def read_policy(body: bytes) -> Policy:
    """Read a policy; raises PolicyError. Unknown fields are passed over, and said in the log."""
    policy, repeated = _decoded(body)
    version, kind = policy.get("apiVersion") or "", policy.get("kind") or "Policy"
    if not version:
        raise PolicyError(
            "unknown group version field audit.k8s.io/__internal, Kind=Policy in policy"
        )
    if (version, kind) != (_VERSION, "Policy"):
        raise PolicyError(
            f'failed decoding: no kind "{kind}" is registered for version "{version}" in scheme '
            f'"{_SCHEME}"'
        )
    unknown = [*repeated, *_checked(policy)]
    if unknown:
        _log.warning(
            "Audit policy contains errors, falling back to lenient decoding: strict decoding "
            "error: %s", ", ".join(unknown),
        )  # fmt: skip
    errors = list(_errors(policy))
    if errors:
        raise PolicyError(errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]")
    if not policy.get("rules"):
        raise PolicyError("loaded illegal policy with 0 rules")
    return _compiled(policy)


def _decoded(body: bytes) -> tuple[Object, list[str]]:
    if not body.strip():
        return {}, []
    try:
        found, repeated = yaml.decode_strict(body)
    except BadRequest as error:
        raise PolicyError(f"failed decoding: {error.message}") from error
    return found, [line for one in repeated for line in yaml.single_errors(one)]


def _checked(policy: Object) -> Iterator[str]:
    """Yield the names of unknown fields; raises PolicyError for values of wrong types."""
    yield from _fields(policy, _POLICY, "Policy", "")
    for index, rule in enumerate(policy.get("rules") or ()):
        yield from _fields(rule, _RULE, "PolicyRule", f"rules[{index}].")
        for place, resources in enumerate(rule.get("resources") or ()):
            where = f"rules[{index}].resources[{place}]."
            yield from _fields(resources, _RESOURCES, "GroupResources", where)


def _fields(given: Any, known: dict[str, Any], struct: str, where: str) -> Iterator[str]:
    if not isinstance(given, dict):
        raise PolicyError(
            f"failed decoding: json: cannot unmarshal {_go(given)} into Go value of type "
            f"v1.{struct}"
        )
    for name, value in given.items():
        if name not in known:
            yield f'unknown field "{where}{name}"'
        elif value is not None:
            _check_type(struct, where, name, value, known[name])


def _check_type(struct: str, where: str, name: str, value: Any, wanted: Any) -> None:
    path = ".".join(part.partition("[")[0] for part in f"{where}{name}".split("."))
    plain = _GO_FIELDS.get(name, "bool" if wanted is bool else "string")
    wrong, kind = value, plain
    if wanted is _TEXTS or wanted is list:
        if not isinstance(value, list):
            kind = _GO_KINDS.get(name, f"[]{plain}") if wanted is list else f"[]{plain}"
        elif wanted is list:
            return
        else:
            strange = [each for each in value if each is not None and not isinstance(each, str)]
            if not strange:
                return
            wrong = strange[0]
    elif isinstance(value, wanted):
        return
    raise PolicyError(
        f"failed decoding: json: cannot unmarshal {_go(wrong)} into Go struct field "
        f"{struct}.{path} of type {kind}"
    )


def _go(value: Any) -> str:
    """Return how Go's decoder calls a JSON value."""
    if isinstance(value, bool):
        return "bool"
    names = {str: "string", int: "number", float: "number", list: "array", dict: "object"}
    return names.get(type(value), "null")


def _errors(policy: Object) -> Iterator[str]:
    yield from _stage_errors(policy, "")
    for index, rule in enumerate(policy.get("rules") or ()):
        where = f"rules[{index}]"
        level = rule.get("level") or ""
        if not level:
            yield f"{where}.level: Required value"
        elif level not in LEVELS:
            supported = ", ".join(f'"{name}"' for name in LEVEL_NAMES)
            yield f"{where}.level: Unsupported value: {_q(level)}: supported values: {supported}"
        paths = rule.get("nonResourceURLs") or []
        yield from _path_errors(paths, f"{where}.nonResourceURLs")
        yield from _resource_errors(rule, where)
        yield from _stage_errors(rule, f"{where}.")
        if paths and (rule.get("resources") or rule.get("namespaces")):
            why = "rules cannot apply to both regular resources and non-resource URLs"
            yield f"{where}.nonResourceURLs: Invalid value: {_q(paths)}: {why}"


def _path_errors(paths: list[str], where: str) -> Iterator[str]:
    for index, path in enumerate(paths):
        said = f"{where}[{index}]: Invalid value: {_q(path)}: non-resource URL"
        if path != "*" and not path.startswith("/"):
            yield f"{said} rules must begin with a '/' character"
        if path != "*" and "*" in path[:-1]:
            yield f"{said} wildcards '*' must be the final character of the rule"


def _resource_errors(rule: Object, where: str) -> Iterator[str]:
    for resources in rule.get("resources") or ():
        group, names = resources.get("group") or "", resources.get("resourceNames") or []
        wrong = dns1123_subdomain(group) if group not in ("", "*") else []
        if wrong:
            yield f"{where}.resources.group: Invalid value: {_q(group)}: {','.join(wrong)}"
        if names and not resources.get("resources"):
            why = "using resourceNames requires at least one resource"
            yield f"{where}.resources.resourceNames: Invalid value: {_q(names)}: {why}"


def _stage_errors(given: Object, where: str) -> Iterator[str]:
    for index, stage in enumerate(given.get("omitStages") or ()):
        if stage not in STAGES:
            why = f"allowed stages are {','.join(STAGES)}"
            yield f"{where}omitStages[{index}]: Invalid value: {_q(stage)}: {why}"


def _q(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _compiled(policy: Object) -> Policy:
    stages = frozenset(policy.get("omitStages") or ())
    managed = bool(policy.get("omitManagedFields"))
    rules = [_rule(rule, stages, managed=managed) for rule in policy["rules"]]
    return Policy(rules, Decision(omitted=stages, omit_managed_fields=managed))


def _rule(rule: Object, stages: frozenset[str], *, managed: bool) -> Rule:
    own = rule.get("omitManagedFields")
    return Rule(
        decision=Decision(
            LEVELS[rule["level"]],
            stages | frozenset(rule.get("omitStages") or ()),
            managed if own is None else own,
        ),
        users=frozenset(rule.get("users") or ()),
        groups=frozenset(rule.get("userGroups") or ()),
        verbs=frozenset(rule.get("verbs") or ()),
        resources=tuple(
            Resources(
                each.get("group") or "",
                tuple(each.get("resources") or ()),
                tuple(each.get("resourceNames") or ()),
            )
            for each in rule.get("resources") or ()
        ),
        namespaces=frozenset(rule.get("namespaces") or ()),
        paths=tuple(rule.get("nonResourceURLs") or ()),
    )
