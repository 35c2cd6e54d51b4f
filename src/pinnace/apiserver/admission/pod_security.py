"""PodSecurity: namespaces say by labels which Pod Security Standard their pods keep to.

`enforce` refuses pods, `warn` warns, also of the pods that a workload's template would make.
`audit` needs an audit log, which there is not yet.
"""

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass

from pinnace.api.errors import Cause, invalid
from pinnace.api.kinds.core import NAMESPACES, PODS
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.apiserver.admission.base import Attributes, Operation
from pinnace.apiserver.admission.pod_security_checks import LATEST, violations

_PREFIX = "pod-security.kubernetes.io/"
_LEVELS = ("privileged", "baseline", "restricted")
_VERSION = re.compile(r"v1\.(0|[1-9][0-9]*)")
_IGNORED = (
    "exec", "attach", "binding", "eviction", "log", "portforward", "proxy", "status",
)  # fmt: skip
# Path to the pod template of each workload.
_TEMPLATES: dict[tuple[str, str], tuple[str, ...]] = {
    ("", "podtemplates"): ("template",),
    ("", "replicationcontrollers"): ("spec", "template"),
    ("apps", "replicasets"): ("spec", "template"),
    ("apps", "deployments"): ("spec", "template"),
    ("apps", "statefulsets"): ("spec", "template"),
    ("apps", "daemonsets"): ("spec", "template"),
    ("batch", "jobs"): ("spec", "template"),
    ("batch", "cronjobs"): ("spec", "jobTemplate", "spec", "template"),
}


@dataclass(frozen=True, slots=True)
class Standard:
    """A level at a version; minor None is the latest."""

    level: str = "privileged"
    minor: int | None = None

    def __str__(self) -> str:
        return f"{self.level}:{'latest' if self.minor is None else f'v1.{self.minor}'}"

    def violations(self, pod: Object) -> str:
        """Return what a pod breaks, or empty."""
        minor = LATEST if self.minor is None else self.minor
        return violations(pod, self.level, minor)

    @classmethod
    def read(cls, given: Mapping[str, str], mode: str, faults: list[str]) -> "Standard":
        """Return the standard that a configuration names for a mode; notes what is wrong."""
        causes: list[Cause] = []
        labels = {_PREFIX + name: str(value) for name, value in given.items()}
        found = _standard(labels, mode, cls(), None, causes)
        faults += [cause.text().replace(f"metadata.labels[{_PREFIX}", "[") for cause in causes]
        return found


