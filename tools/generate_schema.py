"""Write the compact table of type facts that `pinnace.api.schema` loads.

    python tools/generate_schema.py [--release 1.36.0] [--openapi-v3 DIR] [--objects DIR]
        [--fields FILE] [--staging DIR]

Types, list types, patch keys and kinds come from the PyPI package kubernetes-validate; descriptions
stay there. What the package does not carry is taken from data that upstream publishes beside a
release, when it is at hand: defaults from the OpenAPI v3 documents (`api/openapi-spec/v3`), the
order of a struct's fields from the round-trip objects (JSON with every field set) and, for types
that these do not reach, from the protobuf field numbers. Upstream's sources (`staging/src/k8s.io`)
say what Go writes for a field that is empty (`go_types.py`). Without them the table has no
defaults, fields are in alphabetical order and empty ones stay as they were sent; the tool says so.
"""

import argparse
import gzip
import json
import sys
from importlib import resources
from pathlib import Path
from typing import Any

from go_types import GoTypes

OUT = Path(__file__).parent.parent / "src/pinnace/api/schema/facts.json.gz"
REF = "#/$defs/"
# Short keys keep the table small; `pinnace.api.schema.types` reads them back.
PROPERTY_KEYS = {
    "format": "f",
    "x-kubernetes-list-type": "l",
    "x-kubernetes-list-map-keys": "k",
    "x-kubernetes-map-type": "m",
    "x-kubernetes-patch-strategy": "s",
    "x-kubernetes-patch-merge-key": "p",
}


def plain_type(schema: dict[str, Any]) -> str:
    """Return the type without the `null` that the package adds to optional fields."""
    kind = schema.get("type", "")
    if isinstance(kind, list):
        kind = next(name for name in kind if name != "null")
    return kind


def ref_of(schema: dict[str, Any]) -> str:
    """Return the name of the definition that a schema refers to, or an empty string."""
    return str(schema.get("$ref", "")).removeprefix(REF)


