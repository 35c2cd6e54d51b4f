"""What a row of the table says: how objects of one kind are checked."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.validation.base import Report
from pinnace.api.validation.metadata import NameRule

Check = Callable[[Report, Object], None]
CheckUpdate = Callable[[Report, Object, Object], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How one kind is checked, metadata apart.

    `create` checks a new object. `update` checks a changed one as a whole, against the old;
    without it `create` does (or `whole`, where the old object allows more), and `kept` adds what
    may not change. Every update has its metadata checked; upstream does so a second time for many
    kinds, and tells of each complaint twice: `again` says what is checked twice (the `whole`
    metadata with the name rule, what must be `kept`, and the latter on a `status` write), in
    upstream's order. `in_hub` says that the functions look at the hub of the kind's versions, as
    upstream's do, and name its fields. `decoded` says that they take for granted what decoding
    promises: values have the types of the schema.
    """

    create: Check | None = None
    whole: CheckUpdate | None = None
    update: CheckUpdate | None = None
    kept: CheckUpdate | None = None
    status: CheckUpdate | None = None
    name: NameRule = names.dns1123_subdomain
    again: tuple[Literal["whole", "kept", "status"], ...] = ("kept", "status")
    in_hub: bool = False
    decoded: bool = False
