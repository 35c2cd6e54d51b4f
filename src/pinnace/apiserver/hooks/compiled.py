"""Webhook configurations as a table: which webhooks a sort of write concerns."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pinnace.api.cel.admission import Conditions
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.api.selectors import LabelSelector, label_selector_from_object
from pinnace.apiserver.admission.base import Attributes

_EXEMPT = frozenset(
    (
        "ValidatingWebhookConfiguration",
        "MutatingWebhookConfiguration",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
    )
)


@dataclass(frozen=True, slots=True, eq=False)
class Hook:
    """One webhook of a configuration."""

    configuration: str
    name: str
    spec: Mapping[str, Any]
    namespaces: LabelSelector
    objects: LabelSelector
    conditions: Conditions | None = None
    # Its place among all webhooks of its sort.
    index: int = 0

    @property
    def ignores_failures(self) -> bool:
        """Whether a write goes on when the webhook cannot be called."""
        return bool(self.spec.get("failurePolicy") == "Ignore")

    @property
    def reinvoked(self) -> bool:
        """Whether the webhook is called again after others changed the object."""
        return bool(self.spec.get("reinvocationPolicy") == "IfNeeded")

    @property
    def seconds(self) -> int:
        """How long an answer may take."""
        return int(self.spec.get("timeoutSeconds") or 10)


# A webhook that may be called, and the row in whose version it wants the object.
Match = tuple[Hook, Resource]


def hooks_of(configurations: Iterable[Object]) -> list[Hook]:
    """Return all webhooks in the order in which they are called."""
    ordered = sorted(configurations, key=lambda found: str(found["metadata"]["name"]))
    return [
        Hook(
            index=index,
            configuration=configuration["metadata"]["name"],
            name=spec["name"],
            spec=spec,
            namespaces=label_selector_from_object(spec.get("namespaceSelector") or {}),
            objects=label_selector_from_object(spec.get("objectSelector") or {}),
            conditions=_conditions(spec),
        )
        for index, (configuration, spec) in enumerate(
            (configuration, spec)
            for configuration in ordered
            for spec in configuration.get("webhooks") or ()
        )
    ]


def _conditions(spec: Mapping[str, Any]) -> Conditions | None:
    given = spec.get("matchConditions")
    if not given:
        return None
    return Conditions(given, ignore_failures=spec.get("failurePolicy") == "Ignore")


class Table:
    """The webhooks of one sort, compiled when first asked about a sort of write."""

    def __init__(self, hooks: Sequence[Hook], rows: Iterable[Resource]) -> None:
        self._hooks = hooks
        self._rows = rows
        # Grows by the resources that are written to, and is made anew when they change.
        self._found: dict[tuple[str, str, str, str, str, bool], tuple[Match, ...]] = {}

    def matches(self, attributes: Attributes) -> tuple[Match, ...]:
        """Return the webhooks whose rules fit; their selectors are for the caller to look at."""
        row = attributes.row
        key = (
            row.group,
            row.version,
            row.plural,
            attributes.subresource,
            attributes.operation,
            bool(attributes.namespace),
        )
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = tuple(self._matches(attributes))
        return found

    def _matches(self, attributes: Attributes) -> Iterable[Match]:
        row = attributes.row
        if is_exempt(row):
            return
        equivalent: list[Resource] | None = None
        for hook in self._hooks:
            rules = hook.spec.get("rules") or ()
            if any(fits(rule, row, attributes) for rule in rules):
                yield hook, row
                continue
            if hook.spec.get("matchPolicy") == "Exact":
                continue
            if equivalent is None:
                equivalent = equivalents(self._rows, row, attributes.subresource)
            for other in (o for rule in rules for o in equivalent if fits(rule, o, attributes)):
                yield hook, other
                break


def equivalents(rows: Iterable[Resource], row: Resource, subresource: str) -> list[Resource]:
    """Return the other versions, and groups, in which the same objects are served."""
    return [
        other
        for other in rows
        if other.prefix == row.prefix
        and row.prefix
        and other.group_version != row.group_version
        and (not subresource or other.subresource(subresource) is not None)
    ]


def is_exempt(row: Resource) -> bool:
    """Say whether a kind steers admission itself, and is never held up by it."""
    return row.group == "admissionregistration.k8s.io" and row.kind in _EXEMPT


def fits(rule: Mapping[str, Any], row: Resource, attributes: Attributes) -> bool:
    """Say whether a rule is about writes of this sort to a row."""
    return (
        _in_scope(rule.get("scope") or "*", row, attributes.namespace)
        and _has(rule.get("operations"), attributes.operation)
        and _has(rule.get("apiGroups"), row.group)
        and _has(rule.get("apiVersions"), row.version)
        and any(
            _names(text, row.plural, attributes.subresource) for text in rule.get("resources") or ()
        )
    )


def _in_scope(scope: str, row: Resource, namespace: str) -> bool:
    if scope == "*":
        return True
    cluster_wide = not namespace or (row.group, row.plural) == ("", "namespaces")
    return cluster_wide == (scope == "Cluster")


def _has(items: Sequence[str] | None, wanted: str) -> bool:
    return any(item in ("*", wanted) for item in items or ())


def _names(text: str, plural: str, subresource: str) -> bool:
    resource, _, sub = text.partition("/")
    return resource in ("*", plural) and (sub in ("*", subresource))
