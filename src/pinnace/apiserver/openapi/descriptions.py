"""Descriptions of types and fields, for people who ask `kubectl explain`.

Pinnace carries facts only; the words are read from the package kubernetes-validate when it is
installed (extra `pinnace[explain]`), and are simply absent when it is not.
"""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from pinnace.api.schema.load import load


@dataclass(frozen=True, slots=True)
class Words:
    """What is written about one type: about itself, and about each of its fields."""

    about: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)


class Descriptions:
    """The words of one release, read when the first one is asked for."""

    def __init__(self, release: str) -> None:
        self._release = release
        self._words: dict[str, Words] | None = None

    def of(self, name: str) -> Words:
        """Return what is written about a definition; nothing when the package is missing."""
        if self._words is None:
            self._words = _read(self._release)
        return self._words.get(name, Words())


@cache
def shared() -> Descriptions:
    """Return the words of the release whose facts Pinnace carries."""
    return Descriptions(load().release)


def _read(release: str) -> dict[str, Words]:
    found = importlib.util.find_spec("kubernetes_validate")
    if found is None or not found.origin:
        return {}
    folder = Path(found.origin).parent / "kubernetes-json-schema" / f"v{release}-local"
    file = folder / "_definitions.json"
    if not file.is_file():
        return {}
    definitions: dict[str, dict[str, Any]] = orjson.loads(file.read_bytes())["$defs"]
    return {
        name: Words(
            definition.get("description", ""),
            {
                field: spec["description"]
                for field, spec in definition.get("properties", {}).items()
                if "description" in spec
            },
        )
        for name, definition in definitions.items()
    }
