"""Every published version: an object with every field set survives the way there and back."""

import copy
from typing import Any

import pytest

from pinnace.api.conversion.table import convert
from pinnace.api.kinds.table import RESOURCES
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.api.schema.load import load
from pinnace.api.schema.types import FieldDef, Type
from pinnace.api.typed import normalized

SCHEMA = load()
PLAIN: dict[Type, Any] = {
    Type.STRING: "x",
    Type.INTEGER: 7,
    Type.NUMBER: 7,
    Type.BOOLEAN: True,
    Type.QUANTITY: "1",
    Type.INT_OR_STRING: 5,
    Type.RAW: {"a": 1},
    Type.ANY: {"a": 1},
}


def value(field: FieldDef, above: frozenset[int] = frozenset()) -> Any:
    if field.type == Type.STRING and field.format == "date-time":
        return "2026-01-01T00:00:00Z"
    if field.type == Type.STRING and field.format == "byte":
        return "YQ=="
    if field.type == Type.ARRAY:
        assert field.item is not None
        return [value(field.item, above)]
    if field.type == Type.MAP:
        assert field.item is not None
        return {"k": value(field.item, above)}
    if field.type != Type.OBJECT:
        return PLAIN[field.type]
    fields = SCHEMA.type_of(field)
    if fields is None or id(fields) in above:
        return {}
    return {inner.name: value(inner, above | {id(fields)}) for inner in fields}


def full(row: Resource) -> Object:
    fields = SCHEMA.type_for(row.group, row.version, row.kind)
    assert fields is not None
    head = ("apiVersion", "kind", "metadata")
    made = {field.name: value(field) for field in fields if field.name not in head}
    metadata = {"name": "x", "labels": {"a": "b"}, "annotations": {"c": "d"}}
    whole = {"apiVersion": row.group_version, "kind": row.kind, "metadata": metadata, **made}
    return normalized(whole, row)


def pairs() -> list[Any]:
    # Autoscalers have metrics of which one target only may be set; test_table.py has theirs.
    rows = [row for row in RESOURCES if row.kind != "HorizontalPodAutoscaler"]
    return [
        pytest.param(one, other, id=f"{one.kind} {one.group_version} {other.group_version}")
        for one in rows
        for other in rows
        if one.version != other.version
        and (one.group, one.kind, one.plural) == (other.group, other.kind, other.plural)
    ]


@pytest.mark.parametrize(("one", "other"), pairs())
def test_nothing_is_lost_in_another_version(one: Resource, other: Resource) -> None:
    obj = full(one)
    there = normalized(convert(copy.deepcopy(obj), other), other)
    assert there["apiVersion"] == other.group_version
    assert normalized(convert(copy.deepcopy(there), one), one) == obj
