"""Writes src/pinnace/api/codec/protobuf_facts.json.gz: what the protobuf codec needs to know.

    PINNACE_SHARED=<dir> python tools/generate_protobuf.py

The source, facts/protobuf-fields.json in that directory, says for each message of upstream: field,
number, type, repeated or map, JSON name, pointer, omitempty. Here a message becomes a list of
`[json name, number, type, flags]`, a type being one letter for a scalar or a message's short name;
flags are letters: o omitempty, p pointer, r repeated, m map (with string keys), i inline.
"""

import gzip
import json
import os
from pathlib import Path
from typing import Any

_TARGET = Path(__file__).parents[1] / "src/pinnace/api/codec/protobuf_facts.json.gz"
_SCALARS = {"string": "s", "bool": "b", "int32": "i", "int64": "l", "bytes": "y", "double": "d"}
# Longer prefixes first. What is left is `<package>.<version>.<message>`.
_PREFIXES = (
    ("k8s.io.apimachinery.pkg.api.resource.", ""),
    ("k8s.io.apimachinery.pkg.util.intstr.", ""),
    ("k8s.io.apimachinery.pkg.runtime.", "runtime."),
    ("k8s.io.apimachinery.pkg.apis.", ""),
    ("k8s.io.apiextensions_apiserver.pkg.apis.", ""),
    ("k8s.io.kube_aggregator.pkg.apis.", ""),
    ("k8s.io.metrics.pkg.apis.", ""),
    ("k8s.io.api.", ""),
)
_LEFT_OUT = (
    "k8s.io.apiserver.",
    "k8s.io.metrics.pkg.apis.custom_metrics.",
    "k8s.io.metrics.pkg.apis.external_metrics.",
    "k8s.io.apimachinery.pkg.apis.testapigroup.",
)


def _short(name: str) -> str:
    for prefix, instead in _PREFIXES:
        if name.startswith(prefix):
            return instead + name.removeprefix(prefix)
    raise SystemExit(f"no short form for {name}")


def _field(name: str, facts: dict[str, Any]) -> list[str | int]:
    kind = facts["map"][1] if "map" in facts else facts["type"]
    flags = "".join(
        letter
        for letter, on in (
            ("o", facts.get("omitempty")),
            ("p", facts.get("pointer")),
            ("r", facts.get("repeated")),
            ("m", "map" in facts),
            ("i", facts.get("inline")),
        )
        if on
    )
    return [facts.get("json", name), facts["number"], _SCALARS.get(kind) or _short(kind), flags]


def main() -> None:
    """Read the shared facts and write the packed ones."""
    source = Path(os.environ["PINNACE_SHARED"]) / "facts/protobuf-fields.json"
    table = {
        _short(message): sorted(
            (_field(name, facts) for name, facts in fields.items()), key=lambda field: field[1]
        )
        for message, fields in sorted(json.loads(source.read_bytes()).items())
        if not message.startswith(_LEFT_OUT)
    }
    text = json.dumps(table, separators=(",", ":"), sort_keys=True)
    _TARGET.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(f"{len(table)} messages, {_TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
