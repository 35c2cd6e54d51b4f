"""What is wrong with an applied object before it can be merged: undeclared fields, values of
wrong types, and items of lists that have no name or one name twice.

Texts are those of upstream's merge library, which knows less of types than Go's decoder does.
"""

from typing import Any

from pinnace.api.gotext import plain, syntax
from pinnace.api.patch.fields import shown_element
from pinnace.api.patch.shape import (
    Kind,
    NoElement,
    child,
    element,
    is_named,
    item_of,
    resolve,
    splits_list,
)
from pinnace.api.schema.types import FieldDef, Type, TypeDef

_NUMERIC = (Type.INTEGER, Type.NUMBER)


def errors(value: Any, kind: Kind) -> list[str]:
    """Return what is wrong with an applied object, each with its path in front."""
    found: list[str] = []
    _check(value, kind, "", found)
    return found


def joined(texts: list[str]) -> str:
    """Return errors as one text."""
    if len(texts) == 1:
        return texts[0]
    return "errors:\n" + "\n".join(f"  {text}" for text in texts)


def _say(found: list[str], path: str, what: str) -> None:
    found.append(f"{path}: {what}" if path else what)


def _check(value: Any, kind: Kind, path: str, found: list[str]) -> None:
    inner = resolve(kind)
    if value is None or inner is None:
        return
    if isinstance(inner, TypeDef):
        if inner.type is not Type.OBJECT:
            return
        _check_map(value, inner, path, found)
    elif inner.type is Type.MAP:
        _check_map(value, inner, path, found)
    elif inner.type is Type.ARRAY:
        _check_list(value, inner, path, found)
    else:
        _check_scalar(value, inner, path, found)


def _check_map(value: Any, kind: Kind, path: str, found: list[str]) -> None:
    if not isinstance(value, dict):
        _say(found, path, f"expected map, got &{{{plain(value)}}}")
        return
    known = not isinstance(kind, TypeDef) or not kind.fields or kind.open
    for name, inner in value.items():
        here = f"{path}.{name}"
        if not known and not is_named(kind, name):
            _say(found, here, "field not declared in schema")
            # Upstream looks no further in this map.
            return
        _check(inner, child(kind, name), here, found)


def _check_list(value: Any, kind: FieldDef, path: str, found: list[str]) -> None:
    if not isinstance(value, list):
        _say(found, path, f"expected list, got &{{{plain(value)}}}")
        return
    seen: set[str] = set()
    for index, item in enumerate(value):
        part = f"[{index}]"
        if splits_list(kind):
            try:
                name = element(kind, item)
            except NoElement as error:
                _say(found, path, f"element {index}: {error}")
                return
            part = shown_element(name)
            if name in seen:
                _say(found, path, f"duplicate entries for key {part}")
            seen.add(name)
        _check(item, item_of(kind), f"{path}{part}", found)


def _check_scalar(value: Any, field: FieldDef, path: str, found: list[str]) -> None:
    if field.type in _NUMERIC:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            _say(found, path, f"expected numeric (int or float), got {_type_name(value)}")
    elif field.type is Type.BOOLEAN:
        if not isinstance(value, bool):
            _say(found, path, f"expected boolean, got &{{{plain(value)}}}")
    elif field.type is Type.STRING and field.format in ("", "byte"):
        if not isinstance(value, str):
            shown = f"&value.valueUnstructured{{Value:{syntax(value)}}}"
            _say(found, path, f"expected string, got {shown}")
    elif field.type is Type.STRING and isinstance(value, (dict, list)):
        _say(found, path, f"expected any scalar, got &{{{plain(value)}}}")


def _type_name(value: Any) -> str:
    if isinstance(value, dict):
        return "map[string]interface {}"
    if isinstance(value, list):
        return "[]interface {}"
    return "bool" if isinstance(value, bool) else type(value).__name__.replace("str", "string")
