"""Loads the table of type facts; types become values only when somebody asks for them.

The table is written by `tools/generate_schema.py`, whose short keys are spelled out here.
"""

import gzip
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any

import orjson

from pinnace.api.schema.metrics import METRICS
from pinnace.api.schema.types import FieldDef, Type, TypeDef, Union

# Definitions whose look in JSON their schema does not tell.
_SPECIAL = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": Type.QUANTITY,
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": Type.INT_OR_STRING,
    "io.k8s.apimachinery.pkg.runtime.RawExtension": Type.RAW,
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": Type.RAW,
    "io.k8s.apimachinery.pkg.apis.meta.v1.Patch": Type.RAW,
}
OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
LIST_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta"


class Schema:
    """All type facts, by definition name and by kind."""

    def __init__(self, release: str, table: dict[str, Any]) -> None:
        self.release = release
        self._table = table
        self._types: dict[str, TypeDef] = {}
        self._by_kind = {
            (group, version, kind): name
            for name, facts in table.items()
            for group, version, kind in facts.get("g", ())
        }

    def names(self) -> Iterable[str]:
        """Return the names of all definitions, sorted."""
        return self._table.keys()

    def named(self, name: str) -> TypeDef | None:
        """Return the type of that definition name, or None."""
        known = self._types.get(name)
        if known is None and name in self._table:
            known = self._types[name] = self._build(name, self._table[name])
        return known

    def type_for(self, group: str, version: str, kind: str) -> TypeDef | None:
        """Return the type of a kind, or None when it is not built in."""
        name = self._by_kind.get((group, version, kind))
        return self.named(name) if name else None

    def kinds(self) -> Mapping[tuple[str, str, str], str]:
        """Return the definition name of every (group, version, kind)."""
        return self._by_kind

    def type_of(self, field: FieldDef) -> TypeDef | None:
        """Return the type that a field refers to, or None when it names none."""
        return self.named(field.ref) if field.ref else None

    def at(self, start: TypeDef, *path: str) -> FieldDef | None:
        """Return the field at a path of names; lists and maps are passed through to their items."""
        here: TypeDef | None = start
        found: FieldDef | None = None
        for name in path:
            found = here.field(name) if here else None
            inner = found
            while inner is not None and inner.item is not None:
                inner = inner.item
            here = self.type_of(inner) if inner else None
        return found

    def _build(self, name: str, facts: dict[str, Any]) -> TypeDef:
        required = tuple(facts.get("q", ()))
        return TypeDef(
            name=name,
            type=self._named_type(name),
            format=facts.get("f", ""),
            fields={
                field: self._field(field, spec, required=field in required)
                for field, spec in facts.get("p", {}).items()
            },
            required=required,
            map_type=facts.get("m", ""),
            unions=tuple(
                Union(union.get("discriminator", ""), union["fields-to-discriminateBy"])
                for union in facts.get("u", ())
            ),
            kinds=tuple((group, version, kind) for group, version, kind in facts.get("g", ())),
        )

    def _named_type(self, name: str) -> Type:
        special = _SPECIAL.get(name)
        if special is not None:
            return special
        facts = self._table.get(name, {"t": ""})
        if "t" in facts:
            return Type(facts["t"]) if facts["t"] else Type.ANY
        return Type.OBJECT

    def _type(self, spec: dict[str, Any]) -> Type:
        if "r" in spec:
            return self._named_type(spec["r"])
        if spec["t"] == "object":
            return Type.MAP if "i" in spec else Type.RAW
        return Type(spec["t"]) if spec["t"] else Type.ANY

    def _field(self, name: str, spec: dict[str, Any], *, required: bool = False) -> FieldDef:
        ref = spec.get("r", "")
        strategy = spec.get("s", "")
        return FieldDef(
            name=name,
            type=self._type(spec),
            ref=ref,
            format=spec.get("f", "") or self._table.get(ref, {}).get("f", ""),
            item=self._field("", spec["i"]) if "i" in spec else None,
            required=required,
            list_type=spec.get("l", ""),
            map_keys=tuple(spec.get("k", ())),
            own_map_type=spec.get("m", ""),
            map_type=spec.get("m", "") or self._table.get(ref, {}).get("m", ""),
            patch_strategy=tuple(strategy.split(",")) if strategy else (),
            patch_merge_key=spec.get("p", ""),
            has_default="d" in spec,
            default=spec.get("d"),
            empty=tuple(spec["w"] or ()) if "w" in spec else None,
        )


@cache
def load() -> Schema:
    """Return the facts of all built-in types; the first call reads them, in a few milliseconds."""
    packed = resources.files("pinnace.api.schema").joinpath("facts.json.gz").read_bytes()
    table = orjson.loads(gzip.decompress(packed))
    return Schema(table["release"], {**table["types"], **METRICS})
