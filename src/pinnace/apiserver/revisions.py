"""resourceVersion, resourceVersionMatch, limit and continue: what a list or watch starts from."""

import base64
import posixpath
import re
from typing import Any

import orjson

from pinnace.api.codec import json as json_codec
from pinnace.api.codec.json import go_name
from pinnace.api.errors import ApiError, BadRequest, Cause, Expired, Timeout, invalid
from pinnace.api.objects import Object
from pinnace.api.validation.base import quoted
from pinnace.apiserver.core import Call, Core
from pinnace.apiserver.numbers import uint

_NO_TOKEN = "resourceVersionMatch is forbidden when continue is provided"
_MATCHES = ("NotOlderThan", "Exact")
EXPIRED_CONTINUE = (
    "The provided continue parameter is too old to display a consistent list result. You can start "
    "a new list without the continue parameter, or use the continue token in this response to "
    "retrieve the remainder of the results. Continuing with the provided token results in an "
    "inconsistent list - objects that were created, modified, or deleted between the time the "
    "first chunk was returned and now may show up in the list."
)


def _is_revision(text: str) -> bool:
    return text.isascii() and text.isdigit() and uint(text) < 1 << 64


def names_version(text: str) -> bool:
    """Return whether an object that bears this claims to be stored already.

    What is no number claims nothing: an object may be created with it, and loses it.
    """
    return _is_revision(text) and int(text) != 0


def parse_revision(text: str, *, listing: bool = False) -> int:
    """Read a resourceVersion; raises what upstream answers to anything but a decimal number."""
    if _is_revision(text):
        return int(text)
    shown = quoted(text)
    what = "value out of range" if text.isascii() and text.isdigit() else "invalid syntax"
    why = f"resourceVersion: Invalid value: {shown}: strconv.ParseUint: parsing {shown}: {what}"
    if listing:
        raise BadRequest(f"invalid resource version: {why}")
    raise ApiError(why, code=500, reason="")


def check_not_future(core: Core, text: str, *, listing: bool = False, exact: bool = False) -> int:
    """Read a resourceVersion that must not be later than now; raises upstream's 504.

    Who asks for exactly that revision is not told to come again.
    """
    revision = parse_revision(text, listing=listing)
    if revision > core.caches.revision:
        raise too_large_version(core, revision, exact=exact)
    return revision


def too_large_version(core: Core, revision: int, *, exact: bool) -> Timeout:
    """Return upstream's 504 for a revision that is not reached yet."""
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    details: dict[str, Any] = {"causes": [cause]}
    if not exact:
        details["retryAfterSeconds"] = 1
    return Timeout(
        f"Timeout: Too large resource version: {revision}, current: {core.caches.revision}",
        details=details,
    )


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
    token = request.param("continue")
    if watching:
        if initial is None and not match and version in ("", "0"):
            # Upstream takes such a watch for one that wants the state first, and checks it so.
            initial, match = ["true"], _MATCHES[0]
        causes += _watch_causes(match, token, initial=initial is not None)
    elif match:
        causes += _match_causes(match, version, token)
    if initial is not None and not watching:
        causes.append(_forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    if causes:
        raise invalid("ListOptions", "meta.k8s.io", "", causes)


def _watch_causes(match: str, token: str, *, initial: bool) -> list[Cause]:
    causes = []
    if initial and match != "NotOlderThan":
        why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        causes.append(_forbidden("resourceVersionMatch", why))
    if not match:
        return causes
    if not initial:
        causes.append(_not_without("sendInitialEvents is provided", "for watch "))
    if match != "NotOlderThan":
        causes.append(_unsupported(match, '"NotOlderThan"'))
    if token:
        causes.append(_forbidden("resourceVersionMatch", _NO_TOKEN))
    return causes


def _match_causes(match: str, version: str, token: str) -> list[Cause]:
    field = "resourceVersionMatch"
    causes = []
    if not version:
        causes.append(_not_without("resourceVersion is provided"))
    if token:
        causes.append(_forbidden(field, _NO_TOKEN))
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
    wrong = re.search(r"[^A-Za-z0-9_-]", text)
    if wrong is not None or len(text) % 4 == 1:
        at = wrong.start() if wrong is not None else len(text)
        raise _bad_continue(f"illegal base64 data at input byte {at}")
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    try:
        token = json_codec.decode(raw)
    except BadRequest as error:
        raise _bad_continue(error.message.rpartition("json parse error: ")[2]) from error
    version, start = _text_of(token, "v"), _text_of(token, "start")
    revision = _revision_of(token)
    if version != "meta.k8s.io/v1":
        raise _bad_continue(f"server does not recognize this encoded version {version}")
    if revision == 0:
        raise _bad_continue("incorrect encoded start resourceVersion (version meta.k8s.io/v1)")
    if not start:
        raise _bad_continue("encoded start key empty (version meta.k8s.io/v1)")
    key = start if start.startswith("/") else f"/{start}"
    if key.startswith("//") or posixpath.normpath(key) != key:
        # Nothing that leads out of what is listed.
        raise _bad_continue(start)
    return revision, start.removeprefix("/").removesuffix("\0")


def _text_of(token: Object, name: str) -> str:
    value = token.get(name) or ""
    if not isinstance(value, str):
        raise _misfit(go_name(value), name, "string")
    return value


def _revision_of(token: Object) -> int:
    value = token.get("rv") or 0
    if type(value) is not int:
        raise _misfit(f"{go_name(value)} {value}" if type(value) is float else go_name(value),
                      "rv", "int64")  # fmt: skip
    if not -(1 << 63) <= value < 1 << 63:
        raise _misfit(f"number {value}", "rv", "int64")
    return value


def _misfit(what: str, name: str, kind: str) -> BadRequest:
    where = f"Go struct field continueToken.{name} of type {kind}"
    return _bad_continue(f"json: cannot unmarshal {what} into {where}")


def _bad_continue(why: str) -> BadRequest:
    return BadRequest(f"invalid continue token: continue key is not valid: {why}")


def expired_continue(token: str) -> ApiError:
    """Return the 410 that lets a client go on, inconsistently, from where it was."""
    return Expired(EXPIRED_CONTINUE, metadata={"continue": token})
