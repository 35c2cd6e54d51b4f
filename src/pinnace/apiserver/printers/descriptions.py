"""What each column says of itself in a Table.

`columns.json` has it by resource (`pods`, `jobs.batch`) and name of the column; under the empty
name stand those that most resources share. Most columns show a field and say what its description
says: `$io.k8s.api.core.v1.PodStatus.podIP` refers to it, and is empty when the package that carries
descriptions is not installed.
"""

from collections.abc import Mapping
from functools import lru_cache
from importlib import resources

import orjson

from pinnace.api.errors import qualified
from pinnace.api.resources import Resource
from pinnace.apiserver.openapi.descriptions import shared


@lru_cache(maxsize=1)
def _texts() -> Mapping[str, Mapping[str, str]]:
    data = resources.files(__package__).joinpath("columns.json").read_bytes()
    found: Mapping[str, Mapping[str, str]] = orjson.loads(data)
    return found


def description_of(row: Resource, column: str) -> str:
    """Return the description of a column; empty if it has none."""
    texts = _texts()
    own = texts.get(qualified(row.plural, row.group), {})
    text = own.get(column, texts[""].get(column, ""))
    if not text.startswith("$"):
        return text
    definition, _, field = text[1:].rpartition(".")
    return shared().of(definition).fields.get(field, "")
