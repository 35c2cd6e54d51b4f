"""What each column says of itself: texts that users read in a Table, kept as data.

`columns.json` has them by resource (`pods`, `jobs.batch`) and name of the column; under the empty
name stand those that most resources share.
"""

from collections.abc import Mapping
from functools import lru_cache
from importlib import resources

import orjson

from pinnace.api.errors import qualified
from pinnace.api.resources import Resource


@lru_cache(maxsize=1)
def _texts() -> Mapping[str, Mapping[str, str]]:
    data = resources.files(__package__).joinpath("columns.json").read_bytes()
    found: Mapping[str, Mapping[str, str]] = orjson.loads(data)
    return found


def description_of(row: Resource, column: str) -> str:
    """Return the description of a column; empty if it has none."""
    texts = _texts()
    own = texts.get(qualified(row.plural, row.group), {})
    return own.get(column, texts[""].get(column, ""))
