"""One version of a custom kind: what its definition says, compiled.

The row of a custom resource carries one of these (`Resource.custom`), and whoever asks what a kind
does (validation, defaults, apply, printers) asks it here. It is made anew when the definition
changes, so it may be used as a key of caches.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import orjson

from pinnace.api.codec.canonical import canonical_bytes
from pinnace.api.custom import defaulting
from pinnace.api.custom.embedded import check_embedded, coerce
from pinnace.api.custom.facts import type_of
from pinnace.api.custom.jsonpath import JsonPath
from pinnace.api.custom.listtypes import check_lists
from pinnace.api.custom.pruning import prune
from pinnace.api.custom.rules import Node as RuleNode
from pinnace.api.custom.rules import check_rules, compile_rules
from pinnace.api.custom.structural import ANYTHING, Structural, build
from pinnace.api.custom.values import Node, check_values, compile_values
from pinnace.api.errors import Cause
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.api.schema.types import TypeDef
from pinnace.api.validation.base import invalid
from pinnace.api.versionorder import version_priority

_INT32 = (1 << 31) - 1
_BLOCKING = frozenset(
    (
        "FieldValueNotSupported",
        "FieldValueRequired",
        "FieldValueTooLong",
        "FieldValueTooMany",
        "FieldValueTypeInvalid",
    )
)
_BLOCKED = (
    "Invalid value: null: some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Where the scale subresource finds its numbers, as keys from the root."""

    spec_replicas: tuple[str, ...]
    status_replicas: tuple[str, ...]
    label_selector: tuple[str, ...] = ()


# Enough for all that one apply compares, for several at once.
_REMEMBERED = 256


class Unconverted(Exception):
    """An object is wanted in a version, and only a webhook can tell how it looks there."""

    def __init__(self, obj: Object, row: Resource) -> None:
        super().__init__(f"{obj.get('kind')} is wanted in {row.group_version}")
        self.obj, self.row = obj, row


@dataclass(frozen=True, slots=True)
class Conversion:
    """The webhook that converts between versions, and the reviews that it reads.

    What it made lately is remembered, for what compares versions and cannot wait.
    """

    client: Mapping[str, Any]
    versions: tuple[str, ...]
    _lately: dict[tuple[bytes, str], Object] = field(default_factory=dict)

    def remember(self, obj: Object, made: Object) -> None:
        """Keep what the webhook made of an object."""
        while len(self._lately) >= _REMEMBERED:
            del self._lately[next(iter(self._lately))]
        self._lately[orjson.dumps(obj), made["apiVersion"]] = made

    def recall(self, obj: Object, row: Resource) -> Object:
        """Return an object in the version of a row; raises Unconverted if that is not known."""
        made = self._lately.get((orjson.dumps(obj), row.group_version))
        if made is None:
            raise Unconverted(obj, row)
        copied: Object = orjson.loads(orjson.dumps(made))
        return copied


