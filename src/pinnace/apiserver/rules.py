"""What the verbs ask of a kind: one place where strategies, defaults and validation meet."""

from collections.abc import Mapping
from dataclasses import dataclass

from pinnace.api.errors import BadRequest, Cause
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.api.wire import ANONYMOUS, User


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Who writes, and when."""

    user: User = ANONYMOUS
    now: str = ""


class Strategy:
    """The manners of a plain kind."""

    allow_unconditional_update = True
    allow_create_on_update = False
    propagation = "Background"

    def prepare_create(self, obj: Object, ctx: Context) -> None: ...

    def prepare_update(self, obj: Object, old: Object, ctx: Context) -> None: ...

    def prepare_subresource_update(
        self, subresource: str, obj: Object, old: Object, ctx: Context
    ) -> None: ...

    def warnings(self, obj: Object, old: Object | None) -> list[str]:
        return []

    def selectable_fields(self, obj: Object) -> Mapping[str, str]:
        meta = obj["metadata"]
        return {
            "metadata.name": meta.get("name", ""),
            "metadata.namespace": meta.get("namespace", ""),
        }

    def field_label(self, label: str) -> str:
        if label in ("metadata.name", "metadata.namespace"):
            return label
        raise BadRequest(f"field label not supported: {label}")

    def grace_period(self, obj: Object, requested: int | None) -> int | None:
        return None


_PLAIN = Strategy()


def strategy_for(row: Resource) -> Strategy:
    """Return the strategy of a kind."""
    return _PLAIN


def apply_defaults(row: Resource, obj: Object) -> None:
    """Fill in a kind's defaults."""


def validate_create(row: Resource, obj: Object) -> list[Cause]:
    """Return what is wrong with a new object."""
    return []


def validate_update(row: Resource, obj: Object, old: Object) -> list[Cause]:
    """Return what is wrong with a change."""
    return []


def validate_subresource(row: Resource, subresource: str, obj: Object, old: Object) -> list[Cause]:
    """Return what is wrong with a write to a subresource."""
    return []


def convert(obj: Object, to: Resource) -> Object:
    """Return the object in another version."""
    return {**obj, "kind": to.kind, "apiVersion": to.group_version}
