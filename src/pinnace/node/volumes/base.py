"""What a kind of volume is: a name in the Pod's spec, and a coroutine that makes it ready."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.node.downward import Facts
from pinnace.node.mounts import Mounts


class VolumeError(Exception):
    """The volume cannot be had now; the text goes into the Event FailedMount."""


@dataclass(frozen=True, slots=True)
class Mounted:
    """A volume that is ready: a path of the host, or an image for the runtime to mount."""

    path: str = ""
    readonly: bool = False
    image: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    """A bound service account token, and when it ends."""

    text: str
    expires: datetime


class Supply(Protocol):
    """What volumes are made from."""

    mounts: Mounts

    async def find(self, resource: Resource, namespace: str, name: str) -> Object | None: ...

    async def token(self, pod: Object, *, audience: str, seconds: int) -> Token: ...

    async def ensure_image(self, pod: Object, image: str, policy: str) -> str: ...

    def facts(self, pod: Object) -> Facts: ...

    def now(self) -> datetime: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One volume of one Pod: its source in the spec, and the directory that is its own."""

    pod: Object
    name: str
    source: Mapping[str, Any]
    directory: Path
    supply: Supply


@dataclass(frozen=True, slots=True)
class VolumeKind:
    """A row of the table. A `live` kind is set up anew now and then, to follow its sources."""

    field: str
    set_up: Callable[[Request], Awaitable[Mounted]]
    live: bool = False
