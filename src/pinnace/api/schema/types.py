"""What the schema knows about a type and about a field, as values.

A `FieldDef` describes a value wherever it stands: as a field, as the item of a list (`item` of an
`array`) or as the value of a map (`item` of a `map`), with the same attributes. A value of a named
type carries its name in `ref`; `Schema.type_of(field)` gives the `TypeDef` behind it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

LEFT_OUT: tuple[Any, ...] = ()


class Type(StrEnum):
    """What a value looks like in JSON, with Kubernetes' own scalars told apart."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    ARRAY = "array"
    MAP = "map"
    OBJECT = "object"
    INT_OR_STRING = "int-or-string"
    QUANTITY = "quantity"
    # An object of which the schema knows nothing (RawExtension, FieldsV1); ANY may be a scalar too.
    RAW = "raw"
    ANY = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDef:
    """One field, list item or map value.

    `list_type` is atomic, set, map or empty (which means atomic); `map_type` is granular, atomic or
    empty (granular). `patch_strategy` holds merge, replace, retainKeys. `default` is meaningful
    only when `has_default`; zero defaults ({}, "", 0, false) say that Go has no pointer there.
    `empty` says what Go writes for an empty value: LEFT_OUT, or (JSON,) where it is always written;
    None means that there is a pointer, of which what was set is written.
    """

    name: str = ""
    type: Type
    ref: str = ""
    format: str = ""
    item: "FieldDef | None" = None
    required: bool = False
    list_type: str = ""
    map_keys: tuple[str, ...] = ()
    map_type: str = ""
    # What the field itself says, without what its named type says.
    own_map_type: str = ""
    patch_strategy: tuple[str, ...] = ()
    patch_merge_key: str = ""
    has_default: bool = False
    default: Any = None
    empty: tuple[Any, ...] | None = None
    # The type itself, where it has no name by which the schema could find it.
    inner: "TypeDef | None" = None


@dataclass(frozen=True, slots=True)
class Union:
    """A group of fields of which one may be set, named by the discriminator field's value.

    The discriminator is empty when no field tells; `members` maps a field to the value.
    """

    discriminator: str
    members: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeDef:
    """One named type: its fields in Go's struct order, and the kinds under which it travels."""

    name: str
    type: Type
    format: str = ""
    fields: Mapping[str, FieldDef] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    map_type: str = ""
    # Whether it may hold fields that are not listed, as custom types may.
    open: bool = False
    unions: tuple[Union, ...] = ()
    kinds: tuple[tuple[str, str, str], ...] = ()

    def field(self, name: str) -> FieldDef | None:
        """Return the field of that JSON name, or None."""
        return self.fields.get(name)

    def __iter__(self) -> Iterator[FieldDef]:
        return iter(self.fields.values())