def value_facts(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the facts of one property, of list items or of map values."""
    facts: dict[str, Any] = {}
    if ref_of(schema):
        facts["r"] = ref_of(schema)
    else:
        facts["t"] = plain_type(schema)
    if "items" in schema:
        facts["i"] = value_facts(schema["items"])
    if isinstance(schema.get("additionalProperties"), dict):
        facts["i"] = value_facts(schema["additionalProperties"])
    for long, short in PROPERTY_KEYS.items():
        if long in schema:
            facts[short] = schema[long]
    return facts


def type_facts(definition: dict[str, Any]) -> dict[str, Any]:
    """Return the facts of one definition."""
    facts: dict[str, Any] = {}
    if "oneOf" in definition:
        facts["o"] = [plain_type(option) for option in definition["oneOf"]]
    elif plain_type(definition) != "object":
        facts["t"] = plain_type(definition)
    if "format" in definition:
        facts["f"] = definition["format"]
    if "properties" in definition:
        facts["p"] = {name: value_facts(p) for name, p in definition["properties"].items()}
    if definition.get("required"):
        facts["q"] = definition["required"]
    if "x-kubernetes-map-type" in definition:
        facts["m"] = definition["x-kubernetes-map-type"]
    if "x-kubernetes-unions" in definition:
        facts["u"] = definition["x-kubernetes-unions"]
    if "x-kubernetes-group-version-kind" in definition:
        facts["g"] = [
            [gvk["group"], gvk["version"], gvk["kind"]]
            for gvk in definition["x-kubernetes-group-version-kind"]
        ]
    return facts


def add_defaults(types: dict[str, Any], directory: Path) -> int:
    """Add the defaults that the OpenAPI v3 documents publish; returns how many."""
    count = 0
    for path in sorted(directory.glob("*.json")):
        document = json.loads(path.read_text())
        for name, definition in (document.get("components", {}).get("schemas") or {}).items():
            if name not in types:
                continue
            for field, schema in (definition.get("properties") or {}).items():
                if "default" in schema and field in types[name].get("p", {}):
                    types[name]["p"][field]["d"] = schema["default"]
                    count += 1
            if definition.get("oneOf"):
                types[name]["o"] = [option["type"] for option in definition["oneOf"]]
            if definition.get("format"):
                types[name]["f"] = definition["format"]
    return count


def add_empties(types: dict[str, Any], staging: Path) -> int:
    """Add what Go writes for empty fields; returns for how many."""
    go = GoTypes(staging)
    count = 0
    for name, facts in types.items():
        for field, fact in go.facts(name).items():
            if field in facts.get("p", {}):
                facts["p"][field]["w"] = fact
                count += 1
    return count


class Orders:
    """Learns each type's field order from objects with every field set."""

    def __init__(self, types: dict[str, Any]) -> None:
        self.types = types
        self.found: dict[str, list[str]] = {}

    def learn(self, name: str, value: Any) -> None:
        """Note the order in which the fields of one value of the named type stand."""
        known = self.types.get(name, {}).get("p")
        if not known or not isinstance(value, dict):
            return
        if len(value) > len(self.found.get(name, ())):
            self.found[name] = [field for field in value if field in known]
        for field, inner in value.items():
            if field in known:
                self.descend(known[field], inner)

    def descend(self, facts: dict[str, Any], value: Any) -> None:
        """Learn from a field's value, from the items of a list and from the values of a map."""
        if "r" in facts:
            self.learn(facts["r"], value)
        elif "i" in facts:
            for item in value.values() if isinstance(value, dict) else value:
                self.descend(facts["i"], item)


def orders_from_objects(types: dict[str, Any], directory: Path) -> dict[str, list[str]]:
    """Return each type's field order as objects with every field set show it."""
    orders = Orders(types)
    by_kind = {tuple(gvk): name for name, facts in types.items() for gvk in facts.get("g", ())}
    for path in sorted(directory.glob("*.json")):
        value = json.loads(path.read_text())
        group, _, version = value.get("apiVersion", "").rpartition("/")
        name = by_kind.get((group, version, value.get("kind", "")))
        if name:
            orders.learn(name, value)
    return orders.found


def orders_from_fields(types: dict[str, Any], file: Path) -> dict[str, list[str]]:
    """Return each type's field order by protobuf field number."""
    messages = json.loads(file.read_text())

    def flat(message: dict[str, Any]) -> list[str]:
        names = []
        for field, entry in sorted(message.items(), key=lambda item: item[1]["number"]):
            if entry.get("inline"):
                names += flat(messages[entry["type"]])
            else:
                names.append(entry.get("json", field))
        return names

    orders = {}
    for name, facts in types.items():
        message = messages.get(name.replace("io.k8s.", "k8s.io.", 1).replace("-", "_"))
        if not message or "p" not in facts:
            continue
        orders[name] = flat(message)
    return orders


def reorder(types: dict[str, Any], *orders: dict[str, list[str]]) -> list[str]:
    """Put fields in struct order by the first source that knows; returns who stays alphabetical."""
    left = []
    for name, facts in types.items():
        known = facts.get("p")
        if not known:
            continue
        order: list[str] = []
        for source in orders:
            order += [field for field in source.get(name, ()) if field not in order]
        if not order and len(known) > 1:
            left.append(name)
        # Protobuf messages do not carry the TypeMeta, which Go embeds first.
        order = [f for f in ("kind", "apiVersion") if f in known and f not in order] + order
        order += [field for field in known if field not in order]
        facts["p"] = {field: known[field] for field in order if field in known}
    return left


def main() -> int:
    """Generate the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--release", default="1.36.0")
    parser.add_argument("--openapi-v3", type=Path)
    parser.add_argument("--objects", type=Path)
    parser.add_argument("--fields", type=Path)
    parser.add_argument("--staging", type=Path)
    options = parser.parse_args()
    folder = f"kubernetes-json-schema/v{options.release}-local/_definitions.json"
    source = resources.files("kubernetes_validate").joinpath(folder)
    types = {
        name: type_facts(definition)
        for name, definition in sorted(json.loads(source.read_text())["$defs"].items())
    }
    defaults = add_defaults(types, options.openapi_v3) if options.openapi_v3 else 0
    empties = add_empties(types, options.staging) if options.staging else 0
    left = reorder(
        types,
        orders_from_objects(types, options.objects) if options.objects else {},
        orders_from_fields(types, options.fields) if options.fields else {},
    )
    table = json.dumps({"release": options.release, "types": types}, separators=(",", ":"))
    # No time stamp and no name inside, so that equal facts are equal bytes.
    OUT.write_bytes(gzip.compress(table.encode(), compresslevel=9, mtime=0))
    found = f"{len(types)} types, {defaults} defaults, {empties} empties"
    print(f"{found}, {OUT.stat().st_size} bytes -> {OUT}")
    if left:
        print(f"{len(left)} types keep alphabetical order: {', '.join(left)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
