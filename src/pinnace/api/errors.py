"""The one family of errors that may cross a room's door: each is a Kubernetes Status.

Wording, codes and reasons follow upstream's apimachinery `pkg/api/errors`, since clients and their
users read them.
"""

from collections.abc import Sequence
from typing import Any


class ApiError(Exception):
    """An error that has a Kubernetes Status on the wire."""

    code = 500
    reason = "InternalError"

    def __init__(
        self,
        message: str,
        *,
        details: dict[str, Any] | None = None,
        code: int | None = None,
        reason: str | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = details
        self.metadata = metadata or {}
        if code is not None:
            self.code = code
        if reason is not None:
            self.reason = reason

    def status(self) -> dict[str, Any]:
        """Return the Status object that tells a client of this error."""
        body: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": self.metadata,
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            body["reason"] = self.reason
        if self.details is not None:
            body["details"] = self.details
        body["code"] = self.code
        return body


class BadRequest(ApiError):
    """The request cannot be understood."""

    code = 400
    reason = "BadRequest"


class Unauthorized(ApiError):
    """Nobody vouches for the caller."""

    code = 401
    reason = "Unauthorized"


class Forbidden(ApiError):
    """The caller is known and may not do this."""

    code = 403
    reason = "Forbidden"


class Undecided(ApiError):
    """Whether the caller may do this cannot be told; the answer is text, as upstream's is."""


class NotFound(ApiError):
    """The object, or its resource, does not exist."""

    code = 404
    reason = "NotFound"


class MethodNotAllowed(ApiError):
    """The resource does not have this verb."""

    code = 405
    reason = "MethodNotAllowed"


class NotAcceptable(ApiError):
    """No representation that the client accepts can be had."""

    code = 406
    reason = "NotAcceptable"


class Conflict(ApiError):
    """Someone else wrote first; read again and retry."""

    code = 409
    reason = "Conflict"


class AlreadyExists(ApiError):
    """An object of that name is there already."""

    code = 409
    reason = "AlreadyExists"


class Expired(ApiError):
    """The asked-for revision is compacted; list again."""

    code = 410
    reason = "Expired"


class RequestEntityTooLarge(ApiError):
    """The body is over the limit."""

    code = 413
    reason = "RequestEntityTooLarge"


class UnsupportedMediaType(ApiError):
    """The body is of a type that this resource does not read."""

    code = 415
    reason = "UnsupportedMediaType"


class Invalid(ApiError):
    """The object breaks the rules of its kind; every cause is listed."""

    code = 422
    reason = "Invalid"


class TooManyRequests(ApiError):
    """Ask again later."""

    code = 429
    reason = "TooManyRequests"


class ServiceUnavailable(ApiError):
    """Something that this request needs is not there now."""

    code = 503
    reason = "ServiceUnavailable"


class Timeout(ApiError):
    """The request took longer than allowed."""

    code = 504
    reason = "Timeout"


FAMILY: tuple[type[ApiError], ...] = (
    BadRequest, Unauthorized, Forbidden, NotFound, MethodNotAllowed, NotAcceptable, Conflict,
    AlreadyExists, Expired, RequestEntityTooLarge, UnsupportedMediaType, Invalid, TooManyRequests,
    ServiceUnavailable, Timeout,
)  # fmt: skip


def qualified(plural: str, group: str) -> str:
    """Name a resource as errors do: `pods`, `deployments.apps`."""
    return f"{plural}.{group}" if group else plural


def _details(plural: str, group: str, name: str) -> dict[str, Any]:
    details: dict[str, Any] = {"name": name} if name else {}
    if group:
        details["group"] = group
    if plural:
        details["kind"] = plural
    return details


def not_found(plural: str, group: str, name: str) -> NotFound:
    """Return upstream's answer for an object that is not there."""
    return NotFound(
        f'{qualified(plural, group)} "{name}" not found', details=_details(plural, group, name)
    )


def already_exists(plural: str, group: str, name: str) -> AlreadyExists:
    """Return upstream's answer for a create of an object that is there."""
    return AlreadyExists(
        f'{qualified(plural, group)} "{name}" already exists',
        details=_details(plural, group, name),
    )


def too_large(limit: int) -> RequestEntityTooLarge:
    """Return upstream's answer for a body of more than so many bytes."""
    return RequestEntityTooLarge(f"Request entity too large: limit is {limit}")


def conflict(plural: str, group: str, name: str, why: str) -> Conflict:
    """Return upstream's answer for a write that lost the race."""
    return Conflict(
        f'Operation cannot be fulfilled on {qualified(plural, group)} "{name}": {why}',
        details=_details(plural, group, name),
    )


def forbidden(plural: str, group: str, name: str, why: str) -> Forbidden:
    """Return upstream's answer for a write that admission or RBAC refuses."""
    what = qualified(plural, group)
    named = f'{what} "{name}" is forbidden: {why}' if name else f"{what} is forbidden: {why}"
    return Forbidden(named, details=_details(plural, group, name) if name else {"kind": plural})


def internal(why: str) -> ApiError:
    """Return upstream's answer to something that ought not to happen."""
    return ApiError(f"Internal error occurred: {why}", details={"causes": [{"message": why}]})


def invalid(kind: str, group: str, name: str, causes: Sequence["Cause"]) -> Invalid:
    """Return upstream's 422 with every cause at once."""
    texts = [cause.text() for cause in causes]
    joined = ", ".join(dict.fromkeys(texts))
    if joined != texts[0]:
        joined = f"[{joined}]"
    details = _details(kind, group, name)
    details["causes"] = [
        {"reason": cause.reason, "message": cause.body(), "field": cause.field} for cause in causes
    ]
    who = f"{kind}.{group}" if group else kind
    return Invalid(f'{who} "{name}" is invalid: {joined}', details=details)


class Cause:
    """One field that breaks a rule: field.Error of upstream's apimachinery.

    `reason` is the wire name (FieldValueRequired, FieldValueInvalid ...), `body` the sentence
    without the field, `text` the sentence with it.
    """

    __slots__ = ("_body", "field", "reason")

    def __init__(self, reason: str, field: str, body: str) -> None:
        self.reason = reason
        self.field = field
        self._body = body

    def body(self) -> str:
        """Return the sentence without the field."""
        return self._body

    def text(self) -> str:
        """Return the sentence with the field in front."""
        return f"{self.field}: {self._body}"

    def __repr__(self) -> str:
        return f"Cause({self.text()!r})"


def from_status(body: dict[str, Any], *, code: int | None = None) -> ApiError:
    """Turn a Status back into the error that it tells of."""
    status_code = int(body.get("code") or code or 500)
    reason = str(body.get("reason") or "")
    message = str(body.get("message") or f"the server answered {status_code}")
    matching = [kind for kind in FAMILY if kind.reason == reason]
    kind = matching[0] if matching else ApiError
    return kind(
        message,
        details=body.get("details"),
        code=status_code,
        reason=reason,
        metadata=body.get("metadata"),
    )
