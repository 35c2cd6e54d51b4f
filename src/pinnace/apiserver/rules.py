"""What the verbs ask of a kind: one place where strategies, defaults and conversion meet."""

from pinnace.api.conversion.table import convert
from pinnace.api.defaults.table import apply_defaults
from pinnace.api.validation.table import (
    validate_create,
    validate_request,
    validate_subresource_update,
    validate_update,
)
from pinnace.apiserver.strategies.base import Context, Strategy
from pinnace.apiserver.strategies.table import strategy_for

__all__ = [
    "Context",
    "Strategy",
    "apply_defaults",
    "convert",
    "strategy_for",
    "validate_create",
    "validate_request",
    "validate_subresource_update",
    "validate_update",
]
