"""Which values a field of text can have, as the documents tell and `kubectl explain` prints.

`enums.json` has them by definition and field. Nothing is checked by them: validation has rules of
its own, and published schemas do not know these values.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import resources
from typing import Any

import orjson


@lru_cache(maxsize=1)
def _all() -> Mapping[str, Mapping[str, Sequence[str]]]:
    data = resources.files(__package__).joinpath("enums.json").read_bytes()
    found: Mapping[str, Mapping[str, Sequence[str]]] = orjson.loads(data)
    return found


def add_enums(definition: str, properties: Mapping[str, dict[str, Any]]) -> None:
    """Put the values into the schemas of a definition's properties, or of what those hold."""
    for name, values in _all().get(definition, {}).items():
        field = properties.get(name)
        if field is not None:
            holder = field.get("items") or field.get("additionalProperties") or field
            holder["enum"] = list(values)
