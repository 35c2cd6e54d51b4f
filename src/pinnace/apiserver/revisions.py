"""resourceVersion, resourceVersionMatch, limit and continue: what a list or watch starts from."""

import base64
import binascii
from typing import Any

import orjson

from pinnace.api.errors import ApiError, BadRequest, Cause, Expired, Timeout, invalid
from pinnace.apiserver.core import Call, Core

_MATCHES = ("NotOlderThan", "Exact")
EXPIRED_CONTINUE = (
    "The provided continue parameter is too old to display a consistent list result. You can start "
    "a new list without the continue parameter, or use the continue token in this response to "
    "retrieve the remainder of the results. Continuing with the provided token results in an "
    "inconsistent list - objects that were created, modified, or deleted between the time the "
    "first chunk was returned and now may show up in the list."
)


def parse_revision(text: str) -> int:
    """Read a resourceVersion; raises upstream's Invalid for anything but a decimal number."""
    if text.isascii() and text.isdigit() and len(text) < 20:
        return int(text)
    why = f'strconv.ParseUint: parsing "{text}": invalid syntax'
    cause = Cause("FieldValueInvalid", "resourceVersion", f'Invalid value: "{text}": {why}')
    raise invalid("ListOptions", "meta.k8s.io", "", [cause])


def check_not_future(core: Core, text: str) -> int:
    """Read a resourceVersion that must not be later than now; raises upstream's 504."""
    revision = parse_revision(text)
    if revision > core.caches.revision:
        raise Timeout(
            f"Too large resource version: {revision}, current: {core.caches.revision}",
            details={
                "causes": [
                    {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
                ],
                "retryAfterSeconds": 1,
            },
        )
    return revision


def too_old(revision: int, oldest: int) -> Expired:
    """Return upstream's 410 for a watch that starts before what is left."""
    return Expired(f"too old resource version: {revision} ({oldest})")


def compacted() -> Expired:
    """Return upstream's 410 for a list at a revision that is compacted."""
    return Expired("The resourceVersion for the provided list is too old.")


def check_list_options(call: Call) -> None:
    """Refuse combinations of list options as upstream's ValidateListOptions does."""
    request = call.request
    match, version = request.param("resourceVersionMatch"), request.param("resourceVersion")
    causes = []
    watching = call.info.verb == "watch"
    initial = request.query.get("sendInitialEvents")
    if initial is not None and not watching:
        causes.append(_forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    if watching:
        causes += _watch_causes(match, initial=initial is not None)
    elif match:
        causes += _match_causes(match, version, request.param("continue"))
    if causes:
        raise invalid("ListOptions", "meta.k8s.io", "", causes)


def _watch_causes(match: str, *, initial: bool) -> list[Cause]:
    if not initial:
        return [_not_without("sendInitialEvents is provided", "for watch ")] if match else []
    if not match:
        why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        return [_forbidden("resourceVersionMatch", why)]
    return [] if match == "NotOlderThan" else [_unsupported(match, '"NotOlderThan"')]


def _match_causes(match: str, version: str, token: str) -> list[Cause]:
    field = "resourceVersionMatch"
    causes = []
    if token:
        why = "resourceVersionMatch is forbidden when continue is provided"
        causes.append(_forbidden(field, why))
    if not version:
        causes.append(_not_without("resourceVersion is provided"))
    if match not in _MATCHES:
        causes.append(_unsupported(match, '"Exact", "NotOlderThan", ""'))
    if match == "Exact" and version == "0":
        why = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
        causes.append(_forbidden(field, why))
    return causes


def _not_without(what: str, where: str = "") -> Cause:
    why = f"resourceVersionMatch is forbidden {where}unless {what}"
    return _forbidden("resourceVersionMatch", why)


def _unsupported(match: str, offered: str) -> Cause:
    text = f'Unsupported value: "{match}": supported values: {offered}'
    return Cause("FieldValueNotSupported", "resourceVersionMatch", text)


def _forbidden(field: str, why: str) -> Cause:
    return Cause("FieldValueForbidden", field, f"Forbidden: {why}")


def encode_continue(revision: int, start: str) -> str:
    """Return a token for what comes behind a key; revision -1 for whatever is there then."""
    token = {"v": "meta.k8s.io/v1", "rv": revision, "start": start + "\0"}
    return base64.urlsafe_b64encode(orjson.dumps(token)).rstrip(b"=").decode()


def decode_continue(text: str) -> tuple[int, str]:
    """Return the revision and the key behind which a list goes on; raises BadRequest."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        token: Any = orjson.loads(raw)
        revision, start = int(token["rv"]), str(token["start"])
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise _bad_continue(str(error)) from error
    if token.get("v") != "meta.k8s.io/v1":
        raise _bad_continue(f'server does not recognize this encoded version "{token.get("v")}"')
    if revision == 0:
        raise _bad_continue("incorrect encoded start resourceVersion (version meta.k8s.io/v1)")
    if not start or ".." in start:
        raise _bad_continue("incorrect encoded start key")
    return revision, start.removesuffix("\0")


def _bad_continue(why: str) -> BadRequest:
    return BadRequest(f"continue key is not valid: {why}")


def expired_continue(token: str) -> ApiError:
    """Return the 410 that lets a client go on, inconsistently, from where it was."""
    return Expired(EXPIRED_CONTINUE, metadata={"continue": token})
