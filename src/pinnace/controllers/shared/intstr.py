"""Numbers that may be given as a percentage."""

import math

from pinnace.api.errors import BadRequest


def scaled(value: int | str | None, total: int, *, round_up: bool) -> int:
    """Return an IntOrString as a number: 25% of a total, rounded up or down; None is 0."""
    if value is None:
        return 0
    if isinstance(value, int):
        return value
    if not value.endswith("%") or not value[:-1].lstrip("-").isdigit():
        raise BadRequest(f"invalid value for IntOrString: {value!r} is not a percentage")
    product = int(value[:-1]) * total
    return math.ceil(product / 100) if round_up else math.floor(product / 100)
