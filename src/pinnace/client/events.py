"""Tells users what happened to an object: Events."""

from typing import Literal, Protocol

from pinnace.api.objects import Object


class Recorder(Protocol):
    """Records Events about objects; similar ones are counted, none is ever waited for."""

    def event(
        self, regarding: Object, *, type: Literal["Normal", "Warning"], reason: str, message: str
    ) -> None: ...
