"""What a request gathers on its way through the pipeline, and what its answer gets of it."""

from dataclasses import dataclass, field
from typing import Any

from pinnace.api.errors import ApiError
from pinnace.api.wire import Answer, Request, Response, Stream, User
from pinnace.apiserver.answers import answer_error
from pinnace.apiserver.audit.trail import Trail
from pinnace.apiserver.fairness.gate import Held
from pinnace.apiserver.warnings import warning_headers


@dataclass(slots=True)
class Passage:
    """What is noted of one request on its way."""

    audit: str
    warnings: list[str] = field(default_factory=list)
    user: User | None = None
    held: Held | None = None
    span: Any = None
    trail: Trail | None = None

    def spent(self, seconds: float) -> None:
        """Note what a slice of the request's work has cost."""
        if self.held is not None:
            self.held.spent(seconds)

    def paused(self) -> None:
        """Note that the request waits for something."""
        if self.held is not None:
            self.held.paused()

    async def cut_short(self) -> None:
        """Give back what the request holds, and say that its sender went away."""
        if self.held is not None:
            self.held.finish()
        if self.trail is not None:
            await self.trail.closed_early()

    async def leaving(self, answer: Answer) -> Answer:
        """Return an answer that gives back at its end what the request holds, and is noted."""
        if self.trail is not None:
            answer = await self.trail.answered(answer)
        return answer if self.held is None else self.held.leaving(answer)

    def refused(self, request: Request, error: ApiError) -> Response:
        """Return the answer to a request that is refused."""
        if self.trail is not None:
            self.trail.failed(error)
        return answer_error(request, error)

    def put_headers(self, answer: Response | Stream) -> None:
        """Say what every answer says, unless what made the answer knows better."""
        headers = answer.headers
        headers["audit-id"] = self.audit
        headers.setdefault("cache-control", "no-cache, private")
        if self.held is not None and self.held.flow is not None:
            headers.update(self.held.flow.headers)
        if self.warnings:
            first, *more = warning_headers(self.warnings) or [""]
            if first:
                headers["warning"] = first
            answer.more += tuple(("warning", one) for one in more)