class CustomKind:
    """What one version says: schema, defaults, rules, subresources, columns, selectable fields."""

    def __init__(
        self,
        group: str,
        kind: str,
        version: Mapping[str, Any],
        *,
        selects: Mapping[str, JsonPath],
        conversion: Conversion | None = None,
        versions: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        subresources = version.get("subresources") or {}
        # Set by whoever serves the kind, as its definition's conditions change.
        self.established = self.terminating = False
        # None where versions differ in their names only.
        self.conversion = conversion
        self.served = bool(version.get("served"))
        self.api_version = f"{group}/{version['name']}"
        # As bytes, a fourth of the size: of a thousand definitions most are never used.
        self._schema = orjson.dumps(schema or {})
        self._kind = kind
        # All rows of the definition by apiVersion, set by whoever makes them.
        self.versions: Mapping[str, Resource] = {}
        self.has_status = subresources.get("status") is not None
        self.scale = _scale(subresources.get("scale"))
        self.columns: Sequence[Mapping[str, Any]] = version.get("additionalPrinterColumns") or ()
        self.warning = _deprecation(group, kind, version, versions)
        # What may be selected by here, and all that is in any version: objects are looked at once.
        self.selectable_paths = _selectable_paths(version)
        self.selectable = frozenset(_selectable(version))
        self.selects = selects

    # What is compiled of the schema is compiled when an object first asks for it.

    def read(self) -> Mapping[str, Any]:
        """Return the schema as JSON, decoded anew each time; empty when there is none."""
        schema: Mapping[str, Any] = orjson.loads(self._schema)
        return schema

    @cached_property
    def structural(self) -> Structural:
        """The schema as a tree."""
        return build(self.read()) if self._schema != b"{}" else ANYTHING

    @cached_property
    def type(self) -> TypeDef:
        """The schema as server-side apply reads it."""
        return type_of(self._kind, self.structural)

    @cached_property
    def defaults(self) -> bool:
        """Whether there is any default to fill in."""
        return defaulting.has_defaults(self.structural)

    @cached_property
    def defaults_size(self) -> int:
        """How large all defaults of the schema are together."""
        return defaulting.size_of(self.structural)

    @cached_property
    def _values(self) -> Node:
        return compile_values(self.structural.raw)

    @cached_property
    def _status_values(self) -> Node:
        return compile_values((self.structural.raw.get("properties") or {}).get("status") or {})

    @cached_property
    def _rules(self) -> RuleNode | None:
        return compile_rules(self.structural.raw)

    def selected(self, obj: Object) -> dict[str, str]:
        """Return the value of every field that some version selects by, as text."""
        return {name: _label(path.first(obj)) for name, path in self.selects.items()}

    def prune(self, obj: Object) -> list[str]:
        """Make of an object what this kind keeps, in place; return the paths that it lost.

        Raises ValueError, in upstream's words, for metadata that cannot be read.
        """
        lost = prune(obj, self.structural)
        defaulting.drop_nulls(obj, self.structural)
        return lost + coerce(obj, self.structural)

    def settle(self, obj: Object) -> None:
        """Make of an object that a webhook converted what this kind keeps, defaults included.

        Raises DefaultsTooLarge.
        """
        prune(obj, self.structural)
        defaulting.drop_nulls(obj, self.structural)
        self.apply_defaults(obj)

    def known(self, obj: Object, row: Resource) -> Object:
        """Return an object in the version of this kind's row; raises Unconverted."""
        if self.conversion is None or not obj.get("metadata"):
            return self.converted(obj)
        return self.conversion.recall(obj, row)

    def converted(self, obj: Object) -> Object:
        """Return an object of another version in this one, without what this one lacks."""
        if obj.get("apiVersion") == self.api_version:
            return obj
        made: Object = orjson.loads(orjson.dumps(obj))
        made["apiVersion"] = self.api_version
        prune(made, self.structural)
        defaulting.drop_nulls(made, self.structural)
        return made

    def refined(self, value: bytes) -> bytes:
        """Return stored bytes as they are read now: pruned, defaulted, in the storage version.

        What was stored before the definition got a default shows it, and what it no longer names
        is gone; the store is changed by the next write only. Where a webhook converts, they stay
        in the version in which they were stored. Where defaults would make an object larger than
        any store takes, it stays as it was stored: a definition that is changed must not be able
        to fill the memory of whoever reads what is there.
        """
        try:
            return self._refined(value)
        except defaulting.DefaultsTooLarge:
            return value

    def _refined(self, value: bytes) -> bytes:
        obj: Object = orjson.loads(value)
        before = orjson.dumps(obj)
        own = self.versions.get(obj["apiVersion"]) if self.conversion is not None else None
        if own is not None and own.custom is not None:
            own.custom.settle(obj)
        else:
            obj["apiVersion"] = self.api_version
            self.settle(obj)
        return value if orjson.dumps(obj) == before else canonical_bytes(obj)

    def apply_defaults(self, obj: Object) -> int:
        """Fill in the schema's defaults, in place; returns their bytes. Raises DefaultsTooLarge."""
        return defaulting.apply(obj, self.structural) if self.defaults else 0

    def check(self, obj: Object) -> list[Cause]:
        """Return every rule that a new object breaks, its own metadata apart."""
        found = check_values(self._values, obj)
        found += self._check_scale(obj, ("spec", "status"))
        found += check_embedded(obj, self.structural)
        found += check_lists(obj, self.structural)
        return found + self._check_rules(found, obj)

    def check_update(
        self, obj: Object, old: Object, warnings: list[str] | None = None
    ) -> list[Cause]:
        """Return every rule that a changed object breaks; what is as it was may stay.

        Rules that are broken as they were before are told as warnings.
        """
        found = check_values(self._values, obj, old)
        found += self._check_scale(obj, ("spec", "status"))
        found += check_embedded(obj, self.structural)
        if not check_lists(old, self.structural):
            found += check_lists(obj, self.structural)
        return found + self._check_rules(found, obj, old, warnings)

    def check_status(
        self, obj: Object, old: Object, warnings: list[str] | None = None
    ) -> list[Cause]:
        """Return every rule that a changed status breaks; what is as it was may stay."""
        found: list[Cause] = []
        if "status" in obj:
            before = (old["status"],) if "status" in old else ()
            for cause in check_values(self._status_values, obj["status"], *before):
                field = "status" if cause.field == "<nil>" else f"status.{cause.field}"
                found.append(Cause(cause.reason, field, cause.body()))
        found += self._check_scale(obj, ("status",))
        if not check_lists(old, self.structural):
            found += check_lists(obj, self.structural)
        return found + self._check_rules(found, obj, old, warnings)

    def _check_rules(
        self,
        found: Sequence[Cause],
        obj: Object,
        old: Object | None = None,
        warnings: list[str] | None = None,
    ) -> list[Cause]:
        """Ask the CEL rules, unless something is wrong that they would stumble over."""
        if self._rules is None:
            return []
        if blocks_rules(found):
            return [Cause("FieldValueInvalid", "<nil>", _BLOCKED)]
        causes, warned = check_rules(self._rules, obj, old)
        if warnings is not None:
            warnings += warned
        return causes

    def _check_scale(self, obj: Object, parts: tuple[str, ...]) -> list[Cause]:
        if self.scale is None:
            return []
        found = []
        if "spec" in parts:
            found += _check_count(obj, self.scale.spec_replicas)
        if "status" in parts:
            found += _check_count(obj, self.scale.status_replicas)
            path = self.scale.label_selector
            value = at(obj, path) if path else None
            if value is not None and not isinstance(value, str):
                found.append(invalid("." + ".".join(path), "", _misfit(path, value, "string")))
        return found


def selects(versions: Iterable[Mapping[str, Any]]) -> dict[str, JsonPath]:
    """Return the path of every field that some version selects by."""
    return {name: path for version in versions for name, path in _selectable(version).items()}


def _selectable_paths(version: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(field["jsonPath"] for field in version.get("selectableFields") or ())


def _selectable(version: Mapping[str, Any]) -> dict[str, JsonPath]:
    return {path.removeprefix("."): JsonPath(path) for path in _selectable_paths(version)}


def _label(value: Any) -> str:
    if value is None:
        return ""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def at(obj: Any, path: Sequence[str]) -> Any:
    """Return what is found along keys, or None."""
    for key in path:
        if not isinstance(obj, dict):
            return None
        obj = obj.get(key)
    return obj


def blocks_rules(causes: Sequence[Cause]) -> bool:
    """Say whether an object is so wrong that its CEL rules are not looked at."""
    return any(cause.reason in _BLOCKING for cause in causes)


def _scale(given: Mapping[str, Any] | None) -> Scale | None:
    if given is None:
        return None
    selector = given.get("labelSelectorPath") or ""
    return Scale(
        spec_replicas=_keys(given["specReplicasPath"]),
        status_replicas=_keys(given["statusReplicasPath"]),
        label_selector=_keys(selector) if selector else (),
    )


def _keys(path: str) -> tuple[str, ...]:
    return tuple(path.removeprefix(".").split("."))


def _check_count(obj: Object, path: tuple[str, ...]) -> list[Cause]:
    value, where = at(obj, path), "." + ".".join(path)
    if value is None:
        return []
    if isinstance(value, bool) or not isinstance(value, int):
        return [invalid(where, 0, _misfit(path, value, "int64"))]
    if value < 0:
        return [invalid(where, value, "should be a non-negative integer")]
    if value > _INT32:
        return [invalid(where, value, f"should be less than or equal to {_INT32}")]
    return []


def _misfit(path: tuple[str, ...], value: Any, wanted: str) -> str:
    """Return upstream's words for a value of the wrong Go type."""
    names = {bool: "bool", int: "int64", float: "float64", str: "string"}
    given = names.get(type(value), "map[string]interface {}")
    if isinstance(value, list):
        given = "[]interface {}"
    return (
        f".{'.'.join(path)} accessor error: {_go(value)} is of the type {given}, expected {wanted}"
    )


def _go(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _deprecation(
    group: str, kind: str, version: Mapping[str, Any], all_versions: Iterable[Mapping[str, Any]]
) -> str:
    """Return what clients of a version are warned of: their own words, or the version to use."""
    if not version.get("deprecated"):
        return ""
    own = version_priority(version["name"])
    better = [
        each["name"]
        for each in all_versions
        if each.get("served")
        and not each.get("deprecated")
        and version_priority(each["name"]) < own
    ]
    text = f"{group}/{version['name']} {kind} is deprecated"
    if better:
        text += f"; use {group}/{min(better, key=version_priority)} {kind}"
    given: str | None = version.get("deprecationWarning")
    return given or text
