"""The wire facts of upstream's messages, loaded when first asked for."""

import gzip
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import orjson

_PACKAGES = {
    "": "core",
    "internal.apiserver.k8s.io": "apiserverinternal",
    "meta.k8s.io": "meta",
}
_META = "meta.v1."


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message; `type` is a letter for a scalar, else the name of a message."""

    name: str
    number: int
    type: str
    omitempty: bool
    pointer: bool
    repeated: bool
    map: bool
    inline: bool


class Facts:
    """Messages by short name (`core.v1.Pod`), each a tuple of fields by number."""

    def __init__(self, table: dict[str, list[list[Any]]]) -> None:
        self._table = table

    def fields(self, message: str) -> tuple[Field, ...]:
        """Return the fields of a message in the order in which they are written."""
        return tuple(
            Field(name, number, kind, *(flag in flags for flag in "oprmi"))
            for name, number, kind, flags in self._table[message]
        )

    def message_for(self, api_version: str, kind: str) -> str | None:
        """Name the message of a kind; every group also speaks the kinds of meta/v1."""
        group, _, version = api_version.rpartition("/")
        package = _PACKAGES.get(group) or group.partition(".")[0]
        for name in (f"{package}.{version}.{kind}", f"{_META}{kind}"):
            if name in self._table:
                return name
        return None


@cache
def load() -> Facts:
    """Return the facts of all built-in messages."""
    file = resources.files("pinnace.api.codec").joinpath("protobuf_facts.json.gz")
    return Facts(orjson.loads(gzip.decompress(file.read_bytes())))
