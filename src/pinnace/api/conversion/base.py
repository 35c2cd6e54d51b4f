"""What a conversion is: two pure functions between a version and the hub of its kind."""

from collections.abc import Callable
from dataclasses import dataclass

from pinnace.api.objects import Object

Change = Callable[[Object], Object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """A version whose objects look different from those of the hub.

    The functions return a new object, share what does not differ and leave apiVersion alone.
    Versions without a conversion look like the hub.
    """

    kind: str
    api_version: str
    to_hub: Change
    from_hub: Change
