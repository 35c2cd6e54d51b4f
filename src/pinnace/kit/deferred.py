"""Libraries that take long to import and are seldom needed: imported when first asked something.

The HTTP client is a quarter of what an API server would import at its start, and a cluster without
webhooks, nodes and servers behind it never calls anybody. Annotations that name these libraries
are written in quotes, or they would ask at once.
"""

import importlib
from typing import TYPE_CHECKING, Any


class Deferred:
    """Stands for a module until something of it is asked for, and remembers what was."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        found = getattr(importlib.import_module(self._name), attribute)
        setattr(self, attribute, found)
        return found


if TYPE_CHECKING:
    import aiohttp as aiohttp
    import yarl as yarl
else:
    aiohttp = Deferred("aiohttp")
    yarl = Deferred("yarl")