@dataclass(frozen=True, slots=True)
class Policy:
    """What a namespace asks for, and which of its labels are wrong."""

    enforce: Standard
    warn: Standard
    causes: tuple[Cause, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemptions:
    """Whose Pods, and which, nobody looks at."""

    users: frozenset[str] = frozenset()
    namespaces: frozenset[str] = frozenset()
    runtime_classes: frozenset[str] = frozenset()

    def exempt(self, attributes: Attributes, spec: Object) -> bool:
        """Say whether a write of a Pod with that spec is exempt."""
        if attributes.namespace in self.namespaces or attributes.user.name in self.users:
            return True
        return spec.get("runtimeClassName") in self.runtime_classes


_NOTHING = Policy(Standard(), Standard())


class PodSecurity:
    """Enforces the labels of namespaces; `defaults` is for what these do not say."""

    name = "PodSecurity"

    def __init__(self, defaults: Policy = _NOTHING, exemptions: Exemptions | None = None) -> None:
        self._defaults = defaults
        self._exemptions = exemptions or Exemptions()

    def handles(self, operation: Operation, row: Resource, subresource: str) -> bool:
        if operation not in ("CREATE", "UPDATE"):
            return False
        if (row.group, row.plural) == ("", "pods"):
            return subresource not in _IGNORED
        is_namespace = (row.group, row.plural) == ("", "namespaces")
        return not subresource and (is_namespace or (row.group, row.plural) in _TEMPLATES)

    def validate(self, attributes: Attributes) -> None:
        """Refuse or warn."""
        if attributes.obj is None:
            return
        if attributes.of("", "namespaces"):
            _validate_namespace(
                attributes, attributes.obj, self._defaults, self._exemptions.namespaces
            )
            return
        namespace = attributes.lookup.get(NAMESPACES, "", attributes.namespace)
        labels = ((namespace or {}).get("metadata") or {}).get("labels") or {}
        policy = read_policy(labels, self._defaults)
        if self._exemptions.exempt(attributes, _pod_of(attributes).get("spec") or {}):
            return
        if policy.enforce.level == policy.warn.level == "privileged":
            return
        if attributes.of("", "pods"):
            _validate_pod(attributes, attributes.obj, policy)
        else:
            _warn_of_template(attributes, policy)


def _pod_of(attributes: Attributes) -> Object:
    found: Object = attributes.obj or {}
    for step in _TEMPLATES.get((attributes.row.group, attributes.row.plural), ()):
        found = found.get(step) or {}
    return found


def read_policy(labels: Mapping[str, str], defaults: Policy = _NOTHING) -> Policy:
    """Read a namespace's labels; a wrong enforce level counts as restricted, others as none."""
    causes: list[Cause] = []
    enforce = _standard(labels, "enforce", defaults.enforce, "restricted", causes)
    _standard(labels, "audit", Standard(), "privileged", causes)
    warn = _standard(labels, "warn", defaults.warn, "privileged", causes)
    said = labels.get(f"{_PREFIX}enforce") in _LEVELS
    if f"{_PREFIX}warn" not in labels and said and _rank(enforce) > _rank(warn):
        pinned = f"{_PREFIX}warn-version" in labels
        warn = Standard(enforce.level, warn.minor if pinned else enforce.minor)
    return Policy(enforce, warn, tuple(causes))


def _rank(standard: Standard) -> int:
    return _LEVELS.index(standard.level)


def _standard(
    labels: Mapping[str, str],
    mode: str,
    default: Standard,
    if_wrong: str | None,
    causes: list[Cause],
) -> Standard:
    level, minor = default.level, default.minor
    label = _PREFIX + mode
    if label in labels:
        level = labels[label]
        if level not in _LEVELS:
            causes.append(_wrong(label, level, f"must be one of {', '.join(_LEVELS)}"))
            level = if_wrong or default.level
    label += "-version"
    version = labels.get(label)
    if version == "latest":
        minor = None
    elif version is not None:
        match = _VERSION.fullmatch(version)
        if match:
            minor = int(match[1])
        else:
            causes.append(_wrong(label, version, 'must be "latest" or "v1.x"'))
    return Standard(level, minor)


def _wrong(label: str, value: str, why: str) -> Cause:
    field = f"metadata.labels[{label}]"
    return Cause("FieldValueInvalid", field, f'Invalid value: "{value}": {why}')


def _validate_pod(attributes: Attributes, pod: Object, policy: Policy) -> None:
    if attributes.operation == "UPDATE" and not _is_significant(pod, attributes.old or {}):
        return
    broken = policy.enforce.violations(pod)
    if broken:
        raise attributes.refuse(f'violates PodSecurity "{policy.enforce}": {broken}')
    broken = policy.warn.violations(pod)
    if broken:
        attributes.warnings.append(f'would violate PodSecurity "{policy.warn}": {broken}')


def _is_significant(pod: Object, old: Object) -> bool:
    """Say whether containers were added or have other images; nothing else can change."""

    def images(obj: Object, field: str) -> list[tuple[str, str]]:
        containers = (obj.get("spec") or {}).get(field) or ()
        return [(str(c.get("name")), str(c.get("image"))) for c in containers]

    if any(images(pod, field) != images(old, field) for field in ("containers", "initContainers")):
        return True
    before = images(old, "ephemeralContainers")
    return any(image not in before for image in images(pod, "ephemeralContainers"))


def _warn_of_template(attributes: Attributes, policy: Policy) -> None:
    found = _pod_of(attributes)
    if not found:
        return
    template = {"metadata": found.get("metadata") or {}, "spec": found.get("spec") or {}}
    broken = policy.warn.violations(template)
    if broken:
        attributes.warnings.append(f'would violate PodSecurity "{policy.warn}": {broken}')


def _validate_namespace(
    attributes: Attributes, namespace: Object, defaults: Policy, exempt: Container[str]
) -> None:
    policy = read_policy(namespace["metadata"].get("labels") or {}, defaults)
    before = ((attributes.old or {}).get("metadata") or {}).get("labels") or {}
    old = read_policy(before, defaults)
    texts = [cause.text() for cause in policy.causes]
    if texts and (attributes.operation == "CREATE" or texts != [c.text() for c in old.causes]):
        name = str(namespace["metadata"].get("name") or "")
        raise invalid("Namespace", "", name, policy.causes)
    if namespace["metadata"].get("name") in exempt:
        return
    if attributes.operation == "UPDATE" and _is_stricter(policy.enforce, old.enforce):
        _warn_of_present_pods(attributes, str(namespace["metadata"]["name"]), policy.enforce)


def _is_stricter(new: Standard, old: Standard) -> bool:
    if new == old or new.level == "privileged":
        return False
    return new.minor != old.minor or _LEVELS.index(new.level) > _LEVELS.index(old.level)


def _warn_of_present_pods(attributes: Attributes, name: str, enforce: Standard) -> None:
    """Warn of pods that are there already and break the new level, alike ones together."""
    found: dict[str, list[str]] = {}
    for pod in attributes.lookup.list(PODS, name):
        broken = enforce.violations(pod)
        if broken:
            # Only the reasons: the details differ from pod to pod.
            reasons = re.sub(r" \([^)]*\)", "", broken)
            found.setdefault(reasons, []).append(str(pod["metadata"]["name"]))
    if not found:
        return
    attributes.warnings.append(
        f'existing pods in namespace "{name}" violate the new PodSecurity enforce level "{enforce}"'
    )
    for reasons, pods in sorted(found.items(), key=lambda item: min(item[1])):
        first, others = min(pods), len(pods) - 1
        more = f" (and {others} other pod{'s' if others > 1 else ''})" if others else ""
        attributes.warnings.append(f"{first}{more}: {reasons}")
