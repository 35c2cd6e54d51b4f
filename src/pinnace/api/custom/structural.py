"""A structural schema as a tree of values, compiled once for each version of a definition.

Upstream: apiextensions-apiserver `pkg/apiserver/schema`; the rules of what is structural are those
of validation, here a schema is only read. The junctors (allOf, anyOf, oneOf, not) and the other
value rules stay JSON and are compiled in `values.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

META_FIELDS = frozenset(("apiVersion", "kind", "metadata"))
_PREFIX = "x-kubernetes-"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Structural:
    """One node: what shapes a value. `raw` is the node as JSON, with its value rules.

    `additional` is the schema of the values of a map; `any_additional` says that a map takes any
    value (`additionalProperties: true`). `default` counts only when `has_default`.
    """

    raw: Mapping[str, Any] = field(default_factory=dict)
    type: str = ""
    properties: Mapping[str, "Structural"] = field(default_factory=dict)
    items: "Structural | None" = None
    additional: "Structural | None" = None
    any_additional: bool = False
    preserve_unknown: bool = False
    embedded: bool = False
    int_or_string: bool = False
    nullable: bool = False
    has_default: bool = False
    default: Any = None
    list_type: str = ""
    map_keys: tuple[str, ...] = ()
    map_type: str = ""

    @property
    def has_map_values(self) -> bool:
        """Whether names beside the properties are allowed, of any or of a known schema."""
        return self.any_additional or self.additional is not None

    def child(self, name: str) -> "Structural | None":
        """Return the schema of a field: the property's own, or that of all map values."""
        return self.properties.get(name, self.additional)

    def as_resource(self) -> "Structural":
        """Return the schema of a whole resource, which has kind, apiVersion and metadata."""
        return self if self.embedded else replace(self, embedded=True)


ANYTHING = Structural(preserve_unknown=True)


def build(schema: Mapping[str, Any]) -> Structural:
    """Compile an openAPIV3Schema; what does not belong to the structure is left in `raw`."""
    items = schema.get("items")
    additional = schema.get("additionalProperties")
    default = schema.get("default")
    return Structural(
        raw=schema,
        type=schema.get("type") or "",
        properties={name: build(inner) for name, inner in (schema.get("properties") or {}).items()},
        items=build(items) if isinstance(items, dict) else None,
        additional=build(additional) if isinstance(additional, dict) else None,
        any_additional=additional is True,
        preserve_unknown=bool(schema.get(_PREFIX + "preserve-unknown-fields")),
        embedded=bool(schema.get(_PREFIX + "embedded-resource")),
        int_or_string=bool(schema.get(_PREFIX + "int-or-string")),
        nullable=bool(schema.get("nullable")),
        has_default=default is not None,
        default=default,
        list_type=schema.get(_PREFIX + "list-type") or "",
        map_keys=tuple(schema.get(_PREFIX + "list-map-keys") or ()),
        map_type=schema.get(_PREFIX + "map-type") or "",
    )
