"""What Go's encoder does with the empty fields of upstream's types, read from their sources.

A struct field is described by its tag and its Go type. What matters for JSON is whether an empty
value is left out (`omitempty`), or written, and as what: a struct is written even when it is empty
and a time that is not set is written as null. Fields that are pointers with `omitempty` need no
word: they are written when somebody set them.
"""

import re
from pathlib import Path
from typing import Any, NamedTuple

_PACKAGES = (
    ("api", "k8s.io/api", "io.k8s.api"),
    ("apimachinery", "k8s.io/apimachinery", "io.k8s.apimachinery"),
    ("apiextensions-apiserver", "k8s.io/apiextensions-apiserver", "io.k8s.apiextensions-apiserver"),
    ("kube-aggregator", "k8s.io/kube-aggregator", "io.k8s.kube-aggregator"),
)
_STRUCT = re.compile(r"^type (\w+) struct \{$(.*?)^\}$", re.M | re.S)
_PLAIN = re.compile(r"^type (\w+) (?:= )?([\w.\[\]*]+)$", re.M)
_GROUPED = re.compile(r"^\t(\w+) ([\w.\[\]*]+)$", re.M)
_FIELD = re.compile(r'^\t(?:(\w+)\s+)?([\w.\[\]*{}]+)\s+`[^`]*?json:"([^"]*)"', re.M)
_IMPORT = re.compile(r'^\t(?:(\w+) )?"(k8s\.io/[\w./-]+)"$', re.M)
_ZEROS: dict[str, Any] = {
    "string": "", "UID": "", "NodeName": "", "bool": False, "Duration": "0s",
    "Quantity": "0", "IntOrString": 0,
    "Time": None, "MicroTime": None, "RawExtension": None, "JSON": None, "FieldsV1": None,
    "float64": 0, "float32": 0, "byte": 0,
    **dict.fromkeys(("int", "int16", "int32", "int64", "uint16", "uint32", "uint64"), 0),
}  # fmt: skip
_SPECIAL = ("Duration", "Quantity", "IntOrString", "Time", "MicroTime", "RawExtension", "JSON")
# How the facts say that an empty value is left out; a written one is [its JSON].
LEFT_OUT = 0


class _Field(NamedTuple):
    name: str
    go: str
    options: tuple[str, ...]


class GoTypes:
    """The types of all packages, by package and name."""

    def __init__(self, staging: Path) -> None:
        self._structs: dict[tuple[str, str], list[_Field]] = {}
        self._plain: dict[tuple[str, str], str] = {}
        self._imports: dict[str, dict[str, str]] = {}
        for folder, path, _ in _PACKAGES:
            root = staging / folder
            for file in sorted(root.rglob("*.go")):
                if file.name.startswith(("types", "quantity", "intstr")):
                    self._read(f"{path}/{file.parent.relative_to(root)}", file.read_text())

    def _read(self, package: str, text: str) -> None:
        imports = self._imports.setdefault(package, {})
        for alias, path in _IMPORT.findall(text):
            imports.setdefault(alias or path.rpartition("/")[2], path)
        for name, body in _STRUCT.findall(text):
            self._structs[package, name] = [
                _Field(tag.partition(",")[0], go, tuple(tag.split(",")[1:]))
                for _, go, tag in _FIELD.findall(body)
            ]
        for name, go in (*_PLAIN.findall(text), *_GROUPED.findall(text)):
            self._plain.setdefault((package, name), go)

    def facts(self, definition: str) -> dict[str, Any]:
        """Return for each field of an OpenAPI definition what its empty value becomes."""
        for _, path, prefix in _PACKAGES:
            if definition.startswith(f"{prefix}."):
                rest = definition.removeprefix(f"{prefix}.")
                package, _, name = rest.rpartition(".")
                return self._struct(f"{path}/{package.replace('.', '/')}", name)
        return {}

    def _struct(self, package: str, name: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for field in self._structs.get((package, name), ()):
            if "inline" in field.options or (not field.name and field.go[:1] != "-"):
                inner, at = self._resolve(package, field.go.lstrip("*"))
                found |= self._struct(at, inner)
            elif field.name != "-":
                fact = self._fact(package, field)
                if fact is not None:
                    found[field.name] = fact
        return found

    def _resolve(self, package: str, go: str) -> tuple[str, str]:
        if go.startswith(("[", "map[")):
            return go, package
        alias, _, name = go.rpartition(".")
        return name, self._imports[package].get(alias, "") if alias else package

    def _fact(self, package: str, field: _Field) -> Any:
        omit = "omitempty" in field.options
        go = field.go
        if "omitzero" in field.options:
            return LEFT_OUT
        if go[:1] == "*":
            return None if omit else [None]
        name, at = self._resolve(package, go)
        while name not in _SPECIAL and (at, name) in self._plain:
            name, at = self._resolve(at, self._plain[at, name])
        if name[:1] == "[" or name.startswith("map["):
            return LEFT_OUT if omit else [None]
        if name in _ZEROS:
            return LEFT_OUT if omit and name not in _SPECIAL else [_ZEROS[name]]
        return [{}]
